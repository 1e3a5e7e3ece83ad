"""Change requests: they plan which version runs in which environment, and are approved, carried out and rolled back."""
