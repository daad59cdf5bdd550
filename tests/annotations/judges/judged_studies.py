"""Studies that judges rate, and a server that answers as its schema asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from annotations.judging.contract import JudgeOptions
from annotations.models import JudgeRun, Study
from annotations.services.judging import start_judging
from inference.endpoints import Endpoint
from inference.models import ModelVersion
from inference.selectors.endpoints import endpoint_as_json
from mood_eval.models import Team
from tests.answered_studies import (
    add_criterion,
    add_item,
    add_part,
    make_instrument,
    make_study,
    responses_by_stimulus,
)
from tests.chat_server import Asked
from tests.factories import make_corpus_with_dialogues, make_model_version, make_run_with_responses


def absolute_study(team: Team, *, dialogues: int = 2, raters: int = 2) -> Study:
    """Three items a dialogue, each with one response, two scores and a choice."""
    corpus = make_corpus_with_dialogues(team, dialogues)
    run = make_run_with_responses(team, corpus, "kind")
    study = make_study(team, [run], raters=raters)
    instrument = make_instrument("small", ("empathy", "safety"))
    add_criterion(instrument, "advice", kind="choice", options=YES_OR_NO)
    part = add_part(study, "absolute", instrument)
    for response in run.responses.order_by("pk"):
        add_item(part, response.stimulus, [response])
    return study


def pairwise_study(
    team: Team,
    *,
    dialogues: int = 2,
    raters: int = 2,
    name: str = "First study",
    corpus: str = "Small corpus",
) -> Study:
    dialogues_of = make_corpus_with_dialogues(team, dialogues, name=corpus)
    runs = [
        make_run_with_responses(team, dialogues_of, model, f"Words of the {model} one.")
        for model in ("kind", "curt")
    ]
    study = make_study(team, runs, raters=raters, name=name)
    part = add_part(study, "pairwise", make_instrument("pairs"))
    for stimulus, both in responses_by_stimulus(runs):
        add_item(part, stimulus, both)
    return study


YES_OR_NO = [{"value": 0, "label": "No"}, {"value": 1, "label": "Yes"}]


def endpoint_judge(
    team: Team, url: str, name: str = "judge", *, model: str = "gpt-x", **more: Any
) -> ModelVersion:
    endpoint = Endpoint(url=url, model=model, **more)
    return make_model_version(
        team, name, kind=ModelVersion.Kind.ENDPOINT, config=endpoint_as_json(endpoint)
    )


def start(study: Study, judge: ModelVersion, **options: Any) -> JudgeRun:
    budget = options.pop("budget", None)
    return start_judging(study=study, judge=judge, options=JudgeOptions(**options), budget=budget)


def by_schema(choose: Callable[[str, list[Any]], Any]) -> Callable[[Asked], str]:
    """Answers every question with one of the values that its schema allows."""

    def answer(asked: Asked) -> str:
        schema = asked.body["response_format"]["json_schema"]["schema"]
        questions = schema["properties"]["answers"]["properties"]
        answers = {slug: choose(slug, values_in(its)) for slug, its in questions.items()}
        return json.dumps({"rationale": "Because.", "answers": answers})

    return answer


def values_in(schema: dict[str, Any]) -> list[Any]:
    kinds = schema.get("anyOf", [schema])
    return [value for kind in kinds for value in kind.get("enum", ())]


def always(value: Any) -> Callable[[Asked], str]:
    """The same answer to every question that has it, else the first one there is."""
    return by_schema(lambda slug, values: value if value in values else values[0])
