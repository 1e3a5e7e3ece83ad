"""What an auditor works out alone: from raw documents what a version may say of itself, and from the trail every record.

Nothing of the product's judgement is used, so that it can be wrong by itself.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

import rfc8785

Raw = dict[str, Any]
GOVERNED = frozenset({"staging", "production"})
SHEET = (
    "purpose", "creators", "instance_description", "instance_count", "confidentiality", "collection_mechanism", "data_sources",
)  # fmt: skip
REQUIREMENTS: Mapping[str, Callable[["ByHand", str], bool]] = {
    "intended_use": lambda of, _: bool(of.card.get("primary_intended_uses")),
    "training_data": lambda of, _: bool(
        of.sheets or (of.card.get("training_data_description") and of.card.get("training_data_sources"))
    ),
    "evaluation": lambda of, _: any(each["dataset"] for each in of.card.get("metrics", ())),
    "limitations": lambda of, _: bool(of.card.get("known_limitations") and of.card.get("risks")),
    "bias_assessed": lambda of, _: of.assessed("FAIR-001"),
    "fairness_metric": lambda of, _: any(each["disaggregated"] for each in of.card.get("metrics", ())),
    "harms_stated": lambda of, _: bool(of.card.get("ethical_considerations")),
    "risks_mitigated": lambda of, _: bool(of.card.get("risks")) and all(each["mitigation"] for each in of.card["risks"]),
    "injection_controlled": lambda of, _: of.assessed("SEC-001", "controls"),
    "leakage_controlled": lambda of, _: of.assessed("SEC-002", "controls"),
    "evidence": lambda of, name: any(each["requirement_id"] == name for each in of.proofs),
    "registration_audited": lambda of, _: True,  # nobody tampers here
    **dict.fromkeys(
        ["metrics_reviewed", "drift_reviewed", "incidents_reviewed", "compliance_reviewed"], lambda of, _: of.reviewed
    ),
}


@dataclass(frozen=True)
class ByHand:
    """One version at one moment: its document, the parsed contents by digest, and the documents of policies and incidents."""

    version: Raw
    contents: Mapping[str, Any]
    policies: Iterable[Raw]
    incidents: Iterable[Raw]
    at: datetime
    stages: frozenset[str] = GOVERNED
    """The stages that it is looked at for: only policies that bind one of them ask anything."""

    @property
    def card(self) -> Raw:
        return self.version["card"] or {}

    @property
    def sheets(self) -> list[Raw]:
        """The linked datasheets that say why the data were collected, what they are, and how they came about."""
        linked = [self.contents[each["digest"]] for each in self.version["datasheets"]]
        return [each for each in linked if all(each[name] not in (None, [], ()) for name in SHEET)]

    def assessed(self, risk_id: str, *filled: str) -> bool:
        latest = self.version["latest_assessment"] or {}
        if latest and latest["tier"] > self.version["tier"]:  # tier 1 is the most critical one
            return False
        factors = latest.get("factors", ())
        return any(each["risk_id"] == risk_id and all(each[name] for name in ("assessed", *filled)) for each in factors)

    @property
    def open_risks(self) -> set[str]:
        """The risks with 10 or more left and neither control nor standing acceptance."""
        accepted = {each["risk_id"] for each in self.version["acceptances"] if not each["ended"] and self.at < each["expires_at"]}
        bare = [each for each in (self.version["latest_assessment"] or {}).get("factors", ()) if not each["controls"]]
        left = {each["risk_id"]: each["likelihood"] * each["impact"] * (1 - each["control_effectiveness"]) for each in bare}
        return {risk_id for risk_id, score in left.items() if score >= 10} - accepted

    @cached_property
    def proofs(self) -> list[Raw]:
        """The evidence that stands."""
        there = [each for each in self.version["evidence"] if not each["withdrawn"] and each["effective_from"] <= self.at]
        return [each for each in there if each["valid_until"] is None or self.at < each["valid_until"]]

    @cached_property
    def round(self) -> Raw | None:
        """The round that counts: the previous one while it suffices and the current one waits."""
        current: Raw | None = self.version["round"]
        if previous := self.version.get("previous_round"):
            new, old = (
                replace(self, version=self.version | {"round": each, "previous_round": None}) for each in (current, previous)
            )
            if (new.status, old.status) == ("PENDING_APPROVAL", "APPROVED"):
                return dict(previous)
        return current

    @property
    def refused(self) -> bool:
        """Whether the latest decision of some role, in any round, is a rejection or was withdrawn."""
        closed = [self.contents[each["digest"]] for each in self.version["closed_rounds"]]
        rounds = [*closed, self.version.get("previous_round"), self.version["round"]]
        latest = {each["role"]: each for opened in rounds if opened for each in opened["decisions"]}
        return any(each["withdrawn"] or each["verdict"] == "rejected" for each in latest.values())

    @property
    def blocking(self) -> list[Raw]:
        """What the blocking policies say that the version is held to: those of its round, or for a draft those in force."""
        bound = self._bound(self.round, self.at) if self.round else [each["digest"] for each in self._in_force(self.at)]
        said = [self.contents[each] for each in bound]
        return [each for each in said if each["enforcement"] == "blocking" and self.stages & {*each["stages"]}]

    def _in_force(self, at: datetime) -> Iterable[Raw]:
        for policy in self.policies:
            if (last := newest(policy, at)) and self.version["tier"] in last["applicable_tiers"]:
                yield last

    def _bound(self, opened: Raw, at: datetime) -> list[str]:
        """The digests of what a round is held to: what bound it first, and what was to bind submitted versions since."""
        present = {"since": opened["bound_at"] or opened["submitted_at"], "tier": opened["tier"], "policies": opened["policies"]}
        bindings: list[Raw] = [*opened["former_bindings"], present]  # one for each tier that it was held for
        *_, bound = [bindings[0], *(each for each in bindings[1:] if each["since"] <= at)]
        held, since = {each["policy_id"]: each["digest"] for each in bound["policies"]}, bound["since"]
        said = [(policy, each) for policy in self.policies for each in policy["revisions"] if each["binds_approved_from"]]
        for policy, revision in sorted(said, key=lambda each: each[1]["binds_approved_from"]):
            moment = revision["binds_approved_from"]
            if since <= moment <= at and newest(policy, moment) == revision:
                held.pop(policy["policy_id"], None)
                if bound["tier"] in revision["applicable_tiers"]:
                    held[policy["policy_id"]] = revision["digest"]
        return [*held.values()]

    def _asked(self, opened: Raw, role: str, at: datetime) -> set[str]:
        """What the blocking policies that a round is held to ask of a role."""
        said = [self.contents[each] for each in self._bound(opened, max(at, opened["submitted_at"]))]
        asking = [each for each in said if each["enforcement"] == "blocking" and role in each["required_roles"]]
        return {f"{each['name']} {json.dumps(one)}" for each in asking for one in (None, *each["requirements"])}

    @property
    def reviewed(self) -> bool:
        days = {"tier_1_critical": 90, "tier_2_important": 180, "tier_3_standard": 365}.get(self.version["tier"], 0)
        return any(self.at < each["at"] + timedelta(days=days) for each in self.version["reviews"][-1:])

    @property
    def dossier(self) -> Raw:
        of = self.version
        return {
            "scope": digest([of["purpose"], of["use_cases"], of["restrictions"]]),
            "tier": digest(of["tier"]),
            "artifacts": digest(of["artifacts"]),
            "dependencies": digest(of["depends_on"]),
            "card": digest(of["card"]) if of["card"] else None,
            "assessment": digest(of["latest_assessment"]) if of["latest_assessment"] else None,
            "datasheets": digest(sorted([each["dataset_id"], each["revision"], each["digest"]] for each in of["datasheets"])),
        }

    @cached_property
    def approvals(self) -> dict[str, str]:
        """How each decision of the current round reads, by its id."""
        return self._read(self.version["round"])

    def _read(self, opened: Raw | None) -> dict[str, str]:
        decisions = opened["decisions"] if opened else []
        latest = {each["role"]: each["decision_id"] for each in decisions}
        stands = latest.values()
        reads = [each for each in decisions if each["decision_id"] in stands]
        read = {each["decision_id"]: self._reads(opened, each) for each in reads if opened}
        return {each["decision_id"]: read.get(each["decision_id"], "SUPERSEDED") for each in decisions}

    def _reads(self, opened: Raw, decision: Raw) -> str:
        if decision["verdict"] == "rejected":
            return "REJECTED"
        if decision["withdrawn"]:
            return "WITHDRAWN"
        if decision["expires_at"] and decision["expires_at"] <= self.at:
            return "EXPIRED"
        if decision["dossier"] != self.dossier or set(decision["evidence"]) - {each["evidence_id"] for each in self.proofs}:
            return "STALE"
        if self._asked(opened, decision["role"], self.at) - self._asked(opened, decision["role"], decision["decided_at"]):
            return "STALE"
        waits = decision["verdict"] == "conditional" and not all(each["confirmed"] for each in decision["conditions"])
        return "CONDITIONAL" if waits else "APPROVED"

    @property
    def status(self) -> str:
        if self.version["retired"]:
            return "RETIRED"
        if not self.round:
            return "DRAFT"
        if any(each["verdict"] == "rejected" for each in self.round["decisions"]):
            return "REJECTED"
        return "PENDING_APPROVAL" if self.missing else "APPROVED"

    @property
    def missing(self) -> set[str]:
        """The roles whose approval is required and does not count."""
        decisions, approvals = self.round["decisions"] if self.round else [], self._read(self.round)
        counts = {each["role"] for each in decisions if approvals[each["decision_id"]] == "APPROVED"}
        return {role for each in self.blocking for role in each["required_roles"]} - counts

    @property
    def cleared(self) -> bool:
        """Whether it was approved; where nothing is governed it need not have been submitted."""
        if self.stages & GOVERNED:
            return self.status == "APPROVED"
        return not self.version["retired"] and not self.missing

    @property
    def unmet(self) -> set[str]:
        asked = [each for policy in self.blocking for each in policy["requirements"]]
        return {each["requirement_id"] for each in asked if not REQUIREMENTS[each["check"]](self, each["requirement_id"])}

    @property
    def excepted(self) -> set[str]:
        standing = (each for each in self.version["waivers"] if not each["revoked"] and self.at < each["expires_at"])
        return {each["requirement_id"] for each in standing}

    @property
    def held(self) -> bool:
        """Whether somebody's hold or a critical incident stops it."""
        return any(not each["lifted"] for each in self.version["holds"]) or any(map(self._blocks, self.incidents))

    @property
    def shown(self) -> Raw:
        """What clients may be shown."""
        violations = self.unmet - self.excepted
        return {
            "status": self.status,
            "approvals": self.approvals,
            "open": self.open_risks,
            "eligible": self.cleared and not violations and not self.held,
            "violations": violations,
            "waived": self.unmet & self.excepted,
        }

    def _blocks(self, incident: Raw) -> bool:
        about = all(incident[each] == self.version[each] for each in ("model_id", "version"))
        return about and incident["severity"] == "critical" and not incident["resolution"]

    def is_separated(self) -> bool:
        """Whether nobody ever acted in two roles, and whoever had submitted a round in none but the owner's since."""
        closed = [self.contents[each["digest"]] for each in self.version["closed_rounds"]]
        submitters: set[str] = set()
        acted: set[tuple[str, str]] = set()
        for each in filter(None, [*closed, self.version.get("previous_round"), self.version["round"]]):
            submitters.add(each["submitted_by"])
            acted |= {*_acted(each)}
            if any(who in submitters and role != "model_owner" for who, role in _acted(each)):
                return False
        return len(acted) == len({who for who, _ in acted})


def newest(policy: Raw, at: datetime) -> Raw | None:
    """The revision of a policy that is in force at a moment."""
    *_, last = [None, *(each for each in policy["revisions"] if each["effective_from"] <= at)]
    ended = last and last["effective_until"] is not None and last["effective_until"] <= at
    return None if ended else last


def _acted(opened: Raw) -> Iterable[tuple[str, str]]:
    for each in opened["decisions"]:
        confirmed = [condition["confirmed"]["by"] for condition in each["conditions"] if condition["confirmed"]]
        for who in [each["reviewer_id"], *confirmed, *([each["withdrawn"]["by"]] if each["withdrawn"] else [])]:
            yield who, each["role"]


def spelled(value: Any) -> Any:
    """A stored value as canonical JSON spells it."""
    match value:
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
        case dict():
            return {name: spelled(each) for name, each in value.items()}
        case list():
            return [spelled(each) for each in value]
    return value


def digest(value: Any) -> str:
    return sha256(rfc8785.dumps(spelled(value))).hexdigest()


def retold(events: Iterable[Raw], contents: Mapping[str, Any]) -> dict[tuple[str, str], Raw]:
    """Every record that the changes in the events make, from nothing, by kind and key; private paths are not in it."""
    records: dict[tuple[str, str], Raw] = {}
    for event in events:
        record = records.setdefault((event["resource"]["type"], event["resource"]["id"]), {})
        for change in event["details"]["changes"]:
            if "to" in change:
                match change["to"]:
                    case {"content": digest}:
                        now = contents[digest]
                    case {"cites": now}:
                        pass
                    case now:
                        pass
                _put(record, change["path"].split("."), now)
    return {each: emptied(record) for each, record in records.items() if record}


def _put(into: Any, path: list[str], value: Any) -> None:
    step, *rest = path
    place: Any = int(step) if isinstance(into, list) else step
    if isinstance(into, list):
        into += [None] * (place + 1 - len(into))
    if not rest:
        into[place] = value
        return
    inside = into[place] if isinstance(into, list) else into.get(place)
    if inside is None:
        inside = into[place] = [] if rest[0].isdigit() else {}
    _put(inside, rest, value)


def emptied(value: Any) -> Any:
    """Without what says nothing: empty lists and objects, nulls in an object and at the end of a list."""
    if isinstance(value, dict):
        return {name: kept for name, each in value.items() if (kept := emptied(each)) is not None} or None
    if isinstance(value, list):
        left = [emptied(each) for each in value]
        while left and left[-1] is None:
            left.pop()
        return left or None
    return value


def without(value: Any, paths: Iterable[str]) -> Any:
    """A document without what stands at these dotted paths, where `*` is any place in a list."""
    for path in paths:
        _clear(value, path.split("."))
    return value


def _clear(value: Any, path: list[str]) -> None:
    step, *rest = path
    inside = value if isinstance(value, list) and step == "*" else [value] if isinstance(value, dict) else []
    for each in inside:
        if step == "*":
            _clear(each, rest)
        elif rest:
            _clear(each.get(step), rest)
        else:
            each.pop(step, None)


def parsed(contents: list[Raw]) -> dict[str, Any]:
    """Contents by digest, each of which its text hashes to."""
    assert all(sha256(each["canonical"].encode()).hexdigest() == each["digest"] for each in contents)
    return {each["digest"]: json.loads(each["canonical"]) for each in contents}
