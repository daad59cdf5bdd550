"""Whether raters can answer an instrument, and whether its answers can be analysed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from annotations.answers import COMMENT, OVERALL
from annotations.instruments.problems import Problem
from annotations.instruments.schema import KINDS, LEVELS, WIDGETS, CriterionText, InstrumentText
from annotations.instruments.shapes import is_whole
from inference.labels import CHAIN

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
FIELD_ENDINGS = ("-reason", "-tie", "-option", "-words", "-passages")
"""The rating page names the fields beside a question so."""
MOST_BUTTONS = 11
MOST_POINTS = 101
LOWEST, HIGHEST = -1000, 1000
LENGTHS = {"name": 120, "guiding_question": 300, "anchor_low": 120, "anchor_high": 120}
Found = Iterator[tuple[str, str]]
"""Field, and what is wrong with it."""


def check_instrument(text: InstrumentText) -> Iterator[Problem]:
    yield from (Problem(field, words) for field, words in _whole(text))
    earlier: dict[str, CriterionText] = {}
    for place, criterion in enumerate(text.criteria):
        for field, words in check_criterion(criterion, earlier):
            yield Problem(field, words, name_of(criterion, place), place)
        earlier[criterion.slug] = criterion


def name_of(criterion: CriterionText, place: int) -> str:
    called = criterion.slug or criterion.name
    return f"criterion “{called}”" if called else f"criterion {place + 1}"


def check_criterion(criterion: CriterionText, earlier: Mapping[str, CriterionText]) -> Found:
    """earlier: those that are asked before it."""
    yield from _slug(criterion, earlier)
    yield from _words(criterion)
    yield from one_of("kind", criterion.kind, KINDS)
    yield from one_of("level", criterion.level, LEVELS)
    if criterion.kind == "score":
        yield from one_of("widget", criterion.widget, WIDGETS)
        yield from _scale(criterion)
    elif criterion.kind in ("choice", "multiple"):
        yield from _options(criterion)
    if criterion.reverse_scored and criterion.kind not in ("score", "choice"):
        yield "reverse_scored", "only scores and choices can be turned round. Remove it."
    yield from _chain(criterion)
    if criterion.only_if:
        yield from _condition(criterion, earlier)


def one_of(field: str, value: str, known: Sequence[str]) -> Found:
    if value not in known:
        yield field, f"“{value}” is not one of {', '.join(known)}."


def possible_values(criterion: CriterionText) -> list[int]:
    """What a condition can ask for."""
    if criterion.kind == "score":
        return list(range(criterion.scale_min, criterion.scale_max + 1))
    return [option["value"] for option in criterion.options if is_whole(option.get("value"))]


def _whole(text: InstrumentText) -> Found:
    if not SLUG.fullmatch(text.slug) or len(text.slug) > 80:
        yield "slug", "has to be small letters, digits and hyphens, as “my-criteria”, at most 80."
    if text.version < 1:
        yield "version", "has to be 1 or more."
    if not text.name or len(text.name) > 200:
        yield "name", "has to be a short text, at most 200 characters."
    if not text.citation:
        yield "citation", "is empty. Say where the criteria come from; if they are yours, say so."
    if not text.criteria:
        yield "criteria", "there are none. Begin each with a line [[criteria]]."


def _slug(criterion: CriterionText, earlier: Mapping[str, CriterionText]) -> Found:
    slug = criterion.slug
    if not SLUG.fullmatch(slug) or len(slug) > 80:
        yield "slug", "has to be small letters, digits and hyphens, as “empathy”, at most 80."
    elif slug in earlier:
        yield "slug", f"an earlier criterion is called “{slug}”, too. Give each its own."
    elif slug in (OVERALL, COMMENT):
        yield "slug", f"“{slug}” is kept for the page itself. Take another, as “{slug}-quality”."
    elif slug.endswith(FIELD_ENDINGS) or re.search(r"-place-[a-z]$", slug):
        ending = "-" + slug.rsplit("-", 1)[1]
        yield "slug", f"the ending “{ending}” is kept for the page itself. Take another."


def _words(criterion: CriterionText) -> Found:
    for field in ("name", "definition", "guiding_question", "good_example", "poor_example"):
        if not getattr(criterion, field):
            yield field, "is empty. Raters need it to judge alike: write it down."
    for field, length in LENGTHS.items():
        if len(getattr(criterion, field)) > length:
            yield field, f"is longer than {length} characters. Shorten it."
    if criterion.guiding_question and not criterion.guiding_question.endswith("?"):
        yield "guiding_question", "has to be a question that ends with “?”."
    if criterion.good_example and criterion.good_example == criterion.poor_example:
        yield "poor_example", "is the same as the good example. Show what a poor one is like."


def _scale(criterion: CriterionText) -> Found:
    low, high = criterion.scale_min, criterion.scale_max
    if high <= low:
        yield "scale_max", f"{high} is not above scale_min = {low}. Write the smaller one first."
        return
    if low < LOWEST or high > HIGHEST:
        yield "scale_max", f"the scale has to lie between {LOWEST} and {HIGHEST}."
        return
    points = high - low + 1
    if criterion.widget == "buttons" and points > MOST_BUTTONS:
        yield (
            "widget",
            f'{points} buttons do not fit into a row. Write widget = "slider", or use at most '
            f"{MOST_BUTTONS} points.",
        )
    elif points > MOST_POINTS:
        yield (
            "scale_max",
            f"{points} points are more than anybody can tell apart: at most {MOST_POINTS}.",
        )
    for field, end in (("anchor_low", low), ("anchor_high", high)):
        if not getattr(criterion, field):
            yield field, f"nothing says what {end} means. Write {field}, or an anchor for {end}."
    for score, words in criterion.anchors.items():
        if score not in map(str, range(low, high + 1)):
            yield "anchors", f"“{score}” is not on the scale from {low} to {high}."
        elif not words:
            yield "anchors", f"the anchor of {score} is empty. Say what it means, or remove it."


def _options(criterion: CriterionText) -> Found:
    options = criterion.options
    if len(options) < 2:
        yield "options", "there have to be at least two answers to choose from."
        return
    for option in options:
        if not _is_option(option):
            yield (
                "options",
                'each needs a whole number and a label, as { value = 0, label = "No" }, and '
                "nothing else.",
            )
            return
        if not option["label"] or not LOWEST <= option["value"] <= HIGHEST:
            yield (
                "options",
                f"{option['value']} needs a label, and a value from {LOWEST} to {HIGHEST}.",
            )
    for name in ("value", "label"):
        for given, times in Counter(option[name] for option in options).items():
            if times > 1:
                yield "options", f"the {name} “{given}” stands {times} times. Make each different."


def _chain(criterion: CriterionText) -> Found:
    part = criterion.about_chain
    if not part:
        return
    yield from one_of("about_chain", part, CHAIN)
    if criterion.about_labels:
        yield "about_chain", "and about_labels exclude each other: one question, one thing shown."
    if criterion.kind == "spans":
        yield "about_chain", "passages are marked in the response. Ask in words instead."


def _is_option(option: Mapping[str, Any]) -> bool:
    return (
        set(option) == {"value", "label"}
        and is_whole(option["value"])
        and isinstance(option["label"], str)
    )


def _condition(criterion: CriterionText, earlier: Mapping[str, CriterionText]) -> Found:
    condition = criterion.only_if
    asked, values = condition.get("criterion"), condition.get("values")
    if set(condition) != {"criterion", "values"} or not isinstance(values, list) or not values:
        yield "only_if", 'has to be as { criterion = "empathy", values = [1, 2] }.'
        return
    if not isinstance(asked, str) or asked not in earlier:
        known = ", ".join(earlier) or "none, because this is the first"
        yield (
            "only_if",
            f"“{asked}” is not asked before it. Name an earlier criterion ({known}), or move this "
            "one behind it.",
        )
        return
    possible = possible_values(earlier[asked])
    if earlier[asked].is_late and not criterion.is_late:
        what = "labels" if earlier[asked].about_labels else "reasoning"
        yield (
            "only_if",
            f"“{asked}” is about {what}, which may come after all that is about the text.",
        )
    wrong = [value for value in values if not is_whole(value) or value not in possible]
    if not possible:
        yield "only_if", f"“{asked}” has no scores or options. Name a criterion that has."
    elif wrong:
        given = ", ".join(map(str, wrong))
        span = f"{min(possible)} to {max(possible)}"
        yield "only_if", f"“{asked}” cannot be answered with {given}, only with {span}."
