"""MultiMood's label sets (Le et al., AAAI-26, arXiv 2511.10011), in the paper's order."""

from __future__ import annotations

EMOTIONS: tuple[str, ...] = (
    "anger",
    "sadness",
    "disgust",
    "depression",
    "neutral",
    "joy",
    "fear",
)

STRATEGIES: tuple[str, ...] = (
    "open question",
    "approval",
    "self-disclosure",
    "restatement",
    "interpretation",
    "advisement",
    "communication skills",
    "structuring the therapy",
    "guiding the pace and depth of the conversation",
    "others",
)

CHAIN: tuple[str, ...] = ("emotion", "stimulus", "appraisal", "strategy_reason")
"""Parts of the reasoning behind a response, in the order of ESCoT (Zhang et al. 2024)."""
