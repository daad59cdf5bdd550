"""A study to rate in, and people who are signed in already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SENTENCES = 20
CRITERIA = 7


@dataclass(frozen=True)
class Person:
    cookies: str
    csrf: str
    first: str
    """Address of the first item."""


@dataclass(frozen=True)
class World:
    study: int
    overlap: int
    people: list[Person]


def build(*, raters: int, items: int, overlap: int, name: str) -> World:
    """Seven criteria from 1 to 10; every item has a response of about sixty words."""
    from annotations.models import Assignment
    from annotations.services.consent import give_consent
    from annotations.services.studies import create_study, launch_study
    from benchmarks.results_page_parts.large_study import corpus_of
    from tests import factories

    team = factories.make_team(name)
    corpus = corpus_of(team, stimuli=items)
    run = run_over(team, corpus, name)
    emails = [f"{name}-{number}@example.org" for number in range(raters)]
    people = [factories.make_user(email) for email in emails]
    study = create_study(
        team=team,
        template="multimood-trust-rating",
        runs=[run],
        raters=emails,
        overlap=overlap,
        seed=7,
        name=f"Study of {name}",
    )
    study = launch_study(study)
    for rater in study.raters.select_related("study"):
        give_consent(rater)
    first = dict(
        Assignment.objects.filter(rater__study=study, position=1).values_list("rater__user", "pk")
    )
    return World(
        study.pk, overlap, [signed_in(user, f"/rate/item/{first[user.pk]}/") for user in people]
    )


def run_over(team: Any, corpus: Any, name: str) -> Any:
    from django.utils import timezone

    from inference.models import GenerationRun, JobState, Response, RunStimulus, Stimulus
    from tests import factories

    stimuli = list(Stimulus.objects.filter(dialogue__corpus=corpus).order_by("pk"))
    run = GenerationRun.objects.create(
        team=team,
        model_version=factories.make_model_version(team, f"model of {name}"),
        corpus=corpus,
        splits=[],
        options={"seed": 0},
        state=JobState.DONE,
        total=len(stimuli),
        done=len(stimuli),
        finished_at=timezone.now(),
    )
    RunStimulus.objects.bulk_create(
        RunStimulus(run=run, stimulus=stimulus, position=place)
        for place, stimulus in enumerate(stimuli)
    )
    text = "That sounds heavy, and you carried it for a long time. " * 5
    Response.objects.bulk_create(
        Response(run=run, stimulus=stimulus, text=text, raw=text, seconds=0.5, new_tokens=60)
        for stimulus in stimuli
    )
    return run


def signed_in(user: Any, first: str) -> Person:
    """With a session as the sign-in page makes it, without its deliberately slow hashing."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.utils.crypto import get_random_string

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    csrf = get_random_string(32)
    return Person(f"sessionid={session.session_key}; csrftoken={csrf}", csrf, first)


def fill_table(ratings: int) -> None:
    """Other people's ratings, so that the table is as large as after years of studies."""
    from django.db import connection

    from annotations.models import Rating
    from benchmarks.results_page_parts.large_study import build as build_large

    items = max(10, ratings // (20 * CRITERIA) // 2 * 2)
    build_large(items=items, raters=20)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert Rating.objects.count() >= ratings * 0.9  # noqa: S101


def leave_only_the_last(world: World, last: int) -> str:
    """Marks all but the rater's last items as submitted; returns the address of the first left."""
    from django.db.models import Max
    from django.utils import timezone

    from annotations.models import Assignment

    mine = Assignment.objects.filter(rater__study=world.study)
    total = mine.aggregate(last=Max("position"))["last"]
    done = mine.filter(position__lte=total - last)
    done.update(state="submitted", submitted_at=timezone.now())
    return f"/rate/item/{mine.get(position=total - last + 1).pk}/"
