"""Rows into Parquet files that are written as they are read.

pyarrow is imported when a file is made: the web process starts without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from annotations.exports.formats.archives import Sink
from annotations.exports.formats.options import Row

Type = Literal[
    "text",
    "number",
    "count",
    "flag",
    "texts",
    "orders",
    "messages",
    "clips",
    "json",
    "moment",
]
"""`orders` is a list of lists of text; `json` a value of any shape, as JSON text; `moment`
a time in ISO 8601."""
Columns = Mapping[str, Type]
ROW_GROUP = 2000


def parquet_chunks(rows: Iterable[Row], columns: Columns) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow_type(kind)) for name, kind in columns.items()])
    sink = Sink()
    source = iter(rows)
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema) as writer:
        while batch := list(islice(source, ROW_GROUP)):
            values = [_typed(row, columns) for row in batch]
            writer.write_table(pa.Table.from_pylist(values, schema))
            yield from sink.fetch()
    yield from sink.fetch()


def _typed(row: Row, columns: Columns) -> Row:
    return {name: _value(row.get(name), kind) for name, kind in columns.items()}


def _value(value: Any, kind: Type) -> Any:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if kind == "text":
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if kind == "moment":
        return datetime.fromisoformat(value)
    if kind == "texts":
        return [str(part) for part in value]
    if kind == "orders":
        return [[str(part) for part in order] for order in value]
    return value


def _arrow_type(kind: Type) -> Any:
    import pyarrow as pa

    text = pa.string()
    return {
        "text": text,
        "json": text,
        "number": pa.float64(),
        "moment": pa.timestamp("us", tz="UTC"),
        "count": pa.int64(),
        "flag": pa.bool_(),
        "texts": pa.list_(text),
        "orders": pa.list_(pa.list_(text)),
        "messages": pa.list_(pa.struct([("role", text), ("content", text)])),
        "clips": pa.list_(pa.struct([("path", text), ("sha256", text)])),
    }[kind]
