"""The graph over the documents: edges, queries, inputs, mutations, noun by noun. Knows documents, not HTTP."""
