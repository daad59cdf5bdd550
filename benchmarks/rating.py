"""Rating over real HTTP: what a next + submit takes, and whether anything is lost under load.

    python benchmarks/rating.py [--quick] [--json]

A private PostgreSQL and Valkey in a temporary folder, gunicorn as the launcher runs it, clients
on the loopback in a closed loop (each waits for the answer before it goes on). Signing in is done
before the clock starts. A pair is a GET of the item's page and a POST that submits seven scores.
Server CPU counts the web processes and PostgreSQL's. Peers, measured on a machine of this kind
with one client and 1,000 items: Label Studio 1.23 118 queries, 73-105 ms of server CPU, 164-450 ms
a pair; Potato 2.12 47 ms. The last line with --json is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

LIMITS = {"queries_per_pair": 10, "server_cpu_ms_per_pair": 8.0, "median_ms": 25.0}
PEERS_MS = {"Label Studio 1.23": 164.0, "Potato 2.12": 47.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer items, raters and ratings")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MOODEVAL_VAR": folder, "MOODEVAL_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "mood_eval.settings"
        from mood_eval.embedded import using_servers

        with using_servers(Path(folder)):
            import django

            django.setup()
            figures = measure(Path(folder), quick=arguments.quick)
    report(figures)
    if arguments.json:
        print(json.dumps(figures))


def measure(folder: Path, *, quick: bool) -> dict[str, Any]:
    from django.core.management import call_command

    from benchmarks.rating_parts.server import web_server

    call_command("migrate", verbosity=0)
    figures: dict[str, Any] = {"queries_per_pair": queries_per_pair()}
    with web_server(folder) as port:
        figures |= one_rater(port, items=150 if quick else 1000)
        figures |= everybody(port, raters=60 if quick else 500, items_each=5 if quick else 10)
        figures |= late_in_a_long_list(
            port, items=1000 if quick else 10_000, ratings=50_000 if quick else 1_000_000
        )
    return figures


def queries_per_pair() -> float:
    """Of every second of twenty pairs, so that none of them is the first."""
    from urllib.parse import parse_qsl, urlencode

    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from benchmarks.rating_parts.clients import QUESTION
    from benchmarks.rating_parts.world import build

    person = build(raters=1, items=25, overlap=1, name="queries").people[0]
    client, address, counts = Client(), person.first, []
    for name, value in (pair.split("=") for pair in person.cookies.split("; ")):
        client.cookies[name] = value
    for _ in range(18):
        with CaptureQueriesContext(connection) as queries:
            page = client.get(address).content.decode()
            answers = dict(parse_qsl(urlencode(dict.fromkeys(QUESTION.findall(page), "7"))))
            answers["sequence"] = str(int(time.time() * 1000))
            response = client.post(f"{address}submit", answers, HTTP_ACCEPT="application/json")
        counts.append(len(queries))
        address = response.json()["next"]
    return statistics.median(counts)


def one_rater(port: int, *, items: int) -> dict[str, Any]:
    from benchmarks.rating_parts.check import check
    from benchmarks.rating_parts.clients import rate
    from benchmarks.rating_parts.server import processor_seconds
    from benchmarks.rating_parts.world import build

    world = build(raters=1, items=items + 20, overlap=1, name="alone")
    rate(port, world.people, 20)
    from annotations.models import Assignment

    left = Assignment.objects.filter(rater__study=world.study, state="assigned")
    first = f"/rate/item/{left.order_by('position')[0].pk}/"
    person = [type(world.people[0])(world.people[0].cookies, world.people[0].csrf, first)]
    before = processor_seconds()
    seen = rate(port, person, items)
    cpu = (processor_seconds() - before) * 1000 / max(len(seen.pairs), 1)
    tail = statistics.quantiles(seen.pairs, n=100)
    tenth = max(len(seen.pairs) // 10, 1)
    found = check(world.study, 1, seen.submitted)
    return {
        "items": items,
        "server_cpu_ms_per_pair": round(cpu, 2),
        "median_ms": round(statistics.median(seen.pairs), 2),
        "p95_ms": round(tail[94], 2),
        "p99_ms": round(tail[98], 2),
        "next_ms": round(statistics.median(seen.gets), 2),
        "submit_ms": round(statistics.median(seen.submits), 2),
        "first_tenth_ms": round(statistics.median(seen.pairs[:tenth]), 2),
        "last_tenth_ms": round(statistics.median(seen.pairs[-tenth:]), 2),
        "lost": found.lost,
        "doubled": found.doubled,
        "errors": len(seen.errors),
    }


def everybody(port: int, *, raters: int, items_each: int) -> dict[str, Any]:
    from benchmarks.rating_parts.check import check
    from benchmarks.rating_parts.clients import rate
    from benchmarks.rating_parts.server import processor_seconds
    from benchmarks.rating_parts.world import build

    overlap = 3
    world = build(
        raters=raters, items=raters * items_each // overlap, overlap=overlap, name="crowd"
    )
    before = processor_seconds()
    seen = rate(port, world.people, 10 * items_each)
    cpu = (processor_seconds() - before) * 1000 / max(len(seen.pairs), 1)
    tail = statistics.quantiles(seen.pairs, n=100)
    found = check(world.study, overlap, seen.submitted)
    return {
        "crowd_raters": raters,
        "crowd_pairs": len(seen.pairs),
        "crowd_pairs_per_s": round(len(seen.pairs) / seen.seconds, 1),
        "crowd_p50_ms": round(statistics.median(seen.pairs), 1),
        "crowd_p95_ms": round(tail[94], 1),
        "crowd_p99_ms": round(tail[98], 1),
        "crowd_server_cpu_ms_per_pair": round(cpu, 2),
        "crowd_lost": found.lost,
        "crowd_doubled": found.doubled,
        "misassigned": found.misassigned,
        "over_assigned": found.over_assigned,
        "every_item_has_exactly_k": found.exact,
        "crowd_errors": len(seen.errors),
        "first_error": seen.errors[0] if seen.errors else "",
    }


def late_in_a_long_list(port: int, *, items: int, ratings: int) -> dict[str, Any]:
    from benchmarks.rating_parts.clients import rate
    from benchmarks.rating_parts.server import processor_seconds
    from benchmarks.rating_parts.world import Person, build, fill_table, leave_only_the_last

    fill_table(ratings)
    world = build(raters=1, items=items, overlap=1, name="long")
    last = min(200, items // 4)
    one = world.people[0]
    person = Person(one.cookies, one.csrf, leave_only_the_last(world, last))
    before = processor_seconds()
    seen = rate(port, [person], last)
    cpu = (processor_seconds() - before) * 1000 / max(len(seen.pairs), 1)
    return {
        "long_items": items,
        "ratings_in_table": ratings,
        "long_median_ms": round(statistics.median(seen.pairs), 2),
        "long_server_cpu_ms_per_pair": round(cpu, 2),
    }


def report(figures: dict[str, Any]) -> None:
    for name, limit in LIMITS.items():
        value = figures[name]
        print(f"{name:28}{value:10}   limit {limit:5}   {value / limit:.2f} of it")
    for name, peer in PEERS_MS.items():
        print(f"{name} takes {peer / figures['median_ms']:.1f} times as long as our median")
    for name, value in figures.items():
        if name not in LIMITS:
            print(f"{name:28}{value!s:>10}")


if __name__ == "__main__":
    main()
