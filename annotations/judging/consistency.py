"""How steady a judge is: over repetitions, and over both orders of the responses.

Shares with their n, question by question; intervals and tests are for who prints them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from annotations.answers import Answer, Choice, Ranks, Score, Spans, place_of, read_answer
from annotations.judging.combining import agree, turned_back, without_value
from annotations.judging.contract import Question, Telling


@dataclass(frozen=True)
class Share:
    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """None where there is nothing to count."""
        return self.hits / self.n if self.n else None


@dataclass(frozen=True)
class Consistency:
    """Of one question."""

    read: Share
    """Of the times it was to be answered, those in which the answer could be read."""
    unread: dict[str, int]
    """Why not -> times."""
    repeats: Share
    """Of later repetitions, those that say the same as the first one of their item and order."""
    difference: float | None
    """Mean distance of a later score from the first one; None where nothing is scored."""
    orders: Share
    """Of the times that both orders were read, those in which they choose the same."""
    first: Share
    """Of the choices in those pairs that are no tie, those of the response shown first. Both
    orders count, so that a judge without position bias comes to 1/2 of two, and on average, since
    candidates are shown in a drawn order, to 1/n of n."""


@dataclass
class Tally:
    read: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    repeats: list[bool] = field(default_factory=list)
    distances: list[int] = field(default_factory=list)
    orders: list[bool] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)

    def figures(self) -> Consistency:
        asked = self.read + self.unread.total()
        mean = sum(self.distances) / len(self.distances) if self.distances else None
        return Consistency(
            Share(self.read, asked),
            dict(self.unread.most_common()),
            share(self.repeats),
            mean,
            share(self.orders),
            share(self.first),
        )


@dataclass(frozen=True)
class Told:
    """All the times that a judge was asked about one item."""

    tellings: Sequence[Telling]
    letters: str
    marked: str = ""
    """The text in which passages are marked."""


def consistency(
    items: Iterable[Told], questions: Sequence[Question], design: str
) -> dict[str, Consistency]:
    tallies = {question.slug: Tally() for question in questions}
    for item in items:
        back = turned_back(item.tellings, questions, design, item.letters)
        for question in questions:
            tally, slug = tallies[question.slug], question.slug
            asked = question.asked(design, item.letters, item.marked)
            tally.unread.update(
                without_value(j.unread[slug]) for j in back.values() if slug in j.unread
            )
            read = {
                place: read_answer(asked, judgement.values[slug])
                for place, judgement in back.items()
                if slug in judgement.values
            }
            tally.read += len(read)
            count_repeats(tally, read)
            count_orders(tally, read, item.letters)
    return {slug: tally.figures() for slug, tally in tallies.items()}


Read = dict[tuple[int, int], Answer | None]
"""(repetition, order) -> answer, in the letters of order 0."""


def count_repeats(tally: Tally, read: Read) -> None:
    for (repetition, order), answer in read.items():
        first = read.get((0, order))
        if repetition and first is not None:
            tally.repeats.append(same(answer, first))
            if isinstance(answer, Score) and isinstance(first, Score):
                tally.distances.append(abs(answer.value - first.value))


def same(one: Answer | None, other: Answer | None) -> bool:
    """Passages by their places: notes are hardly ever worded alike."""
    if isinstance(one, Spans) and isinstance(other, Spans):
        return list(map(place_of, one.spans)) == list(map(place_of, other.spans))
    return one == other


def count_orders(tally: Tally, read: Read, letters: str) -> None:
    for (repetition, order), answer in read.items():
        if order or (repetition, 1) not in read:
            continue
        other = read[repetition, 1]
        tally.orders.append(agree(answer, other))
        for said, shown_first in ((answer, letters[0]), (other, letters[-1])):
            if best := best_of(said):
                tally.first.append(best == shown_first)


def best_of(answer: Answer | None) -> str:
    """The letter alone at the top; empty where there is none."""
    match answer:
        case Choice(letter):
            return letter
        case Ranks(places) if len(places[0]) == 1:
            return places[0]
    return ""


def share(hits: Sequence[bool]) -> Share:
    return Share(sum(hits), len(hits))
