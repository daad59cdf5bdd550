"""Raters submit while work changes hands, from connections of their own: never k + 1 holders."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar
from uuid import UUID

import pytest
from django.db import connection

from annotations.answers import Written
from annotations.models import Assignment, Study, StudyRater
from annotations.selectors.work import open_slots
from annotations.services.consent import give_consent
from annotations.services.invitations import accept_invitation, create_invitations
from annotations.services.ratings import submit_assignment
from annotations.services.reassignment import (
    extend_work,
    fill_open_slots,
    release_open_items,
    share_with_newcomers,
    withdraw_rater,
)
from inference.errors import DomainError
from mood_eval.models import Team, User
from tests import factories
from tests.annotations.raters.conftest import holders, open_study, work

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def in_own_connection(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connection.close()


def answers(study: Study) -> list[Written]:
    slugs = study.parts.get().instrument.criteria.values_list("slug", flat=True)
    return [Written(slug, "7", number) for number, slug in enumerate(slugs, start=1)]


def rate_everything(rater: StudyRater, given: list[Written], stop_after: int) -> list[UUID]:
    """The rater works through whatever he holds; what was taken away meanwhile is refused."""
    counted: list[UUID] = []
    rows = Assignment.objects.select_related("rater__study", "item__part")
    for row in rows.filter(rater=rater, state="assigned", role="independent").order_by("position"):
        if len(counted) == stop_after:
            break
        try:
            submit_assignment(row, given)
        except DomainError:
            continue
        counted.append(row.pk)
    return counted


def test_submitting_races_reassignment_and_no_item_gets_one_answer_too_many(
    team: Team, ada: User
) -> None:
    study = open_study(team, raters=4, dialogues=8)
    raters = list(study.raters.order_by("pseudonym"))
    given, start = answers(study), Barrier(6)
    leaves, stays = raters[0], raters[1:]

    def rating(rater: StudyRater) -> list[UUID]:
        start.wait(30)
        return rate_everything(rater, given, stop_after=9)

    def managing() -> None:
        start.wait(30)
        withdraw_rater(rater=leaves, by=ada, reason="Left.", give_out=True)
        release_open_items(rater=stays[0], by=ada, reason="Slow.", give_out=True)

    def inviting() -> StudyRater:
        start.wait(30)
        (link,) = create_invitations(study=study, by=ada, unnamed=1)
        late = factories.make_user("late@example.org")
        return accept_invitation(invitation=link.invitation, user=late)

    with ThreadPoolExecutor(6) as pool:
        work_done = [pool.submit(in_own_connection, lambda r=r: rating(r)) for r in raters]
        acts = [pool.submit(in_own_connection, act) for act in (managing, inviting)]
        submitted = [pk for future in work_done for pk in future.result(60)]
        for act in acts:
            act.result(60)
    assert max(holders(study).values()) <= 2
    assert sum(holders(study).values()) + len(open_slots(study)) == 48
    kept = Assignment.objects.filter(pk__in=submitted, state="submitted", role="independent")
    assert kept.count() == len(submitted) > 0


def test_two_researchers_who_fill_places_at_once_give_each_only_once(team: Team, ada: User) -> None:
    study = open_study(team)
    withdraw_rater(rater=study.raters.get(pseudonym="R01"), by=ada, reason="Left.")
    free, start = len(open_slots(study)), Barrier(2)

    def fill() -> int:
        start.wait(30)
        return fill_open_slots(study=study, by=ada, reason="Somebody left.").given

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(in_own_connection, fill) for _ in range(2)]
        assert sorted(future.result(60) for future in results) == [0, free]
    assert set(holders(study).values()) == {2}


def test_an_item_that_is_opened_at_that_moment_stays_where_it_is(team: Team, ada: User) -> None:
    """The act plans without locks; what a rater opened before it came to act is left out."""
    study = open_study(team, raters=3, dialogues=6)
    lively = random.Random(3)
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    start = Barrier(2)
    raters, given = list(study.raters.all()), answers(study)

    def rating() -> list[UUID]:
        start.wait(30)
        done: list[UUID] = []
        for rater in lively.sample(raters, 3):
            done += rate_everything(rater, given, stop_after=6)
        return done

    def joining() -> None:
        start.wait(30)
        late = factories.make_user("late@example.org")
        rater = accept_invitation(invitation=link.invitation, user=late)
        give_consent(rater)
        share_with_newcomers(study=study, by=ada, reason="Again.", newcomers=[rater])
        extend_work(rater=rater, count=2, by=ada, reason="Has time.")

    with ThreadPoolExecutor(2) as pool:
        rated = pool.submit(in_own_connection, rating)
        joined = pool.submit(in_own_connection, joining)
        submitted = rated.result(60)
        joined.result(60)
    rows = Assignment.objects.filter(pk__in=submitted)
    assert {(row.role, row.state) for row in rows} == {("independent", "submitted")}
    assert set(holders(study).values()) == {2}
    late_rater = study.raters.get(user__email="late@example.org")
    assert all(row.state == "assigned" for row in work(late_rater))


def test_two_people_with_one_link_at_the_same_moment_make_one_rater(team: Team, ada: User) -> None:
    study = open_study(team)
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    people = [factories.make_user(f"new{number}@example.org") for number in range(2)]
    start = Barrier(2)

    def join(user: User) -> bool:
        start.wait(30)
        try:
            accept_invitation(invitation=link.invitation, user=user)
        except DomainError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(in_own_connection, lambda u=user: join(u)) for user in people]
        assert sorted(future.result(60) for future in results) == [False, True]
    assert study.raters.count() == 4


def test_people_who_join_at_the_same_moment_get_different_pseudonyms(team: Team, ada: User) -> None:
    study = open_study(team)
    links = create_invitations(study=study, by=ada, unnamed=3)
    people = [factories.make_user(f"new{number}@example.org") for number in range(3)]
    start = Barrier(3)

    def join(number: int) -> str:
        start.wait(30)
        return accept_invitation(invitation=links[number].invitation, user=people[number]).pseudonym

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(in_own_connection, lambda n=n: join(n)) for n in range(3)]
        assert sorted(future.result(60) for future in futures) == ["R04", "R05", "R06"]
    assert set(holders(study).values()) == {2}
