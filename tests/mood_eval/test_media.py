from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage
from django.db.models import FileField
from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpResponseBase
from django.http.response import StreamingHttpResponse
from django.test import RequestFactory

from mood_eval.media import CHUNK_BYTES, ranged_file_response

CONTENT = bytes(range(256)) * 600
SIZE = len(CONTENT)


def respond(
    range_header: str | None,
    method: str = "GET",
    content: bytes = CONTENT,
    headers: dict[str, str] | None = None,
) -> HttpResponseBase:
    sent = {**(headers or {}), **({} if range_header is None else {"range": range_header})}
    request = RequestFactory().generic(method, "/clip", headers=sent)
    return ranged_file_response(request, ContentFile(content), "video/mp4")


def body(response: HttpResponseBase) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response)


def test_the_whole_file_without_a_range() -> None:
    response = respond(None)
    assert response.status_code == 200
    assert response["Accept-Ranges"] == "bytes"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Length"] == str(SIZE)
    assert "Content-Range" not in response
    assert body(response) == CONTENT


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("Bytes = 100 - 199", 100, 199),
        (f"bytes=10-{CHUNK_BYTES + 20}", 10, CHUNK_BYTES + 20),
        ("bytes=500-99999999", 500, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
    ],
)
def test_one_range(asked: str, first: int, last: int) -> None:
    response = respond(asked)
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert response["Content-Length"] == str(last - first + 1)
    assert body(response) == CONTENT[first : last + 1]


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
def test_a_range_outside_the_file_is_refused(asked: str) -> None:
    response = respond(asked)
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-9,20-29", "items=0-9", "bytes=9-3", "bytes=-", "bytes=a-b", f"bytes=0-{'9' * 6000}"],
)
def test_what_is_not_one_range_gets_the_whole_file(asked: str) -> None:
    response = respond(asked)
    assert response.status_code == 200
    assert body(response) == CONTENT


def test_head_tells_the_length_and_sends_nothing() -> None:
    response = respond("bytes=0-9", method="HEAD")
    assert response.status_code == 200
    assert response["Content-Length"] == str(SIZE)
    assert response["Content-Type"] == "video/mp4"
    assert not isinstance(response, StreamingHttpResponse)


def test_if_range_of_an_unknown_version_gets_the_whole_file() -> None:
    assert respond("bytes=0-9", headers={"if-range": '"other"'}).status_code == 200


def test_an_empty_file() -> None:
    assert respond(None, content=b"").status_code == 200
    assert respond("bytes=0-", content=b"").status_code == 416
    assert respond("bytes=-5", content=b"").status_code == 416


def test_a_download_is_named_by_the_caller_and_never_by_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret-name.mkv").write_bytes(CONTENT)
    file = File((tmp_path / "secret-name.mkv").open("rb"))
    request = RequestFactory().get("/clip")
    response = ranged_file_response(request, file, "video/x-matroska", download_as="clip-7.mkv")
    assert response["Content-Disposition"] == 'attachment; filename="clip-7.mkv"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "secret-name" not in str(response.headers)
    assert respond(None)["Content-Disposition"] == "inline"


def test_a_file_that_is_gone_is_not_found(tmp_path: Path) -> None:
    storage = FileSystemStorage(location=tmp_path)
    file = FieldFile(None, FileField(storage=storage), "clips/gone.mp4")  # type: ignore[arg-type]
    with pytest.raises(Http404):
        ranged_file_response(RequestFactory().get("/clip"), file, "video/mp4")


@pytest.mark.django_db  # the end of a response looks after open connections
def test_the_file_is_closed_with_the_response(tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(CONTENT)
    file = File((tmp_path / "clip").open("rb"))
    response = ranged_file_response(RequestFactory().get("/clip"), file, "video/mp4")
    response.close()
    assert file.closed
