"""What a part asks, as the reference panel answers it: which answers can be compared, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotations.answers import (
    OVERALL,
    OVERALL_QUESTION,
    Answer,
    Asked,
    Choice,
    NoAnswer,
    Options,
    Ranks,
    Score,
    Spans,
    Words,
)
from annotations.models import Criterion, Gate, Preference, StudyPart
from annotations.models.rating import CannotRate
from annotations.selectors.asked import asked_of, criteria_of, has_overall

COMPARED = ("score", "choice", "pairwise", "best_of_n")
Kind = Criterion.Kind


@dataclass(frozen=True, eq=False)
class PanelQuestion:
    key: str
    """The criterion's slug, or "overall"."""
    name: str
    guiding_question: str
    criterion: int | None
    asked: Asked
    labels: Mapping[int, str]
    """Of a choice: value -> what it says."""
    ordinal: bool
    conditional: bool = False
    """Asked only after certain answers to another question."""

    @property
    def compared(self) -> bool:
        """Whether one answer can agree with another: words, passages and rankings cannot."""
        return self.asked.form in COMPARED

    def weighting(self, statistic: str) -> str:
        """Of a disagreement: by its size where answers have an order."""
        weighted = statistic == Gate.Statistic.WEIGHTED and self.ordinal
        return "quadratic" if weighted else "unweighted"


def panel_questions(part: StudyPart, candidates: int = 1) -> list[PanelQuestion]:
    """In the instrument's order, the overall question last. `candidates`: how many are shown."""
    questions = [question_of(part, c, candidates) for c in criteria_of(part.instrument_id)]
    if has_overall(part):
        questions.append(question_of(part, None, candidates))
    return questions


def question_of(part: StudyPart, criterion: Criterion | None, candidates: int) -> PanelQuestion:
    absolute, choosing = part.design == StudyPart.Design.ABSOLUTE, StudyPart.Design.PAIRWISE
    nominal = criterion is not None and criterion.level == Criterion.Level.NOMINAL
    return PanelQuestion(
        key=criterion.slug if criterion else OVERALL,
        name=criterion.name if criterion else _("Overall"),
        guiding_question=criterion.guiding_question if criterion else _(OVERALL_QUESTION),
        criterion=criterion.pk if criterion else None,
        asked=asked_of(part, criterion, candidates),
        labels={o["value"]: str(o["label"]) for o in criterion.options} if criterion else {},
        ordinal=not nominal if absolute else part.design == choosing,
        conditional=bool(criterion and criterion.only_if),
    )


def in_words(question: PanelQuestion, answer: Answer | None) -> str:
    """As a rater reads it; candidates by the letters that the rater saw."""
    match answer:
        case None:
            return _("No answer")
        case Score(value) if question.labels:
            return question.labels.get(value, str(value))
        case Score(value):
            return str(value)
        case Options(values):
            chosen = [question.labels.get(value, str(value)) for value in values]
            return ", ".join(chosen) or _("None of these")
        case Words(text):
            return text
        case Spans(spans):
            return "; ".join(f"“{span.text}”" for span in spans) or _("Nothing marked")
        case Choice():
            return choice_in_words(question.asked, answer)
        case Ranks(places):
            return ", ".join(
                f"{rank}: {' = '.join(tied)}" for rank, tied in enumerate(places, start=1)
            )
        case NoAnswer(reason):
            return _("Can't rate: %(reason)s") % {"reason": _(str(CannotRate(reason).label))}


def choice_in_words(asked: Asked, choice: Choice) -> str:
    if not choice.letter:
        kind = Preference.TieKind(choice.tie_kind).label if choice.tie_kind else ""
        return f"{_('No difference')} ({_(str(kind))})" if kind else _("No difference")
    if not asked.strength:
        return choice.letter
    words = _("%(letter)s clearly") if choice.strength == 2 else _("%(letter)s slightly")
    return words % {"letter": choice.letter}


def written_answers(question: PanelQuestion) -> Sequence[str]:
    """What can stand in a file as an answer, for the people who fill it in."""
    asked = question.asked
    if asked.form == "score":
        return [f"{asked.low} to {asked.high}"]
    if asked.form in ("choice", "multiple"):
        return list(question.labels.values())
    if asked.form == "pairwise":
        sides = ["A", "B"]
        if asked.strength:
            sides = ["A clearly", "A slightly", "B slightly", "B clearly"]
        middle = len(sides) // 2
        return [*sides[:middle], *(["No difference"] if asked.ties else []), *sides[middle:]]
    if asked.form == "best_of_n":
        return [*asked.letters, *(["No difference"] if asked.ties else [])]
    if asked.form == "ranking":
        return [" > ".join(asked.letters), *(["= for a shared place"] if asked.ties else [])]
    return ["in words"]
