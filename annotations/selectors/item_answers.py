"""Stored answers in a researcher's words."""

from __future__ import annotations

from collections.abc import Mapping

from annotations.models import Adjudication, Criterion, Preference, Rating, StudyPart
from annotations.models.rating import CannotRate

DECIDED_IN_WORDS = "\u2013"
"""As of a flagged item: only the reason says what was decided."""
TIE_WORDS = {0: "no difference", 1: "slightly", 2: "clearly"}
Kind, Design = Criterion.Kind, StudyPart.Design


def rating_words(row: Rating | Adjudication, criterion: Criterion) -> str:
    """Of marked passages their words; where they stand is shown in the response."""
    if row.cannot_rate:
        return _reason(row.cannot_rate)
    labels = {option["value"]: str(option["label"]) for option in criterion.options}
    content = row.content
    if criterion.kind == Kind.CHOICE:
        return labels.get(row.score, str(row.score))
    if criterion.kind == Kind.MULTIPLE and isinstance(content, list):
        return ", ".join(labels.get(value, str(value)) for value in content) or "None of these"
    if criterion.kind == Kind.SPANS and isinstance(content, list):
        return "; ".join(_passage(span) for span in content) or "Nothing marked"
    return str(row.score) if content is None else str(content)


def _passage(span: Mapping[str, object]) -> str:
    note = span.get("note")
    return f"“{span.get('text', '')}”" + (f" ({note})" if note else "")


def choice_words(
    row: Preference | Adjudication,
    part: StudyPart,
    letters: Mapping[int, str],
    by_response: Mapping[int, str],
) -> str:
    """letters: of candidates, by_response: of responses, both of the page."""
    if row.cannot_rate:
        return _reason(row.cannot_rate)
    if row.ranks is not None:
        return _order(row.ranks, by_response)
    if row.preferred_id is None and row.strength is None:
        return DECIDED_IN_WORDS
    how = TIE_WORDS[row.strength or 0]
    if row.preferred_id is None:
        kind = row.get_tie_kind_display() if isinstance(row, Preference) and row.tie_kind else ""
        return f"{how} ({kind.lower()})" if kind else how
    letter = letters[row.preferred_id]
    return letter if part.design == Design.BEST_OF_N else f"{letter} {how}"


def _order(ranks: Mapping[str, int], by_response: Mapping[int, str]) -> str:
    """ "B, A = C" from the best."""
    places: dict[int, list[str]] = {}
    for response, rank in ranks.items():
        places.setdefault(rank, []).append(by_response.get(int(response), "?"))
    return ", ".join(" = ".join(sorted(places[rank])) for rank in sorted(places))


def _reason(reason: str) -> str:
    return str(CannotRate(reason).label)
