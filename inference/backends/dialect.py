"""What servers of one protocol call differently, learnt from their refusals, which cost nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

NEWER_LIMIT = "max_completion_tokens"


@dataclass(frozen=True)
class Dialect:
    limit: str = "max_tokens"
    takes_seed: bool = True

    def options(self, max_tokens: int, seed: int | None) -> dict[str, Any]:
        options: dict[str, Any] = {self.limit: max_tokens}
        if seed is not None and self.takes_seed:
            options["seed"] = seed
        return options

    def after(self, refusal: str, sent: dict[str, Any]) -> Dialect:
        """Another one where `refusal` tells of one, else the same."""
        if self.limit != NEWER_LIMIT and NEWER_LIMIT in refusal:
            return replace(self, limit=NEWER_LIMIT)
        if "seed" in sent and re.search(r"\bseed\b", refusal):
            return replace(self, takes_seed=False)
        return self

    @property
    def not_sent(self) -> tuple[str, ...]:
        return () if self.takes_seed else ("the seed, which this server does not take",)
