"""LLaMA-Factory's ranking data, alpaca and sharegpt, as dataset_info.json describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from annotations.imports.collecting import Collector
from annotations.imports.messages import Message, Role, Tags, messages_of, prompt_of, read_reply
from annotations.imports.pairs import Pair, read_pair_rows
from annotations.imports.rows import Row, optional_text, shown, text_field, whole_object
from inference.corpora.errors import Place

INFO_FILE = "dataset_info.json"
ALPACA, SHAREGPT = "alpaca", "sharegpt"
COLUMNS = {
    "prompt": "instruction",
    "query": "input",
    "history": "history",
    "system": "system",
    "messages": "conversations",
    "chosen": "chosen",
    "rejected": "rejected",
}
TAG_ROLES: tuple[tuple[str, Role], ...] = (
    ("user_tag", "client"),
    ("assistant_tag", "therapist"),
    ("system_tag", "system"),
)


@dataclass(frozen=True)
class Description:
    formatting: str
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    tags: Tags = field(default_factory=Tags)


def read(paths: Sequence[Path], collector: Collector) -> None:
    info = next((path for path in paths if path.name == INFO_FILE), None)
    described = _described(info) if info else {}
    for path in paths:
        if path == info:
            continue
        if info and path.name not in described:
            raise Place(info).error(
                "file_name",
                f"no dataset in it has the file {path.name}",
                f"Describe {path.name}, or leave it out",
            )
        read_pair_rows([path], collector, partial(_pair, described.get(path.name)))


def _described(info: Path) -> dict[str, Description]:
    place = Place(info)
    described = {}
    for name, entry in whole_object(info).items():
        if not isinstance(entry, dict):
            raise place.error(name, f"an object was expected, not {shown(entry)}", "Write {...}")
        file = entry.get("file_name")
        if isinstance(file, str):
            described[Path(file).name] = _description(name, entry, place)
    return described


def _description(name: str, entry: Mapping[str, Any], place: Place) -> Description:
    if not entry.get("ranking"):
        raise place.error(
            f"{name}.ranking",
            "the dataset is described without ranking, so it holds no preferences",
            "Hand in a dataset with ranking: true, or leave this one out",
        )
    formatting = entry.get("formatting", ALPACA)
    if formatting not in (ALPACA, SHAREGPT):
        raise place.error(
            f"{name}.formatting", f"{shown(formatting)} is not known", "Use alpaca or sharegpt"
        )
    columns, tags = (_texts(name, key, entry, place) for key in ("columns", "tags"))
    roles = tuple((tags[tag], role) for tag, role in TAG_ROLES if tag in tags)
    return Description(
        formatting,
        {**COLUMNS, **columns},
        Tags(tags.get("role_tag", ""), tags.get("content_tag", ""), roles),
    )


def _texts(name: str, key: str, entry: Mapping[str, Any], place: Place) -> dict[str, str]:
    values = entry.get(key, {})
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise place.error(f"{name}.{key}", "an object of names was expected", "Write {...}")
    return values


def _pair(described: Description | None, row: Row, place: Place) -> Pair:
    if described is None:
        described = Description(SHAREGPT if COLUMNS["messages"] in row else ALPACA)
    columns = described.columns
    prompt = prompt_of(
        _alpaca(row, place, columns)
        if described.formatting == ALPACA
        else messages_of(row.get(columns["messages"]), columns["messages"], place, described.tags),
        columns["prompt" if described.formatting == ALPACA else "messages"],
        place,
        optional_text(row, columns["system"]),
    )
    chosen, rejected = (
        read_reply(row.get(columns[name]), columns[name], place, described.tags)
        for name in ("chosen", "rejected")
    )
    return prompt, chosen, rejected


def _alpaca(row: Row, place: Place, columns: Mapping[str, str]) -> list[Message]:
    messages: list[Message] = []
    history = row.get(columns["history"]) or []
    if not isinstance(history, list):
        raise place.error(
            columns["history"],
            f"a list was expected, not {shown(history)}",
            "Write [[client, therapist], ...]",
        )
    for number, turn in enumerate(history):
        if (
            not isinstance(turn, list)
            or len(turn) != 2
            or not all(isinstance(text, str) for text in turn)
        ):
            raise place.error(
                f"{columns['history']}[{number}]",
                f"what was said and answered was expected, not {shown(turn)}",
                "Write [client, therapist]",
            )
        messages += [Message("client", turn[0].strip()), Message("therapist", turn[1].strip())]
    said = text_field(row, columns["prompt"], place).strip()
    query = optional_text(row, columns["query"])
    return [*messages, Message("client", "\n".join(filter(None, [said, query])))]
