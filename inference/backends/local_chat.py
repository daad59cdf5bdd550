"""A local language model asked like one behind an address: for judges, at no cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from inference.backends.base import Machine
from inference.backends.endpoint_faults import QuestionRefusedError
from inference.backends.text_model import TextModel
from inference.backends.transformers_text import load_text_model
from inference.endpoints import ChatAnswer, Message


class LocalChat:
    """Safe to be used by several threads, which are answered one after the other."""

    def __init__(self, model: TextModel) -> None:
        self.model = model

    def ask(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> ChatAnswer:
        """`schema` is not enforced: what is to be written has to stand in the messages too."""
        prompt = self.model.encode([_words_only(message) for message in messages])
        if len(prompt) + max_tokens > self.model.context:
            raise QuestionRefusedError(
                f"The question has {len(prompt):,} tokens; with an answer of up to "
                f"{max_tokens:,} that is more than the model's {self.model.context:,}. Ask with "
                "less dialogue before, or choose a model that reads more."
            )
        started = time.perf_counter()
        [written] = self.model.write(
            [prompt],
            [seed or 0],
            max_new_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
        )
        return ChatAnswer(
            text=written.text,
            prompt_tokens=len(prompt),
            new_tokens=written.tokens,
            cost=Decimal(0),
            seconds=time.perf_counter() - started,
            finish="stop" if written.ended else "length",
        )


def load_local_chat(source: str, *, machine: Machine) -> LocalChat:
    """`source` as in `text_sources.find_text_source`."""
    return LocalChat(load_text_model(source, machine))


def _words_only(message: Message) -> dict[str, str]:
    """As two texts. Pictures and sound are refused: what was not perceived must not be judged."""
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    kinds = sorted({str(part["type"]) for part in parts} - {"text"})
    if kinds:
        raise QuestionRefusedError(
            f"This model reads words only and was sent {', '.join(kinds)}. Ask it without clips."
        )
    return {
        "role": str(message["role"]),
        "content": "\n\n".join(str(part["text"]) for part in parts),
    }
