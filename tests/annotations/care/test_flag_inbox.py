"""Concerns: what raters are told, who is told of them, and what the study's inbox shows to whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from annotations import tasks
from annotations.models import Flag, Study, StudyRater
from annotations.selectors.flags import flag_inbox, flag_promise, readers_by_mail, unread_flags
from annotations.services.flags import mail_flag, read_flag, set_flag
from annotations.services.studies import close_study
from inference.errors import InvalidOptionsError
from mood_eval.models import Membership, User
from tests.annotations.care.conftest import MODELS, open_study, work
from tests.factories import make_user

pytestmark = pytest.mark.django_db
WORKING_DAYS = "Sent to the study team, who read flags on working days."


@pytest.fixture(autouse=True)
def _in_memory(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def inbox(study: Study) -> str:
    return reverse("study_flags", args=[study.pk])


# What raters are told


@pytest.mark.parametrize(
    ("readers", "times", "promise"),
    [
        ("", "", WORKING_DAYS),
        ("Ada Lopes", "", "Sent to Ada Lopes. When flags are read: on working days."),
        (
            "",
            "Mondays and Thursdays.",
            "Sent to the study team. When flags are read: Mondays and Thursdays.",
        ),
        (
            "Ada Lopes and Max Weber",
            "within two days",
            "Sent to Ada Lopes and Max Weber. When flags are read: within two days.",
        ),
    ],
)
def test_raters_are_told_who_reads_and_when(
    study: Study, readers: str, times: str, promise: str
) -> None:
    study.flag_readers, study.flag_reading_times = readers, times
    assert flag_promise(study) == promise


def test_a_sent_flag_is_answered_with_the_promise_and_the_contacts(
    study: Study, place: StudyRater, rui: User, client: Client
) -> None:
    Study.objects.filter(pk=study.pk).update(flag_readers="Ada Lopes", contacts="Ask for Noa.")
    client.force_login(rui)
    url = reverse("rating_flag", args=[work(place)[0].pk])
    page = client.post(url, {"kind": "person", "letter": "item"}).content.decode()
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert (
        "Sent to Ada Lopes. When flags are read: on working days. "
        "This is not an emergency service. Ask for Noa." in text
    )
    headers = {"accept": "application/json"}
    answer = client.post(url, {"kind": "fault", "letter": "item"}, headers=headers).json()
    assert answer == {
        "sent": True,
        "message": "Sent to Ada Lopes. When flags are read: on working days.",
    }


def test_concerns_have_four_kinds_and_nothing_to_do_with_scores(place: StudyRater) -> None:
    row = work(place)[0]
    for kind in ("harm", "person", "fault", "other"):
        set_flag(row, kind)
    assert Flag.objects.count() == 4 * len(row.display_order)
    assert not row.ratings.exists()
    row.refresh_from_db()
    assert row.state == "assigned"


def test_a_concern_is_never_late(study: Study, place: StudyRater) -> None:
    close_study(study)
    assert set_flag(work(place)[0], "harm")


# Messages


def test_the_worker_is_told_once_after_the_commit(
    place: StudyRater, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    row = work(place, "pairwise")[0]
    for calls in (1, 0):
        with django_capture_on_commit_callbacks() as callbacks:
            set_flag(row, "harm", "Both of them.")
        assert len(callbacks) == calls


def test_the_message_holds_no_word_of_client_or_rater(place: StudyRater) -> None:
    row = work(place, "pairwise")[0]
    flag, *_ = set_flag(row, "harm", "She speaks of pills.", "B")
    assert mail_flag(flag.pk, "https://lab.example/studies/1/flags/") == 1
    message = mail.outbox[0]
    assert message.to == ["ada@example.org"]
    words = message.subject + str(message.body)
    assert "possible risk of harm" in words
    assert place.pseudonym in words
    assert "https://lab.example/studies/1/flags/" in words
    for hidden in ("pills", "sister", "Words number", "rui@", *MODELS):
        assert hidden not in words


def test_the_worker_knows_the_task_by_its_name(place: StudyRater) -> None:
    flag, *_ = set_flag(work(place)[0], "fault")
    assert tasks.mail_flag.name == "annotations.tasks.mail_flag"
    tasks.mail_flag.apply(args=[flag.pk, ""], throw=True)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("readers", "expected"),
    [
        ("", ["ada@example.org"]),
        ("Max Weber, Mondays", ["max@example.org"]),
        ("max@example.org; ada@example.org", ["ada@example.org", "max@example.org"]),
        ("max weber", ["max@example.org"]),
        ("Maximilian Weberlein", ["ada@example.org"]),
        ("Dr Who", ["ada@example.org"]),
    ],
)
def test_messages_go_to_those_whom_the_study_names_or_to_the_owners(
    study: Study, readers: str, expected: list[str]
) -> None:
    study.flag_readers = readers
    assert sorted(readers_by_mail(study)) == expected


def test_nobody_who_rates_is_told_what_others_flag(
    study: Study, place: StudyRater, mia: User, ada: User
) -> None:
    Membership.objects.create(team=study.team, user=mia)
    study.flag_readers = "mia@example.org"
    assert readers_by_mail(study) == ["ada@example.org"]
    Membership.objects.filter(user=ada).delete()
    flag, *_ = set_flag(work(place)[0], "harm")
    assert mail_flag(flag.pk) == 0
    assert mail.outbox == []


# The inbox


def test_what_is_unread_comes_first_then_the_newest(
    study: Study, place: StudyRater, ada: User
) -> None:
    rows = work(place, "absolute")
    made = [set_flag(row, "harm", f"Number {n}.")[0] for n, row in enumerate(rows[:4])]
    read_flag(made[3], by=ada, outcome="Seen.")
    concerns, _ = flag_inbox(study)
    assert [concern.flag.text for concern in concerns] == [
        *("Number 2.", "Number 1.", "Number 0.", "Number 3."),
    ]
    assert unread_flags(study) == 3


def test_one_act_is_one_line_whatever_it_is_about(study: Study, place: StudyRater) -> None:
    pair = work(place, "pairwise")[0]
    set_flag(pair, "harm", "Both.")
    set_flag(pair, "fault", "", "item")
    set_flag(pair, "other", "This one.", "B")
    set_flag(work(place, "absolute")[0], "other", "Alone.", "A")
    about = {concern.flag.text: concern.about for concern in flag_inbox(study)[0]}
    assert about == {
        "Both.": "Responses A and B",
        "": "The conversation",
        "This one.": "Response B",
        "Alone.": "The response",
    }


def test_a_concern_is_shown_with_the_conversation_and_blind(
    study: Study, place: StudyRater, ada: User, client: Client
) -> None:
    row = work(place, "pairwise")[0]
    flag, *_ = set_flag(row, "harm", "It pushes her.", "B")
    client.force_login(ada)
    page = client.get(reverse("study_flag", args=[study.pk, flag.pk])).content.decode()
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert "It pushes her." in text
    assert "a quarrel two years ago" in text
    assert "I keep waking up at three" in text
    assert f"Flagged by {place.pseudonym}" in text
    shown = re.findall(r"Response ([AB])( Flagged)? (Words number \d\.)", text)
    assert [(letter, bool(flagged)) for letter, flagged, _ in shown] == [("A", False), ("B", True)]
    assert len({words for _, _, words in shown}) == 2
    assert not any(model in page for model in MODELS)
    assert "rui@" not in page


def test_whole_dialogues_are_shown_as_they_were_judged(
    study: Study, place: StudyRater, ada: User, client: Client
) -> None:
    row = work(place, "pairwise")[0]
    type(row.item.part).objects.filter(pk=row.item.part_id).update(unit="dialogue")
    flag, *_ = set_flag(row, "other", "", "A")
    client.force_login(ada)
    page = client.get(reverse("study_flag", args=[study.pk, flag.pk])).content.decode()
    assert page.count("I keep waking up at three") == 2


def test_reading_needs_a_word_and_a_name(
    study: Study, place: StudyRater, ada: User, max_: User, client: Client
) -> None:
    pair = work(place, "pairwise")[0]
    flag, other = set_flag(pair, "harm", "Both.")
    client.force_login(ada)
    url = reverse("study_flag", args=[study.pk, flag.pk])
    refused = client.post(url, {"outcome": "  "})
    assert refused.status_code == 422
    assert "Say what was done about it" in refused.content.decode()
    page = client.post(url, {"outcome": "Response taken out."}, follow=True).content.decode()
    assert "Ada Lopes, " in page
    for row in (flag, other):
        row.refresh_from_db()
        assert (row.read_by, row.outcome) == (ada, "Response taken out.")
    first_read = flag.read_at
    read_flag(flag, by=max_, outcome="And the model's team was told.")
    assert (flag.read_by, flag.outcome) == (max_, "And the model's team was told.")
    assert flag.read_at is not None
    assert first_read is not None
    assert flag.read_at > first_read
    outcomes = set(flag.events.values_list("outcome", flat=True))  # type: ignore[attr-defined]
    assert outcomes == {"", "Response taken out.", "And the model's team was told."}
    with pytest.raises(InvalidOptionsError):
        read_flag(flag, by=ada, outcome="")


def test_the_inbox_is_the_teams_alone(
    study: Study, place: StudyRater, ada: User, max_: User, sam: User, rui: User, client: Client
) -> None:
    flag, *_ = set_flag(work(place)[0], "harm", "It pushes her.")
    urls = [inbox(study), reverse("study_flag", args=[study.pk, flag.pk])]
    for person, status in ((ada, 200), (max_, 200), (sam, 404), (rui, 404)):
        client.force_login(person)
        for url in urls:
            assert client.get(url).status_code == status
        if status == 404:
            assert client.post(urls[1], {"outcome": "No."}).status_code == 404
    flag.refresh_from_db()
    assert flag.read_at is None


def test_members_who_rate_see_nothing_until_the_close(
    study: Study, place: StudyRater, mia: User, client: Client
) -> None:
    Membership.objects.create(team=study.team, user=mia)
    flag, *_ = set_flag(work(place)[0], "harm", "It pushes her.")
    client.force_login(mia)
    url = reverse("study_flag", args=[study.pk, flag.pk])
    for address in (inbox(study), url):
        page = client.get(address).content.decode()
        assert "You rate in this study." in page
        assert "pushes" not in page
    assert client.post(url, {"outcome": "Read."}).status_code == 200
    flag.refresh_from_db()
    assert flag.read_at is None
    close_study(study)
    assert "Possible risk of harm" in client.get(inbox(study)).content.decode()


def test_a_flag_of_another_study_is_not_here(
    study: Study, place: StudyRater, sam: User, client: Client
) -> None:
    other = open_study(sam.teams.get(), [make_user("tom@example.org")])
    flag, *_ = set_flag(work(place)[0], "harm")
    client.force_login(sam)
    assert client.get(reverse("study_flag", args=[other.pk, flag.pk])).status_code == 404


def test_an_empty_inbox_says_what_will_stand_there(study: Study, ada: User, client: Client) -> None:
    client.force_login(ada)
    page = client.get(inbox(study)).content.decode()
    assert "No rater has flagged a concern." in page
    assert WORKING_DAYS in page.replace("&#x27;", "'")


def test_more_concerns_take_no_more_queries(
    study: Study,
    place: StudyRater,
    ada: User,
    client: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client.force_login(ada)
    pairs = work(place, "pairwise")
    for rows in (pairs[:1], pairs[1:]):
        for row in rows:
            for kind in ("harm", "person", "fault", "other"):
                set_flag(row, kind, f"{kind} {row.position}")
        client.get(inbox(study))
        with django_assert_num_queries(9):
            page = client.get(inbox(study)).content.decode()
    assert "Page 1 of 1" not in page
    for number in range(30):
        set_flag(pairs[0], "other", f"number {number}")
    page = client.get(inbox(study) + "?page=2").content.decode()
    assert "Page 2 of 3" in page
    assert client.get(inbox(study) + "?page=nonsense").status_code == 200


def test_the_study_page_counts_concerns_and_leads_to_them(
    study: Study, place: StudyRater, ada: User, client: Client
) -> None:
    first, *_ = set_flag(work(place, "pairwise")[0], "harm", "Both.")
    set_flag(work(place, "pairwise")[1], "fault", "", "item")
    read_flag(first, by=ada, outcome="Seen.")
    client.force_login(ada)
    page = client.get(reverse("study_detail", args=[study.pk])).content.decode()
    assert f'<a href="{inbox(study)}">2 concerns flagged</a>' in page
    assert "1 unread" in page
    assert reverse("study_consents", args=[study.pk]) in page
