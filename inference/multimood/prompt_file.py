"""Prompt templates as TOML files: shipped ones, a checkpoint's own, or text from elsewhere.

docs/prompt_template.md is the reference for people who write one. Every fault is named with its
file, its key and a remedy; nothing is guessed.
"""

from __future__ import annotations

import os
import string
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from inference.errors import CheckpointError
from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.prompt import INNER_MARKERS, MARKERS, Pattern, PromptTemplate

Style = Literal["full", "brief"]

PROMPT_FILE = "prompt.toml"
SHIPPED = Path(__file__).parent / "prompts"
MAX_CHARACTERS = 65_536
MAX_NAME = 80

TEXTS = ("name", "system", "user", "format", "situation", "turn", "clip", "masked")
ANSWER = {
    "client_emotion": "client_emotion",
    "therapist_emotion": "therapist_emotion",
    "strategy": "strategy",
    "response": "text",
}
"""Keys of [answer], and the fields of ReplyFields."""
TABLES = {
    "speakers": ("client", "therapist"),
    "answer": tuple(ANSWER),
    "emotion_task": ("user", "format"),
}
MAY_BE_EMPTY = ("system", "format", "emotion_task.format")
USER_FIELDS = {"history": 1, "situation": 0, "clips": 1, "client_turns": 1, "format": 0}
"""Fields of `user`, 1 where the field must be there; none may be there twice."""
EMOTION_FIELDS = {"clips": 1, "masked": 0, "format": 0}
FORMAT_FIELDS = dict.fromkeys(("emotions", "strategies", *ANSWER), 0)
EMOTION_FORMAT_FIELDS = {"emotions": 0, "client_emotion": 0}
CAN_BE_EMPTY = ("history", "situation", "clips", "client_turns")


class PromptError(CheckpointError):
    """A prompt template that cannot be used."""

    def __init__(self, source: str, key: str, fault: str) -> None:
        super().__init__(f"{source}: {key}: {fault}" if key else f"{source}: {fault}")


def template_for(
    folder: str | os.PathLike[str], style: str = "full", prompt: str = ""
) -> PromptTemplate:
    """`prompt` (TOML), else the folder's prompt.toml, else the shipped one of the style."""
    if prompt:
        return parse_template(prompt, "the model's prompt")
    file = Path(folder) / PROMPT_FILE
    return read_template(file) if file.is_file() else shipped(style)


@cache
def shipped(style: str) -> PromptTemplate:
    file = SHIPPED / f"{style}.toml"
    if not file.is_file():
        styles = ", ".join(sorted(one.stem for one in SHIPPED.glob("*.toml")))
        raise PromptError("config.json", "prompt_style", f"{style!r} is none of {styles}.")
    return read_template(file)


def read_template(file: Path) -> PromptTemplate:
    try:
        return parse_template(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise PromptError(str(file), "", f"cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise PromptError(str(file), "", f"is not UTF-8: {error.reason}.") from error


def parse_template(text: str, source: str) -> PromptTemplate:
    """`source` is what an error message calls the template."""
    if len(text) > MAX_CHARACTERS:
        raise PromptError(source, "", f"has over {MAX_CHARACTERS:,} characters. Shorten it.")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PromptError(source, "", f"is not TOML: {error}. Correct that place.") from error
    return _Reader(source, values).template(text)


class _Reader:
    def __init__(self, source: str, values: Mapping[str, Any]) -> None:
        self.source = source
        self.values = values

    def template(self, text: str) -> PromptTemplate:
        self._check_keys()
        answer = self._answer()
        names = {key: self._text(f"answer.{key}") for key in ANSWER}
        labels = {"emotions": ", ".join(EMOTIONS), "strategies": ", ".join(STRATEGIES), **names}
        return PromptTemplate(
            text=text,
            name=self._name("name"),
            version=self._version(),
            system=self._pattern("system", FORMAT_FIELDS).fill(labels),
            format=self._pattern("format", FORMAT_FIELDS).fill(labels),
            user_lines=self._lines("user", USER_FIELDS, "format"),
            situation=self._pattern("situation", {"text": 1}),
            turn=self._pattern("turn", {"text": 1, "speaker": 0}),
            clip=self._pattern("clip", {"clip": 1}),
            masked=self._text("masked"),
            speakers={
                "client": self._name("speakers.client"),
                "therapist": self._name("speakers.therapist"),
            },
            answer=answer,
            emotion_lines=self._lines("emotion_task.user", EMOTION_FIELDS, "emotion_task.format"),
            emotion_format=self._pattern("emotion_task.format", EMOTION_FORMAT_FIELDS),
            empty=self._empty(),
        )

    def _check_keys(self) -> None:
        known = ("version", *TEXTS, *TABLES, "empty")
        self._refuse_unknown(self.values, known, "")
        for key in known[:-1]:
            if key not in self.values:
                raise self._error(key, "is missing. Add it; the shipped full.toml shows how.")
        for table, keys in TABLES.items():
            found = self._table(table)
            self._refuse_unknown(found, keys, f"{table}.")
            for key in keys:
                if key not in found:
                    raise self._error(f"{table}.{key}", f"is missing. Add it to [{table}].")

    def _refuse_unknown(self, found: Iterable[str], known: Iterable[str], prefix: str) -> None:
        for key in found:
            if key not in known:
                raise self._error(
                    f"{prefix}{key}", f"no such key. Take it out, or use one of {', '.join(known)}."
                )

    def _table(self, key: str) -> Mapping[str, Any]:
        table = self.values.get(key, {})
        if not isinstance(table, dict):
            raise self._error(key, f"must be a table. Write [{key}] above its keys.")
        return table

    def _text(self, key: str) -> str:
        table, _, name = key.rpartition(".")
        value = (self._table(table) if table else self.values)[name]
        if not isinstance(value, str):
            raise self._error(key, f"must be text in quotes, not {value!r}.")
        value = value.rstrip("\n")
        for token in (*MARKERS, *INNER_MARKERS):
            if token in value:
                raise self._error(
                    key, f"holds {token!r}, which stands for media. Write {{clips}} or {{history}}."
                )
        for character in value:
            if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs"):
                raise self._error(key, f"holds the control character {character!r}. Remove it.")
        if not value.strip() and key not in MAY_BE_EMPTY:
            raise self._error(key, "is empty. Give it words.")
        return value

    def _name(self, key: str) -> str:
        value = self._text(key)
        if "\n" in value or len(value) > MAX_NAME or value != value.strip():
            raise self._error(
                key, f"must be one line of at most {MAX_NAME} characters, no space at its ends."
            )
        return value

    def _version(self) -> int:
        value = self.values["version"]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._error("version", f"must be a whole number from 1, not {value!r}.")
        return value

    def _pattern(self, key: str, fields: Mapping[str, int]) -> Pattern:
        pattern = self._parse(key, self._text(key))
        self._check_fields(key, pattern.fields, fields)
        return pattern

    def _lines(self, key: str, fields: Mapping[str, int], format_key: str) -> tuple[Pattern, ...]:
        lines = tuple(self._parse(key, line) for line in self._text(key).split("\n"))
        found = [field for line in lines for field in line.fields]
        self._check_fields(key, found, fields)
        if self._text(format_key) and "format" not in found:
            raise self._error(
                format_key, f"is nowhere used. Put {{format}} into {key}, or make it empty."
            )
        return lines

    def _parse(self, key: str, text: str) -> Pattern:
        try:
            parsed = list(string.Formatter().parse(text))
        except ValueError as error:
            raise self._error(
                key, f"{error}. A field is {{name}}; a brace itself is written {{{{ or }}}}."
            ) from error
        for _, field, spec, conversion in parsed:
            if field is not None and (spec or conversion or not field.isidentifier()):
                raise self._error(key, f"{{{field}}} is no field. A field is {{name}} alone.")
        return Pattern(tuple((literal, field) for literal, field, _, _ in parsed))

    def _check_fields(self, key: str, found: list[str], fields: Mapping[str, int]) -> None:
        allowed = ", ".join(f"{{{field}}}" for field in fields)
        for field in found:
            if field not in fields:
                raise self._error(key, f"{{{field}}} is unknown here. Known: {allowed}.")
        for field, needed in fields.items():
            if found.count(field) < needed:
                raise self._error(key, f"{{{field}}} is missing. Put it where it belongs.")
        for field in found:
            if found.count(field) > 1 and field in (*USER_FIELDS, "text", "clip"):
                raise self._error(key, f"{{{field}}} stands there twice. Leave one.")

    def _answer(self) -> tuple[tuple[str, str], ...]:
        order = list(self._table("answer"))
        if order[0] != "client_emotion" or order[-1] != "response":
            raise self._error(
                "answer",
                "client_emotion must come first, since emotion recognition reads only that line, "
                "and response last, since it may have several lines. Reorder the keys.",
            )
        names = [self._name(f"answer.{key}") for key in order]
        for key, name in zip(order, names, strict=True):
            if not any(map(str.isalpha, name)) or any(mark in name for mark in ':："`*_'):  # noqa: RUF001
                raise self._error(
                    f"answer.{key}", 'must hold a letter and none of : " ` * _. Choose plain words.'
                )
        if len({name.casefold() for name in names}) < len(names):
            raise self._error("answer", "two lines have the same name. Tell them apart.")
        return tuple((ANSWER[key], name) for key, name in zip(order, names, strict=True))

    def _empty(self) -> dict[str, str]:
        table = self._table("empty")
        self._refuse_unknown(table, CAN_BE_EMPTY, "empty.")
        return {key: self._text(f"empty.{key}") for key in table}

    def _error(self, key: str, fault: str) -> PromptError:
        return PromptError(self.source, key, fault)
