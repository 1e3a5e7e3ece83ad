"""The words for people, moments and choices in a report as Markdown. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property

from documents.access import SYSTEM
from documents.eligibility.answer import Remedy
from documents.formats.markdown import code, line, listed, strong
from documents.identities import IdentityMark
from documents.reports.governance import ReportedPerson
from documents.versions.parts import Ending

NONE = "none"


@dataclass(frozen=True)
class People:
    """The people whom a report names, and the words for them."""

    people: tuple[ReportedPerson, ...]

    @cached_property
    def known(self) -> dict[str, ReportedPerson]:
        return {each.user_id: each for each in self.people}

    def who(self, user_id: str) -> str:
        """The words for a user id: the name and id of a person, or only the id of a service."""
        person = self.known.get(user_id)
        return line(person.name, code(user_id)) if person else code(user_id)

    def department(self, user_id: str) -> str:
        """The department of a person; empty for a service."""
        person = self.known.get(user_id)
        return person.department if person else ""

    def by(self, at: datetime, user_id: str, mark: IdentityMark | None = None) -> str:
        return self.marked(line(moment(at), "by", self.who(user_id)), mark)

    def ending(self, ending: Ending | None, how: str = "") -> str:
        return line(how, self.by(ending.at, ending.by, ending.identity), "because:", ending.reason) if ending else ""

    def marked(self, who: str, mark: IdentityMark | None) -> str:
        """`who`, and in words that the identity was unconfirmed then and whose doing it was who signs in, if the mark says so."""
        if mark is None or mark.confirmed:
            return who
        causes = {"enrolled by": mark.enrolled_by, "signs in by an e-mail address set by": mark.email_set_by}
        told = [line(how, "the first start" if by == SYSTEM.id else self.who(by)) for how, by in causes.items() if by]
        return listed([who, "unconfirmed", *told])


def mends(remedy: Remedy | None) -> str:
    """The words for a remedy: its mutation, and who may use it."""
    return line(code(remedy.mutation), "by", listed(remedy.permitted)) if remedy else NONE


def words(choice: Enum) -> str:
    """A choice in words: `TIER_1_CRITICAL` is `Tier 1 critical`."""
    return choice.name.replace("_", " ").capitalize()


def marked(choice: Enum, alarming: bool) -> str:
    return strong(words(choice)) if alarming else words(choice)


def count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def day(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else ""
