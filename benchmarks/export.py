"""Every answer of a large study over HTTP, as JSON lines and as Parquet.

    python benchmarks/export.py [--quick] [--json]

7,144 items x 20 raters x 7 criteria, 1,000,160 ratings (with --quick a tenth of the items), in a
private PostgreSQL; gunicorn as the launcher runs it, and a client on the loopback that writes what
comes into a file, all on the same cores. Server CPU counts gunicorn and PostgreSQL; memory is the
most that a web process ever took. The same answers are also read the obvious way, a model a row.
Peer, measured on a machine of this kind: Label Studio 1.23 exports 100,000 annotations in 325 s
with 2 GB, the first byte after 324 s. Limits: 50,000 rows/s, 300 MB, 1 s to the first byte. The
last line with --json is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.export_parts.downloads import download, peak_mb

ROWS_PER_S, PEAK_MB, FIRST_BYTE_S = 50_000.0, 300.0, 1.0
LABEL_STUDIO = {"rows_per_s": 100_000 / 325, "peak_mb": 2048.0, "first_byte_s": 324.0}
KINDS = ("jsonl", "parquet")
BY_MODELS = 30_000
"""Rows that the obvious way reads."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the items")
    parser.add_argument("--json", action="store_true", help="figures as JSON on the last line")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MOODEVAL_VAR": folder, "MOODEVAL_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "mood_eval.settings"
        from mood_eval.embedded import using_servers

        with using_servers(Path(folder), durable=False):
            import django

            django.setup()
            figures = measure(Path(folder), items=716 if arguments.quick else 7144)
    figures["load_at_start"] = round(load, 2)
    report(figures)
    if arguments.json:
        print(json.dumps(figures))


def measure(folder: Path, *, items: int) -> dict[str, Any]:
    from django.core.management import call_command

    from benchmarks.export_parts.by_models import rows_per_second
    from benchmarks.rating_parts.server import processor_seconds, web_server
    from benchmarks.rating_parts.world import signed_in
    from benchmarks.results_page_parts.large_study import build

    call_command("migrate", verbosity=0)
    large = build(items=items, raters=20)
    cookies = signed_in(large.owner, "").cookies
    figures: dict[str, Any] = {"rows": large.ratings}
    with web_server(folder) as port:
        download(port, "/healthz", "", folder / "health")
        for kind in KINDS:
            file = folder / f"answers.{kind}"
            address = f"/studies/{large.study.pk}/results/answers.{kind}"
            before = processor_seconds()
            got = download(port, address, cookies, file)
            cpu = processor_seconds() - before
            if rows_in(file) != large.ratings:
                raise SystemExit(f"{file.name} has {rows_in(file)} rows, not {large.ratings}")
            figures |= {
                f"{kind}_rows_per_s": round(large.ratings / got.seconds),
                f"{kind}_first_byte_s": round(got.first_byte_s, 3),
                f"{kind}_server_cpu_s": round(cpu, 1),
                f"{kind}_mb": round(got.size / 1e6, 1),
                f"peak_mb_after_{kind}": round(peak_mb(), 1),
            }
    figures |= {
        "rows_per_s": min(figures[f"{kind}_rows_per_s"] for kind in KINDS),
        "first_byte_s": max(figures[f"{kind}_first_byte_s"] for kind in KINDS),
        "peak_mb": max(figures[f"peak_mb_after_{kind}"] for kind in KINDS),
        "by_models_rows_per_s": round(rows_per_second(large.study, BY_MODELS, folder / "models")),
    }
    figures["times_by_models"] = round(figures["rows_per_s"] / figures["by_models_rows_per_s"], 1)
    return figures


def rows_in(file: Path) -> int:
    import pyarrow.parquet as pq

    if file.suffix == ".parquet":
        return int(pq.read_metadata(file).num_rows)
    with file.open("rb") as lines:
        return sum(piece.count(b"\n") for piece in iter(lambda: lines.read(1 << 20), b""))


def report(figures: dict[str, Any]) -> None:
    limits = {"rows_per_s": ROWS_PER_S, "peak_mb": PEAK_MB, "first_byte_s": FIRST_BYTE_S}
    for name, limit in limits.items():
        value, peer = figures[name], LABEL_STUDIO[name]
        print(f"{name:24}{value:12,.2f}   limit {limit:10,.0f}   Label Studio 1.23 {peer:10,.0f}")
    for name, value in figures.items():
        if name not in limits:
            print(f"{name:24}{value:12,.2f}")


if __name__ == "__main__":
    main()
