"""What an export is asked for, what it is, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from inference.errors import DomainError

Fields = Literal["response", "all"]
Media = Literal["reference", "copied"]
Row = dict[str, Any]


class ExportRefusedError(DomainError):
    """What was asked for may not leave, or is not in the release; the message says what to do."""


@dataclass(frozen=True)
class ExportOptions:
    fields: Fields = "response"
    """The text of replies, or all four lines, which only raters who saw them can have judged."""
    splits: tuple[str, ...] | None = None
    """None: all of them."""
    media: Media = "reference"
    """Clips named by path and sha256, or their files beside the rows."""
    media_root: Path | None = None
    """The folder that the clips' paths start from; only copied media need it."""
    media_rights: Mapping[str, str] = field(default_factory=dict)
    """Corpus -> who allowed its clips to be passed on. A corpus named here is decided here,
    whatever the release says: a right may have been given or taken back since."""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("fields", self.fields, get_args(Fields)),
            ("media", self.media, get_args(Media)),
        ):
            if value not in known:
                raise ExportRefusedError(f"{name}: {value!r} is none of {', '.join(known)}.")

    def as_json(self) -> dict[str, Any]:
        return {
            "fields": self.fields,
            "splits": None if self.splits is None else list(self.splits),
            "media": self.media,
        }


@dataclass(frozen=True)
class Download:
    file_name: str
    content_type: str
    chunks: Iterator[bytes]
    summary: Mapping[str, Any]
    """`rows` by split, and `left_out`: why -> how many. Known before the first chunk."""


LEFT_OUT = {
    "other_splits": "in a split that was not asked for",
    "tied": "tied, and this format has no column for half a weight",
    "barred": "would prefer a reply that must never be preferred",
    "both": "preferred in one comparison and not in another, so neither desirable nor undesirable",
    "same_words": "says what another reply to the same client turn says, which is in",
    "never_compared": "never preferred to another reply nor the other way round",
    "never_preferred": "never preferred to another reply",
    "unscored": "has no score",
    "unanswered": "a client turn without a judged reply",
    "without_pairs": "a client turn without a pair",
}
"""Why a row of the release is not in an export."""
