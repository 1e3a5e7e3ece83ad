"""How people sign in with a browser: by an issuer, for a session whose cookie no script reads."""
