"""Issuers of an organisation: the file that names them, their keys, and the tokens that they sign."""
