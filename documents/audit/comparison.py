"""Compares a trail with the checkpoints that were kept outside, all of them, the smallest first. Pure: imports no database.

Only what was kept outside says where the trail and the checkpoints part. Checkpoints in the database prove nothing there, because
whoever rewrote the trail may have had them signed anew.
"""

from collections.abc import Callable, Iterator, Sequence

from documents.audit.findings import AuditFaultKind
from documents.audit.notes import Checkpoint
from documents.audit.pins import Kept
from documents.audit.restorations import Restoration, ends_of
from documents.canonical import quoted

Finding = tuple[AuditFaultKind, int | None, str]
Agrees = Callable[[Checkpoint], bool | None]


class Comparison:
    """The comparison of a trail of `size` events, named `origin`, with what was kept.

    `agrees` says whether the trail has the root of a checkpoint, or None where that cannot be told.
    """

    def __init__(self, kept: Kept, size: int, origin: str | None, restorations: Sequence[Restoration], agrees: Agrees) -> None:
        self._kept, self._size, self._origin = kept, size, origin
        self._ends, self._agrees = ends_of(restorations), agrees
        self._names = {origin, *self._ends, *(each.origin for each in restorations)}
        self.anchor: int | None = None
        """The size of the largest checkpoint that the trail was compared with."""
        self.untold: list[Checkpoint] = []
        """The checkpoints of which it cannot be told whether the trail agrees."""

    def findings(self) -> Iterator[Finding]:
        """The faults, each as its kind, its place and a sentence."""
        yield from ((AuditFaultKind.CHECKPOINT_FORGED, None, each) for each in self._kept.denied)
        mine = [each for each in self._kept.signed if self._is_of_trail(each)]
        yield from self._of_others()
        yield from self._beyond(mine)
        yield from self._parting(mine)

    def _is_of_trail(self, kept: Checkpoint) -> bool:
        return self._origin is None or kept.origin in self._names

    def _of_others(self) -> Iterator[Finding]:
        for other in sorted({each.origin for each in self._kept.signed if not self._is_of_trail(each)}):
            says = f"Its origin is {quoted(other)}, not {quoted(self._origin)}."
            yield AuditFaultKind.CHECKPOINT_OF_ANOTHER_TRAIL, None, says

    def _end(self, kept: Checkpoint) -> int:
        """How many events the trail had, or has, under the name that a checkpoint bears."""
        restored = self._ends.get(kept.origin)
        return restored.seq if restored else self._size

    def _beyond(self, mine: Sequence[Checkpoint]) -> Iterator[Finding]:
        """One TAIL_CUT for each end of the trail beyond which something was signed that no restoration explains."""
        lost = {name: self._kept.trusted(each.checkpoint) for name, each in self._ends.items()}
        cut = dict[int, int]()
        for each in mine:
            end, cited = self._end(each), lost.get(each.origin)
            explained = cited and (each.size < cited.size or each == cited)
            if each.size > end and not explained:
                cut[end] = max(each.size, cut.get(end, 0))
        for end, signed in sorted(cut.items()):
            there = (
                f"there are {end}" if end == self._size else f"{end} were restored, and nothing explains the loss of the others"
            )
            if end == self._size:
                self.anchor = max(self.anchor or 0, signed)
            yield AuditFaultKind.TAIL_CUT, end, f"There were {signed} events, and {there}."

    def _parting(self, mine: Sequence[Checkpoint]) -> Iterator[Finding]:
        """REWRITTEN from the last checkpoint that agrees to the first that does not."""
        same = dict[int, bool]()
        for each in (each for each in mine if each.size <= self._end(each)):
            agrees = self._agrees(each)
            if agrees is None:
                self.untold.append(each)
                continue
            # Of two roots of one size that were both signed, the trail has one at most.
            same[each.size] = agrees and same.get(each.size, True)
        self.anchor = max((*same, self.anchor or 0), default=0) or None
        if not all(same.values()):
            until = min(size for size, agrees in same.items() if not agrees)
            since = max((size for size, agrees in same.items() if agrees and size < until), default=0)
            says = f"From {since} to {until - 1} something is not what it was: another root of {until} events was signed."
            yield AuditFaultKind.REWRITTEN, since, says
