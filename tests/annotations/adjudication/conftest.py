from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from annotations.answers import LETTERS, Written
from annotations.models import Assignment, Item, Study, StudyPart, StudyRater
from annotations.services.consent import give_consent
from annotations.services.ratings import submit_assignment
from inference.models import Response
from tests.answered_studies import (
    add_item,
    add_part,
    assign,
    make_instrument,
    make_study,
    responses_by_stimulus,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)


@dataclass(frozen=True)
class World:
    study: Study
    part: StudyPart
    item: Item
    raters: Sequence[StudyRater]

    def given(self, rater: int) -> Assignment:
        return self.item.assignments.select_related(
            "rater__study", "item__part", "item__stimulus"
        ).get(rater=self.raters[rater])

    def say(self, rater: int, answers: dict[str, int | str]) -> Assignment:
        """Question -> a score, or the name of the model whose response is best ("" a tie)."""
        assignment = self.given(rater)
        written = []
        for question, answer in answers.items():
            value = str(answer)
            if self.part.design != StudyPart.Design.ABSOLUTE:
                value = self.letter(assignment, value) if answer else "tie"
            written.append(Written(question, value, 1))
        return submit_assignment(assignment, written)

    def letter(self, assignment: Assignment, model: str) -> str:
        response = Response.objects.get(
            pk__in=assignment.display_order, run__model_version__name=model
        )
        return LETTERS[assignment.display_order.index(response.pk)].lower()

    def further(self) -> list[Assignment]:
        return list(self.item.assignments.filter(role=Assignment.Role.ADJUDICATION).order_by("pk"))


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(db: None) -> MakeWorld:
    def make(design: str, *, raters: int = 4, with_overall: bool = False, **rules: object) -> World:
        ada = make_user("ada@example.org")
        team = make_team(owner=ada)
        corpus = make_corpus_with_dialogues(team, 1)
        models = ("first", "second", "third")
        runs = [make_run_with_responses(team, corpus, name, f"{name} text") for name in models]
        study = make_study(team, runs, raters=raters)
        instrument = make_instrument(criteria=("empathy", "comfort"))
        part = add_part(
            study, design, instrument, with_overall=with_overall, tie_allowed=False, **rules
        )
        stimulus, responses = responses_by_stimulus(runs)[0]
        shown = responses[:1] if design == StudyPart.Design.ABSOLUTE else responses
        item = add_item(part, stimulus, shown)
        people = list(study.raters.select_related("study").order_by("pseudonym"))
        for rater in people:
            give_consent(rater)
        for rater in people[:2]:
            assign(item, rater, state=Assignment.State.ASSIGNED)
        return World(study, part, item, people)

    return make
