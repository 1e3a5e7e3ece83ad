"""A verifier by somebody who has read `docs/trail-format.md` and none of the product's code.

`python -m tests.stranger FOLDER` says of a vector where each fault shows: `(kind, seq)`, in the order that the page sets.
"""

from tests.stranger.export import verified as verified
