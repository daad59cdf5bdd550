"""Researchers read how a reply was reasoned, and what else could have been said."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from inference.models import Response, Turn
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_team_reads_it_on_the_dialogues_and_the_runs_page_and_a_stranger_nowhere(
    client: Client,
) -> None:
    ada, max_, sam = (factories.make_user(f"{name}@example.org") for name in ("ada", "max", "sam"))
    team = factories.make_team(owner=ada, members=[max_])
    factories.make_team("Elsewhere", owner=sam)
    corpus = factories.make_corpus_with_dialogues(team, 1)
    run = factories.make_run_with_responses(team, corpus)
    Response.objects.update(chain={"appraisal": "Nobody <b>noticed</b>."})
    Turn.objects.filter(position=1).update(
        extra={"chain": {"emotion": "Alone."}, "alternatives": [{"text": "Smile."}]}
    )
    dialogue = reverse("dialogue_detail", args=[corpus.dialogues.get().pk])
    responses = reverse("run_detail", args=[run.pk])
    for user in (ada, max_):
        client.force_login(user)
        page = client.get(dialogue).content.decode()
        assert page.count("How it was reasoned") == 1
        assert "<li>Smile.</li>" in page
        page = client.get(responses).content.decode()
        assert "Nobody &lt;b&gt;noticed&lt;/b&gt;." in page
    client.force_login(sam)
    assert {client.get(url).status_code for url in (dialogue, responses)} == {404}
