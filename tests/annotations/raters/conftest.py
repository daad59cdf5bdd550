"""Ada runs an open study that Rui, Ida and Tom rate in; Max is in her team, Sam a stranger."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.utils import timezone

from annotations.models import Assignment, Study, StudyRater
from mood_eval.models import Team, User
from tests import factories

NAMES = ("rui", "ida", "tom")


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def max_(ada: User) -> User:
    return factories.make_user("max@example.org")


@pytest.fixture
def team(ada: User, max_: User) -> Team:
    return factories.make_team(owner=ada, members=[max_])


def open_study(
    team: Team,
    raters: int = 3,
    dialogues: int = 4,
    models: Sequence[str] = ("kind",),
    **options: object,
) -> Study:
    """Each dialogue has three client turns: 12 items for two of the raters each."""
    corpus = factories.make_corpus_with_dialogues(team, dialogues)
    runs = [factories.make_run_with_responses(team, corpus, name, f"{name}.") for name in models]
    users = [factories.make_user(f"{name}@example.org") for name in NAMES[:raters]]
    users += [factories.make_user(f"rater{n}@example.org") for n in range(3, raters)]
    return factories.make_study(team, runs, users, **options)  # type: ignore[arg-type]


@pytest.fixture
def study(team: Team) -> Study:
    return open_study(team)


@pytest.fixture
def first(study: Study) -> StudyRater:
    return study.raters.get(pseudonym="R01")


def work(rater: StudyRater) -> list[Assignment]:
    """What the rater holds of the study's own items, in his order."""
    rows = rater.assignments.filter(role=Assignment.Role.INDEPENDENT)
    return list(rows.order_by("position"))


def submit(assignment: Assignment) -> Assignment:
    """As far as who holds what is concerned; what was answered is not the question here."""
    now = timezone.now()
    Assignment.objects.filter(pk=assignment.pk).update(
        state="submitted", submitted_at=now, saved_at=now, opened_at=now, active_ms=20_000
    )
    assignment.refresh_from_db()
    return assignment


def holders(study: Study) -> dict[int, int]:
    """Item -> raters who hold one of its places."""
    found: dict[int, int] = {}
    for part in study.parts.all():
        for item in part.items.filter(pool="study"):
            found[item.pk] = item.assignments.filter(role="independent").count()
    return found
