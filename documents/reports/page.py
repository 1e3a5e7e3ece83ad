"""The governance report as Markdown, in which every value is escaped. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from documents.eligibility.answer import Remedy, RequirementOutcome
from documents.formats.markdown import bullets, code, heading, line, listed, page, paragraph, strong, table
from documents.reports.governance import EarlierRound, GovernanceReport, PreviousRound
from documents.reports.words import NONE, People, count, day, marked, mends, moment, words
from documents.versions.approvals import ApprovalStatus, Decision, Verdict
from documents.versions.dependencies import Dependency


def governance_page(report: GovernanceReport) -> str:
    """The report as Markdown."""
    return page(_Page(report).blocks())


@dataclass(frozen=True)
class _Page:
    report: GovernanceReport

    @cached_property
    def people(self) -> People:
        return People(self.report.people)

    def blocks(self) -> Iterator[str]:
        about = self.report.model_info
        yield heading(1, line("Governance report:", about.name, about.version))
        yield from self._summary()
        sections: dict[str, Callable[[], Iterable[str]]] = {
            "What stands in the way": self._obstacles,
            "Who answers for it": self._people,
            "Purpose and scope": self._scope,
            "Policies and requirements": self._requirements,
            "Approvals": self._approvals,
            "Conditions": self._conditions,
            "Evidence": self._evidence,
            "Waivers and holds": self._exceptions,
            "Risk": self._risk,
            "Documentation": self._documentation,
            "Deployments and incidents": self._operation,
            "Periodic reviews": self._reviews,
            "Digests": self._digests,
            "Audit trail": self._trail,
        }
        for title, section in sections.items():
            if blocks := [each for each in section() if each]:
                yield heading(2, title)
                yield from blocks

    def _summary(self) -> Iterator[str]:
        about, eligible = self.report.model_info, self.report.deployment_eligibility
        counting = len(eligible.required_approvals) - len(eligible.missing_approvals)
        latest, schedule = self.report.risk.latest, self.report.review_schedule
        due = line(day(schedule.next_review), strong("overdue") if schedule.overdue else "")
        unmet = f"{len(eligible.violations)} not met, {len(eligible.waived)} waived"
        yield paragraph(about.description)
        yield table(
            ["", "On " + moment(self.report.generated_at)],
            [
                ["Model", line(about.name, code(about.model_id))],
                ["Version", code(about.version)],
                ["Status", words(about.status)],
                ["Risk tier", words(about.tier)],
                ["May be deployed", strong("yes" if eligible.eligible else "no")],
                ["Approvals that count", f"{counting} of {len(eligible.required_approvals)}"],
                ["Blocking requirements", unmet],
                ["Risk", f"{latest.overall_score:.1f} of 25, {words(latest.band)}" if latest else "not assessed"],
                ["Next review", due if schedule.next_review else NONE],
                ["Registered", self.people.by(about.registered_at, about.registered_by)],
                *([["Retired", self.people.ending(about.retired)]] if about.retired else []),
            ],
        )

    def _obstacles(self) -> Iterator[str]:
        found = self.report.deployment_eligibility
        rows = [
            ["Approval by " + words(each.role).lower(), words(each.status), self._could_give(each.candidate_ids, each.remedy)]
            for each in found.missing_approvals
        ]
        rows += [[line(code(each.requirement_id), each.title), each.reason, mends(each.remedy)] for each in found.violations]
        rows += [[line("Hold by", words(each.hold.role).lower()), each.hold.reason, mends(each.remedy)] for each in found.holds]
        rows += [[line("Incident", code(each.incident_id)), "Critical", mends(each.remedy)] for each in found.blocking_incidents]
        yield table(["What", "Why", "What would mend it"], rows)
        yield bullets(found.notices)

    def _could_give(self, candidates: Iterable[str], remedy: Remedy | None) -> str:
        people = listed(map(self.people.who, candidates)) if remedy else ""
        return line(mends(remedy), *(["candidates:", people] if people else []))

    def _people(self) -> Iterator[str]:
        owned = self.report.ownership
        yield table(
            ["Role", "Person", "Department", "From", "Until", "Assigned by"],
            [
                [
                    words(each.role), self.people.who(each.user_id), self.people.department(each.user_id),
                    moment(each.assigned_at), moment(each.ended_at) if each.ended_at else "today",
                    self.people.who(each.assigned_by),
                ]
                for each in owned.accountability
            ],
        )  # fmt: skip
        if owned.coverage.missing:
            yield line(strong("Nobody answers for it as:"), listed(map(words, owned.coverage.missing)))
        if lapsed := [each.user_id for each in owned.coverage.assigned if not each.holds_role]:
            yield line(strong("No longer able to act:"), listed(map(self.people.who, lapsed)))

    def _scope(self) -> Iterator[str]:
        scope, about = self.report.purpose_and_scope, self.report.model_info
        yield paragraph(scope.purpose)
        yield from _titled("Use cases", scope.use_cases)
        yield from _titled("Restrictions", scope.restrictions)
        deciding = listed(f'"{each.found}" in {each.source}' for each in about.classification.matches)
        suggested = words(about.classification.tier)
        because = ["because of", deciding] if deciding else []
        yield line(strong("Risk tier:"), words(about.tier), "where its words suggest", suggested, *because)
        yield line(strong("Why this tier:"), about.tier_rationale) if about.tier_rationale else ""
        yield table(
            ["Word", "Keyword", "Counts", "Why", "Judged"],
            [
                [
                    each.found,
                    each.keyword,
                    "yes" if each.counts else "no",
                    each.rationale,
                    self.people.by(each.judged_at, each.judged_by),
                ]
                for each in about.keyword_judgements
            ],
        )
        yield table(
            ["Artefact", "Where", "Bytes"], [[words(each.kind), code(each.uri), count(each.size)] for each in scope.artifacts]
        )
        yield table(["Depends on", "How", "Supplier"], map(_dependency, scope.depends_on))
        yield bullets(
            line(
                strong(words(each.kind)),
                "upstream:",
                code(each.on.model_id),
                code(each.on.version),
                f"({each.depth} steps away)",
            )
            for each in scope.upstream_alerts
        )

    def _requirements(self) -> Iterator[str]:
        held = self.report.governance
        yield table(
            ["Policy", "Name", "Revision", "Enforcement"],
            [[code(each.policy_id), each.name, str(each.revision), words(each.enforcement)] for each in held.policies_applied],
        )
        yield table(
            ["Requirement", "What is required", "Outcome", "Why", "What would mend it"],
            [
                [
                    code(each.requirement_id), each.title,
                    marked(each.outcome, each.outcome is not RequirementOutcome.MET),
                    each.reason or (f"By {each.met_by}" if each.met_by else ""),
                    "" if each.outcome is RequirementOutcome.MET else mends(each.remedy),
                ]
                for each in held.requirements
            ],
        )  # fmt: skip

    def _approvals(self) -> Iterator[str]:
        held, required = self.report.governance, self.report.deployment_eligibility.required_approvals
        yield table(
            ["Required approval", "By policy", "Reads"],
            [[words(each.role), listed(map(code, each.policies)), words(each.status)] for each in required],
        )
        if held.submission:
            yield heading(3, f"Round {held.submission.number}")
            yield line("Submitted on", moment(held.submission.submitted_at), "by", self.people.who(held.submission.submitted_by))
            stale = {each.decision_id: each.stale_parts for each in held.approvals if each.status is ApprovalStatus.STALE}
            yield self._decisions(
                (each, words(each.status), listed(map(words, stale.get(each.decision_id, ())))) for each in held.approvals
            )
        if held.previous_round:
            counts = "and counts until the next round is complete" if held.previous_round.counts else "and counts no more"
            yield from self._earlier(held.previous_round, counts, "Open")
        for each in reversed(held.earlier_rounds):
            yield from self._earlier(each, f"and closed on {moment(each.closed_at)}", "Closed")

    def _earlier(self, before: EarlierRound | PreviousRound, state: str, reads: str) -> Iterator[str]:
        yield heading(3, f"Round {before.number}")
        opened = line("Submitted on", moment(before.submitted_at), "by", self.people.who(before.submitted_by))
        yield line(opened, "as", words(before.tier), state)
        yield self._decisions(
            (each, "Withdrawn" if each.withdrawn else reads, listed(map(words, each.changed_since))) for each in before.decisions
        )

    def _decisions(self, decisions: Iterable[tuple[Decision, str, str]]) -> str:
        return table(
            ["Role", "Decided by", "On", "Verdict", "Reads", "Changed since", "Comments"],
            [
                [
                    words(each.role), self._decider(each),
                    moment(each.decided_at), marked(each.verdict, each.verdict is Verdict.REJECTED),
                    line(reads, f"until {moment(each.expires_at)}" if each.expires_at else ""), changed,
                    line(each.comments, self.people.ending(each.withdrawn, "Withdrawn")),
                ]
                for each, reads, changed in decisions
            ],
        )  # fmt: skip

    def _decider(self, decision: Decision) -> str:
        who = line(decision.reviewer_name, code(decision.reviewer_id), f"({decision.reviewer_department})")
        return self.people.marked(who, decision.identity)

    def _conditions(self) -> Iterator[str]:
        held = self.report.governance
        before = (*held.earlier_rounds, *([held.previous_round] if held.previous_round else []))
        decisions: list[tuple[int, Decision]] = [(each.number, one) for each in before for one in each.decisions]
        if held.submission:
            decisions += [(held.submission.number, each) for each in held.approvals]
        yield table(
            ["Round", "Set by", "Condition", "Reads", "Satisfied", "Confirmed"],
            [
                [
                    str(number), words(decision.role), each.text, words(each.status),
                    line(
                        moment(each.satisfied.at), "by", self.people.who(each.satisfied.by), each.satisfied.note or "",
                        code(each.satisfied.evidence_id or ""),
                    ) if each.satisfied else "",
                    line(
                        self.people.by(each.confirmed.at, each.confirmed.by, each.confirmed.identity), each.confirmed.comments
                    )
                    if each.confirmed else "",
                ]
                for number, decision in decisions for each in decision.conditions
            ],
        )  # fmt: skip

    def _evidence(self) -> Iterator[str]:
        at = self.report.generated_at
        yield table(
            ["Evidence", "For", "Where", "Counts", "Attached", "Note"],
            [
                [
                    line(each.title, code(each.evidence_id)), code(each.requirement_id), code(each.uri),
                    line(
                        "yes," if each.stands(at) else strong("no,"), "from", moment(each.effective_from),
                        f"until {moment(each.valid_until)}" if each.valid_until else "",
                    ),
                    self.people.by(each.attached_at, each.attached_by),
                    line(each.note or "", self.people.ending(each.withdrawn, "Withdrawn")),
                ]
                for each in self.report.governance.evidence
            ],
        )  # fmt: skip

    def _exceptions(self) -> Iterator[str]:
        held, at = self.report.governance, self.report.generated_at
        yield table(
            ["Waiver for", "Stands", "Granted", "Expires", "Why", "Revoked"],
            [
                [
                    code(each.requirement_id), "yes" if each.stands(at) else "no",
                    self.people.by(each.granted_at, each.granted_by, each.identity), moment(each.expires_at), each.rationale,
                    self.people.ending(each.revoked),
                ]
                for each in held.waivers
            ],
        )  # fmt: skip
        yield table(
            ["Hold by", "Stands", "Placed", "Why", "Lifted"],
            [
                [
                    words(each.role), strong("yes") if each.stands else "no",
                    self.people.by(each.placed_at, each.placed_by, each.identity), each.reason,
                    self.people.ending(each.lifted),
                ]
                for each in held.holds
            ],
        )  # fmt: skip

    def _risk(self) -> Iterator[str]:
        risk = self.report.risk
        yield table(
            ["Assessment", "Made", "Score", "Band", "Approved"],
            [
                [
                    code(each.assessment_id), self.people.by(each.at, each.author), f"{each.overall_score:.1f}",
                    words(each.band), self._approved(each.assessment_id),
                ]
                for each in risk.assessments
            ],
        )  # fmt: skip
        yield table(
            ["Risk", "What may go wrong", "Inherent", "Residual", "Band", "Controls", "Looked after by"],
            [
                [
                    code(each.risk_id), each.description, str(each.inherent_score), f"{each.residual_score:.1f}",
                    line(words(each.band), "" if each.assessed else "(nobody rated it)"), listed(each.controls),
                    self.people.who(each.owner) if each.owner else "",
                ]
                for each in sorted(risk.latest.factors if risk.latest else (), key=lambda factor: -factor.residual_score)
            ],
        )  # fmt: skip
        yield bullets(risk.latest.recommendations if risk.latest else ())
        yield table(
            ["Accepted risk", "Stands", "Residual", "Accepted", "Expires", "Why", "Ended"],
            [
                [
                    code(each.risk_id), "yes" if each.stands(self.report.generated_at) else "no", f"{each.residual_score:.1f}",
                    self.people.by(each.accepted_at, each.accepted_by, each.identity), moment(each.expires_at), each.rationale,
                    self.people.ending(each.ended),
                ]
                for each in risk.acceptances
            ],
        )  # fmt: skip

    def _approved(self, assessment_id: str) -> str:
        found = (each for each in self.report.risk.approvals if each.assessment_id == assessment_id)
        return listed(self.people.by(each.approved_at, each.approved_by, each.identity) for each in found)

    def _documentation(self) -> Iterator[str]:
        papers = self.report.documentation
        rows = [
            [
                line("Datasheet", each.name, code(each.dataset_id)),
                line(str(each.revision), "(a newer one exists)" if each.superseded else ""), f"{each.completeness:.0%}",
                listed(map(words, each.empty_sections)), self.people.by(each.linked_at, each.linked_by),
            ]
            for each in papers.datasheets
        ]  # fmt: skip
        if card := papers.card:
            last = card.revisions[-1]
            saved = self.people.by(last.at, last.author)
            empty = listed(map(words, card.empty_sections))
            rows.insert(0, ["Model card", str(last.revision), f"{card.completeness:.0%}", empty, saved])
        yield table(["Document", "Revision", "Complete", "Empty sections", "Saved or linked"], rows)

    def _operation(self) -> Iterator[str]:
        ran = self.report.operation
        yield table(
            ["Ran in", "From", "Until", "Change"],
            [
                [
                    code(each.environment), self.people.by(each.deployed_at, each.deployed_by),
                    moment(each.ended_at) if each.ended_at else strong("today"), code(each.change_id),
                ]
                for each in ran.deployments
            ],
        )  # fmt: skip
        yield table(
            ["Incident", "Severity", "Reported", "What happened", "Resolved"],
            [
                [
                    code(each.incident_id), words(each.severity), self.people.by(each.opened_at, each.opened_by),
                    line(each.title, each.description), self.people.ending(each.resolution) if each.resolution else strong("no"),
                ]
                for each in ran.incidents
            ],
        )  # fmt: skip

    def _reviews(self) -> Iterator[str]:
        yield table(
            ["Reviewed", "Metrics", "Drift", "Incidents", "Compliance"],
            [
                [self.people.by(each.at, each.by), each.metrics, each.drift, each.incidents, each.compliance]
                for each in self.report.review_schedule.reviews
            ],
        )

    def _digests(self) -> Iterator[str]:
        held, papers = self.report.governance, self.report.documentation
        scope = self.report.purpose_and_scope
        rows = [[line("Dossier today:", words(part).lower()), digest] for part, digest in held.dossier.digests().items()]
        rows += [[line("Artefact", code(each.uri)), each.sha256] for each in scope.artifacts if each.sha256]
        rows += [
            [line("Policy", code(each.policy_id), f"revision {each.revision}"), each.digest] for each in held.policies_applied
        ]
        rows += [
            [f"Model card, revision {each.revision}", each.digest] for each in (papers.card.revisions if papers.card else ())
        ]
        rows += [
            [line("Datasheet", code(each.dataset_id), f"revision {each.revision}"), each.digest] for each in papers.datasheets
        ]
        rows += [[line("Assessment", code(each.assessment_id)), each.digest] for each in self.report.risk.assessments]
        rows += [[f"Round {each.number}, as it was closed", each.digest] for each in held.earlier_rounds]
        rows += [[line("Evidence", code(each.evidence_id)), each.sha256] for each in held.evidence if each.sha256]
        yield table(["Of what", "SHA-256"], [[what, code(digest)] for what, digest in rows])

    def _trail(self) -> Iterator[str]:
        trail = self.report.audit_trail
        last = trail.last_event
        yield paragraph(
            "Whatever this trail tells of the version up to its last event below is in this report. The digests above are of "
            "exact contents, which the service keeps."
        )
        yield table(
            ["", ""],
            [
                ["Trail", code(trail.origin)],
                ["Events", str(trail.size)],
                ["Root, RFC 9162", code(trail.root)],
                ["Registration proven", "yes" if trail.registration_proven else strong("no")],
                *(
                    [["Last event about it", line(f"{last.seq}, {moment(last.occurred_at)},", code(last.event_hash))]]
                    if last
                    else []
                ),
            ],
        )


def _titled(title: str, items: Iterable[str]) -> Iterator[str]:
    if said := bullets(items):
        yield line(strong(f"{title}:"))
        yield said


def _dependency(dependency: Dependency) -> list[str]:
    how = words(dependency.relation)
    if on := dependency.governed:
        return [line(code(on.model_id), code(on.version)), how, "governed here"]
    external = dependency.external
    if external is None:
        raise AssertionError("a dependency on nothing")
    return [line(external.name, external.version or "", code(external.uri or "")), how, external.supplier or ""]
