"""What several nouns say about a model version: its eligibility, and the payload of mutations that fill its card."""
