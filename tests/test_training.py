"""Cards from training runs: what a run tells is on the card, nothing else is, and what is missing is said."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.cards import CardContent, Metric, ModelCard
from documents.training import EvaluationResult, RunMetadata, RunMetric, TrainingConfig, TrainingRun
from tests.examples import BOT, CARD, approvals, approved, decide, read, refusal, register, save_card
from tests.papers import CARDS, DAYS, FREE, GROUPS, NAMES, NUMBERS, SAID, TRIED, built, some
from tests.service import ADA, ALICE, BOB, CAROL, DAVID, Person, Service

GENERATE = "generateModelCard"
FILLED = "filled missing { requirementId remedy { mutation } } modelVersion { revision cardRevisions { revision } }"
FIGURE: dict[str, Any] = {"metricName": "accuracy", "value": 0.91}
RUN: dict[str, Any] = {
    "trainingConfig": {
        "architecture": "Decoder, 7B parameters", "dataDescription": "Closed tickets without names.",
        "dataSources": ["The ticket system"], "dataSize": "3M tickets", "preprocessing": "Names were taken out.",
        "dataDateRange": "2020 to 2025",
    },
    "evaluationResults": [
        {"dataset": "Tickets of 2025", "dateMeasured": "2026-02-20", "metrics": [FIGURE, {"metricName": "loss", "value": 1}]},
        {"dataset": "Tickets of 2026", "conditions": "zero-shot", "metrics": [FIGURE]},
    ],
    "metadata": {
        "modelType": "Language model", "intendedUses": ["Answer questions about orders"], "intendedUsers": ["Buyers"],
        "outOfScope": ["Advice about law"],
    },
    "additionalInfo": {"run": "851de1f4", "hyperparameters": {"epochs": 3, "warm_up": None}},
}  # fmt: skip
SORTED = {"modelType", "architecture", "primaryIntendedUses", "primaryIntendedUsers", "outOfScopeUses"} | {
    *(f"trainingData{each}" for each in ("Description", "Sources", "Size", "Preprocessing")),
    *("trainingDateRange", "evaluationDatasets", "metrics", "additionalInfo"),
}


async def generate(service: Service, **said: Any) -> Any:
    return await service.do(GENERATE, ALICE, FILLED, **BOT | said)


async def stored_card(service: Service) -> ModelCard:
    return ModelCard.model_validate((await service.state())["ModelVersion"][0]["card"])


async def test_a_card_is_what_the_run_tells_and_nothing_is_made_up(service: Service) -> None:
    await register(service)
    payload = await generate(service, **RUN)
    assert set(payload["filled"]) == SORTED and payload["modelVersion"]["cardRevisions"] == [{"revision": 1}]
    card = await stored_card(service)
    assert (card.model_name, card.version) == ("Support assistant", BOT["version"])
    assert (card.license, card.contact, card.release_date, card.developers, card.evaluation_methodology) == (None,) * 3 + (
        (),
        None,
    )
    assert card.metrics == (
        Metric(metric_name="accuracy", value=0.91, dataset="Tickets of 2025", date_measured=date(2026, 2, 20)),
        Metric(metric_name="loss", value=1.0, dataset="Tickets of 2025", date_measured=date(2026, 2, 20)),
        Metric(metric_name="accuracy", value=0.91, dataset="Tickets of 2026", conditions="zero-shot"),
    )
    assert card.additional_info == RUN["additionalInfo"]


async def test_what_the_policies_still_ask_of_the_papers_is_said_with_what_would_mend_it(service: Service) -> None:
    await register(service)
    bare = await generate(service, metadata={"modelType": "Language model"})
    assert [each["requirementId"] for each in bare["missing"]] == [
        "POL-001.intended-use", "POL-001.training-data", "POL-001.evaluation", "POL-001.limitations",
        "POL-002.fairness-metrics", "POL-002.potential-harms", "POL-002.mitigations",
    ]  # fmt: skip
    assert bare["missing"][1]["remedy"] == {"mutation": "linkDatasheet"}
    fuller = await generate(service, **RUN)
    assert [each["requirementId"] for each in fuller["missing"] if each["requirementId"].startswith("POL-001")] == [
        "POL-001.limitations"
    ]
    await save_card(service)
    measured_again = await generate(service, **RUN)  # and this time not group by group
    assert [each["requirementId"] for each in measured_again["missing"]] == ["POL-002.fairness-metrics"]
    by_group = FIGURE | {"disaggregated": CARD["metrics"][0]["disaggregated"]}
    results = [{"dataset": "Tickets of 2025", "metrics": [by_group]}]
    assert (await generate(service, evaluationResults=results))["missing"] == []


async def test_a_run_adds_to_a_card_and_takes_nothing_off_it(service: Service) -> None:
    await register(service)
    await save_card(service, card=CARD | {"additionalInfo": {"run": "one", "seed": 7}})
    before = await stored_card(service)
    again = {"dataset": "Tickets of 2025", "dateMeasured": None, "metrics": [FIGURE | {"value": 0.95}]}
    payload = await generate(
        service, evaluationResults=[again, {"dataset": "Tickets of 2026", "metrics": []}], trainingConfig={"dataSources": []},
        metadata={"license": None, "developers": []}, additionalInfo={"run": "two"},
    )  # fmt: skip
    assert payload["filled"] == ["evaluationDatasets", "metrics", "additionalInfo"]
    after = await stored_card(service)
    assert after == before.model_copy(
        update={
            "evaluation_datasets": ("Tickets of 2025", "Tickets of 2026"),
            "metrics": (Metric(metric_name="accuracy", value=0.95, dataset="Tickets of 2025"),),
            "additional_info": {"run": "two", "seed": 7},
        }
    )


async def test_approvals_go_stale_for_a_run_that_tells_something_new_and_not_for_one_that_does_not(service: Service) -> None:
    await approved(service)
    await save_card(service)
    await approve_again(service)
    told = {"metadata": {"license": CARD["license"]}, "additionalInfo": {}}
    assert (await generate(service, **told))["filled"] == []
    assert {status for status, _ in (await approvals(service)).values()} == {"APPROVED"}
    assert (await generate(service, additionalInfo={"seed": True}))["filled"] == ["additionalInfo"]
    assert {(status, *parts) for status, parts in (await approvals(service)).values()} == {("STALE", "CARD")}
    assert (await generate(service, additionalInfo={"seed": 1}))["filled"] == ["additionalInfo"]  # true is not one


async def approve_again(service: Service) -> None:
    for role in await approvals(service):
        who = {"ETHICS_REVIEWER": CAROL, "SECURITY_REVIEWER": DAVID, "MODEL_OWNER": ALICE}[role]
        await decide(service, who)


MANY = [{"metricName": f"m{each}", "value": each} for each in range(150)]


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ({}, {"code": "INVALID_INPUT", "path": "input"}),
        (
            {"trainingConfig": {}, "metadata": {"developers": []}, "evaluationResults": []},
            {"code": "INVALID_INPUT", "path": "input"},
        ),
        (
            {"evaluationResults": [{"dataset": "A", "metrics": [FIGURE]}, {"dataset": "A", "metrics": [FIGURE]}]},
            {"code": "INVALID_INPUT", "path": "input.evaluationResults"},
        ),
        ({"evaluationResults": [{"dataset": "A", "metrics": [FIGURE | {"value": True}]}]}, {"code": "INVALID_INPUT"}),
        ({"evaluationResults": [{"dataset": "A", "metrics": [FIGURE | {"value": "20.0"}]}]}, {"code": "INVALID_INPUT"}),
        ({"evaluationResults": [{"dataset": " "}]}, {"code": "INVALID_INPUT", "path": "input.evaluationResults.0.dataset"}),
        ({"metadata": {"releaseDate": "2026-02-30"}}, {"code": "INVALID_INPUT"}),
        ({"metadata": {"license": "\n"}}, {"code": "INVALID_INPUT", "path": "input.metadata.license"}),
        ({"additionalInfo": {"a.b": 1}}, {"code": "INVALID_INPUT", "path": "input.additionalInfo"}),
        (
            {"evaluationResults": [{"dataset": each, "metrics": MANY} for each in "AB"]},
            {"code": "LIMIT_EXCEEDED", "size": 300, "limit": 200},
        ),
        ({"additionalInfo": {"log": "x" * 2**18}}, {"code": "LIMIT_EXCEEDED", "limit": 2**18}),
        ({"expectedRevision": 9, "additionalInfo": {"seed": 7}}, {"code": "CONFLICT", "revision": 9}),
    ],
)
async def test_what_a_card_cannot_hold_is_refused(service: Service, said: dict[str, Any], facts: dict[str, Any]) -> None:
    await register(service)
    refused = await refusal(service, GENERATE, ALICE, **said)
    assert facts.items() <= refused.items()


async def test_who_may_is_asked_before_what_is_wrong_with_the_run(service: Service) -> None:
    await register(service)
    assert (await refusal(service, GENERATE, BOB))["code"] == "FORBIDDEN"


async def test_a_pipeline_writes_cards_by_a_token_that_lists_just_that(service: Service) -> None:
    await register(service)
    holder = {"service": {"name": "training", "mutations": ["GENERATE_MODEL_CARD"]}}
    made = await service.do("createApiToken", ADA, "token", name="pipeline", holder=holder)
    pipeline = Person("training", made["token"])
    await service.do(GENERATE, pipeline, **BOT | RUN)
    assert (await service.refused("saveModelCard", pipeline, **BOT, card=CARD))["code"] == "FORBIDDEN"
    revision = (await read(service, "cardRevisions { author { userId } digest }"))["cardRevisions"]
    assert [each["author"] for each in revision] == [None]
    assert (await service.trail())[-2]["actor"]["type"] == "automated"


EXPORTED: dict[str, Any] = {
    "creation_timestamp": 1672601487749, "current_stage": "Production", "description": "v1 Production - wine",
    "name": "sklearn_wine", "run_id": "939157dfaaf24244adafcb72acdfc4a6", "run_link": "", "status": "READY", "user_id": "",
    "tags": {"registered_version_info": "v1 Production - wine"}, "version": "1", "_experiment_name": "sklearn_wine",
}  # fmt: skip
"""A version as mlflow-export-import writes it, of its sample `oss_sklearn_wine.json` (Apache-2.0)."""


async def test_a_version_that_mlflow_exported_says_where_it_comes_from_and_no_more(service: Service) -> None:
    await register(service)
    payload = await generate(service, additionalInfo={"mlflow": EXPORTED})
    assert payload["filled"] == ["additionalInfo"]
    card = await stored_card(service)
    assert card.additional_info == {"mlflow": EXPORTED} and len(card.empty_sections) == 8


CONFIGS = built(
    TrainingConfig, architecture=SAID, data_description=SAID, data_sources=some(SAID), data_size=NAMES, data_date_range=NAMES,
    preprocessing=SAID,
)  # fmt: skip
FIGURES = built(RunMetric, metric_name=NAMES, value=NUMBERS, disaggregated=some(GROUPS, lambda each: each.group))
RESULTS = built(
    EvaluationResult, dataset=NAMES, date_measured=DAYS, conditions=SAID, metrics=some(FIGURES, lambda each: each.metric_name)
)  # fmt: skip
KNOWN = built(
    RunMetadata, model_type=NAMES, developers=some(NAMES), release_date=DAYS, license=NAMES, contact=NAMES,
    intended_uses=some(SAID), intended_users=some(SAID), out_of_scope=some(SAID),
)  # fmt: skip
RUNS = built(
    TrainingRun, training_config=CONFIGS, evaluation_results=some(RESULTS, lambda each: (each.dataset, each.conditions)),
    metadata=KNOWN, additional_info=st.just({"run": 1}) | FREE.map(lambda free: {"run": 1} | free),
)  # fmt: skip


@TRIED
@given(RUNS, CARDS)
def test_every_figure_of_a_run_is_on_the_card_and_no_other_is_lost(run: TrainingRun, card: ModelCard) -> None:
    filled = CardContent.model_validate({name: each for name, each in card if name in CardContent.model_fields} | run.fills(card))
    measured = [one for each in run.evaluation_results for one in each.figures]
    again = {each.identity for each in measured}
    assert {*filled.metrics} == {*measured, *(each for each in card.metrics if each.identity not in again)}
    assert {*filled.evaluation_datasets} == {*card.evaluation_datasets, *(each.dataset for each in run.evaluation_results)}
    assert filled.additional_info == card.additional_info | run.additional_info
    assert filled.license == (run.metadata.license or card.license)
    assert filled.primary_intended_uses == (run.metadata.intended_uses or card.primary_intended_uses)
    assert filled.training_data_sources == (run.training_config.data_sources or card.training_data_sources)
    untold = ("known_limitations", "risks", "recommendations", "ethical_considerations", "evaluation_methodology")
    assert all(getattr(filled, name) == getattr(card, name) for name in untold)
