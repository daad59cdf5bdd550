"""Server time of the pages people wait for, in a large study, against the limit of 100 ms.

    python benchmarks/pages.py [--quick] [--json]

A private PostgreSQL in a temporary folder, real requests through Django's test client, queries
included, network and browser not. Prints median and 95th percentile in milliseconds, and the
median as a share of the limit. The last line with --json is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LIMIT_MS = 100.0
sys.path.insert(0, str(PROJECT))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smaller study, fewer requests")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MOODEVAL_VAR": folder, "MOODEVAL_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "mood_eval.settings"
        from mood_eval.embedded import using_servers

        with using_servers(Path(folder), durable=False):
            import django

            django.setup()
            figures = measure(quick=arguments.quick)
    report(figures)
    if arguments.json:
        print(json.dumps(figures))


def measure(*, quick: bool) -> dict[str, float]:
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    pages, ratings = build(dialogues=20 if quick else 250, raters=4 if quick else 10)
    figures: dict[str, float] = {"ratings": ratings}
    for name, (user, address) in pages.items():
        client = Client()
        client.force_login(user)
        times = timed(lambda c=client, a=address: c.get(a), 10 if quick else 40)
        figures[f"{name}_ms"] = round(statistics.median(times), 1)
        figures[f"{name}_p95_ms"] = round(statistics.quantiles(times, n=20)[18], 1)
    return figures


def build(*, dialogues: int, raters: int) -> tuple[dict[str, tuple[object, str]], int]:
    """A study in which everybody has answered everything but the last item."""
    from annotations.models import Assignment, Candidate, Rating
    from annotations.services.analyses import request_analysis, run_analysis
    from tests import factories

    ada = factories.make_user()
    team = factories.make_team(owner=ada)
    corpus = factories.make_corpus_with_dialogues(team, dialogues)
    runs = [factories.make_run_with_responses(team, corpus, name) for name in ("one", "two")]
    people = [factories.make_user(f"rater{i}@example.org") for i in range(raters)]
    study = factories.make_study(team, runs, people, overlap=min(raters, 5))
    draw = random.Random(1)
    waiting = study.raters.get(user=people[0]).assignments.order_by("-position").first()
    answered = Assignment.objects.filter(rater__study=study).exclude(pk=waiting.pk)
    candidates = {c.item_id: c.pk for c in Candidate.objects.filter(item__part__study=study)}
    criteria = list(study.parts.get().instrument.criteria.all())
    rows = [
        Rating(
            assignment=assignment,
            candidate_id=candidates[assignment.item_id],
            criterion=criterion,
            score=draw.randint(4, 10),
        )
        for assignment in answered
        for criterion in criteria
    ]
    Rating.objects.bulk_create(rows, batch_size=5000)
    answered.update(state=Assignment.State.SUBMITTED, submitted_at=study.launched_at)
    run_analysis(request_analysis(study).pk)
    return {
        "rating_item": (people[0], f"/rate/item/{waiting.pk}/"),
        "rating_home": (people[0], "/rate/"),
        "study_list": (ada, "/studies/"),
        "study": (ada, f"/studies/{study.pk}/"),
        "results": (ada, f"/studies/{study.pk}/results/"),
        "agreement": (ada, f"/studies/{study.pk}/results/agreement/"),
        "run": (ada, f"/runs/{runs[0].pk}/"),
        "corpus": (ada, f"/corpora/{corpus.pk}/"),
    }, len(rows)


def timed(request: Callable[[], object], count: int) -> list[float]:
    request()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        request()
        times.append((time.perf_counter() - began) * 1000)
    return times


def report(figures: dict[str, float]) -> None:
    print(f"study with {figures['ratings']:,.0f} ratings; limit {LIMIT_MS:.0f} ms a page")
    for name in [key.removesuffix("_p95_ms") for key in figures if key.endswith("_p95_ms")]:
        median, slow = figures[f"{name}_ms"], figures[f"{name}_p95_ms"]
        share = median / LIMIT_MS
        print(f"{name:14}{median:8.1f} ms  95 % within {slow:7.1f} ms  {share:.2f} of the limit")


if __name__ == "__main__":
    main()
