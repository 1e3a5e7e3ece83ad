"""What may start, and on which ground: a table that was written by hand from the product's design.

Nothing of the product's gate is used, so that it can be wrong by itself.
"""

from typing import NamedTuple

from documents.changes.plan import ChangeType
from documents.stages import Stage

STATES = (
    "eligible", "waived", "stale", "expired", "violating", "withdrawn", "rejected", "held", "critical incident", "retired",
    "tier 4", "swapped artefacts",
)  # fmt: skip
"""The states of the version that a change is to bring, or keep. Only the first two are eligible wherever policies bind."""
RELATIONS = ("first", "same", "other", "former")
"""How that version relates to the environment: nothing ever ran there; it runs there; another one does; it ran there before."""
STANDS_EVERYWHERE = {"held", "critical incident", "retired"}
"""The states that stand in the way in every stage, whether a policy binds it or not."""
COMES_BACK = {"stale", "expired", "violating"}
"""The states from which a rollback brings back what ran there."""


class Cell(NamedTuple):
    """A change of one type that is to start, of a version in one state, in an environment of one stage."""

    kind: ChangeType
    state: str
    relation: str
    place: Stage

    @property
    def change(self) -> tuple[ChangeType, str, Stage]:
        """The cell without the state of the version."""
        return self.kind, self.relation, self.place

    def __str__(self) -> str:
        return f"{self.kind.name} to a version that is {self.state} and {self.relation} in {self.place.name}"


def ground(cell: Cell, bound: bool) -> str | None:
    """The ground on which it may start; nothing where it may not. `bound` says whether policies bind the stage."""
    if cell.kind is ChangeType.DECOMMISSION:
        return "OUT"
    if cell.state in STANDS_EVERYWHERE:
        return None
    if cell.state == "tier 4":
        return None if cell.place is Stage.PRODUCTION else "ELIGIBLE"
    if cell.state in {"eligible", "waived"} or not bound:
        return "ELIGIBLE"
    returns = cell.kind is ChangeType.ROLLBACK and cell.relation in {"same", "former"}
    return "FORMER" if returns and cell.state in COMES_BACK else None


UNPLANNED = {
    (ChangeType.MODEL_UPDATE, "same"): "it brings another version than the one that runs",
    (ChangeType.ROLLBACK, "first"): "it brings back what ran there",
    (ChangeType.ROLLBACK, "other"): "it brings back what ran there",
    (ChangeType.ROLLBACK, "same"): "it brings back what does not run there now; only a rollback of a failed change keeps it",
    (ChangeType.DECOMMISSION, "first"): "it takes out what runs there",
    (ChangeType.DECOMMISSION, "other"): "it takes out what runs there",
    (ChangeType.DECOMMISSION, "former"): "it takes out what runs there",
}
"""The changes that nobody can plan, each with the reason; `createChangeRequest` refuses them."""
UNMADE = {
    ("retired", "same"): "a version that runs is not retired",
    ("tier 4", "same"): "a version that runs in PRODUCTION is not set to tier 4",
    ("swapped artefacts", "same"): "the artefacts of a version that was deployed are fixed",
    ("swapped artefacts", "former"): "the artefacts of a version that was deployed are fixed",
}
"""The states that nobody can bring a version into, each with the reason; the mutation that would is refused."""


def possible(cell: Cell) -> bool:
    return (cell.kind, cell.relation) not in UNPLANNED and (cell.state, cell.relation) not in UNMADE
