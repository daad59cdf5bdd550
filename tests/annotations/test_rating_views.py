"""The rater's pages over HTTP: who sees them, what they hold, and what they never hold."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.models import Assignment, Flag, LateAnswer, Rating, Study
from annotations.selectors.study_criteria import criteria_of
from annotations.services.ratings import questions_of
from annotations.services.studies import close_study
from inference.models import Clip, Response
from mood_eval.models import User
from tests import factories

pytestmark = pytest.mark.django_db

ABSOLUTE, PAIRWISE = "multimood-trust-rating", "multimood-trust-pairwise"
MODELS = ("hushmodel-alpha", "hushmodel-beta")


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


def open_study(
    *raters: User, template: str = ABSOLUTE, dialogues: int = 2, clips: bool = False, **options: Any
) -> Study:
    ada = factories.make_user(f"ada-{uuid4().hex[:6]}@example.org")
    team = factories.make_team(f"Lab {uuid4().hex[:6]}", owner=ada)
    corpus = factories.make_corpus_with_dialogues(team, dialogues, clips=clips)
    runs = [
        factories.make_run_with_responses(team, corpus, name, f"Words number {number}.")
        for number, name in enumerate(MODELS)
    ]
    return factories.make_study(team, runs, raters, template=template, **options)


def first_of(study: Study, user: User) -> Assignment:
    return Assignment.objects.select_related("rater", "item__part").get(
        rater__study=study, rater__user=user, position=1
    )


def save(client: Client, assignment: Assignment, **body: Any) -> HttpResponse:
    url = reverse("rating_save", args=[assignment.pk])
    return client.post(url, json.dumps(body), content_type="application/json")  # type: ignore[return-value]


def whole_form(assignment: Assignment, value: str, **more: str) -> dict[str, str]:
    return dict.fromkeys(questions_of(assignment), value) | {"sequence": "5"} | more


# Who


def urls_of(assignment: Assignment) -> list[tuple[str, str]]:
    pk, rater = [assignment.pk], [assignment.rater.uuid]
    return [
        ("get", reverse("rating_study", args=rater)),
        ("post", reverse("rating_consent", args=rater)),
        ("get", reverse("rating_item", args=pk)),
        ("post", reverse("rating_save", args=pk)),
        ("post", reverse("rating_submit", args=pk)),
        ("post", reverse("rating_skip", args=pk)),
        ("post", reverse("rating_flag", args=pk)),
        ("get", reverse("rating_clip", args=[*pk, 1])),
        ("get", reverse("rating_captions", args=[*pk, 1])),
    ]


def test_only_the_rater_finds_their_items(rui: User, client: Client) -> None:
    mia = factories.make_user("mia@example.org")
    sam = factories.make_user("sam@example.org")
    study = open_study(rui, mia, clips=True)
    ada = study.team.members.get()
    assignment = first_of(study, rui)
    for stranger in (mia, sam, ada):
        client.force_login(stranger)
        for method, url in urls_of(assignment):
            response = getattr(client, method)(url)
            assert response.status_code == 404, (stranger.email, url)
    assert not Rating.objects.exists()


def test_the_anonymous_are_sent_to_sign_in(rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui, clips=True), rui)
    for method, url in urls_of(assignment):
        response = getattr(client, method)(url)
        assert response.status_code in (302, 401), url
    assert save(client, assignment, answers=[]).status_code == 401


def test_a_page_left_open_by_another_person_is_told_to_sign_in(rui: User, client: Client) -> None:
    """Not that the item is gone: the page would throw away what it has kept."""
    assignment = first_of(open_study(rui), rui)
    mia = factories.make_user("mia@example.org")
    client.force_login(mia)
    headers = {"accept": "application/json", "x-person": str(rui.pk)}
    for name in ("rating_save", "rating_submit", "rating_flag"):
        url = reverse(name, args=[assignment.pk])
        assert client.post(url, headers=headers).status_code == 401, name
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[assignment.pk])).content.decode()
    assert f'data-person="{rui.pk}"' in page


def test_drafts_are_not_there_yet(rui: User, client: Client) -> None:
    study = open_study(rui, launched=False)
    client.force_login(rui)
    rater = study.raters.get()
    assert client.get(reverse("rating_study", args=[rater.uuid])).status_code == 404
    assert study.name not in client.get(reverse("rating_home")).content.decode()


# Consent


def test_rating_starts_with_consent(rui: User, client: Client) -> None:
    study = open_study(rui, consented=False)
    assignment = first_of(study, rui)
    landing = reverse("rating_study", args=[assignment.rater.uuid])
    client.force_login(rui)
    item = reverse("rating_item", args=[assignment.pk])
    assert client.get(item).headers["Location"] == landing
    page = client.get(landing).content.decode()
    assert "Taking part is voluntary" in page
    assert "What is recorded" in page
    assert save(client, assignment, answers=[]).status_code == 403
    consent = reverse("rating_consent", args=[assignment.rater.uuid])
    client.post(consent)
    assert client.get(item).status_code == 302, "the box was not ticked"
    client.post(consent, {"agree": "1"})
    assert client.get(item).status_code == 200
    rater = study.raters.get()
    assert rater.consented_at is not None
    assert re.fullmatch("[0-9a-f]{64}", rater.consent_sha256)
    client.post(consent, {"agree": "1"})
    assert study.raters.get().consented_at == rater.consented_at, "the first time stands"


# What the page holds


class Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.fieldsets = 0
        self.radios: dict[str, list[str]] = {}
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.pieces += [value or "" for _, value in attrs]
        self.fieldsets += tag == "fieldset" and "data-question" in values
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        is_script = tag == "script" and values.get("type") != "application/json"
        if (is_script and "src" not in values) or tag == "style":
            self.inline.append(tag)
        if values.get("type") == "radio":
            self.radios.setdefault(values["name"] or "", []).append(values["value"] or "")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def parsed(page: str) -> Parts:
    parts = Parts()
    parts.feed(page)
    return parts


@pytest.mark.parametrize("template", [ABSOLUTE, PAIRWISE])
def test_nothing_on_the_page_tells_who_wrote_a_response(
    template: str, rui: User, client: Client
) -> None:
    study = open_study(rui, template=template, clips=True)
    secrets = {*MODELS, "hushmodel", "imported", "sadness", "open question", "dialogue-0"}
    secrets |= set(Clip.objects.values_list("sha256", flat=True))
    secrets |= set(Clip.objects.values_list("file", flat=True))
    client.force_login(rui)
    for assignment in Assignment.objects.filter(rater__study=study).select_related("item__part"):
        page = client.get(reverse("rating_item", args=[assignment.pk]))
        saved = save(client, assignment, answers=[], seen={"active_ms": 1})
        submitted = client.post(
            reverse("rating_submit", args=[assignment.pk]),
            {"empathy": "cannot", "sequence": "1"},
            headers={"accept": "application/json"},
        )
        captions = client.get(reverse("rating_captions", args=[assignment.pk, 1]))
        clip = client.get(reverse("rating_clip", args=[assignment.pk, 1]))
        headers = "\n".join(f"{k}: {v}" for r in (page, clip) for k, v in r.headers.items())
        for content in (page, saved, submitted, captions):
            text = content.content.decode().lower()
            assert not [secret for secret in secrets if secret.lower() in text]
        assert not [secret for secret in secrets if secret.lower() in headers.lower()]
    assert "Words number" in page.content.decode()


def test_ids_of_responses_and_runs_are_nowhere_on_the_page(rui: User, client: Client) -> None:
    """With keys far from any number that the page has a reason to show."""
    with connection.cursor() as cursor:
        for table, start in (
            ("inference_generationrun", 7310001),
            ("inference_response", 7320001),
            ("inference_modelversion", 7330001),
            ("inference_stimulus", 7340001),
            ("inference_clip", 7350001),
            ("annotations_item", 7360001),
            ("annotations_candidate", 7370001),
            ("annotations_study", 7380001),
        ):
            cursor.execute(f"ALTER SEQUENCE {table}_id_seq RESTART WITH {start}")
    study = open_study(rui, template=PAIRWISE, clips=True)
    client.force_login(rui)
    for assignment in Assignment.objects.filter(rater__study=study):
        page = client.get(reverse("rating_item", args=[assignment.pk])).content.decode()
        shown = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", page)
        # Not within a longer number: the page has the time in milliseconds.
        assert not re.search(r"(?<!\d)73[1-8]\d{4}(?!\d)", shown)


def test_scores_have_one_fieldset_per_criterion_and_no_preset(rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui), rui)
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[assignment.pk])).content.decode()
    parts = parsed(page)
    assert parts.fieldsets == 7
    assert parts.radios["empathy"] == [*map(str, range(1, 11)), "cannot"]
    assert parts.radios["empathy-reason"] == [
        "not_applicable",
        "cannot_tell",
        "outside_competence",
    ]
    assert " checked" not in page.split('id="comment-box"')[0]
    assert "Does it name and honour what the client feels?" in page
    assert "You sound worn out" in page, "the good example is at hand"
    assert not parts.inline, "the content security policy would refuse it"


def test_choices_have_strength_tie_and_overall(rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui, template=PAIRWISE), rui)
    client.force_login(rui)
    parts = parsed(client.get(reverse("rating_item", args=[assignment.pk])).content.decode())
    assert parts.fieldsets == 8
    assert parts.radios["overall"] == ["a2", "a1", "tie", "b1", "b2", "cannot"]
    assert parts.radios["overall-tie"] == ["both_acceptable", "neither_acceptable"]


def test_the_page_shows_the_responses_in_the_stored_order(rui: User, client: Client) -> None:
    study = open_study(rui, template=PAIRWISE)
    client.force_login(rui)
    texts = dict(Response.objects.values_list("pk", "text"))
    for assignment in Assignment.objects.filter(rater__study=study):
        page = client.get(reverse("rating_item", args=[assignment.pk])).content.decode()
        replies = page.split('id="replies"')[1].split('id="criteria"')[0]
        places = [replies.index(texts[response]) for response in assignment.display_order]
        assert places == sorted(places)


def test_the_dialogue_ends_with_the_clients_turn(rui: User, client: Client) -> None:
    study = open_study(rui)
    client.force_login(rui)
    assignment = Assignment.objects.filter(
        rater__study=study, item__stimulus__first_position=2
    ).first()
    assert assignment is not None
    page = client.get(reverse("rating_item", args=[assignment.pk])).content.decode()
    assert "And that it is too late now." in page
    assert "What goes through your mind then?" in page
    assert "It sounds as if you miss her." not in page, "the human reply"


def test_model_output_is_text_never_markup(rui: User, client: Client) -> None:
    study = open_study(rui)
    Response.objects.update(text="<script>alert(1)</script>  <b>bold</b>")
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[first_of(study, rui).pk])).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &lt;b&gt;bold" in page


def test_an_empty_response_says_so_wherever_it_is_read(rui: User, client: Client) -> None:
    study = open_study(rui)
    Response.objects.update(text=" \n")
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[first_of(study, rui).pk])).content.decode()
    assert page.count("[The response is empty.]") == 2, "on the page and in its larger reading view"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tie_allowed": False}, "<kbd>1</kbd> to <kbd>4</kbd>"),
        ({"tie_allowed": False, "with_strength": False}, "<kbd>A</kbd></dt><dd>A</dd><dt><kbd>B"),
    ],
)
def test_the_list_of_keys_names_the_answers_there_are(
    fields: dict[str, bool], words: str, rui: User, client: Client
) -> None:
    study = open_study(rui, template=PAIRWISE)
    study.parts.update(**fields)
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[first_of(study, rui).pk])).content.decode()
    assert words in page


def test_the_overall_question_is_reported_as_it_was_asked(rui: User, client: Client) -> None:
    study = open_study(rui, template=PAIRWISE)
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[first_of(study, rui).pk])).content.decode()
    overall = criteria_of(study.parts.get())[-1]
    assert overall.slug == "overall"
    assert overall.guiding_question in page


# Saving


def test_autosave_keeps_a_draft_over_visits(rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui), rui)
    client.force_login(rui)
    answers = [
        {"question": "empathy", "value": "8", "sequence": 100},
        {"question": "privacy", "value": "cannot:cannot_tell", "sequence": 101},
        {"question": "comment", "value": "A second look?", "sequence": 102},
    ]
    response = save(client, assignment, answers=answers, seen={"active_ms": 900, "screen": "phone"})
    assert response.status_code == 200
    assert "saved_at" in response.json()  # type: ignore[attr-defined]
    page = client.get(reverse("rating_item", args=[assignment.pk])).content.decode()
    assert re.search(r'name="empathy" value="8"[^>]*checked', page)
    assert re.search(r'name="privacy" value="cannot"[^>]*checked', page)
    assert re.search(r'name="privacy-reason" value="cannot_tell"[^>]*checked', page)
    assert "A second look?" in page
    assignment.refresh_from_db()
    assert (assignment.active_ms, assignment.screen_class) == (900, "phone")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"answers": [{"question": "empathy"}]}',
        '{"answers": [{"question": "empathy", "value": 8, "sequence": 1}]}',
        '{"answers": [{"question": "empathy", "value": "8", "sequence": "x"}]}',
        '{"answers": [{"question": "charm", "value": "8", "sequence": 1}]}',
        '{"answers": [{"question": "empathy", "value": "8", "sequence": 1e999}]}',
        '{"answers": [], "seen": {"active_ms": "long"}}',
        '{"answers": [], "seen": {"active_ms": NaN}}',
        '{"answers": [], "seen": {"definitions": [1]}}',
    ],
)
def test_unreadable_requests_are_refused(body: str, rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui), rui)
    client.force_login(rui)
    url = reverse("rating_save", args=[assignment.pk])
    assert client.post(url, body, content_type="application/json").status_code == 400


def test_a_comment_with_characters_that_no_database_takes_is_kept(
    rui: User, client: Client
) -> None:
    assignment = first_of(open_study(rui), rui)
    client.force_login(rui)
    answer = {"question": "comment", "value": "half \ud83d, nul \0, end", "sequence": 1}
    assert save(client, assignment, answers=[answer]).status_code == 200
    assignment.refresh_from_db()
    assert assignment.comment == "half ?, nul , end"
    url = reverse("rating_flag", args=[assignment.pk])
    assert client.post(url, {"kind": "harm", "letter": "A", "text": "a\0b"}).status_code == 200
    assert Flag.objects.get().text == "ab"


def test_the_plain_form_works_without_scripts(rui: User, client: Client) -> None:
    study = open_study(rui)
    assignment = first_of(study, rui)
    client.force_login(rui)
    submit = reverse("rating_submit", args=[assignment.pk])
    page = client.post(submit, {"empathy": "8", "fairness": "cannot", "sequence": "3"})
    assert page.status_code == 422
    text = page.content.decode()
    assert "Fairness has no answer. Choose a score, or Can&#x27;t rate." in text
    assert re.search(r'name="empathy" value="8"[^>]*checked', text)
    form = whole_form(assignment, "6", **{"fairness": "cannot", "fairness-reason": "cannot_tell"})
    response = client.post(submit, form)
    second = Assignment.objects.get(rater=assignment.rater, position=2)
    assert response.headers["Location"] == reverse("rating_item", args=[second.pk])
    assert Rating.objects.get(criterion__slug="fairness").cannot_rate == "cannot_tell"


def test_submitting_by_script_says_where_to_go_or_what_is_missing(
    rui: User, client: Client
) -> None:
    assignment = first_of(open_study(rui, template=PAIRWISE), rui)
    client.force_login(rui)
    submit = reverse("rating_submit", args=[assignment.pk])
    as_json = {"accept": "application/json"}
    response = client.post(submit, {"empathy": "a1", "sequence": "3"}, headers=as_json)
    assert response.status_code == 422
    assert len(response.json()["missing"]) == 7
    response = client.post(submit, whole_form(assignment, "b2"), headers=as_json)
    assert response.json()["next"].startswith("/rate/item/")


def test_a_closed_study_says_so_and_keeps_late_answers(rui: User, client: Client) -> None:
    study = open_study(rui)
    assignment = first_of(study, rui)
    close_study(study)
    client.force_login(rui)
    answers = [{"question": "empathy", "value": "8", "sequence": 1}]
    message = save(client, assignment, answers=answers).json()["closed"]  # type: ignore[attr-defined]
    assert message.endswith("1 answer arrived later and is kept, marked late.")
    assert LateAnswer.objects.count() == 1
    assert not Rating.objects.exists()
    response = client.post(
        reverse("rating_submit", args=[assignment.pk]),
        whole_form(assignment, "5"),
        headers={"accept": "application/json"},
    )
    assert response.status_code == 409
    landing = client.get(reverse("rating_item", args=[assignment.pk]), follow=True)
    assert "The study closed on" in landing.content.decode()
    assert "8 answers arrived later and are kept, marked late." in landing.content.decode()


def test_flags_are_answered_with_the_contacts(rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui), rui)
    client.force_login(rui)
    url = reverse("rating_flag", args=[assignment.pk])
    page = client.post(url, {"kind": "harm", "letter": "A", "text": "Too blunt."})
    text = page.content.decode()
    assert "This is not an emergency service." in text
    assert "crisis line" in text
    assert Flag.objects.get().kind == "harm"
    assert client.post(url, {"kind": "nonsense"}).status_code == 400


# Between items


def test_a_block_ends_with_a_place_to_stop(rui: User, client: Client) -> None:
    study = open_study(rui)
    Study.objects.filter(pk=study.pk).update(block_size=2)
    rater = study.raters.get()
    client.force_login(rui)
    landing = reverse("rating_study", args=[rater.uuid])
    places = []
    for assignment in rater.assignments.order_by("position").select_related("item__part")[:2]:
        response = client.post(
            reverse("rating_submit", args=[assignment.pk]), whole_form(assignment, "5")
        )
        places.append(response.headers["Location"])
    assert places[0].startswith("/rate/item/")
    assert places[1] == landing
    page = client.get(landing).content.decode()
    assert "Block 1 of 6 is complete. You can stop here." in page


def test_the_end_offers_what_was_skipped(rui: User, client: Client) -> None:
    study = open_study(rui, limit=1)
    rater = study.raters.get()
    client.force_login(rui)
    for assignment in rater.assignments.all():
        client.post(reverse("rating_skip", args=[assignment.pk]))
    page = client.get(reverse("rating_study", args=[rater.uuid])).content.decode()
    assert "You have been through all 2 items." in page
    assert "Item 1" in page


def test_half_an_hour_of_rating_brings_a_pause(rui: User, client: Client) -> None:
    study = open_study(rui)
    client.force_login(rui)
    session = client.session
    session["sitting"] = {"since": time.time() - 1801, "last": time.time() - 60}
    session.save()
    first, second = study.raters.get().assignments.order_by("position")[:2]
    response = client.post(reverse("rating_skip", args=[first.pk]))
    assert response.headers["Location"].endswith("?pause=1")
    page = client.get(response.headers["Location"]).content.decode()
    assert "You have rated for 30 minutes. A pause helps." in page
    response = client.post(reverse("rating_skip", args=[second.pk]))
    assert "pause" not in response.headers["Location"]


def test_back_leads_to_the_item_before_with_its_answers(rui: User, client: Client) -> None:
    study = open_study(rui)
    client.force_login(rui)
    first, second = study.raters.get().assignments.order_by("position")[:2]
    client.post(reverse("rating_submit", args=[first.pk]), whole_form(first, "9"))
    page = client.get(reverse("rating_item", args=[second.pk])).content.decode()
    assert reverse("rating_item", args=[first.pk]) in page
    back = client.get(reverse("rating_item", args=[first.pk])).content.decode()
    assert re.search(r'name="empathy" value="9"[^>]*checked', back)


# Media


def test_clips_play_by_range_for_their_rater_and_are_not_stored(rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui, clips=True), rui)
    client.force_login(rui)
    url = reverse("rating_clip", args=[assignment.pk, 1])
    response = client.get(url, headers={"range": "bytes=0-99"})
    assert response.status_code == 206
    assert b"".join(response.streaming_content) == factories.clip_bytes()[:100]  # type: ignore[attr-defined]
    assert "no-store" in response.headers["Cache-Control"]
    assert client.get(reverse("rating_clip", args=[assignment.pk, 9])).status_code == 404
    assert client.get(reverse("rating_clip", args=[assignment.pk, 0])).status_code == 404


def test_captions_hold_the_words_of_the_turn(rui: User, client: Client) -> None:
    assignment = first_of(open_study(rui, clips=True), rui)
    client.force_login(rui)
    response = client.get(reverse("rating_captions", args=[assignment.pk, 1]))
    assert response.headers["Content-Type"].startswith("text/vtt")
    lines = response.content.decode().splitlines()
    assert lines[0] == "WEBVTT"
    assert lines[2] == "00:00.000 --> 00:00:02.000"
    assert lines[3] in {text for _, text in factories.LINES}


# Cost


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("template", [ABSOLUTE, PAIRWISE])
def test_the_page_costs_the_same_in_a_large_study(template: str, rui: User, client: Client) -> None:
    client.force_login(rui)
    small = first_of(open_study(rui, template=template, dialogues=1), rui)
    large = first_of(open_study(rui, template=template, dialogues=20), rui)
    urls = [reverse("rating_item", args=[a.pk]) for a in (small, large)]
    client.get(urls[0])
    before = queries(client, urls[0])
    answers = [
        {"question": q, "value": "5" if template == ABSOLUTE else "a1", "sequence": 1}
        for q in questions_of(large)
    ]
    save(client, large, answers=answers)
    assert queries(client, urls[1]) == before + 1, "the answers, once there are any"
    assert before <= 12


def test_my_ratings_costs_the_same_with_many_studies(rui: User, client: Client) -> None:
    client.force_login(rui)
    open_study(rui, dialogues=1)
    url = reverse("rating_home")
    client.get(url)
    before = queries(client, url)
    for _ in range(4):
        open_study(rui, dialogues=1)
    assert queries(client, url) == before
