"""Work changes hands; no item ever has more holders than places, and nobody meets one twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from annotations.answers import Written
from annotations.models import Amendment, Assignment, Dispute, LateAnswer, Study, StudyRater
from annotations.services.raters import add_raters
from annotations.services.ratings import save_answers
from annotations.services.reassignment import (
    ReasonMissingError,
    extend_work,
    fill_open_slots,
    let_back_in,
    release_open_items,
    reopen_assignment,
    share_with_newcomers,
    share_work,
    withdraw_rater,
)
from annotations.services.studies import close_study
from inference.errors import WrongStateError
from mood_eval.models import Team, User
from tests.annotations.raters.conftest import holders, open_study, submit, work

pytestmark = pytest.mark.django_db
WHY = "Left for another job."


def met_twice(study: Study) -> list[tuple[int, int]]:
    """(rater, item) that somebody has, or had, more than once as his own."""
    roles = ("independent", "released", "withdrawn")
    rows = Assignment.objects.filter(rater__study=study, role__in=roles)
    counted = Counter(rows.values_list("rater_id", "item_id"))
    return [pair for pair, times in counted.items() if times > 1]


def test_a_withdrawn_rater_keeps_what_is_submitted_and_frees_the_rest(
    study: Study, first: StudyRater, ada: User
) -> None:
    done, *rest = work(first)
    submit(done)
    left = withdraw_rater(rater=first, by=ada, reason=WHY)
    assert (left.freed, left.kept, left.withdrawn) == (len(rest), 1, 0)
    assert [row.pk for row in work(first)] == [done.pk]
    first.refresh_from_db()
    assert (first.stage, first.withdrawal_reason) == ("withdrawn", WHY)
    assert set(first.assignments.filter(role="released").values_list("slot", flat=True)) == {None}
    row = Amendment.objects.get(study=study)
    assert (row.by, row.reason) == (ada, WHY)
    assert row.what == "Rater R01 withdrawn, answers kept"


def test_answers_that_count_no_more_leave_their_places_to_others(
    study: Study, first: StudyRater, ada: User
) -> None:
    done = submit(work(first)[0])
    left = withdraw_rater(rater=first, by=ada, reason=WHY, keep_answers=False, give_out=True)
    assert left.withdrawn == 1
    done.refresh_from_db()
    assert (done.role, done.slot, done.state) == ("withdrawn", None, "submitted")
    assert set(holders(study).values()) == {2}
    assert not met_twice(study)


def test_freed_places_go_to_raters_who_have_not_had_the_item(
    study: Study, first: StudyRater, ada: User
) -> None:
    mine = {row.item_id for row in work(first)}
    withdraw_rater(rater=first, by=ada, reason=WHY)
    handed = fill_open_slots(study=study, by=ada, reason="Somebody left.")
    assert (handed.given, handed.raters, handed.left) == (len(mine), 2, 0)
    assert set(holders(study).values()) == {2}
    assert not met_twice(study)
    loads = [len(work(rater)) for rater in study.raters.exclude(pk=first.pk)]
    assert max(loads) - min(loads) <= 1


def test_new_items_stand_at_the_end_of_a_raters_work(
    study: Study, first: StudyRater, ada: User
) -> None:
    other = study.raters.get(pseudonym="R02")
    before = [(row.pk, row.position) for row in work(other)]
    withdraw_rater(rater=first, by=ada, reason=WHY, give_out=True)
    after = [(row.pk, row.position) for row in work(other)]
    assert after[: len(before)] == before
    assert [position for _, position in after] == list(range(1, len(after) + 1))


def test_places_nobody_can_take_stay_open_and_are_counted(team: Team, ada: User) -> None:
    study = open_study(team, raters=2)
    gone, _stays = study.raters.order_by("pseudonym")
    withdraw_rater(rater=gone, by=ada, reason=WHY)
    handed = fill_open_slots(study=study, by=ada, reason=WHY)
    assert (handed.given, handed.left) == (0, 12)
    assert set(holders(study).values()) == {1}


def test_sides_are_counterbalanced_in_what_a_rater_gets_anew(team: Team, ada: User) -> None:
    study = open_study(team, models=("kind", "curt"), template="multimood-trust-pairwise")
    gone = study.raters.get(pseudonym="R01")
    withdraw_rater(rater=gone, by=ada, reason=WHY, give_out=True)
    for rater in study.raters.exclude(pk=gone.pk):
        runs = {r.pk: r.run_id for s in study.study_runs.all() for r in s.run.responses.all()}
        new = [row for row in work(rater) if row.position > 8]
        shown_first = Counter(runs[row.display_order[0]] for row in new)
        assert len(new) == 4
        assert set(shown_first.values()) == {2}
        for row in new:
            assert sorted(row.display_order) == sorted(
                row.item.candidates.values_list("response_id", flat=True)
            )


def test_what_a_rater_may_be_at_stays_with_him(study: Study, first: StudyRater, ada: User) -> None:
    now = timezone.now()
    at_it, long_ago, *rest = work(first)
    Assignment.objects.filter(pk=at_it.pk).update(opened_at=now - timedelta(hours=23))
    Assignment.objects.filter(pk=long_ago.pk).update(opened_at=now - timedelta(hours=25))
    left = release_open_items(rater=first, by=ada, reason="Slow.")
    kept = {row.pk for row in work(first)}
    assert at_it.pk in kept
    assert left.freed == len(rest) + 1 - 2  # the rater was here today: the next two stay as well
    first.refresh_from_db()
    assert first.stage == "rating"


def test_a_rater_who_is_not_there_keeps_nothing_that_is_open(
    study: Study, first: StudyRater, ada: User
) -> None:
    count = len(work(first))
    left = release_open_items(rater=first, by=ada, reason="Never came.", give_out=True)
    assert (left.freed, left.given) == (count, count)
    assert not work(first)
    assert not met_twice(study)


def test_skipped_items_go_to_others_only_when_asked(
    study: Study, first: StudyRater, ada: User
) -> None:
    skipped = work(first)[0]
    Assignment.objects.filter(pk=skipped.pk).update(state="skipped")
    release_open_items(rater=first, by=ada, reason="Slow.")
    assert [row.pk for row in work(first)] == [skipped.pk]
    release_open_items(rater=first, by=ada, reason="And these.", skipped=True)
    skipped.refresh_from_db()
    assert (skipped.role, skipped.state, skipped.slot) == ("released", "skipped", None)


def test_a_withdrawn_rater_is_let_back_to_what_nobody_took(
    study: Study, first: StudyRater, ada: User
) -> None:
    count = len(work(first))
    withdraw_rater(rater=first, by=ada, reason=WHY)
    other = study.raters.get(pseudonym="R02")
    release_open_items(rater=other, by=ada, reason="x")
    fill_open_slots(study=study, by=ada, reason="x")
    taken = sum(n for n in holders(study).values())
    back = let_back_in(rater=first, by=ada, reason="It was a mistake.")
    assert 0 < back.given <= count
    first.refresh_from_db()
    assert (first.stage, first.withdrawn_at) == ("rating", None)
    assert sum(holders(study).values()) == taken + back.given
    assert max(holders(study).values()) <= 2
    assert not met_twice(study)


def test_late_joiners_get_a_fair_share_of_what_nobody_has_looked_at(
    study: Study, ada: User
) -> None:
    opened = [row.pk for rater in study.raters.all() for row in work(rater)[:1]]
    Assignment.objects.filter(pk__in=opened).update(opened_at=timezone.now())
    (late,) = add_raters(study, ["late@example.org"])
    handed = share_work(study, [late])
    loads = sorted(len(work(rater)) for rater in study.raters.all())
    assert (sum(loads), loads[-1] - loads[0]) == (24, 0)
    assert handed.given == 6
    assert set(holders(study).values()) == {2}
    assert not met_twice(study)
    assert {row.role for row in Assignment.objects.filter(pk__in=opened)} == {"independent"}


def test_sharing_finds_those_who_never_had_work(study: Study, ada: User) -> None:
    add_raters(study, ["late@example.org", "later@example.org"])
    handed = share_with_newcomers(study=study, by=ada, reason="Two joined.")
    assert handed.raters == 2
    again = share_with_newcomers(study=study, by=ada, reason="Two joined.")
    assert again.given == 0


def test_a_rater_who_does_more_gets_the_last_items_of_the_most_loaded(
    study: Study, first: StudyRater, ada: User
) -> None:
    for row in work(first):
        submit(row)
    handed = extend_work(rater=first, count=3, by=ada, reason="Has time.")
    assert handed.given == 3
    assert sum(row.state == "assigned" for row in work(first)) == 3
    assert set(holders(study).values()) == {2}
    everything = extend_work(rater=first, count=100, by=ada, reason="Has time.")
    assert everything.given < 100
    with pytest.raises(WrongStateError, match="No other rater has an unopened item"):
        extend_work(rater=first, count=1, by=ada, reason="Has time.")


def test_all_responses_to_a_client_turn_move_together_where_the_study_says_so(
    team: Team, ada: User
) -> None:
    study = open_study(team, models=("kind", "curt"))
    study.parts.update(same_raters=True)
    together: dict[tuple[int, int], int] = Counter()
    Assignment.objects.filter(rater__study=study).delete()
    raters = list(study.raters.order_by("pseudonym"))
    part = study.parts.get()
    turns = sorted(set(part.items.values_list("stimulus_id", flat=True)))
    for number, turn in enumerate(turns):
        for place in range(2):
            rater = raters[(number + place) % 3]
            for item in part.items.filter(stimulus_id=turn):
                Assignment.objects.create(
                    item=item,
                    rater=rater,
                    slot=place + 1,
                    position=rater.assignments.count() + 1,
                    display_order=list(item.candidates.values_list("response_id", flat=True)),
                )
    withdraw_rater(rater=raters[0], by=ada, reason=WHY, give_out=True)
    add_raters(study, ["late@example.org"])
    share_with_newcomers(study=study, by=ada, reason="One joined.")
    for rater in study.raters.all():
        for row in work(rater):
            together[rater.pk, row.item.stimulus_id] += 1
    assert set(together.values()) == {2}
    assert set(holders(study).values()) == {2}
    late = study.raters.get(user__email="late@example.org")
    assert len(work(late)) >= 10


def test_repeats_of_freed_items_go_with_them(study: Study, first: StudyRater, ada: User) -> None:
    item = work(first)[0].item
    Assignment.objects.create(
        item=item,
        rater=first,
        role="repeat",
        position=99,
        display_order=list(item.candidates.values_list("response_id", flat=True)),
    )
    withdraw_rater(rater=first, by=ada, reason=WHY)
    assert not first.assignments.filter(role="repeat").exists()


def test_another_third_rater_is_asked_where_one_leaves(team: Team, ada: User) -> None:
    study = open_study(team, raters=4, dialogues=1)
    study.parts.update(resolution="more_raters", dispute_range=2)
    item = study.parts.get().items.first()
    assert item is not None
    for row in item.assignments.all():
        submit(row)
    Dispute.objects.create(item=item, rule="range")
    had = item.assignments.values("rater")
    third, fourth = study.raters.exclude(pk__in=had).order_by("pseudonym")
    Assignment.objects.create(
        item=item,
        rater=third,
        role="adjudication",
        position=99,
        display_order=list(item.candidates.values_list("response_id", flat=True)),
    )
    withdraw_rater(rater=third, by=ada, reason=WHY, give_out=True)
    asked = item.assignments.filter(role="adjudication")
    assert [row.rater for row in asked] == [fourth]
    assert item.assignments.filter(role="independent").count() == 2
    assert not met_twice(study)


def test_a_submitted_item_is_opened_again_and_its_answers_stay(
    study: Study, first: StudyRater, ada: User
) -> None:
    row = work(first)[0]
    save_answers(row, [Written("empathy", "7", 1)])
    submit(row)
    reopen_assignment(assignment=row, by=ada, reason="The clip was the wrong one.")
    row.refresh_from_db()
    assert (row.state, row.ratings.get().score) == ("assigned", 7)
    with pytest.raises(WrongStateError, match="submitted or skipped"):
        reopen_assignment(assignment=row, by=ada, reason="Again.")


def test_what_was_given_away_is_not_opened_again(
    study: Study, first: StudyRater, ada: User
) -> None:
    row = submit(work(first)[0])
    withdraw_rater(rater=first, by=ada, reason=WHY, keep_answers=False)
    with pytest.raises(WrongStateError):
        reopen_assignment(assignment=row, by=ada, reason="Why not.")


def test_what_arrives_for_an_item_given_away_is_kept_as_late(
    study: Study, first: StudyRater, ada: User
) -> None:
    row = Assignment.objects.select_related("rater__study", "item__part").get(pk=work(first)[0].pk)
    release_open_items(rater=first, by=ada, reason=WHY, give_out=True)
    saved = save_answers(row, [Written("empathy", "7", 1)])
    assert saved.late == 1
    assert LateAnswer.objects.get().assignment_id == row.pk
    assert set(holders(study).values()) == {2}


def test_each_act_needs_a_reason_and_an_open_study(
    study: Study, first: StudyRater, ada: User
) -> None:
    with pytest.raises(ReasonMissingError):
        withdraw_rater(rater=first, by=ada, reason="  ")
    close_study(study)
    with pytest.raises(WrongStateError, match="only while a study is open"):
        withdraw_rater(rater=first, by=ada, reason=WHY)
    with pytest.raises(WrongStateError, match="only while a study is open"):
        fill_open_slots(study=study, by=ada, reason=WHY)
    assert not Amendment.objects.exists()


def test_the_criteria_of_a_rater_keep_their_order(team: Team, ada: User) -> None:
    study = open_study(team)
    study.rotate_criteria = True
    study.save()
    slugs = list(study.parts.get().instrument.criteria.values_list("slug", flat=True))
    other = study.raters.get(pseudonym="R02")
    other.assignments.update(criteria_order=slugs[2:] + slugs[:2])
    withdraw_rater(rater=study.raters.get(pseudonym="R01"), by=ada, reason=WHY, give_out=True)
    assert {tuple(row.criteria_order) for row in work(other)} == {tuple(slugs[2:] + slugs[:2])}
    (late,) = add_raters(study, ["late@example.org"])
    share_work(study, [late])
    (order,) = {tuple(row.criteria_order) for row in work(late)}
    assert sorted(order) == sorted(slugs)


def test_a_place_is_never_held_twice_whatever_the_code_does(study: Study) -> None:
    from django.db import IntegrityError

    row = Assignment.objects.filter(rater__study=study)[0]
    free = next(r for r in study.raters.all() if not r.assignments.filter(item=row.item).exists())
    with pytest.raises(IntegrityError, match="assignment_slot_unique"):
        Assignment.objects.create(
            item=row.item, rater=free, slot=row.slot, position=99, display_order=row.display_order
        )
