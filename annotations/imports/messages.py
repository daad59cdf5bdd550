"""Prompts and replies as other tools write them: lists of messages, transcripts, plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from annotations.imports.answers import Prompt
from annotations.imports.rows import shown
from inference.contracts import ReplyFields, Speaker, TurnText
from inference.corpora.errors import Place
from inference.multimood.parsing import parse_reply

Role = Literal["client", "therapist", "system"]
ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human", "client", "patient", "seeker", "prompter"), "client"),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "model", "therapist", "supporter", "counselor"), "therapist"
    ),
    **dict.fromkeys(("system", "developer"), "system"),
}
MOST_MESSAGES = 5_000
_TRANSCRIPT = re.compile(
    r"(?:\A|\n)[ \t]*(Human|Assistant|User|Client|Therapist|Seeker|Supporter):[ \t]*"
)
_LABEL_LINE = re.compile(r"\A\W*(client|user|therapist|strategy)[^:\n]{0,40}:", re.IGNORECASE)


@dataclass(frozen=True)
class Message:
    role: Role
    text: str


@dataclass(frozen=True)
class Tags:
    """How the keys of a message and its roles are called."""

    role: str = ""
    content: str = ""
    roles: tuple[tuple[str, Role], ...] = ()
    """Before the usual names."""


def messages_of(value: Any, field: str, place: Place, tags: Tags | None = None) -> list[Message]:
    """A list of messages, or one message alone."""
    values = [value] if isinstance(value, dict) else value
    if not isinstance(values, list):
        raise place.error(
            field, f"messages were expected, not {shown(value)}", "Write [{role, content}, ...]"
        )
    if len(values) > MOST_MESSAGES:
        raise place.error(field, f"more than {MOST_MESSAGES} messages", "Divide the conversation")
    return [
        _message(entry, f"{field}[{number}]", place, tags or Tags())
        for number, entry in enumerate(values)
    ]


def _message(value: Any, field: str, place: Place, tags: Tags) -> Message:
    if not isinstance(value, dict):
        raise place.error(
            field, f"a message was expected, not {shown(value)}", "Write {role, content}"
        )
    role_key = tags.role or ("role" if "role" in value else "from")
    content_key = tags.content or ("content" if "content" in value else "value")
    said = value.get(role_key)
    if not isinstance(said, str):
        raise place.error(
            f"{field}.{role_key}",
            f"a role was expected, not {shown(said)}",
            "Write user, assistant or system",
        )
    role = {**ROLES, **{name.lower(): role for name, role in tags.roles}}.get(said.strip().lower())
    if role is None:
        raise place.error(
            f"{field}.{role_key}",
            f"{shown(said)} is no role that is known here",
            f"Use one of {', '.join(ROLES)}",
        )
    return Message(role, _content(value.get(content_key), f"{field}.{content_key}", place))


def _content(value: Any, field: str, place: Place) -> str:
    """Text, or parts of which the texts count."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        texts = [
            part["text"]
            for part in value
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        ]
        if texts:
            return "\n".join(texts).strip()
    raise place.error(field, f"a text was expected, not {shown(value)}", "Write a text")


def transcript_of(text: str) -> list[Message] | None:
    """Messages of a text such as "Human: ... Assistant: ..."; None where it is none."""
    marks = list(_TRANSCRIPT.finditer(text))
    if not marks or text[: marks[0].start()].strip():
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        Message(ROLES[mark.group(1).lower()], text[mark.end() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    ]


def prompt_of(messages: Sequence[Message], field: str, place: Place, situation: str = "") -> Prompt:
    """What is answered are the client's last turns; system messages tell the situation."""
    system = [message.text for message in messages if message.role == "system"]
    turns = [
        TurnText(_speaker(message), message.text)
        for message in messages
        if message.role != "system"
    ]
    if turns and turns[-1].speaker == "therapist":
        raise place.error(
            field,
            "the last message is the assistant's, so the replies answer nobody",
            "End the prompt with the client's message, or leave the row out",
        )
    if not any(turn.text for turn in turns if turn.speaker == "client"):
        raise place.error(field, "the client says nothing in it", "Write what the replies answer")
    start = len(turns)
    while start and turns[start - 1].speaker == "client":
        start -= 1
    told = "\n".join(filter(None, (_told(text) for text in (situation, *system))))
    return Prompt(told, tuple(turns[:start]), tuple(turns[start:]))


def _told(text: str) -> str:
    """Our own exports say what it is."""
    return text.strip().removeprefix("Situation:").strip()


def _speaker(message: Message) -> Speaker:
    return "client" if message.role == "client" else "therapist"


def read_prompt(
    value: Any, field: str, place: Place, situation: str = "", tags: Tags | None = None
) -> Prompt:
    """Of messages, of a transcript, or of plain text, which then is one client turn."""
    if isinstance(value, str):
        messages = transcript_of(value)
        if messages is None:
            messages = [Message("client", value.strip())]
        elif messages[-1].role == "therapist" and not messages[-1].text:
            messages = messages[:-1]  # "Assistant:" waits for the reply
        return prompt_of(messages, field, place, situation)
    if value is None:
        raise place.error(field, "it is missing", f"Add the field {field!r} to every row")
    return prompt_of(messages_of(value, field, place, tags), field, place, situation)


def read_reply(
    value: Any, field: str, place: Place, tags: Tags | None = None
) -> ReplyFields | None:
    """None where it is more than one message of the assistant: no single reply."""
    if isinstance(value, str):
        return reply_fields(value)
    if value is None:
        raise place.error(field, "it is missing", f"Add the field {field!r} to every row")
    messages = messages_of(value, field, place, tags)
    if len(messages) != 1 or messages[0].role != "therapist":
        return None
    return reply_fields(messages[0].text)


def reply_fields(text: str) -> ReplyFields:
    """Label lines before the reply, where there are any, are told apart from it."""
    if _LABEL_LINE.match(text):
        fields = parse_reply(text)
        if fields.text and (fields.client_emotion or fields.therapist_emotion or fields.strategy):
            return fields
    return ReplyFields(None, None, None, text.strip())
