"""Media over HTTP with range requests (RFC 9110, section 14).

Django's FileResponse ignores Range, and Chromium cannot seek in a video without it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import IO

from django.core.files.base import File
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

logger = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024
SINGLE_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.ASCII | re.IGNORECASE)


class UnsatisfiableRangeError(Exception):
    """The range lies outside the file."""


def ranged_file_response(
    request: HttpRequest, file: File[bytes], content_type: str, *, download_as: str = ""
) -> HttpResponseBase:
    """The whole file (200), one range of it (206), or a refusal (416).

    Several ranges at once, other units and malformed ranges are answered with the whole file,
    as the RFC allows. The body is streamed and the file is closed with the response. The file's
    own name is never sent; `download_as` is offered as the name to save it under.
    """
    try:
        size = file.size
    except FileNotFoundError as error:
        logger.exception("A stored file is gone")
        raise Http404("The file is not there.") from error
    disposition = f'attachment; filename="{download_as}"' if download_as else "inline"
    try:
        span = requested_range(request, size)
    except UnsatisfiableRangeError:
        file.close()
        refusal = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        return _private(refusal, disposition)
    first, last = span or (0, size - 1)
    response: HttpResponseBase
    if request.method == "HEAD":
        file.close()
        response = HttpResponse(content_type=content_type)
    else:
        response = StreamingHttpResponse(
            _read(file.open("rb"), first, last - first + 1), content_type=content_type
        )
        # Closes the file also when the browser goes away in the middle.
        response._resource_closers.append(file.close)  # type: ignore[attr-defined]
    response["Content-Length"] = str(last - first + 1)
    if span is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return _private(response, disposition)


def requested_range(request: HttpRequest, size: int) -> tuple[int, int] | None:
    """First and last byte asked for; None for the whole file."""
    # A Range is defined for GET only, and a stale If-Range asks for the whole new file;
    # no validator is ever sent here, so every If-Range is stale.
    header = request.headers.get("Range", "").strip()
    if not header or request.method != "GET" or "If-Range" in request.headers:
        return None
    match = SINGLE_RANGE.fullmatch(header)
    if match is None:
        return None
    start, end = match.groups()
    if not start:
        return _suffix(end, size)
    first = int(start)
    if end and int(end) < first:
        return None
    if first >= size:
        raise UnsatisfiableRangeError
    return first, min(int(end), size - 1) if end else size - 1


def _suffix(length: str, size: int) -> tuple[int, int] | None:
    """`bytes=-500`: the last 500 bytes."""
    if not length:
        return None
    if int(length) == 0 or size == 0:
        raise UnsatisfiableRangeError
    return max(0, size - int(length)), size - 1


def _read(stream: IO[bytes] | File[bytes], first: int, length: int) -> Iterator[bytes]:
    stream.seek(first)
    while length > 0:
        block = stream.read(min(CHUNK_BYTES, length))
        if not block:
            return
        length -= len(block)
        yield block


def _private(response: HttpResponseBase, disposition: str) -> HttpResponseBase:
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = disposition
    return response
