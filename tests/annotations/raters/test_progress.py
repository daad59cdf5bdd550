"""A running study in figures: counted by hand in small studies, and the same number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotations.models import AnalysisPlan, Assignment, Dispute, Rating, Study
from annotations.selectors.progress import RaterProgress, StudyProgress, study_progress
from annotations.services.reassignment import reopen_assignment, withdraw_rater
from annotations.services.studies import close_study
from mood_eval.models import Membership, Team, User
from tests.annotations.raters.conftest import open_study, work
from tests.answered_studies import (
    CLEARLY_FIRST,
    CLEARLY_SECOND,
    TIE,
    add_item,
    add_part,
    choose,
    flag_harm,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db
CRITERIA = ("empathy", "safety", "fairness")


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


@pytest.fixture
def answered(team: Team) -> Study:
    """Twelve client turns, two models, two raters for each item; nobody has answered yet."""
    corpus = make_corpus_with_dialogues(team, 4)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs, raters=2)
    add_part(study, "absolute", make_instrument(criteria=CRITERIA))
    add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    Study.objects.filter(pk=study.pk).update(launched_at=timezone.now() - timedelta(days=2))
    return Study.objects.get(pk=study.pk)


def rate(study: Study, scores: list[tuple[int, int, int]], **fields: object) -> list[Assignment]:
    """The first rater's scores, an item each, in this order."""
    part, rater = study.parts.get(design="absolute"), study.raters.get(pseudonym="R1")
    rows = responses_by_stimulus([link.run for link in study.study_runs.all()])
    given = []
    for (stimulus, both), values in zip(rows, scores, strict=False):
        item = add_item(part, stimulus, both[:1])
        fields.setdefault("active_ms", 20_000)
        given.append(score(item, rater, dict(zip(CRITERIA, values, strict=True)), **fields))
    return given


def figures(study: Study, pseudonym: str = "R1") -> RaterProgress:
    return next(r for r in study_progress(study).raters if r.pseudonym == pseudonym)


def test_straight_lining_is_the_share_of_items_with_one_score_and_the_longest_run(
    answered: Study,
) -> None:
    same, other = (7, 7, 7), (7, 6, 7)
    rate(answered, [other, same, same, same, other, other, (1, 2, 3), (3, 2, 1)])
    found = figures(answered).patterns
    assert (found.items, found.scored, found.all_same, found.longest_run) == (8, 8, 3, 3)
    assert figures(answered).all_same_share == 3 / 8


def test_a_run_is_not_of_scores_that_were_merely_swapped(answered: Study) -> None:
    rate(answered, [(1, 2, 3), (3, 2, 1), (1, 2, 3), (3, 2, 1)])
    assert figures(answered).patterns.longest_run == 1


def test_quick_is_below_the_plan_or_a_third_of_ones_own_median(answered: Study) -> None:
    given = rate(answered, [(1, 2, 3)] * 6)
    for row, ms in zip(given, (30_000, 30_000, 30_000, 30_000, 9_000, 0), strict=True):
        Assignment.objects.filter(pk=row.pk).update(active_ms=ms)
    found = figures(answered).patterns
    assert (found.median_seconds, found.too_fast) == (30.0, 1)  # none was measured of the last
    AnalysisPlan.objects.create(study=answered, min_active_seconds=31)
    assert figures(answered).patterns.too_fast == 5


def test_choices_of_what_was_shown_first_are_counted(answered: Study) -> None:
    part, rater = answered.parts.get(design="pairwise"), answered.raters.get(pseudonym="R1")
    rows = responses_by_stimulus([link.run for link in answered.study_runs.all()])
    choices = (CLEARLY_SECOND, CLEARLY_SECOND, CLEARLY_FIRST, TIE)
    for (stimulus, both), value in zip(rows, choices, strict=False):
        choose(add_item(part, stimulus, both), rater, value)  # the higher id is shown first
    found = figures(answered)
    assert (found.patterns.decided, found.patterns.shown_first) == (3, 2)
    assert found.first_share == 2 / 3
    assert found.patterns.longest_run == 2
    assert found.all_same_share is None


def test_cannot_rate_is_kept_apart_by_its_reason(answered: Study) -> None:
    rate(answered, [(1, "not_applicable", "cannot_tell"), (1, 2, "cannot_tell")])  # type: ignore[list-item]
    found = figures(answered)
    assert (found.patterns.not_applicable, found.patterns.cannot_tell) == (1, 2)
    assert found.cannot_share == 3 / 6
    kinds = {kind: count for kind, count, _ in study_progress(answered).missing}
    assert kinds["Cannot tell from what is shown"] == 2
    assert kinds["Outside my competence"] == 0


def test_steadiness_compares_only_the_same_question_of_the_same_item(answered: Study) -> None:
    first, second = rate(answered, [(1, 5, 7), (2, 2, 2)])
    rater = answered.raters.get(pseudonym="R1")
    score(first.item, rater, {"empathy": 1, "safety": 7, "fairness": "cannot_tell"}, role="repeat")
    score(second.item, rater, {"empathy": 2, "safety": 2, "fairness": 2}, role="repeat")
    found = figures(answered).patterns
    assert (found.repeated, found.repeated_equal) == (6, 4)
    assert found.repeated_apart == pytest.approx(2 / 5)
    assert found.items == 2  # repeats are no items of their own


def test_a_change_of_an_answer_shows_at_once(answered: Study) -> None:
    given = rate(answered, [(7, 7, 7), (1, 2, 3)])
    assert figures(answered).patterns.all_same == 1
    Rating.objects.filter(assignment=given[0], criterion__slug="safety").update(score=3)
    Assignment.objects.filter(pk=given[0].pk).update(saved_at=timezone.now())
    assert figures(answered).patterns.all_same == 0


def test_kept_figures_are_those_counted_anew(study: Study, ada: User) -> None:
    for rater in study.raters.all():
        for row in work(rater)[:4]:
            answer(row)
    cold = study_progress(study).raters
    with CaptureQueriesContext(connection) as warm_queries:
        warm = study_progress(study).raters
    assert [rater.patterns for rater in warm] == [rater.patterns for rater in cold]
    assert not any("annotations_rating" in query["sql"] for query in warm_queries)
    reopened = work(study.raters.get(pseudonym="R01"))[0]
    reopen_assignment(assignment=reopened, by=ada, reason="x")
    assert figures(study, "R01").patterns.items == 3
    assert figures(study, "R02").patterns.items == 4


def answer(row: Assignment, value: int = 7) -> None:
    now = timezone.now()
    for criterion in row.item.part.instrument.criteria.all():
        Rating.objects.create(
            assignment=row,
            candidate=row.item.candidates.get(),
            criterion=criterion,
            score=value,
        )
    Assignment.objects.filter(pk=row.pk).update(
        state="submitted", submitted_at=now, saved_at=now, opened_at=now, active_ms=60_000
    )


def test_items_are_counted_by_their_answers_and_places(study: Study, ada: User) -> None:
    first = study.raters.get(pseudonym="R01")
    answer(work(first)[0])
    withdraw_rater(rater=first, by=ada, reason="Left.")
    found = study_progress(study)
    assert found.items == {0: 11, 1: 1}
    assert (found.places, found.held, found.free, found.left) == (24, 17, 7, 23)
    assert found.item_count == 12
    assert found.complete_items == 0
    kinds = {kind: count for kind, count, _ in found.missing}
    assert kinds["Nobody holds the place"] == 7
    assert kinds["Not submitted yet"] == 16


def test_the_expected_end_follows_from_the_last_days(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(launched_at=timezone.now() - timedelta(days=2))
    study.refresh_from_db()
    assert study_progress(study).finish is None
    for rater in study.raters.all():
        for row in work(rater)[:2]:
            answer(row)
    found = study_progress(study)
    assert found.a_day == pytest.approx(3, rel=0.01)
    assert found.finish is not None
    assert (found.finish - timezone.now()).total_seconds() == pytest.approx(6 * 86400, rel=0.01)
    assert found.left_hours == pytest.approx(18 / 60)
    assert found.longest is not None
    close_study(study)
    assert study_progress(Study.objects.get(pk=study.pk)).finish is None


def test_what_deserves_a_look_is_said(answered: Study) -> None:
    given = rate(answered, [(7, 7, 7)] * 11)
    flag_harm(given[0], given[0].item.candidates.get().response)
    short = {note.short for note in figures(answered).notes}
    assert short == {"same scores", "long run", "flagged"}
    assert {note.short for note in figures(answered, "R2").notes} == {"no items"}


def test_disputed_and_flagged_items_are_found(answered: Study, ada: User, client: Client) -> None:
    given = rate(answered, [(1, 2, 3), (1, 2, 3)])
    flag_harm(given[0], given[0].item.candidates.get().response)
    Dispute.objects.create(item=given[1].item, rule="range")
    client.force_login(ada)
    at = f"/studies/{answered.pk}/progress/"
    assert "1 item disputed" in client.get(at).content.decode()
    for which, item in (("disputed", given[1].item), ("flagged", given[0].item)):
        page = client.get(f"{at}items/?show={which}").content.decode()
        assert "1 item<" in page
        assert f"item {item.position}<" in page
    assert "2 items<" in client.get(f"{at}items/?show=incomplete").content.decode()


def test_the_table_is_sorted_by_the_address(study: Study, ada: User, client: Client) -> None:
    answer(work(study.raters.get(pseudonym="R02"))[0])
    client.force_login(ada)

    def order(query: str) -> list[str]:
        page = client.get(f"/studies/{study.pk}/progress/{query}").context["page"]
        return [rater.pseudonym for rater in page]

    assert order("") == ["R01", "R02", "R03"]
    assert order("?sort=rater&turn") == ["R03", "R02", "R01"]
    assert order("?sort=done")[0] == "R02"
    assert order("?sort=pace&turn")[0] == "R02"  # those without a figure come last either way
    assert order("?sort=nonsense") == ["R01", "R02", "R03"]


def test_a_fragment_comes_anew_while_the_study_is_open(
    study: Study, ada: User, client: Client
) -> None:
    client.force_login(ada)
    at = f"/studies/{study.pk}/progress/"
    page = client.get(at).content.decode()
    assert 'hx-trigger="every 20s"' in page
    fragment = client.get(at, headers={"HX-Request": "true"}).content.decode()
    assert fragment.lstrip().startswith('<div id="progress-figures"')
    assert "every 20s" not in client.get(f"{at}?live=0").content.decode()
    close_study(study)
    closed = client.get(at).content.decode()
    assert "every 20s" not in closed
    assert "Lost: open at the close" in closed


def test_who_rates_in_the_study_sees_nothing_of_others(study: Study, client: Client) -> None:
    rui = study.raters.get(user__email="rui@example.org").user
    Membership.objects.create(team=study.team, user=rui)
    client.force_login(rui)
    for name in ("progress/", "progress/items/", "checklists/", "work/"):
        page = client.get(f"/studies/{study.pk}/{name}").content.decode()
        assert "You rate in this study" in page
        assert "R02" not in page


@pytest.mark.parametrize("name", ["progress/", "progress/items/", "raters/"])
def test_more_raters_and_items_ask_no_more_queries(ada: User, client: Client, name: str) -> None:
    client.force_login(ada)
    counts = []
    for raters, dialogues in ((2, 1), (12, 6)):
        study = open_study(Team.objects.create(name=f"T{raters}"), raters, dialogues)
        Membership.objects.create(team=study.team, user=ada)
        client.get(f"/studies/{study.pk}/{name}")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/studies/{study.pk}/{name}")
        counts.append(len(queries))
        for rater in study.raters.select_related("user"):
            User.objects.filter(pk=rater.user_id).update(email=f"{study.pk}-{rater.user.email}")
    assert counts[0] == counts[1] <= 20


def test_an_empty_study_says_what_to_do_next(team: Team, ada: User, client: Client) -> None:
    study = open_study(team, raters=0, launched=False)
    client.force_login(ada)
    assert "Nobody rates here yet" in client.get(f"/studies/{study.pk}/progress/").content.decode()
    assert isinstance(study_progress(study), StudyProgress)
