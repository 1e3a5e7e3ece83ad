"""What every noun of the graph stands on."""
