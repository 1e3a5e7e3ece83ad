"""Which mutations somebody may use on a record now, and why not, by the rules that the mutations themselves run first."""
