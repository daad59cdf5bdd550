"""What a launch leaves in the tables, for every design."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotations.instruments import study_templates
from annotations.models import (
    Assignment,
    Candidate,
    Criterion,
    Gate,
    Instrument,
    Item,
    ReferenceAnswer,
    Study,
    StudyRater,
)
from annotations.selectors.planned_study import criteria_orders, plan_study
from annotations.services.studies import create_study, launch_study
from annotations.services.study_drafts import edit_draft, save_part
from inference.errors import InvalidOptionsError, NothingSelectedError
from inference.labels import CHAIN
from inference.models import GenerationRun, Response
from mood_eval.models import Team
from tests import factories
from tests.annotations.studies.drafts import make_draft, make_runs, only_part

pytestmark = pytest.mark.django_db
Role = Assignment.Role


@pytest.fixture
def team() -> Team:
    return factories.make_team(owner=factories.make_user("ada@example.org"))


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    return make_runs(team)


def run_of() -> dict[int, int]:
    return dict(Response.objects.values_list("pk", "run"))


def orders(study: Study, **fields: object) -> list[list[int]]:
    """Runs in the order shown, of each assignment."""
    run = run_of()
    rows = Assignment.objects.filter(rater__study=study, **fields).order_by("rater", "position")
    return [[run[pk] for pk in order] for order in rows.values_list("display_order", flat=True)]


@pytest.mark.parametrize("design", ["best_of_n", "ranking"])
def test_all_responses_are_shown_at_once_with_every_place_used_evenly(
    team: Team, runs: list[GenerationRun], design: str
) -> None:
    study = launch_study(make_draft(team, runs, parts=[{"design": design}]))
    assert Item.objects.count() == 12
    assert Candidate.objects.count() == 36
    shown = orders(study)
    assert len(shown) == 24
    for order in shown:
        assert sorted(order) == sorted(run.pk for run in runs)
    for rater in study.raters.all():
        mine = orders(study, rater=rater)
        for place in range(3):
            counts = Counter(order[place] for order in mine)
            assert max(counts.values()) - min(counts.values()) <= 1


def test_groups_of_models_are_crossed_evenly(team: Team) -> None:
    study = make_draft(team, make_runs(team, 4), parts=[{"design": "best_of_n", "candidates": 2}])
    launch_study(study)
    pairs = Counter(tuple(sorted(order)) for order in orders(study, slot=1))
    assert len(pairs) == 6
    assert set(pairs.values()) == {2}


def test_the_raters_of_an_item_do_not_all_see_the_same_side_first(
    team: Team, runs: list[GenerationRun]
) -> None:
    study = launch_study(make_draft(team, runs[:2], overlap=2, parts=[{"design": "pairwise"}]))
    first: dict[int, set[int]] = defaultdict(set)
    for item, order in Assignment.objects.values_list("item", "display_order"):
        first[item].add(order[0])
    assert study.state == Study.State.OPEN
    assert {len(shown) for shown in first.values()} == {2}


def test_independent_assignments_fill_the_places_of_an_item_once(
    team: Team, runs: list[GenerationRun]
) -> None:
    launch_study(make_draft(team, runs, raters=5, overlap=3))
    places: dict[int, list[int | None]] = defaultdict(list)
    for item, slot in Assignment.objects.values_list("item", "slot"):
        places[item].append(slot)
    assert {frozenset(slots) for slots in places.values()} == {frozenset({1, 2, 3})}
    assert {len(slots) for slots in places.values()} == {3}


def test_with_same_raters_all_responses_to_a_client_turn_meet_the_same_people(
    team: Team, runs: list[GenerationRun]
) -> None:
    draft = make_draft(team, runs, raters=5, parts=[{"design": "absolute", "same_raters": True}])
    study = launch_study(draft)
    people: dict[int, set[frozenset[int]]] = defaultdict(set)
    for item in Item.objects.filter(part__study=study):
        raters = item.assignments.values_list("rater", flat=True)
        people[item.stimulus_id].add(frozenset(raters))
    assert {len(groups) for groups in people.values()} == {1}
    for rater in study.raters.all():
        turns = rater.assignments.order_by("position").values_list("item__stimulus", flat=True)
        assert all(one != other for one, other in pairwise(turns)), "spaced apart"


def test_repeats_come_later_outside_the_count(team: Team, runs: list[GenerationRun]) -> None:
    study = launch_study(make_draft(team, runs, raters=2, repeat_share=0.25, block_size=5))
    for rater in study.raters.all():
        first = dict(
            rater.assignments.filter(role=Role.INDEPENDENT).values_list("item", "position")
        )
        again = dict(rater.assignments.filter(role=Role.REPEAT).values_list("item", "position"))
        assert len(again) == 9
        assert all(again[item] - first[item] > 5 for item in again)
        assert set(rater.assignments.filter(role=Role.REPEAT).values_list("slot")) == {(None,)}
        positions = sorted(rater.assignments.values_list("position", flat=True))
        assert positions == list(range(1, len(positions) + 1))


def test_repeats_change_nothing_about_the_other_items(
    team: Team, runs: list[GenerationRun]
) -> None:
    plain = make_draft(team, runs, parts=[{"design": "pairwise"}])
    before = plan_study(plain, 3)[0]
    after = plan_study(edit_draft(study=plain, repeat_share=0.2), 3)[0]
    for place, steps in before.work.items():
        own = [step for step in after.work[place] if step.role == "independent"]
        assert own == list(steps)


def test_items_of_the_panel_come_hidden_and_are_not_drawn_again(
    team: Team, runs: list[GenerationRun]
) -> None:
    study = make_draft(team, runs)
    part = only_part(study)
    Gate.objects.create(part=part, hidden_share=0.1)
    criterion = part.instrument.criteria.get(slug="empathy")
    panel = []
    for place, response in enumerate(Response.objects.filter(run=runs[0])[:4], start=1):
        item = Item.objects.create(
            part=part, pool=Item.Pool.REFERENCE, position=place, stimulus=response.stimulus
        )
        Candidate.objects.create(item=item, response=response)
        ReferenceAnswer.objects.create(item=item, criterion=criterion, score=place)
        panel.append(item)
    study = launch_study(study)
    kept = {item.stimulus_id for item in panel}
    own = Item.objects.filter(part=part, pool=Item.Pool.STUDY)
    assert own.count() == 3 * 8
    assert not kept & set(own.values_list("stimulus", flat=True))
    assert min(own.values_list("position", flat=True)) == 5
    for rater in study.raters.all():
        mine = rater.assignments.filter(role=Role.REFERENCE)
        assert mine.count() == 2
        assert {row.slot for row in mine} == {None}
        assert {row.item for row in mine} <= set(panel)


def test_criteria_begin_at_another_place_for_each_rater(
    team: Team, runs: list[GenerationRun]
) -> None:
    study = launch_study(make_draft(team, runs, raters=7, rotate_criteria=True, limit=7))
    slugs = list(only_part(study).instrument.criteria.values_list("slug", flat=True))
    starts = set()
    for rater in study.raters.all():
        mine = rater.assignments.values_list("criteria_order", flat=True)
        assert len(set(map(tuple, mine))) == 1, "fixed within a rater"
        order = mine[0]
        at = slugs.index(order[0])
        assert order == slugs[at:] + slugs[:at]
        starts.add(at)
    assert starts == set(range(7))


def test_a_follow_up_stays_behind_the_criterion_it_depends_on(team: Team) -> None:
    instrument = Instrument.objects.create(slug="small", name="Small")
    for position, (slug, only_if) in enumerate(
        [("warm", ""), ("warm-why", "warm"), ("warm-more", "warm-why"), ("clear", "")]
    ):
        Criterion.objects.create(
            instrument=instrument,
            slug=slug,
            name=slug,
            position=position,
            definition="d",
            guiding_question="q?",
            only_if={"criterion": only_if, "values": [1]} if only_if else {},
        )
    study = make_draft(team, make_runs(team, 1), parts=[])
    part = save_part(study=study, instrument=str(instrument.pk), design="absolute")
    warm = ["warm", "warm-why", "warm-more"]
    found = criteria_orders(part, 4, 1)
    assert sorted(found) == sorted([[*warm, "clear"], ["clear", *warm]] * 2)


def test_only_turns_with_replies_of_similar_length_are_drawn(team: Team) -> None:
    short, long = make_runs(team, 2)
    turns = Response.objects.filter(run=long)
    turns.update(text="One two three four five six.")
    alike = turns.order_by("pk")[3]
    Response.objects.filter(pk=alike.pk).update(text="  One two\nthree. ")
    study = make_draft(team, [short, long], longest_ratio=1.5)
    launch_study(study)
    assert set(Item.objects.values_list("stimulus", flat=True)) == {alike.stimulus_id}
    Study.objects.update(name="Earlier")
    turns.update(text="One two three four five six.")
    study = make_draft(team, [short, long], longest_ratio=1.5)
    with pytest.raises(NothingSelectedError, match="Allow a longer reply"):
        launch_study(study)


def test_what_was_reported_is_what_is_launched(team: Team, runs: list[GenerationRun]) -> None:
    study = make_draft(team, runs, parts=[{"design": "absolute"}, {"design": "ranking"}])
    planned = plan_study(study, 3)
    study = launch_study(study)
    for plan, part in zip(planned, study.parts.all(), strict=True):
        rows = Assignment.objects.filter(item__part=part).order_by("rater__pseudonym", "position")
        shown = [
            [reply.pk for reply in step.order] for place in range(3) for step in plan.work[place]
        ]
        assert [list(row.display_order) for row in rows] == shown


def test_a_launch_asks_the_database_as_often_for_many_items_as_for_few(team: Team) -> None:
    def queries(dialogues: int, raters: int) -> int:
        corpus = factories.make_corpus_with_dialogues(team, dialogues, name=f"{dialogues}")
        made = [
            factories.make_run_with_responses(team, corpus, f"{name}-{dialogues}")
            for name in ("one", "two")
        ]
        parts = [{"design": "absolute"}, {"design": "pairwise"}]
        study = make_draft(team, made, raters=raters, overlap=2, parts=parts)
        Study.objects.filter(pk=study.pk).update(name=f"{dialogues}")
        with CaptureQueriesContext(connection) as captured:
            launch_study(study)
        return len(captured)

    assert queries(2, 3) == queries(20, 8)


def test_a_failed_launch_leaves_a_draft(team: Team, runs: list[GenerationRun]) -> None:
    study = make_draft(team, runs, raters=1)
    with pytest.raises(InvalidOptionsError, match="only 1"):
        launch_study(study)
    study.refresh_from_db()
    assert study.state == Study.State.DRAFT
    assert not Item.objects.exists()


def test_somebody_who_left_the_draft_gets_no_work(team: Team, runs: list[GenerationRun]) -> None:
    study = make_draft(team, runs, raters=3)
    gone = study.raters.order_by("pseudonym")[0]
    StudyRater.objects.filter(pk=gone.pk).update(stage=StudyRater.Stage.WITHDRAWN)
    launch_study(study)
    assert not gone.assignments.exists()
    assert Assignment.objects.count() == 2 * 36


def test_a_part_needs_as_many_runs_as_it_shows(team: Team, runs: list[GenerationRun]) -> None:
    draft = make_draft(team, runs[:2], parts=[{"design": "best_of_n", "candidates": 3}])
    with pytest.raises(InvalidOptionsError, match="at least 3 generation runs; there are 2"):
        launch_study(draft)


def test_a_study_without_consent_text_or_parts_is_refused(
    team: Team, runs: list[GenerationRun]
) -> None:
    study = make_draft(team, runs, parts=[])
    with pytest.raises(InvalidOptionsError, match="add a part"):
        launch_study(study)
    save_part(study=study, instrument="shipped:multimood-trust", design="absolute")
    with pytest.raises(InvalidOptionsError, match="no consent text"):
        launch_study(edit_draft(study=study, consent_text="  "))


@pytest.mark.parametrize("template", [template.slug for template in study_templates()])
def test_every_shipped_template_can_be_launched_over_three_runs(
    team: Team, runs: list[GenerationRun], template: str
) -> None:
    raters = [f"rater{n}@example.org" for n in range(5)]
    Response.objects.update(chain=dict.fromkeys(CHAIN, "She feels alone."))
    study = create_study(team=team, template=template, runs=runs, raters=raters)
    # The panel itself is uploaded by the team.
    Gate.objects.filter(part__study=study).update(training_items=0, items=0)
    assert launch_study(study).state == Study.State.OPEN
