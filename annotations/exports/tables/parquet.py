"""The table of answers as Parquet, written as it is read.

pyarrow reads the rows from CSV in one piece each, column by column, so that no cell becomes an
object of its own; it is imported when a file is made, as the web process starts without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from annotations.exports.formats.archives import Sink
from annotations.exports.tables.columns import COLUMNS, DECIMALS, MOMENTS, NUMBERS

ROW_GROUP_BYTES = 8_000_000
"""Of CSV: some forty thousand rows."""


def parquet_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """pieces: whole rows as `AsCsv(for_spreadsheets=False)` writes them.

    Where reading them fails the file ends without a footer, so that nobody takes it for a whole.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = Sink()
    schema = pa.schema([(name, _type(name)) for name in COLUMNS])
    writer = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd")
    for group in _groups(pieces):
        writer.write_table(_table(group, schema))
        yield from sink.fetch()
    writer.close()
    yield from sink.fetch()


def _groups(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The first piece stands alone: whoever asked for the file waits for nothing more."""
    waiting: list[bytes] = []
    most = 0
    for piece in pieces:
        waiting.append(piece)
        if sum(map(len, waiting)) > most:
            yield b"".join(waiting)
            waiting, most = [], ROW_GROUP_BYTES
    if waiting:
        yield b"".join(waiting)


def _table(rows: bytes, schema: Any) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    return csv.read_csv(
        pa.BufferReader(rows),
        read_options=csv.ReadOptions(column_names=COLUMNS, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )


def _type(name: str) -> Any:
    import pyarrow as pa

    if name in NUMBERS:
        return pa.int64()
    if name in DECIMALS:
        return pa.float64()
    return pa.timestamp("us", tz="UTC") if name in MOMENTS else pa.string()
