"""Clips on the researchers' pages: players, copies, originals, counts, and who reaches them."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference.models import Clip, Corpus, Dialogue, Turn
from inference.selectors.corpora import clip_counts
from mood_eval.models import User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def corpus(ada: User) -> Corpus:
    """Four client turns: three are seen in one clip, the last is only heard."""
    team = factories.make_team(owner=ada)
    corpus = factories.make_corpus_with_dialogues(team, 1, clips=True)
    sound = factories.make_sound_clip(corpus, seconds=3)
    Turn.objects.filter(dialogue__corpus=corpus, position=5).update(clip=sound)
    return corpus


def with_copy(corpus: Corpus) -> Clip:
    clip = Clip.objects.get(corpus=corpus, width__isnull=False)
    clip.file.save("original.mkv", ContentFile(b"the original"), save=False)
    clip.content_type, clip.container_format = "video/x-matroska", "matroska"
    clip.playback.save("copy.mp4", ContentFile(b"the copy"), save=False)
    clip.playback_type = "video/mp4"
    clip.save()
    return clip


def dialogue_page(client: Client, corpus: Corpus) -> str:
    dialogue = Dialogue.objects.get(corpus=corpus)
    return client.get(reverse("dialogue_detail", args=[dialogue.pk])).content.decode()


def test_a_dialogue_plays_pictures_and_sounds(ada: User, corpus: Corpus, client: Client) -> None:
    client.force_login(ada)
    page = dialogue_page(client, corpus)
    assert (page.count("<video"), page.count("<audio")) == (3, 1)
    assert 'aria-label="Sound of turn 6"' in page
    assert "Download the original" not in page


def test_members_watch_the_copy_and_download_the_original(
    ada: User, corpus: Corpus, client: Client
) -> None:
    clip = with_copy(corpus)
    client.force_login(ada)
    page = dialogue_page(client, corpus)
    original = reverse("clip_original", args=[clip.pk])
    assert page.count(f'href="{original}"') == 3
    shown = client.get(reverse("clip", args=[clip.pk]))
    assert shown.headers["Content-Type"] == "video/mp4"
    assert shown.headers["Content-Disposition"] == "inline"
    assert b"".join(shown.streaming_content) == b"the copy"  # type: ignore[attr-defined]
    kept = client.get(original)
    assert kept.headers["Content-Type"] == "video/x-matroska"
    name = f"clip-{clip.pk}.mkv"
    assert kept.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert b"".join(kept.streaming_content) == b"the original"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["clip", "clip_original"])
def test_a_clip_does_not_exist_for_people_outside_the_team(
    name: str, ada: User, corpus: Corpus, client: Client
) -> None:
    clip = with_copy(corpus)
    rui, sam = factories.make_user("rui@example.org"), factories.make_user("sam@example.org")
    factories.make_team("Elsewhere", owner=sam)
    run = factories.make_run_with_responses(corpus.team, corpus)
    factories.make_study(corpus.team, [run], [rui])
    max_ = factories.make_user("max@example.org")
    corpus.team.memberships.create(user=max_)
    url = reverse(name, args=[clip.pk])
    assert client.get(url).status_code == 302
    for person, status in ((ada, 200), (max_, 200), (rui, 404), (sam, 404)):
        client.force_login(person)
        response = client.get(url)
        assert response.status_code == status, person.email
        sent = f"{response.headers}{'' if response.streaming else response.content.decode()}"
        assert clip.sha256 not in sent
        assert "original.mkv" not in sent


def test_counts_tell_what_can_be_seen_and_heard(ada: User, corpus: Corpus, client: Client) -> None:
    client.force_login(ada)
    url = reverse("corpus_detail", args=[corpus.pk])
    counts = clip_counts(corpus)
    assert (counts.both, counts.picture_only, counts.sound_only, counts.copied) == (1, 0, 1, 0)
    page = client.get(url).content.decode()
    assert "2, 5 s in all: 1 with picture and sound, 1 with sound only<" in page
    with_copy(corpus)
    assert clip_counts(corpus).copied == 1
    assert "People are shown a copy of 1" in client.get(url).content.decode()


def test_a_corpus_without_clips_says_nothing_of_them(ada: User, client: Client) -> None:
    corpus = factories.make_corpus_with_dialogues(factories.make_team(owner=ada), 1)
    client.force_login(ada)
    page = client.get(reverse("corpus_detail", args=[corpus.pk])).content.decode()
    assert "Clips" not in page


def test_a_dialogue_costs_the_same_however_many_clips_it_has(
    ada: User, corpus: Corpus, client: Client
) -> None:
    client.force_login(ada)
    url = reverse("dialogue_detail", args=[Dialogue.objects.get().pk])

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    client.get(url)
    with_clips = queries()
    Turn.objects.update(clip=None)
    assert queries() == with_clips
