"""Downloads of all answers over HTTP: whole, or seen not to be, and nothing left behind."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection

from annotations.exports.tables.columns import COLUMNS
from annotations.exports.tables.parquet import parquet_chunks
from annotations.exports.tables.spelling import AsCsv
from annotations.models import Rating, Study
from benchmarks.rating_parts.server import web_server
from benchmarks.rating_parts.world import signed_in
from benchmarks.results_page_parts.large_study import build

Open = Callable[[], tuple[http.client.HTTPConnection, http.client.HTTPResponse]]
WAITING = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database()
    AND state <> 'idle' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"""


@pytest.fixture
def study(transactional_db: None) -> Study:
    """Its answers are more than sockets take, so that the server waits for who reads slowly."""
    return build(items=100, raters=20).study


@pytest.fixture
def opened(
    study: Study,
    child_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Open]:
    """Begins a download on gunicorn, and reads the first row."""
    monkeypatch.setenv("DATABASE_URL", child_environment["DATABASE_URL"])
    [member] = study.team.memberships.all()
    cookies = signed_in(member.user, "").cookies
    connections = []
    with web_server(tmp_path) as port:

        def begin() -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
            reader = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            reader.sock = socket.socket()
            reader.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            reader.sock.settimeout(60)
            reader.sock.connect(("127.0.0.1", port))
            connections.append(reader)
            address = f"/studies/{study.pk}/results/answers.jsonl"
            reader.request("GET", address, headers={"Cookie": cookies})
            response = reader.getresponse()
            assert response.status == 200
            assert json.loads(response.readline())["part"] == 1
            return reader, response

        yield begin
        for reader in connections:
            reader.close()


def sessions_waiting() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return [pid for (pid,) in cursor.fetchall()]


def wait_until(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


def test_all_rows_are_as_they_were_when_the_download_began(opened: Open) -> None:
    _, response = opened()
    assert wait_until(lambda: len(sessions_waiting()) == 1)
    kept = Rating.objects.count()
    Rating.objects.all().delete()
    rows = [json.loads(line) for line in response]
    assert len(rows) == kept - 1
    assert all(row["score"] is not None for row in rows)


def test_a_download_whose_database_fails_does_not_look_whole(opened: Open) -> None:
    _, response = opened()
    assert wait_until(lambda: len(sessions_waiting()) == 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", sessions_waiting())
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()


def test_whoever_goes_away_leaves_nothing_running(opened: Open) -> None:
    reader, response = opened()
    assert wait_until(lambda: len(sessions_waiting()) == 1)
    response.close()
    reader.close()
    assert wait_until(lambda: not sessions_waiting())
    _, again = opened()
    assert len(again.read().splitlines()) == Rating.objects.count() - 1


def test_parquet_that_fails_midway_is_no_parquet() -> None:
    cells = [1 if name in ("part", "item", "score") else None for name in COLUMNS]
    row = (AsCsv(for_spreadsheets=False).part(COLUMNS, cells) + "\r\n").encode()

    def pieces() -> Iterator[bytes]:
        yield row
        yield row * 50_000
        raise ConnectionError("the database went away")

    assert pq.read_metadata(BytesIO(b"".join(parquet_chunks([row, row * 3])))).num_rows == 4
    written = taken(parquet_chunks(pieces()))
    assert written.startswith(b"PAR1")
    with pytest.raises(pa.ArrowInvalid, match=r"magic bytes|footer"):
        pq.read_table(BytesIO(written))


def taken(chunks: Iterable[bytes]) -> bytes:
    """What had left before it failed."""
    written: list[bytes] = []
    with pytest.raises(ConnectionError):
        written.extend(chunks)
    return b"".join(written)
