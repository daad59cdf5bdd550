"""A stimulus and its replies as the messages of a chat: the client is the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from annotations.exports.formats.options import Fields
from inference.contracts import ReplyFields
from inference.multimood.prompt_file import shipped

ROLES = {"client": "user", "therapist": "assistant"}
Message = dict[str, str]


def prompt_messages(stimulus: Mapping[str, Any]) -> list[Message]:
    """Everything before the reply: the situation where there is one, then what was said."""
    turns = [*stimulus["history"], *stimulus["client_turns"]]
    return [*situation_message(stimulus), *joined(turns)]


def situation_message(stimulus: Mapping[str, Any]) -> list[Message]:
    situation = stimulus.get("situation")
    return [message("system", f"Situation: {situation}")] if situation else []


def joined(turns: Iterable[Mapping[str, str]]) -> list[Message]:
    """Turns of one speaker that follow each other are one message, a line each."""
    messages: list[Message] = []
    for turn in turns:
        role = ROLES[turn["speaker"]]
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += "\n" + turn["text"]
        else:
            messages.append(message(role, turn["text"]))
    return messages


def reply_message(reply: Mapping[str, Any], fields: Fields) -> Message:
    return message("assistant", reply_text(reply, fields))


def reply_text(reply: Mapping[str, Any], fields: Fields) -> str:
    """The words said to the client, or the four lines as MultiMood writes them."""
    if fields == "response":
        return str(reply["text"])
    return shipped("full").reply_lines(
        ReplyFields(
            client_emotion=reply["client_emotion"],
            therapist_emotion=reply["therapist_emotion"],
            strategy=reply["strategy"],
            text=reply["text"],
        )
    )


def message(role: str, content: str) -> Message:
    return {"role": role, "content": content}
