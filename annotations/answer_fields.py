"""The fields of a question in a plain form, as a page without scripts sends them.

A page with scripts sends the written answer itself under the question's name. Without, the name
holds what was chosen, and further fields the rest: NAME-reason and NAME-tie, a box NAME-option per
option, NAME-words, NAME-passages (one a line, a note behind "|"), and NAME-place-a for the place of
each response.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from django.utils.translation import gettext

from annotations.answers import Asked, UnreadableAnswerError, clean

REASON, TIE, OPTION, WORDS, PASSAGES, PLACE = (
    *("-reason", "-tie", "-option", "-words", "-passages"),
    "-place-",
)
WRITTEN = ("opts:", "text:", "spans:", "rank:", "cannot:", "tie:")
NOTE = "|"

Field = Callable[[str], Sequence[str]]
"""All values of a form's field; none where it is not in the form."""


def value_in_form(asked: Asked, name: str, field: Field) -> str | None:
    """The written answer; None where the form says nothing of this question."""
    chosen = (list(field(name)) or [""])[-1]
    if chosen.startswith(WRITTEN):
        return chosen
    if chosen == "cannot":
        reason = "".join(field(name + REASON)[:1])
        return f"cannot:{reason}" if reason else None
    if asked.form in FORMS:
        return FORMS[asked.form](asked, name, field, chosen)
    kind = "".join(field(name + TIE)[:1]) if chosen == "tie" and asked.tie_kinds else ""
    return (f"tie:{kind}" if kind else chosen) or None


def options_in_form(_: Asked, name: str, field: Field, chosen: str) -> str | None:
    ticked = field(name + OPTION)
    return "opts:" + ",".join(ticked) if ticked or chosen == "none" else None


def words_in_form(_: Asked, name: str, field: Field, __: str) -> str | None:
    words = "".join(field(name + WORDS)[:1])
    return f"text:{words}" if words.strip() else emptied(field(name + WORDS))


def passages_in_form(asked: Asked, name: str, field: Field, chosen: str) -> str | None:
    lines = [
        line for line in clean("".join(field(name + PASSAGES)[:1])).split("\n") if line.strip()
    ]
    if not lines and chosen != "none":
        return emptied(field(name + PASSAGES))
    marks: list[dict[str, int | str]] = []
    for line in lines:
        passage, _, note = (part.strip() for part in line.partition(NOTE))
        start = asked.shown.find(passage) if passage else -1
        if start < 0:
            raise UnreadableAnswerError(
                gettext("“%(passage)s” does not stand in the response; copy the passage from there")
                % {"passage": passage[:60]}
            )
        marks.append({"start": start, "end": start + len(passage), "note": note})
    return "spans:" + json.dumps(marks)


def places_in_form(asked: Asked, name: str, field: Field, _: str) -> str | None:
    """Where only some of the responses have a place, the answer is refused."""
    places = {letter: "".join(field(name + PLACE + letter)[:1]) for letter in asked.letters.lower()}
    if not any(places.values()):
        return emptied(field(name + PLACE + "a"))
    if not all(place.isascii() and place.isdigit() and len(place) < 3 for place in places.values()):
        raise UnreadableAnswerError(gettext("each response needs one place in the order"))
    tied: dict[int, list[str]] = {}
    for letter, place in places.items():
        tied.setdefault(int(place), []).append(letter)
    return "rank:" + ">".join("=".join(tied[place]) for place in sorted(tied))


def emptied(values: Sequence[str]) -> str | None:
    """A field that is there and holds nothing takes the answer back."""
    return "" if values else None


FORMS: dict[str, Callable[[Asked, str, Field, str], str | None]] = {
    "multiple": options_in_form,
    "text": words_in_form,
    "spans": passages_in_form,
    "ranking": places_in_form,
}
