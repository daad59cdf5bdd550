"""What a team says about a corpus once it is imported."""

from __future__ import annotations

from inference.errors import InvalidOptionsError
from inference.models import Corpus

MAX_MEDIA_RIGHTS = 2_000


def state_media_rights(corpus: Corpus, text: str) -> None:
    """Who allowed passing the clips on, and where that is recorded; empty: nobody, so that no
    export holds them."""
    text = text.strip()
    if len(text) > MAX_MEDIA_RIGHTS:
        raise InvalidOptionsError(
            f"Who allowed passing the clips on: at most {MAX_MEDIA_RIGHTS:,} characters, not "
            f"{len(text):,}. Name the record, and keep the rest there."
        )
    corpus.media_rights = text
    corpus.save(update_fields=["media_rights"])
