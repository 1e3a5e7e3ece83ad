"""Changes: what is to run where, planned, approved, carried out under control, and taken back."""
