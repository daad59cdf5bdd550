"""A crowd of raters over real HTTP while something goes wrong; prints what the database holds.

    python -m tests.load.world calm|killed|crashed FOLDER RATERS ITEMS

In a process of its own, because servers are stopped and killed here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

TIMES = 4
"""How often something is killed while the crowd works."""
OVERLAP = 3


def main(trouble: str, folder: str, raters: str, items: str) -> None:
    os.environ |= {"MOODEVAL_VAR": folder, "MOODEVAL_MODE": "test"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "mood_eval.settings"
    from mood_eval.embedded import using_servers

    with using_servers(Path(folder)):
        import django

        django.setup()
        print(json.dumps(crowd(trouble, Path(folder), int(raters), int(items))))


def crowd(trouble: str, folder: Path, raters: int, items: int) -> dict[str, object]:
    from django.core.management import call_command
    from django.db import connection

    from benchmarks.rating_parts.check import check
    from benchmarks.rating_parts.clients import rate
    from benchmarks.rating_parts.server import web_server
    from benchmarks.rating_parts.world import build

    call_command("migrate", verbosity=0)
    world = build(raters=raters, items=items, overlap=OVERLAP, name="crowd")
    connection.close()
    killed: list[int] = []
    over = threading.Event()
    with web_server(folder) as port:
        act: dict[str, Callable[[], int]] = {
            "killed": lambda: kill(gunicorn_workers(port)),
            "crashed": lambda: kill(postgres_backends()),
        }
        thread = threading.Thread(target=disturb, args=(act.get(trouble), over, killed))
        thread.start()
        seen = rate(port, world.people, items * OVERLAP, patience=60)
        over.set()
        thread.join()
    connection.close()
    found = check(world.study, OVERLAP, seen.submitted)
    return {
        **asdict(found),
        "submitted": len(seen.submitted),
        "errors": seen.errors[:5],
        "killed": len(killed),
    }


def disturb(act: Callable[[], int] | None, over: threading.Event, killed: list[int]) -> None:
    while act and len(killed) < TIMES and not over.wait(0.7):
        if pid := act():
            killed.append(pid)


def kill(pids: list[int]) -> int:
    for pid in pids[:1]:
        os.kill(pid, signal.SIGKILL)
        return pid
    return 0


def gunicorn_workers(port: int) -> list[int]:
    named = {pid: parent for pid, parent, command in processes() if f":{port}" in command}
    return [pid for pid, parent in named.items() if parent in named]


def postgres_backends() -> list[int]:
    """Of the web server: PostgreSQL ends every session and recovers when one of them is killed."""
    from django.db import OperationalError, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'moodeval' "
                "AND pid <> pg_backend_pid() AND state IS NOT NULL ORDER BY state"
            )
            return [int(pid) for (pid,) in cursor.fetchall()]
    except OperationalError:
        return []  # it is still recovering
    finally:
        connection.close()


def processes() -> list[tuple[int, int, str]]:
    """(pid, parent, command line)"""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        found.append((int(entry.name), int(parent), command))
    return found


if __name__ == "__main__":
    began = time.monotonic()
    main(*sys.argv[1:])
    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)
