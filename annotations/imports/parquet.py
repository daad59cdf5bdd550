"""Parquet files with bounds: a small one can hold texts that are enormous once decoded, because
it writes a repeated value once. pyarrow is loaded only where such a file is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from annotations.imports.cells import refuse_unstorable
from inference.corpora.errors import Place
from inference.corpora.files import MAX_RECORD_BYTES, too_long

BATCH = 256
MEASURED = 4_096
"""Rows measured at once: each takes a few bytes, whatever its texts will take."""
VALUE_BYTES = 8


def parquet_rows(path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every row with its place. How much a file holds `decoded_bytes` tells beforehand."""
    number = 0
    with _read(path) as opened:
        batches = opened.iter_batches(batch_size=BATCH)
        while (rows := _decoded(batches, path, number)) is not None:
            for row in rows:
                number += 1
                place = Place(path, None, f"row {number}")
                for name, value in row.items():
                    refuse_unstorable(value, name, place)
                yield place, row


def _decoded(batches: Iterator[Any], path: Path, before: int) -> list[dict[str, Any]] | None:
    """Of the next batch; None at the end."""
    with _refusing(path, before):
        batch = next(batches, None)
        return None if batch is None else batch.to_pylist()


def decoded_bytes(path: Path) -> Iterator[int]:
    """What the cells take once decoded, piece by piece and never decoded as a whole.

    Refuses a cell that is longer than a record may be.
    """
    with _read(path) as opened:
        yield sum(
            group.column(column).num_values * VALUE_BYTES
            for group in map(opened.metadata.row_group, range(opened.num_row_groups))
            for column in range(group.num_columns)
        )
    before = 0
    with _read(path, texts_once=True) as opened:
        for batch in opened.iter_batches(batch_size=MEASURED):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                total, longest = _texts(column)
                if longest > MAX_RECORD_BYTES:
                    rows = f"rows {before + 1} to {before + len(batch)}"
                    raise too_long(Place(path, None, f"{rows}, {name}"), "cell")
                yield total
            before += len(batch)


def _texts(array: Any) -> tuple[int, int]:
    """Bytes of all texts in it, and of the longest."""
    import pyarrow
    import pyarrow.compute

    kind = array.type
    if pyarrow.types.is_dictionary(kind):
        lengths = pyarrow.compute.binary_length(array.dictionary).take(array.indices)
        total = pyarrow.compute.sum(lengths.cast(pyarrow.int64())).as_py()
        return total or 0, pyarrow.compute.max(lengths).as_py() or 0
    if pyarrow.types.is_struct(kind):
        inside = array.flatten()
    elif pyarrow.types.is_map(kind):
        inside = [array.keys, array.items]
    elif pyarrow.types.is_nested(kind):
        inside = [array.flatten()]
    else:
        return 0, 0
    found = [_texts(part) for part in inside]
    return sum(total for total, _ in found), max((longest for _, longest in found), default=0)


@contextmanager
def _read(path: Path, texts_once: bool = False) -> Iterator[Any]:
    import pyarrow.parquet

    if not path.is_file() or not path.stat().st_size:
        raise Place(path).error(None, "the file is empty or missing", "Export it again")
    with _refusing(path, 0), pyarrow.parquet.ParquetFile(path) as opened:
        schema = opened.schema
        texts = [
            column.path
            for column in map(schema.column, range(len(schema)))
            if column.physical_type == "BYTE_ARRAY"
        ]
        if not texts_once:
            yield opened
            return
        with pyarrow.parquet.ParquetFile(path, read_dictionary=texts) as again:
            yield again


@contextmanager
def _refusing(path: Path, before: int) -> Iterator[None]:
    """Whatever pyarrow, or the making of Python values from its cells, may raise."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, LookupError, OverflowError) as error:
        raise Place(path, None, f"row {before + 1}").error(
            None, f"the file is no readable Parquet ({_short(error)})", "Export it again"
        ) from error


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]
