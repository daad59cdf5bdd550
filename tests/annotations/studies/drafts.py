"""Drafts of any design over small corpora."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotations.models import Study, StudyPart
from annotations.services.study_drafts import (
    choose_replies,
    edit_draft,
    invite_raters,
    save_part,
    start_draft,
)
from inference.models import GenerationRun
from mood_eval.models import Team
from tests import factories

INSTRUMENT = "shipped:multimood-trust"


def make_runs(team: Team, count: int = 3, *, dialogues: int = 4) -> list[GenerationRun]:
    """Each answers the same client turns, three a dialogue."""
    corpus = factories.make_corpus_with_dialogues(team, dialogues)
    return [
        factories.make_run_with_responses(team, corpus, f"model-{place}", f"Answer {place}.")
        for place in range(1, count + 1)
    ]


def make_draft(
    team: Team,
    runs: Sequence[GenerationRun],
    *,
    raters: int = 3,
    limit: int | None = None,
    longest_ratio: float | None = None,
    parts: Sequence[dict[str, Any]] = ({"design": "absolute"},),
    **fields: Any,
) -> Study:
    """With parts of these fields; `fields` are the study's own."""
    study = start_draft(team=team, name="Draft", seed=5)
    study = choose_replies(study=study, runs=runs, limit=limit, longest_ratio=longest_ratio)
    for part in parts:
        save_part(study=study, **{"instrument": INSTRUMENT} | part)
    invite_raters(study=study, emails=[f"rater{n}@example.org" for n in range(raters)])
    return edit_draft(study=study, **fields) if fields else study


def only_part(study: Study) -> StudyPart:
    return study.parts.get()
