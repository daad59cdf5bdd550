"""Ada runs an open study; Rui and Mia rate in it; Max is in Ada's team, Sam is a stranger."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from annotations.answers import Written
from annotations.models import Assignment, Study, StudyPart, StudyRater
from annotations.services.ratings import questions_of, submit_assignment
from mood_eval.models import Team, User
from tests import factories

MODELS = ("hushmodel-alpha", "hushmodel-beta")
BOTH = "multimood-trust-both"


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org", first_name="Ada", last_name="Lopes")


@pytest.fixture
def max_() -> User:
    return factories.make_user("max@example.org", first_name="Max", last_name="Weber")


@pytest.fixture
def team(ada: User, max_: User) -> Team:
    return factories.make_team(owner=ada, members=[max_])


@pytest.fixture
def sam() -> User:
    sam = factories.make_user("sam@example.org")
    factories.make_team("Another lab", owner=sam)
    return sam


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


@pytest.fixture
def mia() -> User:
    return factories.make_user("mia@example.org")


def open_study(
    team: Team,
    raters: Sequence[User],
    *,
    dialogues: int = 2,
    template: str = BOTH,
    **options: object,
) -> Study:
    """Each dialogue has three client turns, each of which two models answered."""
    corpus = factories.make_corpus_with_dialogues(team, dialogues)
    runs = [
        factories.make_run_with_responses(team, corpus, name, f"Words number {number}.")
        for number, name in enumerate(MODELS, start=1)
    ]
    return factories.make_study(team, runs, raters, template=template, **options)  # type: ignore[arg-type]


@pytest.fixture
def study(team: Team, rui: User, mia: User) -> Study:
    return open_study(team, [rui, mia])


@pytest.fixture
def place(study: Study, rui: User) -> StudyRater:
    return study.raters.select_related("study").get(user=rui)


def work(rater: StudyRater, *designs: str) -> list[Assignment]:
    """In the rater's order; of these designs, or of all."""
    rows = rater.assignments.select_related("rater__study", "item__part").order_by("position")
    return [row for row in rows if not designs or row.item.part.design in designs]


def answers_to(
    assignment: Assignment, score: str = "7", choice: str = "a2", sequence: int = 5
) -> list[Written]:
    pairwise = assignment.item.part.design == StudyPart.Design.PAIRWISE
    value = choice if pairwise else score
    return [Written(name, value, sequence) for name in questions_of(assignment)]


def submit(assignment: Assignment, score: str = "7", choice: str = "a2", comment: str = "") -> None:
    words = [Written("comment", comment, 5)] if comment else []
    submit_assignment(assignment, [*answers_to(assignment, score, choice), *words])
