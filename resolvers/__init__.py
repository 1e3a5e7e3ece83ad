"""The graph over the documents: one module a noun, with its edges, queries, inputs and mutations.

It imports `documents`, and knows nothing of HTTP.
"""
