"""The launch of a study of that size, database included, in a private PostgreSQL."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from annotations.models import Study

TEMPLATE = "multimood-trust-rating"


def launched(*, raters: int, items: int, overlap: int, models: int) -> dict[str, float | bool]:
    """Every model answers items / models client turns; each response is an item."""
    with private_database():
        from django.db import connection

        study = draft(raters=raters, turns=items // models, overlap=overlap, models=models)
        queries = 0

        def count(execute: object, *arguments: object) -> object:
            nonlocal queries
            queries += 1
            return execute(*arguments)  # type: ignore[operator]

        from annotations.services.studies import launch_study

        with connection.execute_wrapper(count):
            began = time.perf_counter()
            study = launch_study(study)
            seconds = time.perf_counter() - began
        return {
            "launch_s": round(seconds, 2),
            "launch_queries": queries,
            "launch_exact": every_place_is_filled_once(study, overlap),
        }


@contextmanager
def private_database() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MOODEVAL_VAR": folder, "MOODEVAL_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "mood_eval.settings"
        from mood_eval.embedded import using_servers

        with using_servers(Path(folder), durable=False):
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            yield


def draft(*, raters: int, turns: int, overlap: int, models: int) -> Study:
    from annotations.services.studies import create_study
    from benchmarks.results_page_parts.large_study import corpus_of
    from inference.models import GenerationRun, Response, Stimulus
    from tests import factories

    team = factories.make_team(owner=factories.make_user())
    corpus = corpus_of(team, stimuli=turns)
    stimuli = list(Stimulus.objects.order_by("pk"))
    runs = [
        GenerationRun.objects.create(
            team=team,
            model_version=factories.make_model_version(team, f"model-{number}"),
            corpus=corpus,
            state="done",
            total=len(stimuli),
            done=len(stimuli),
        )
        for number in range(models)
    ]
    for run in runs:
        Response.objects.bulk_create(
            (
                Response(run=run, stimulus=stimulus, text="That sounds hard.", seconds=0.5)
                for stimulus in stimuli
            ),
            batch_size=5000,
        )
    return create_study(
        team=team,
        template=TEMPLATE,
        runs=runs,
        raters=[f"rater{number}@example.org" for number in range(raters)],
        overlap=overlap,
        seed=5,
    )


def every_place_is_filled_once(study: Study, overlap: int) -> bool:
    from django.db.models import Count, Max, Min

    from annotations.models import Item

    found = (
        Item.objects.filter(part__study=study)
        .annotate(
            n=Count("assignments"),
            raters=Count("assignments__rater", distinct=True),
            first=Min("assignments__slot"),
            last=Max("assignments__slot"),
        )
        .exclude(n=overlap, raters=overlap, first=1, last=overlap)
    )
    return not found.exists()
