"""Test vectors of the format of the trail, for those who write a verifier of their own; `docs/trail-format.md` describes them."""
