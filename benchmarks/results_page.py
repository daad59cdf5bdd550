"""A large study's results: from a cold cache to the first page, and the page once it is warm.

    python benchmarks/results_page.py [--quick] [--json]

10,000 items x 20 raters x 7 criteria (1.4 million ratings; with --quick a tenth of the items) in a
private PostgreSQL. The job is worked off as a worker would, section by section; pages are real
requests through Django's test client, queries included, network and browser not. Limits: 8 s from
cold to the first page, 150 ms a warm page, 600 MB. The last line with --json is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FIRST_PAGE_S, WARM_MS, PEAK_MB = 8.0, 150.0, 600.0
PAGES = ("", "agreement/", "raters/", "items/", "models/", "report/")
sys.path.insert(0, str(PROJECT))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the items")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MOODEVAL_VAR": folder, "MOODEVAL_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "mood_eval.settings"
        from mood_eval.embedded import using_servers

        with using_servers(Path(folder), durable=False):
            import django

            django.setup()
            figures = measure(items=1000 if arguments.quick else 10_000)
    report(figures)
    if arguments.json:
        print(json.dumps(figures))


def measure(*, items: int) -> dict[str, float]:
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.results_page_parts.large_study import build

    call_command("migrate", verbosity=0)
    study = build(items=items, raters=20)
    client = Client()
    client.force_login(study.owner)
    address = f"/studies/{study.study.pk}/results/"
    figures: dict[str, float] = {"items": items, "ratings": study.ratings}
    figures |= worked_off(study.study)
    for page in PAGES:
        times = [timed(client, address + page) for _ in range(11)][1:]
        figures[f"warm_{page.strip('/') or 'overview'}_ms"] = round(statistics.median(times), 1)
    # The child was this process: its memory is what a worker would take.
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return figures


def worked_off(study: object) -> dict[str, float]:
    """Seconds until the first section, with which the first page is shown, and until the last."""
    from annotations.services.analyses import request_analysis, run_analysis

    began = time.perf_counter()
    job = request_analysis(study)  # type: ignore[arg-type]
    moments: list[float] = []
    run_analysis(job.pk, on_section=lambda row: moments.append(time.perf_counter() - began))
    job.refresh_from_db()
    if job.state != "done":
        raise SystemExit(f"The analysis is {job.state}: {job.error}")
    sections = dict(job.sections.values_list("name", "seconds"))
    return {
        "first_section_s": round(moments[0], 2),
        "all_sections_s": round(moments[-1], 2),
        **{f"section_{name}_s": round(seconds, 2) for name, seconds in sections.items()},
    }


def timed(client: object, address: str) -> float:
    began = time.perf_counter()
    response = client.get(address)  # type: ignore[attr-defined]
    if response.status_code != 200:
        raise SystemExit(f"{address} answered {response.status_code}")
    return (time.perf_counter() - began) * 1000


def report(figures: dict[str, float]) -> None:
    print(f"{figures['items']:,.0f} items x 20 raters, {figures['ratings']:,.0f} ratings")
    limits = {"first_section_s": FIRST_PAGE_S, "all_sections_s": FIRST_PAGE_S, "peak_mb": PEAK_MB}
    for name, value in figures.items():
        limit = limits.get(name, WARM_MS if name.startswith("warm_") else None)
        share = f"  {value / limit:5.2f} of the limit {limit:g}" if limit else ""
        print(f"{name:24}{value:12,.2f}{share}")


if __name__ == "__main__":
    main()
