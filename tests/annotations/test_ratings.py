"""What Rui says is kept once, in order, with its history; nothing late overwrites it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import Error, transaction

from annotations.answers import Written
from annotations.models import Assignment, Flag, LateAnswer, Preference, Rating, Study
from annotations.selectors.queue import next_assignment, progress_of
from annotations.services.flags import set_flag
from annotations.services.held import ConsentMissingError
from annotations.services.ratings import (
    IncompleteError,
    UnknownQuestionError,
    questions_of,
    save_answers,
    skip_assignment,
    submit_assignment,
)
from annotations.services.studies import close_study
from inference.errors import WrongStateError
from mood_eval.models import User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


def open_study(rui: User, template: str = "multimood-trust-rating", **options: object) -> Study:
    team = factories.make_team()
    corpus = factories.make_corpus_with_dialogues(team, 2)
    runs = [
        factories.make_run_with_responses(team, corpus, name, f"{name} says this.")
        for name in ("model-one", "model-two")
    ]
    return factories.make_study(team, runs, [rui], template=template, **options)  # type: ignore[arg-type]


def first_of(study: Study) -> Assignment:
    return Assignment.objects.select_related("rater__study", "item__part").get(
        rater__study=study, position=1
    )


def say(assignment: Assignment, question: str, value: str, sequence: int) -> None:
    save_answers(assignment, [Written(question, value, sequence)])


def all_answered(assignment: Assignment, value: str, sequence: int = 1) -> list[Written]:
    return [Written(question, value, sequence) for question in questions_of(assignment)]


def test_a_score_is_saved_and_changed(rui: User) -> None:
    assignment = first_of(open_study(rui))
    say(assignment, "empathy", "7", 1)
    say(assignment, "empathy", "4", 2)
    rating = Rating.objects.get()
    assert (rating.score, rating.criterion.slug, rating.cannot_rate) == (4, "empathy", "")
    assert rating.candidate.response_id == assignment.display_order[0]


def test_a_late_request_never_overwrites_a_newer_answer(rui: User) -> None:
    assignment = first_of(open_study(rui))
    say(assignment, "empathy", "4", 20)
    say(assignment, "empathy", "7", 10)
    say(assignment, "empathy", "7", 20)
    assert Rating.objects.get().score == 4


def test_an_answer_taken_back_stays_away_when_an_older_request_arrives(rui: User) -> None:
    assignment = first_of(open_study(rui))
    say(assignment, "empathy", "4", 1)
    say(assignment, "empathy", "", 3)
    say(assignment, "empathy", "5", 2)
    assert not Rating.objects.exists()


def test_cannot_rate_keeps_the_reason_instead_of_a_score(rui: User) -> None:
    assignment = first_of(open_study(rui))
    say(assignment, "privacy", "3", 1)
    say(assignment, "privacy", "cannot:not_applicable", 2)
    rating = Rating.objects.get()
    assert (rating.score, rating.cannot_rate) == (None, "not_applicable")


@pytest.mark.parametrize("value", ["0", "11", "٣", "7.5", "tie", "cannot:", "cannot:bored"])
def test_what_is_not_an_answer_is_refused(rui: User, value: str) -> None:
    assignment = first_of(open_study(rui))
    with pytest.raises(UnknownQuestionError):
        say(assignment, "empathy", value, 1)
    assert not Rating.objects.exists()


def test_unknown_questions_are_refused(rui: User) -> None:
    assignment = first_of(open_study(rui))
    for question in ("overall", "charm"):
        with pytest.raises(UnknownQuestionError):
            say(assignment, question, "5", 1)


@pytest.mark.parametrize(
    ("value", "letter", "strength"),
    [("a2", "A", 2), ("a1", "A", 1), ("tie", "", 0), ("b1", "B", 1), ("b2", "B", 2)],
)
def test_a_choice_is_stored_for_the_response_that_was_shown_on_that_side(
    rui: User, value: str, letter: str, strength: int
) -> None:
    study = open_study(rui, "multimood-trust-pairwise")
    for assignment in Assignment.objects.filter(rater__study=study).select_related("item__part"):
        say(assignment, "empathy", value, 1)
        preference = Preference.objects.get(assignment=assignment)
        assert preference.strength == strength
        shown = dict(zip("AB", assignment.display_order, strict=True))
        preferred = preference.preferred.response_id if preference.preferred else None
        assert preferred == shown.get(letter)


def test_an_overall_tie_has_to_say_which_kind(rui: User) -> None:
    assignment = first_of(open_study(rui, "multimood-trust-pairwise"))
    answers = all_answered(assignment, "tie")
    with pytest.raises(IncompleteError) as refused:
        submit_assignment(assignment, answers)
    assert [gap.question for gap in refused.value.missing] == ["overall"]
    with pytest.raises(UnknownQuestionError):
        say(assignment, "safety", "tie:both_acceptable", 2)
    submit_assignment(assignment, [Written("overall", "tie:neither_acceptable", 2)])
    assert Preference.objects.get(criterion=None).tie_kind == "neither_acceptable"


def test_half_an_answer_does_not_replace_a_submitted_one(rui: User) -> None:
    assignment = first_of(open_study(rui, "multimood-trust-pairwise"))
    answers = [a for a in all_answered(assignment, "tie") if a.question != "overall"]
    submit_assignment(assignment, [*answers, Written("overall", "tie:neither_acceptable", 1)])
    for sequence, value in enumerate(["tie", "a1", "tie"], start=2):
        say(assignment, "overall", value, sequence)
    overall = Preference.objects.get(criterion=None)
    assert (overall.strength, overall.tie_kind) == (1, "")
    say(assignment, "overall", "tie:both_acceptable", 9)
    assert Preference.objects.get(criterion=None).tie_kind == "both_acceptable"


def test_without_strength_a_choice_is_a_or_b(rui: User) -> None:
    study = open_study(rui, "multimood-trust-pairwise")
    study.parts.update(with_strength=False, tie_allowed=False)
    assignment = first_of(study)
    say(assignment, "empathy", "b", 1)
    assert Preference.objects.get().strength == 1
    for value in ("b2", "tie"):
        with pytest.raises(UnknownQuestionError):
            say(assignment, "empathy", value, 2)


def test_submitting_names_each_criterion_without_an_answer(rui: User) -> None:
    assignment = first_of(open_study(rui))
    answers = [a for a in all_answered(assignment, "6") if a.question not in ("fairness", "safety")]
    with pytest.raises(IncompleteError) as refused:
        submit_assignment(assignment, answers)
    messages = [gap.message for gap in refused.value.missing]
    assert messages == [
        "Safety has no answer. Choose a score, or Can't rate.",
        "Fairness has no answer. Choose a score, or Can't rate.",
    ]


def test_an_incomplete_submission_keeps_what_was_answered(rui: User) -> None:
    assignment = first_of(open_study(rui))
    with pytest.raises(IncompleteError):
        submit_assignment(assignment, [Written("empathy", "6", 1)])
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.ASSIGNED
    assert Rating.objects.get().score == 6


def test_submitting_twice_is_submitting_once(rui: User) -> None:
    assignment = first_of(open_study(rui))
    answers = all_answered(assignment, "6")
    first = submit_assignment(assignment, answers).submitted_at
    second = submit_assignment(assignment, answers).submitted_at
    assert first == second
    assert Rating.objects.count() == 7


def test_a_submitted_item_can_be_changed_but_not_emptied_until_the_study_closes(rui: User) -> None:
    study = open_study(rui)
    assignment = first_of(study)
    submit_assignment(assignment, all_answered(assignment, "6"))
    say(assignment, "empathy", "9", 2)
    say(assignment, "safety", "", 2)
    assert Rating.objects.get(criterion__slug="empathy").score == 9
    assert Rating.objects.get(criterion__slug="safety").score == 6
    close_study(study)
    say(assignment, "empathy", "1", 3)
    assert Rating.objects.get(criterion__slug="empathy").score == 9


def test_answers_after_the_close_are_kept_apart_and_once(rui: User) -> None:
    study = open_study(rui)
    assignment = first_of(study)
    say(assignment, "empathy", "8", 1)
    close_study(study)
    late = [Written("empathy", "2", 2), Written("safety", "3", 2), Written("empathy", "8", 1)]
    assert save_answers(assignment, late).late == 2
    save_answers(assignment, late)
    assert sorted(LateAnswer.objects.values_list("question", "value")) == [
        ("empathy", "2"),
        ("safety", "3"),
    ]
    assert Rating.objects.get().score == 8
    with pytest.raises(WrongStateError):
        submit_assignment(assignment, all_answered(assignment, "5", 9))
    with pytest.raises(WrongStateError):
        skip_assignment(assignment)


def test_nothing_is_taken_before_consent(rui: User) -> None:
    assignment = first_of(open_study(rui, consented=False))
    with pytest.raises(ConsentMissingError):
        say(assignment, "empathy", "5", 1)


def test_consent_to_another_text_is_no_consent(rui: User) -> None:
    study = open_study(rui)
    assignment = first_of(study)
    Study.objects.filter(pk=study.pk).update(consent_text="Something else is asked now.")
    with pytest.raises(ConsentMissingError):
        say(assignment, "empathy", "5", 1)


def test_every_change_stays_in_the_history(rui: User) -> None:
    assignment = first_of(open_study(rui))
    for sequence, value in enumerate(["7", "4", "4", "cannot:cannot_tell", ""]):
        say(assignment, "empathy", value, sequence)
    history = apps.get_model("annotations", "RatingEvent").objects.order_by("pgh_id")
    assert list(history.values_list("pgh_label", "score", "cannot_rate")) == [
        ("insert", 7, ""),
        ("update", 4, ""),
        ("update", None, "cannot_tell"),
        ("delete", None, "cannot_tell"),
    ]


@pytest.mark.parametrize("act", ["delete", "update"])
def test_the_history_can_be_neither_changed_nor_deleted(rui: User, act: str) -> None:
    assignment = first_of(open_study(rui))
    say(assignment, "empathy", "7", 1)
    history = apps.get_model("annotations", "RatingEvent").objects.all()
    with pytest.raises(Error), transaction.atomic():
        history.delete() if act == "delete" else history.update(score=1)
    assert history.get().score == 7


def test_skipping_goes_on_without_penalty_and_comes_back_at_wish(rui: User) -> None:
    study = open_study(rui)
    assignment = first_of(study)
    skip_assignment(assignment)
    rater = study.raters.get()
    following = next_assignment(rater, assignment.position)
    assert following is not None
    assert following.position == 2
    assert progress_of(rater).skipped == 1
    submit_assignment(assignment, all_answered(assignment, "5"))
    assert (progress_of(rater).skipped, progress_of(rater).submitted) == (0, 1)
    skip_assignment(assignment)
    assert progress_of(rater).submitted == 1


def test_after_the_last_item_the_queue_returns_to_what_was_left_open(rui: User) -> None:
    study = open_study(rui)
    rater = study.raters.get()
    last = rater.assignments.order_by("-position").select_related("item__part")[0]
    submit_assignment(last, all_answered(last, "5"))
    following = next_assignment(rater, last.position)
    assert following is not None
    assert following.position == 1


def test_flags_name_the_response_and_are_sent_once(rui: User) -> None:
    assignment = first_of(open_study(rui, "multimood-trust-pairwise"))
    for _ in range(2):
        set_flag(assignment, "harm", " It scares her. ", "B")
    flag = Flag.objects.select_related("candidate").get()
    assert flag.candidate is not None
    assert flag.candidate.response_id == assignment.display_order[1]
    assert flag.text == "It scares her."
    set_flag(assignment, "harm")
    assert Flag.objects.filter(kind="harm", candidate__isnull=False).count() == 3
    set_flag(assignment, "other", letter="item")
    assert Flag.objects.get(kind="other").candidate is None
    for kind, letter in (("boring", "A"), ("harm", "C"), ("harm", "AB")):
        with pytest.raises(UnknownQuestionError):
            set_flag(assignment, kind, "", letter)


def test_telemetry_only_grows(rui: User) -> None:
    assignment = first_of(open_study(rui))
    report = {
        "opened_ms_ago": 60_000,
        "active_ms": 5000,
        "clip_ms": 2000,
        "definitions": ["empathy", "charm"],
        "screen": "laptop",
    }
    save_answers(assignment, [], report)  # type: ignore[arg-type]
    assignment.refresh_from_db()
    opened = assignment.opened_at
    save_answers(
        assignment, [], {"active_ms": 3000, "definitions": ["safety"], "clip_failed": True}
    )
    assignment.refresh_from_db()
    assert assignment.opened_at == opened
    assert (assignment.active_ms, assignment.clip_ms_played) == (5000, 2000)
    assert assignment.definitions_opened == ["empathy", "safety"]
    assert assignment.clip_failed
    assert assignment.screen_class == "laptop"
    assert opened is not None
    assert opened < assignment.rater.study.launched_at + timedelta(minutes=1)  # type: ignore[operator]
