"""The audit report as Markdown, in which every value is escaped. Pure."""

from collections.abc import Iterator

from documents.formats.markdown import code, heading, line, listed, page, paragraph, strong, table
from documents.reports.audit import AuditReport, AuditScope, TrailIntegrity
from documents.reports.words import count, moment, words


def audit_page(report: AuditReport) -> str:
    """The report as Markdown."""
    return page(_blocks(report))


def _blocks(report: AuditReport) -> Iterator[str]:
    scope, said = report.scope, report.summary
    about = [scope.resource_type, scope.resource_id, scope.model_id, scope.version]
    yield heading(1, line("Audit report:", *(each for each in about if each)))
    yield table(["", "On " + moment(report.generated_at)], [*_scope(scope), *_integrity(report.integrity)])
    yield heading(2, "Summary")
    outcomes = [[words(each.outcome), count(each.count)] for each in said.outcomes]
    yield table(["", "Events"], [["All", count(said.total_events)], *outcomes])
    if report.event_breakdown:
        yield table(["Type", "Events"], [[words(each.event_type), count(each.count)] for each in report.event_breakdown])
    if report.actors:
        yield heading(2, line("Actors:", count(said.unique_actors)))
        yield table(
            ["Who", "Kind", "Events"],
            [[code(each.actor_id), words(each.actor_type), count(each.count)] for each in report.actors],
        )
        if report.actors_left_out:
            yield paragraph(f"{count(report.actors_left_out)} more are left out here.")
    yield heading(2, "Events")
    if report.events_left_out:
        left_out, told = count(report.events_left_out), count(len(report.events))
        yield paragraph(
            f"The last {told} of {count(said.total_events)}: {left_out} earlier ones are counted above and left out here."
        )
    yield _events(report) or paragraph("There is none.")


def _scope(scope: AuditScope) -> Iterator[list[str]]:
    yield ["From", moment(scope.since) if scope.since else "the trail's beginning"]
    yield ["Before", moment(scope.until) if scope.until else "this report"]
    if scope.actor_id:
        yield ["By", code(scope.actor_id)]
    if scope.event_types:
        yield ["Of the types", listed(map(words, scope.event_types))]
    if scope.outcomes:
        yield ["That ended in", listed(map(words, scope.outcomes))]


def _integrity(trail: TrailIntegrity) -> Iterator[list[str]]:
    yield ["Trail", line(code(trail.origin), f"of {count(trail.size)} events")]
    yield ["Its root", code(trail.root)]
    if trail.valid is None or trail.verified_at is None:
        yield ["Last verified", "never"]
    else:
        found = "sound" if trail.valid else strong(f"not sound: {count(trail.fault_count)} faults")
        yield ["Last verified", line(moment(trail.verified_at), f"up to {count(trail.verified_size)} events:", found)]


def _events(report: AuditReport) -> str:
    return table(
        ["No.", "When", "What", "Outcome", "Action", "Who", "On", "SHA-256"],
        [
            [
                str(each.seq), moment(each.occurred_at), words(each.event_type), words(each.outcome), code(each.action),
                code(each.actor_id), line(each.resource_type, code(each.resource_id) if each.resource_id else ""),
                code(each.event_hash),
            ]
            for each in report.events
        ],
    )  # fmt: skip
