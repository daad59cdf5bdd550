"""From all the times that a judge was asked about an item to its answers.

The first repetition is the answer; the others only measure how steady the judge is. A comparison
that was asked in both orders is answered by both:

- two responses: A clearly, A slightly, no difference, B slightly, B clearly count as 2, 1, 0, -1,
  -2; the answer is the mean of both orders, rounded towards no difference. A choice that flips with
  the position is therefore a tie; where ties are not allowed it is missing.
- the best of several: what both orders chose, else missing (a tie would say that none differs).
- an order: by the mean of the places in both; equal means share a place where that is allowed,
  else the answer is missing.

An answer that was read in one order only is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from annotations.answers import (
    Answer,
    Asked,
    Choice,
    NoAnswer,
    Ranks,
    read_answer,
    write_answer,
)
from annotations.judging.contract import (
    Combined,
    Judgement,
    JudgeOptions,
    Question,
    Telling,
)
from annotations.judging.reading import nothing_read

QUOTED_VALUE = re.compile(r"“.*”", re.DOTALL)
FLIPPED = "the choice changed with the position of the responses"
ONE_ORDER = "was read in one order of the responses only"
NO_ANSWER = "the judge did not answer"


def combine(
    tellings: Sequence[Telling],
    questions: Sequence[Question],
    design: str,
    letters: str,
    options: JudgeOptions,
) -> Combined:
    """Of one item."""
    first = turned_back(tellings, questions, design, letters)
    silent = nothing_read(questions, NO_ANSWER)
    orders = [first.get((0, order), silent) for order in options.orders(design)]
    if len(orders) == 1:
        unread = {slug: without_value(why) for slug, why in orders[0].unread.items()}
        return Combined(orders[0].values, unread)
    asked = {question.slug: question.asked(design, letters) for question in questions}
    values: dict[str, str] = {}
    unread = {}
    inconsistent: list[str] = []
    for slug in asked:
        given = [judgement.values[slug] for judgement in orders if slug in judgement.values]
        reasons = [without_value(j.unread[slug]) for j in orders if slug in j.unread]
        if len(given) < len(orders):
            if given or reasons:
                unread[slug] = why_missing(given, reasons)
            continue
        one, other = (read_answer(asked[slug], value) for value in given)
        answer = of_both(asked[slug], one, other)
        if not agree(one, other):
            inconsistent.append(slug)
        if answer is None:
            unread[slug] = FLIPPED
        else:
            values[slug] = write_answer(asked[slug], answer)
    return Combined(values, unread, tuple(inconsistent))


def without_value(reason: str) -> str:
    """Reasons that can be counted: without what the judge said instead of an answer."""
    return QUOTED_VALUE.sub("“…”", reason)


def why_missing(given: Sequence[str], reasons: Sequence[str]) -> str:
    if not given:
        return reasons[0]
    return f"{ONE_ORDER}: {reasons[0]}" if reasons else ONE_ORDER


def turned_back(
    tellings: Sequence[Telling], questions: Sequence[Question], design: str, letters: str
) -> dict[tuple[int, int], Judgement]:
    """(repetition, order) -> judgement, all of them in the letters of order 0."""
    return {
        (one.repetition, one.order): reversed_back(one.judgement, questions, design, letters)
        if one.order
        else one.judgement
        for one in tellings
    }


def reversed_back(
    judgement: Judgement, questions: Sequence[Question], design: str, letters: str
) -> Judgement:
    """A judgement of the replies in reverse, in the letters that they have otherwise. Letters in
    the rationale stay as the judge wrote them."""
    asked = {question.slug: question.asked(design, letters) for question in questions}
    values = {
        slug: write_answer(asked[slug], mirrored(read_answer(asked[slug], value), letters))
        for slug, value in judgement.values.items()
    }
    return replace(judgement, values=values)


def mirrored(answer: Answer | None, letters: str) -> Answer | None:
    turned = str.maketrans(letters, letters[::-1])
    match answer:
        case Choice(letter):
            return replace(answer, letter=letter.translate(turned))
        case Ranks(places):
            return Ranks(tuple("".join(sorted(place.translate(turned))) for place in places))
    return answer


def agree(one: Answer | None, other: Answer | None) -> bool:
    """The same choice, whatever its strength and the kind of tie."""
    if isinstance(one, Choice) and isinstance(other, Choice):
        return one.letter == other.letter
    return one == other


def of_both(asked: Asked, one: Answer | None, other: Answer | None) -> Answer | None:
    """None: they do not make one answer."""
    match one, other:
        case NoAnswer(), NoAnswer():
            return one
        case Choice(), Choice() if asked.design == "pairwise":
            return of_two(asked, one, other)
        case Choice(), Choice():
            return one if agree(one, other) else None
        case Ranks(), Ranks():
            return by_mean_place(asked, [one, other])
    return None


def of_two(asked: Asked, one: Choice, other: Choice) -> Choice | None:
    answer = side_of(asked, (signed(one) + signed(other)) / 2)
    return one if answer and one == other else answer


def side_of(asked: Asked, mean: float) -> Choice | None:
    """Rounded towards no difference; None where that may not be said."""
    if strength := int(mean):
        return Choice("A" if strength > 0 else "B", abs(strength))
    return Choice("", 0) if asked.ties else None


def signed(choice: Choice) -> int:
    return choice.strength if choice.letter == "A" else -choice.strength


def by_mean_place(asked: Asked, orders: Sequence[Ranks]) -> Ranks | None:
    each = [mid_ranks(ranks) for ranks in orders]
    total = {letter: sum(of_one[letter] for of_one in each) for letter in asked.letters}
    ordered = sorted(asked.letters, key=lambda letter: (total[letter], letter))
    places = tuple("".join(tied) for _, tied in groupby(ordered, key=total.__getitem__))
    return None if not asked.ties and len(places) < len(asked.letters) else Ranks(places)


def mid_ranks(ranks: Ranks) -> Mapping[str, float]:
    """Letters in one place share the mean of the places that they take together."""
    found: dict[str, float] = {}
    for place in ranks.places:
        middle = len(found) + (len(place) + 1) / 2
        found |= dict.fromkeys(place, middle)
    return found
