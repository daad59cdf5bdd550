"""How a response was reasoned, as optional evidence beside it and at the questions about it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from annotations.answers import Written
from annotations.models import Assignment, Study
from annotations.selectors.queue import assignment_for
from annotations.selectors.rating_page import RatingPage, preview_page, rating_page
from annotations.services.ratings import IncompleteError, save_answers, submit_assignment
from inference.models import Response
from mood_eval.models import User
from tests import factories
from tests.rating_items import item_of, open_study

pytestmark = pytest.mark.django_db
TWO: tuple[dict[str, Any], ...] = (
    {"slug": "fluency"},
    {"slug": "view", "about_chain": "appraisal"},
)
SHOWN = {"show_chain": True}
CHAIN = {
    "strategy_reason": "An open question lets Mira\r\n say it first.",
    "emotion": "Mira feels <i>alone</i>.",
    "appraisal": "She thinks that nobody noticed.",
    "stimulus": "Her sister moved out.",
}


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


def reasoned_study(rui: User, *criteria: dict[str, Any], **fields: Any) -> Study:
    study = open_study(rui, criteria or TWO, **fields)
    Response.objects.update(chain=CHAIN)
    return study


def page_of(rui: User, study: Study) -> RatingPage:
    return rating_page(assignment_for(rui, item_of(study).pk))


def chains_of(page: RatingPage) -> list[list[str]]:
    return [[link.name for link in candidate.chain] for candidate in page.candidates]


def test_it_is_shown_where_the_study_says_so_in_the_order_it_was_reasoned(rui: User) -> None:
    page = page_of(rui, reasoned_study(rui, study_fields=SHOWN))
    (candidate,) = page.candidates
    assert [(link.name, link.value) for link in candidate.chain] == [
        ("What the client feels", "Mira feels <i>alone</i>."),
        ("What set it off", "Her sister moved out."),
        ("How the client sees it", "She thinks that nobody noticed."),
        ("Why this way of answering", "An open question lets Mira\nsay it first."),
    ]


def test_without_the_studys_word_nothing_is_beside_the_response(rui: User) -> None:
    page = page_of(rui, reasoned_study(rui))
    assert chains_of(page) == [[]]


def test_a_part_that_one_candidate_lacks_is_shown_for_none(rui: User) -> None:
    study = reasoned_study(
        rui,
        {"slug": "fluency"},
        design="pairwise",
        replies=("One.", "Two."),
        study_fields=SHOWN,
    )
    first = Response.objects.filter(pk=item_of(study).display_order[0])
    first.update(chain={"emotion": "Alone.", "stimulus": " ", "motive": "Sold as model-1."})
    assert chains_of(page_of(rui, study)) == [["What the client feels"]] * 2


def test_a_question_about_it_shows_that_part_whether_or_not_the_whole_is_shown(rui: User) -> None:
    page = page_of(rui, reasoned_study(rui))
    fluency, view = page.questions
    assert fluency.reasoned == ()
    assert [(one.letter, one.name, one.text) for one in view.reasoned] == [
        ("A", "How the client sees it", "She thinks that nobody noticed.")
    ]
    assert page.is_tall, "then the questions scroll in their box"


def test_a_comparison_shows_that_part_of_each_response(rui: User) -> None:
    study = reasoned_study(rui, design="pairwise", replies=("One.", "Two."))
    last = Response.objects.filter(pk=item_of(study).display_order[1])
    last.update(chain=CHAIN | {"appraisal": "It was her own fault."})
    view = next(q for q in page_of(rui, study).questions if q.key == "view")
    assert [(one.letter, one.text) for one in view.reasoned] == [
        ("A", "She thinks that nobody noticed."),
        ("B", "It was her own fault."),
    ]


def test_where_labels_come_after_the_text_so_does_the_reasoning(rui: User) -> None:
    """It tells what the labels tell."""
    study = reasoned_study(rui, study_fields=SHOWN | {"response_fields": "after"})
    page = page_of(rui, study)
    assert (page.step, chains_of(page)) == ("text", [[]])
    assert [q.key for q in page.questions] == ["fluency"]
    Assignment.objects.filter(rater__study=study).update(fields_shown_at=timezone.now())
    page = page_of(rui, study)
    assert [len(names) for names in chains_of(page)] == [4]
    assert [(q.key, q.locked) for q in page.questions] == [("fluency", True), ("view", False)]


def test_what_is_asked_about_it_can_be_answered_after_the_text_was_locked(rui: User) -> None:
    study = reasoned_study(rui, study_fields=SHOWN | {"response_fields": "after"})
    Assignment.objects.filter(rater__study=study).update(fields_shown_at=timezone.now())
    assignment = assignment_for(rui, item_of(study).pk)
    save_answers(assignment, [Written("fluency", "4", 1), Written("view", "2", 2)])
    assert [q.answer for q in page_of(rui, study).questions] == ["", "2"]
    with pytest.raises(IncompleteError, match="Fluency"):
        submit_assignment(assignment)


def test_a_preview_shows_what_raters_will_see(rui: User) -> None:
    study = reasoned_study(rui, study_fields=SHOWN)
    item = item_of(study)
    preview = preview_page(item.item.part, item.item.stimulus, item.display_order)
    page = page_of(rui, study)
    assert (preview.candidates, preview.questions) == (page.candidates, page.questions)


def test_it_is_closed_at_first_opens_by_the_keyboard_and_is_text(rui: User, client: Client) -> None:
    study = reasoned_study(rui, study_fields=SHOWN)
    client.force_login(rui)
    html = client.get(reverse("rating_item", args=[item_of(study).pk])).content.decode()
    closed = '<details class="chain scrollbox"><summary>How the response was reasoned'
    assert html.count(closed) == 2
    assert "Mira feels &lt;i&gt;alone&lt;/i&gt;." in html
    assert 'aria-describedby="ask-view reasoned-view"' in html
    assert html.count("She thinks that nobody noticed.") == 3, (
        "beside, in the sheet, at its question"
    )


def test_a_question_kept_from_one_item_shows_nothing_of_it_on_another(
    rui: User, client: Client
) -> None:
    study = reasoned_study(rui)
    second = Response.objects.filter(pk=item_of(study, 2).display_order[0])
    second.update(chain=CHAIN | {"appraisal": "He is sure of it."})
    client.force_login(rui)
    first, other = (
        client.get(reverse("rating_item", args=[item_of(study, n).pk])).content.decode()
        for n in (1, 2)
    )
    assert ("nobody noticed" in first, "nobody noticed" in other) == (True, False)
    assert "He is sure of it." in other


def test_german_raters_read_it_in_german(rui: User) -> None:
    study = reasoned_study(rui, study_fields=SHOWN)
    with translation.override("de"):
        page = page_of(rui, study)
    assert chains_of(page)[0][1] == "Was das Gefühl ausgelöst hat"
    assert page.questions[1].reasoned[0].name == "Wie die Klient:in es sieht"


def test_raters_by_the_api_get_it_too(rui: User, client: Client) -> None:
    study = reasoned_study(rui, study_fields=SHOWN)
    client.force_login(rui)
    found = client.get(f"/api/rating/items/{item_of(study).pk}/").json()
    assert found["candidates"][0]["chain"][1]["value"] == "Her sister moved out."
    assert [q["reasoned"] for q in found["questions"]] == [
        [],
        [{"letter": "A", "name": "How the client sees it", "text": CHAIN["appraisal"]}],
    ]
