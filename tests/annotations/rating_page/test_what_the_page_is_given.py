"""What the rating page is given: questions, conversation, candidates, labels; and never more."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from annotations.answers import Written
from annotations.models import Assignment, Study
from annotations.selectors.queue import assignment_for
from annotations.selectors.rating_page import (
    contents,
    preview_page,
    rating_page,
    text_to_mark_in,
)
from annotations.selectors.rating_page.contents import RatingPage
from annotations.services.ratings import save_answers
from inference.models import Response, Turn
from mood_eval.models import User
from tests import factories
from tests.rating_items import EVERY_KIND, REPLY, item_of, open_study

pytestmark = pytest.mark.django_db
TWO: tuple[dict[str, Any], ...] = ({"slug": "fluency"}, {"slug": "comfort"})


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


def page_of(rui: User, study: Study, position: int = 1) -> RatingPage:
    return rating_page(assignment_for(rui, item_of(study, position).pk))


def answer(rui: User, study: Study, **values: str) -> None:
    assignment = assignment_for(rui, item_of(study).pk)
    save_answers(assignment, [Written(name, value, 1) for name, value in values.items()])


# Blinding


def test_no_model_run_response_or_file_is_reachable_from_the_page() -> None:
    allowed = {str, int, bool, float}
    for name, cls in vars(contents).items():
        if not dataclasses.is_dataclass(cls):
            continue
        for field, kind in get_type_hints(cls).items():
            parts = set(getattr(kind, "__args__", (kind,))) - {Ellipsis, type(None)}
            assert all(part in allowed or dataclasses.is_dataclass(part) for part in parts), (
                f"{name}.{field}"
            )


def test_a_kept_piece_of_the_page_holds_nothing_of_the_item_it_was_made_for(
    rui: User, client: Client
) -> None:
    study = open_study(rui, TWO)
    first, second = item_of(study, 1), item_of(study, 2)
    Assignment.objects.filter(pk=first.pk).update(comment="Only <b>here</b>")
    client.force_login(rui)
    pages = [
        client.get(reverse("rating_item", args=[item.pk])).content.decode()
        for item in (first, second)
    ]
    assert "Only &lt;b&gt;here&lt;/b&gt;" in pages[0]
    assert "Only" not in pages[1]
    assert str(second.pk) not in pages[0]
    assert pages[1].count(str(first.pk)) == 2, "the links back, and nothing else"
    for item, page in zip((first, second), pages, strict=True):
        for name in ("rating_save", "rating_submit", "rating_skip", "rating_flag", "rating_next"):
            assert reverse(name, args=[item.pk]) in page, name
        assert "00000000-0000" not in page
        assert "token-of-this-visit" not in page


# Questions


def test_questions_of_every_kind_come_without_a_preset(rui: User) -> None:
    page = page_of(rui, open_study(rui, EVERY_KIND))
    assert {q.key: q.form for q in page.questions} == {
        "empathy": "buttons",
        "skill": "buttons",
        "warmth": "line",
        "advice": "choice",
        "faults": "multiple",
        "passages": "spans",
        "why": "text",
    }
    for question in page.questions:
        assert not any(option.checked for option in question.options)
        assert (question.cannot, question.nothing, question.words) == (False, False, "")
    by_key = {q.key: q for q in page.questions}
    assert by_key["skill"].ends == "0 = harmful … 4 = excellent"
    assert by_key["warmth"].ends == "0 = cold"
    assert [option.key for option in by_key["skill"].options] == ["0", "1", "2", "3", "4"]
    assert [option.key for option in by_key["advice"].options] == ["1", "2", "3"]
    assert not by_key["passages"].asked
    assert not by_key["why"].required


def test_answers_of_every_kind_are_shown_again(rui: User) -> None:
    study = open_study(rui, EVERY_KIND)
    answer(
        rui,
        study,
        empathy="4",
        skill="cannot:cannot_tell",
        advice="1",
        faults="opts:",
        passages='spans:[{"start": 3, "end": 9, "note": "n"}]',
        why="text:Because.\nYes.",
    )
    by_key = {q.key: q for q in page_of(rui, study).questions}
    assert [o.value for o in by_key["empathy"].options if o.checked] == ["4"]
    assert by_key["skill"].cannot
    assert [r.value for r in by_key["skill"].reasons if r.checked] == ["cannot_tell"]
    assert by_key["faults"].nothing
    assert by_key["passages"].asked
    (passage,) = by_key["passages"].passages
    assert (passage.text, passage.note) == (REPLY[3:9], "n")
    assert by_key["why"].words == "Because.\nYes."


def test_an_answer_to_a_question_that_is_no_longer_asked_is_not_shown(rui: User) -> None:
    study = open_study(rui, EVERY_KIND)
    answer(rui, study, advice="0", passages="spans:[]")
    passages = next(q for q in page_of(rui, study).questions if q.key == "passages")
    assert not passages.asked
    assert not passages.nothing


def test_criteria_stand_in_the_raters_own_order_and_follow_ups_behind_theirs(rui: User) -> None:
    study = open_study(rui, EVERY_KIND)
    Assignment.objects.filter(rater__study=study).update(
        criteria_order=["passages", "why", "faults", "advice", "warmth", "skill", "empathy"]
    )
    assert [q.key for q in page_of(rui, study).questions] == [
        "why",
        "faults",
        "advice",
        "passages",
        "warmth",
        "skill",
        "empathy",
    ]


def test_overall_comes_last_whatever_the_order(rui: User) -> None:
    study = open_study(rui, TWO, design="pairwise", replies=("One.", "Two."))
    Assignment.objects.filter(rater__study=study).update(criteria_order=["comfort", "fluency"])
    assert [q.key for q in page_of(rui, study).questions] == ["comfort", "fluency", "overall"]


@pytest.mark.parametrize(
    ("design", "replies", "fields", "values"),
    [
        ("pairwise", 2, {}, ["a2", "a1", "tie", "b1", "b2"]),
        ("pairwise", 2, {"tie_allowed": False}, ["a2", "a1", "b1", "b2"]),
        ("pairwise", 2, {"with_strength": False}, ["a", "tie", "b"]),
        ("best_of_n", 3, {"tie_allowed": False}, ["a", "b", "c"]),
        ("best_of_n", 3, {}, ["a", "b", "c", "tie"]),
    ],
)
def test_choices_stand_from_left_to_right(
    design: str, replies: int, fields: dict[str, Any], values: list[str], rui: User
) -> None:
    texts = [f"Reply {number}." for number in range(replies)]
    page = page_of(rui, open_study(rui, TWO, design=design, replies=texts, **fields))
    assert [option.value for option in page.questions[0].options] == values
    assert page.has_columns


def test_an_order_asks_for_the_place_of_each_response(rui: User) -> None:
    study = open_study(rui, TWO, design="ranking", replies=("One.", "Two.", "Three."))
    answer(rui, study, fluency="rank:c>a=b")
    question = page_of(rui, study).questions[0]
    chosen = {p.letter: [o.value for o in p.options if o.checked] for p in question.places}
    assert chosen == {"A": ["2"], "B": ["2"], "C": ["1"]}
    assert question.shares_places


# Candidates


def test_whole_dialogues_end_with_the_response_and_passages_count_across_lines(rui: User) -> None:
    criteria = [{"slug": "passages", "kind": "spans"}]
    study = open_study(rui, criteria, unit="dialogue")
    page = page_of(rui, study)
    (candidate,) = page.candidates
    assert [line.role for line in candidate.lines] == [
        *("client", "therapist", "client", "client", "therapist")
    ]
    assert candidate.lines[-1].text == REPLY
    assert (page.before, page.client, page.clips) == ((), (), ())
    assert text_to_mark_in(assignment_for(rui, item_of(study).pk)) == candidate.text
    for line in candidate.lines:
        assert candidate.text[line.start : line.start + len(line.text)] == line.text
    start = candidate.lines[1].start
    answer(rui, study, passages=f'spans:[{{"start": {start}, "end": {start + 4}, "note": ""}}]')
    assert page_of(rui, study).questions[0].passages[0].text == "What"


def labels_of(page: RatingPage) -> list[list[str]]:
    return [[label.value for label in candidate.labels] for candidate in page.candidates]


@pytest.mark.parametrize(("shown", "labels"), [("hidden", 0), ("beside", 3), ("after", 0)])
def test_labels_are_shown_where_the_study_says_so(shown: str, labels: int, rui: User) -> None:
    study = open_study(rui, TWO, study_fields={"response_fields": shown})
    assert [len(values) for values in labels_of(page_of(rui, study))] == [labels]


def test_a_label_that_one_candidate_lacks_is_shown_for_none(rui: User) -> None:
    study = open_study(
        rui,
        TWO,
        design="pairwise",
        replies=("One.", "Two."),
        study_fields={"response_fields": "beside"},
    )
    first = Response.objects.get(pk=item_of(study).display_order[0])
    Response.objects.filter(pk=first.pk).update(strategy="")
    assert labels_of(page_of(rui, study)) == [["sadness", "neutral"]] * 2


def test_after_the_text_its_questions_are_locked_and_those_about_labels_asked(rui: User) -> None:
    criteria: list[dict[str, Any]] = [{"slug": "empathy"}, {"slug": "fit", "about_labels": True}]
    study = open_study(rui, criteria, study_fields={"response_fields": "after"})
    page = page_of(rui, study)
    assert (page.step, [q.key for q in page.questions]) == ("text", ["empathy"])
    Assignment.objects.filter(rater__study=study).update(fields_shown_at=timezone.now())
    page = page_of(rui, study)
    assert (page.step, page.has_labels) == ("labels", True)
    assert [(q.key, q.locked) for q in page.questions] == [("empathy", True), ("fit", False)]


# A researcher's preview, languages, and cost


def test_a_preview_shows_the_same_page_without_an_assignment(rui: User) -> None:
    study = open_study(rui, EVERY_KIND, clips=True)
    page = page_of(rui, study)
    assignment = assignment_for(rui, item_of(study).pk)
    item = assignment.item
    preview = preview_page(item.part, item.stimulus, assignment.display_order)
    for name in ("title", "questions", "candidates", "situation", "before", "design", "step"):
        assert getattr(preview, name) == getattr(page, name), name
    assert (preview.assignment, preview.rater, preview.is_preview) == ("", "", True)
    turn = Turn.objects.filter(dialogue=item.stimulus.dialogue_id, position=2).get()
    assert preview.clips[0].address == reverse("clip", args=[turn.clip_id])
    request = RequestFactory().get("/")
    request.user = rui
    html = render_to_string("rating/item.html", {"page": preview}, request)
    assert "data-preview" in html
    for secret in ("data-assignment", "/rate/item/", "csrfmiddlewaretoken"):
        assert secret not in html, secret


def test_kept_questions_speak_the_language_of_who_asks(rui: User) -> None:
    study = open_study(rui, TWO, design="pairwise", replies=("One.", "Two."))
    page_of(rui, study)
    with translation.override("de"):
        german = page_of(rui, study).questions[-1]
    english = page_of(rui, study).questions[-1]
    assert english.name == "Overall"
    assert german.name != english.name


def test_a_draft_shows_words_as_they_are_now(rui: User) -> None:
    study = open_study(rui, TWO, study_fields={"state": Study.State.DRAFT})
    item = item_of(study).item
    responses = item_of(study).display_order
    preview_page(item.part, item.stimulus, responses)
    criterion = item.part.instrument.criteria.get(slug="fluency")
    criterion.guiding_question = "Does it flow?"
    criterion.save()
    page = preview_page(item.part, item.stimulus, responses)
    assert page.questions[0].guiding_question == "Does it flow?"


def test_the_page_costs_three_queries_and_one_more_once_answered(rui: User) -> None:
    study = open_study(rui, EVERY_KIND, clips=True)
    assignment = assignment_for(rui, item_of(study).pk)
    rating_page(assignment)
    with CaptureQueriesContext(connection) as captured:
        rating_page(assignment)
    assert len(captured) == 3
    answer(rui, study, empathy="4")
    assignment = assignment_for(rui, assignment.pk)
    with CaptureQueriesContext(connection) as captured:
        rating_page(assignment)
    assert len(captured) == 4
