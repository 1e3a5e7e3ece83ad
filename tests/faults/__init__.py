"""The fault harness: kills whatever serves, under load, and afterwards balances what was acknowledged, told and stored."""
