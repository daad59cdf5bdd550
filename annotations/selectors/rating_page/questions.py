"""The questions of a part as the page asks them, before anything is answered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from annotations.answers import LETTERS, OVERALL, OVERALL_QUESTION
from annotations.models import Criterion, Preference, StudyPart
from annotations.models.rating import CannotRate
from annotations.selectors.asked import (
    asked_after_text,
    criteria_of,
    frozen_criteria,
    has_overall,
)
from annotations.selectors.rating_page.contents import LINE_SCALE, Option, Place, Question

Design = StudyPart.Design
REASONS = (
    (CannotRate.NOT_APPLICABLE.value, gettext_noop("Does not apply")),
    (CannotRate.CANNOT_TELL.value, gettext_noop("Cannot tell from what is shown")),
    (CannotRate.OUTSIDE_COMPETENCE.value, gettext_noop("Outside my competence")),
)
TIES = (
    (Preference.TieKind.BOTH_ACCEPTABLE.value, gettext_noop("Both acceptable")),
    (Preference.TieKind.NEITHER_ACCEPTABLE.value, gettext_noop("Neither acceptable")),
)
NO_DIFFERENCE = gettext_noop("No difference")
SIDES = (
    ("a2", gettext_noop("A clearly")),
    ("a1", gettext_noop("A slightly")),
    ("tie", NO_DIFFERENCE),
    ("b1", gettext_noop("B slightly")),
    ("b2", gettext_noop("B clearly")),
)
OVERALL_NAME = gettext_noop("Overall")
OVERALL_ASKED = {
    Design.PAIRWISE.value: OVERALL_QUESTION,
    Design.BEST_OF_N.value: OVERALL_QUESTION,
    Design.RANKING.value: gettext_noop(
        "Taken together, in which order would you rather see the responses in this conversation?"
    ),
}


def blank_questions(part: StudyPart, letters: int, *, frozen: bool) -> tuple[Question, ...]:
    """letters: how many candidates are shown. frozen: the words can no longer change."""
    ties, strength = part.tie_allowed, part.with_strength
    shape = (part.design, ties, strength, has_overall(part), letters)
    if frozen:
        return kept_questions(part.instrument_id, *shape, get_language() or "")
    return questions_for(criteria_of(part.instrument_id), *shape)


@lru_cache(maxsize=512)
def kept_questions(
    instrument: int,
    design: str,
    ties: bool,
    strength: bool,
    overall: bool,
    letters: int,
    _language: str,
) -> tuple[Question, ...]:
    return questions_for(frozen_criteria(instrument), design, ties, strength, overall, letters)


def questions_for(
    criteria: Sequence[Criterion],
    design: str,
    ties: bool,
    strength: bool,
    overall: bool,
    letters: int,
) -> tuple[Question, ...]:
    asked = [question_of(c, design, ties, strength, LETTERS[:letters]) for c in criteria]
    if overall and OVERALL not in {question.key for question in asked}:
        asked.append(overall_question(design, ties, strength, LETTERS[:letters]))
    return tuple(asked)


def question_of(
    criterion: Criterion, design: str, ties: bool, strength: bool, letters: str
) -> Question:
    form = form_of(criterion) if design == Design.ABSOLUTE else design
    condition = criterion.only_if
    return Question(
        key=criterion.slug,
        name=criterion.name,
        guiding_question=criterion.guiding_question,
        definition=criterion.definition,
        good_example=criterion.good_example,
        poor_example=criterion.poor_example,
        anchor_low=criterion.anchor_low,
        anchor_high=criterion.anchor_high,
        form=form,
        options=options_of(criterion, form) or sides_of(form, ties, strength, letters),
        reasons=plain_options(REASONS),
        places=places_of(form, letters),
        shares_places=ties,
        letters=letters,
        low=criterion.scale_min,
        high=criterion.scale_max,
        required=criterion.required,
        is_late=asked_after_text(criterion),
        about_chain=criterion.about_chain,
        depends_on=condition.get("criterion", ""),
        depends_on_values=" ".join(map(str, condition.get("values", ()))),
    )


def overall_question(design: str, ties: bool, strength: bool, letters: str) -> Question:
    return Question(
        key=OVERALL,
        name=_(OVERALL_NAME),
        guiding_question=_(OVERALL_ASKED[design]),
        definition="",
        good_example="",
        poor_example="",
        anchor_low="",
        anchor_high="",
        form=design,
        options=sides_of(design, ties, strength, letters),
        reasons=plain_options(REASONS),
        ties=plain_options(TIES) if ties and design == Design.PAIRWISE else (),
        places=places_of(design, letters),
        shares_places=ties,
        letters=letters,
    )


def form_of(criterion: Criterion) -> str:
    if criterion.kind != Criterion.Kind.SCORE:
        return criterion.kind
    if criterion.scale_max - criterion.scale_min >= LINE_SCALE:
        return "number"
    return "line" if criterion.widget == Criterion.Widget.SLIDER else "buttons"


def options_of(criterion: Criterion, form: str) -> tuple[Option, ...]:
    if form in ("buttons", "line"):
        scores = range(criterion.scale_min, criterion.scale_max + 1)
        return tuple(
            Option(str(n), str(n), key_of(n, scores), anchor=criterion.anchors.get(str(n), ""))
            for n in scores
        )
    if form not in ("choice", "multiple"):
        return ()
    return tuple(
        Option(str(option["value"]), option["label"], str(number) if number < 10 else "")
        for number, option in enumerate(criterion.options, start=1)
    )


def key_of(score: int, scores: range) -> str:
    """A digit means itself; 0 means 10 where no score is 0."""
    if 0 <= score <= 9:
        return str(score)
    return "0" if score == 10 and 0 not in scores else ""


def sides_of(form: str, ties: bool, strength: bool, letters: str) -> tuple[Option, ...]:
    """What is chosen from left to right."""
    if form == Design.PAIRWISE and strength:
        kept = [side for side in SIDES if ties or side[0] != "tie"]
        return tuple(
            Option(value, _(label), str(number))
            for number, (value, label) in enumerate(kept, start=1)
        )
    if form not in (Design.PAIRWISE, Design.BEST_OF_N):
        return ()
    sides = [Option(letter.lower(), letter, letter.lower()) for letter in letters]
    tie = [Option("tie", _(NO_DIFFERENCE), "t")] if ties else []
    return (*sides[:1], *tie, *sides[1:]) if len(sides) == 2 else (*sides, *tie)


def places_of(form: str, letters: str) -> tuple[Place, ...]:
    if form != Design.RANKING:
        return ()
    numbers = [str(number) for number in range(1, len(letters) + 1)]
    options = tuple(Option(number, number, number) for number in numbers)
    return tuple(Place(letter, options) for letter in letters)


def plain_options(named: Sequence[tuple[str, str]]) -> tuple[Option, ...]:
    return tuple(
        Option(value, _(label), str(number)) for number, (value, label) in enumerate(named, start=1)
    )
