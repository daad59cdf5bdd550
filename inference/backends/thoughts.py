"""What models that reason in words write down before they answer."""

from __future__ import annotations

import re

THOUGHTS = re.compile(r"\A(?:[\s\S]*</think>|\s*<think>[\s\S]*)")
"""The answer follows where they end, if there is one. Many chat templates begin them in the
prompt, so that only their end is written."""


def after_thoughts(text: str) -> str:
    return THOUGHTS.sub("", text)
