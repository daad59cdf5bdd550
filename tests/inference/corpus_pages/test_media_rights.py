"""Who allowed passing a corpus' clips on: said at the import or on the corpus' page."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from inference.errors import InvalidOptionsError
from inference.models import Corpus
from inference.services.corpora import MAX_MEDIA_RIGHTS
from inference.services.imports import import_dialogues
from mood_eval.models import User
from tests.factories import make_corpus_with_dialogues, make_team, make_user

pytestmark = pytest.mark.django_db
JSONL = Path(settings.BASE_DIR) / "tests" / "fixtures" / "corpora" / "jsonl" / "dialogues.jsonl"
RIGHTS = "The actors, in writing.\nContract 7, Ada's safe."
ASKED = "Who allowed passing the clips on, and where is that recorded"


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def mel() -> User:
    return make_user("mel@example.org")


@pytest.fixture
def corpus(ada: User, mel: User) -> Corpus:
    return make_corpus_with_dialogues(make_team(owner=ada, members=[mel]), 1, clips=True)


def state(client: Client, corpus: Corpus, text: str) -> str:
    url = reverse("corpus_media_rights", args=[corpus.pk])
    return client.post(url, {"media_rights": text}, follow=True).content.decode()


def test_nobody_has_allowed_it_until_somebody_is_named(
    ada: User, corpus: Corpus, client: Client
) -> None:
    assert corpus.media_rights == ""
    client.force_login(ada)
    page = client.get(reverse("corpus_detail", args=[corpus.pk])).content.decode()
    assert "Nobody is named who allowed it" in page
    assert ASKED in page


@pytest.mark.parametrize("person", ["ada", "mel"])
def test_owner_and_member_see_change_and_withdraw_it(
    person: str, corpus: Corpus, client: Client
) -> None:
    client.force_login(User.objects.get(email=f"{person}@example.org"))
    page = state(client, corpus, f"  {RIGHTS} ")
    assert "The actors, in writing.<br>Contract 7, Ada&#x27;s safe." in page
    corpus.refresh_from_db()
    assert corpus.media_rights.splitlines() == RIGHTS.splitlines()
    assert "Nobody is named who allowed it" in state(client, corpus, " ")
    corpus.refresh_from_db()
    assert corpus.media_rights == ""


def test_strangers_and_visitors_change_nothing(corpus: Corpus, client: Client) -> None:
    url = reverse("corpus_media_rights", args=[corpus.pk])
    assert client.post(url, {"media_rights": RIGHTS}).status_code == 302
    stranger = make_user("sam@example.org")
    make_team("Other lab", owner=stranger)
    client.force_login(stranger)
    assert client.post(url, {"media_rights": RIGHTS}).status_code == 404
    corpus.refresh_from_db()
    assert corpus.media_rights == ""


def test_too_long_a_text_is_refused_in_words(ada: User, corpus: Corpus, client: Client) -> None:
    client.force_login(ada)
    page = state(client, corpus, "x" * (MAX_MEDIA_RIGHTS + 1))
    assert "at most 2,000 characters, not 2,001" in page
    corpus.refresh_from_db()
    assert corpus.media_rights == ""


def test_a_corpus_without_clips_is_not_asked(ada: User, corpus: Corpus, client: Client) -> None:
    silent = make_corpus_with_dialogues(corpus.team, 1, name="Silent")
    client.force_login(ada)
    page = client.get(reverse("corpus_detail", args=[silent.pk])).content.decode()
    assert ASKED not in page


def import_it(**options: str) -> None:
    call_command("import_dialogues", str(JSONL), format="jsonl", stdout=StringIO(), **options)


def test_the_import_states_it_and_a_later_import_without_it_leaves_it(ada: User) -> None:
    make_team(owner=ada)
    import_it(media_rights=RIGHTS)
    assert Corpus.objects.get().media_rights == RIGHTS
    import_it()
    assert Corpus.objects.get().media_rights == RIGHTS
    import_it(media_rights="Contract 8.")
    assert Corpus.objects.get().media_rights == "Contract 8."


def test_an_import_with_too_long_a_text_imports_nothing(ada: User) -> None:
    team = make_team(owner=ada)
    with pytest.raises(InvalidOptionsError, match="at most 2,000"):
        import_dialogues(team=team, format="jsonl", paths=[JSONL], media_rights="x" * 2_001)
    assert not Corpus.objects.exists()
