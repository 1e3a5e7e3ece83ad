"""Eligibility: whether a version may be deployed. Case files are loaded in bulk, and pure checks judge them.

Eligibility is what clients read of the judgement; a version's standing is what is stored of it.
"""
