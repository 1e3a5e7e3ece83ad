"""Risk: what may go wrong with a model version, how likely and how bad, and what is left of it behind its controls."""
