from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from inference.labels import EMOTIONS
from inference.models import Corpus, GenerationRun, Response, Turn
from mood_eval.models import Team, User
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

Named = Sequence[tuple[str, str | None, float | None]]
"""(corpus label, named label, its probability)."""


@dataclass
class Scene:
    """Ada owns the team, Rui is a member of it, Sam has a team of his own."""

    ada: User
    rui: User
    sam: User
    team: Team
    corpus: Corpus
    run: GenerationRun

    def answers(self, named: Named) -> None:
        """One client turn a dialogue; the run has named this for the first of them."""
        responses = Response.objects.filter(run=self.run).order_by("stimulus__dialogue_id")
        for response, (truth, label, probability) in zip(responses, named, strict=False):
            Turn.objects.filter(dialogue=response.stimulus.dialogue_id).update(emotion=truth)
            response.client_emotion = label or ""
            if probability is not None and label:
                rest = (1 - probability) / (len(EMOTIONS) - 1)
                shares = {name: probability if name == label else rest for name in EMOTIONS}
                response.label_probabilities = {"client_emotion": shares}
            response.save()


@pytest.fixture
def scene(db: None) -> Scene:
    ada, rui, sam = (make_user(f"{name}@example.org") for name in ("ada", "rui", "sam"))
    team = make_team(owner=ada, members=[rui])
    make_team("Sam's team", owner=sam)
    corpus = make_corpus_with_dialogues(team, 6, lines=[("client", "I could not sleep.")])
    make_model_version(team, "tiny", kind="multimood", path="tiny", weights_sha256="0" * 64)
    return Scene(ada, rui, sam, team, corpus, make_run_with_responses(team, corpus, "tiny"))
