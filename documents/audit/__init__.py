"""The audit trail: events in canonical form, chained by hashes under a Merkle tree, and how a stranger verifies them."""
