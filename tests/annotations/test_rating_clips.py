"""Clips on the rating page: with a picture, with sound alone, and with a copy for the browser."""

from __future__ import annotations

import re

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.models import Assignment, Study
from annotations.selectors.rating_page import PageClip, rating_page
from inference.models import Clip, Turn
from mood_eval.models import User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


def open_study(*raters: User, name: str = "Care lab") -> Study:
    ada = factories.make_user(f"{name.split()[0].lower()}@example.org")
    team = factories.make_team(name, owner=ada)
    corpus = factories.make_corpus_with_dialogues(team, 1, clips=True)
    run = factories.make_run_with_responses(team, corpus)
    return factories.make_study(team, [run], raters)


def two_turn_item(study: Study) -> Assignment:
    """The stimulus of the turns 2 and 3."""
    return Assignment.objects.select_related("rater__study", "item__part", "item__stimulus").get(
        rater__study=study, item__stimulus__first_position=2
    )


def only_heard(study: Study, position: int) -> Clip:
    corpus = study.study_runs.get().run.corpus
    clip = Clip.objects.filter(corpus=corpus, width=None).first()
    clip = clip or factories.make_sound_clip(corpus)
    Turn.objects.filter(dialogue__corpus=corpus, position=position).update(clip=clip)
    return clip


def body(client: Client, url: str) -> bytes:
    response = client.get(url)
    assert response.status_code == 200
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_a_clip_without_picture_gets_an_audio_player_and_keeps_its_number(
    rui: User, client: Client
) -> None:
    study = open_study(rui)
    only_heard(study, 3)
    item = two_turn_item(study)
    assert rating_page(item).clips == (PageClip(1, True), PageClip(2, False))
    client.force_login(rui)
    page = client.get(reverse("rating_item", args=[item.pk])).content.decode()
    players = re.findall(r"<(video|audio)[^>]+src=\"([^\"]+)\" aria-label=\"([^\"]+)\"", page)
    assert players == [
        ("video", reverse("rating_clip", args=[item.pk, 1]), "The client's turn, clip 1 of 2"),
        (
            "audio",
            reverse("rating_clip", args=[item.pk, 2]),
            "The client's turn, sound only, clip 2 of 2",
        ),
    ]
    assert page.count("<track") == 1, "captions stand on a picture; the transcript is there anyway"
    assert "rate--only-heard" not in page
    only_heard(study, 2)
    assert rating_page(item).only_heard
    page = client.get(reverse("rating_item", args=[item.pk])).content.decode()
    assert "<video" not in page
    assert "rate--only-heard" in page
    assert "Transcript" in page


def test_a_sound_is_served_as_what_it_is_and_its_captions_hold_the_words(
    rui: User, client: Client
) -> None:
    study = open_study(rui)
    only_heard(study, 2)
    item = two_turn_item(study)
    client.force_login(rui)
    url = reverse("rating_clip", args=[item.pk, 1])
    part = client.get(url, headers={"range": "bytes=44-143"})
    assert (part.status_code, part.headers["Content-Type"]) == (206, "audio/wav")
    assert part.headers["Content-Range"] == f"bytes 44-143/{len(factories.sound_bytes())}"
    assert body(client, url) == factories.sound_bytes()
    captions = client.get(reverse("rating_captions", args=[item.pk, 1])).content.decode()
    assert factories.LINES[2][1] in captions


def test_raters_get_the_copy_where_there_is_one_and_no_name_of_a_file(
    rui: User, client: Client
) -> None:
    study = open_study(rui)
    clip = Clip.objects.get()
    clip.playback.save("copy.webm", ContentFile(b"the copy"), save=False)
    clip.playback_type = "video/webm"
    clip.save()
    client.force_login(rui)
    response = client.get(reverse("rating_clip", args=[two_turn_item(study).pk, 1]))
    assert response.headers["Content-Type"] == "video/webm"
    assert b"".join(response.streaming_content) == b"the copy"  # type: ignore[attr-defined]
    assert response.headers["Content-Disposition"] == "inline"
    sent = str(response.headers)
    assert "copy" not in sent
    assert clip.sha256 not in sent


def test_nobody_but_its_rater_reaches_a_clip_through_an_item(rui: User, client: Client) -> None:
    study = open_study(rui)
    only_heard(study, 3)
    mia, sam = factories.make_user("mia@example.org"), factories.make_user("sam@example.org")
    open_study(mia, name="Elsewhere")
    factories.make_team("Strangers", owner=sam)
    ada = study.team.members.get()
    item = two_turn_item(study)
    urls = [
        reverse(name, args=[item.pk, number])
        for name in ("rating_clip", "rating_captions")
        for number in (1, 2)
    ]
    for url in urls:
        client.logout()
        assert client.get(url).status_code == 302
        for person, status in ((rui, 200), (mia, 404), (sam, 404), (ada, 404)):
            client.force_login(person)
            assert client.get(url).status_code == status, (person.email, url)


def test_a_clip_whose_file_is_gone_is_not_found(rui: User, client: Client) -> None:
    study = open_study(rui)
    clip = Clip.objects.get()
    clip.file.storage.delete(str(clip.file.name))
    client.force_login(rui)
    url = reverse("rating_clip", args=[two_turn_item(study).pk, 1])
    assert client.get(url).status_code == 404


def test_more_clips_cost_no_more_queries(rui: User, client: Client) -> None:
    study = open_study(rui)
    client.force_login(rui)
    url = reverse("rating_item", args=[two_turn_item(study).pk])
    client.get(url)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    only_heard(study, 3)
    with_two = queries()
    Turn.objects.filter(position__in=(2, 3)).update(clip=None)
    assert queries() == with_two
