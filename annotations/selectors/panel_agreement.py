"""How a rater's answers agree with the reference panel's: rows, and figures made of them.

For Cohen's kappa every answer is a whole number that means the same for every item: a score, the
place of an option, from -2 to 2 the preference between two responses (below zero the one of the
generation run with the lower number), or the run whose response is the best.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from annotations.models import (
    Assignment,
    Candidate,
    Gate,
    Preference,
    Rating,
    ReferenceAnswer,
    StudyPart,
)
from annotations.selectors.panel_questions import PanelQuestion, panel_questions

if TYPE_CHECKING:
    from annotations.statistics.pooled_kappa import Answers
    from annotations.statistics.weights import Weighting

NO_ANSWER, SKIPPED = "no_answer", "skipped"
PAIR_FIELDS = ("score", "preferred_id", "strength")
ScaleKey = tuple[Any, ...]


class Compared(NamedTuple):
    """One question of one item, answered by the panel and put to a rater."""

    rater: int
    part: int
    item: int
    question: str
    panel: int
    given: int | None
    missing: str = ""
    """Why there is no answer: a reason of "Can't rate", `skipped` or `no_answer`."""


@dataclass(frozen=True)
class PanelAgreement:
    n: int
    """Answers compared."""
    agreement: float | None
    """Share of them equal to the panel's."""
    kappa: float | None
    low: float | None
    high: float | None
    because: str
    """Why there is no kappa, or no interval."""
    cannot: int
    """Answers "Can't rate", which are no agreement and no disagreement."""
    unanswered: int

    @property
    def answered_share(self) -> float:
        asked = self.n + self.cannot + self.unanswered
        return self.n / asked if asked else 0.0


@dataclass(frozen=True)
class CodedScale:
    low: int
    high: int
    weighting: str
    key: ScaleKey
    """Questions with the same key share one table."""


class PanelCode:
    """Stored answers of one part as whole numbers, the panel's and the raters' alike."""

    def __init__(
        self, part: StudyPart, statistic: str, candidates: Iterable[tuple[int, int, int]]
    ) -> None:
        """candidates: (pk, item, run) of the panel's items, by run and response."""
        self.part = part
        self.questions = {q.criterion: q for q in panel_questions(part) if q.compared}
        self.run: dict[int, int] = {}
        self.place: dict[int, int] = {}
        shown: dict[int, int] = defaultdict(int)
        for pk, item, run in candidates:
            self.run[pk], self.place[pk] = run, shown[item]
            shown[item] += 1
        self.runs = {run: number for number, run in enumerate(sorted({*self.run.values()}), 1)}
        self.forms = {key: (q.key, q.asked.form) for key, q in self.questions.items()}
        self.options = {q.key: sorted(q.asked.values) for q in self.questions.values()}
        self.scales = {q.key: self.scale_of(q, statistic) for q in self.questions.values()}

    def scale_of(self, question: PanelQuestion, statistic: str) -> CodedScale:
        asked, weighting = question.asked, question.weighting(statistic)
        if asked.form == "score":
            return CodedScale(asked.low, asked.high, weighting, ("score", asked.low, asked.high))
        if asked.form == "choice":
            options = tuple(sorted(question.labels.items()))
            return CodedScale(0, max(1, len(options) - 1), weighting, ("choice", options))
        if asked.form == "pairwise":
            most = 2 if asked.strength else 1
            return CodedScale(-most, most, weighting, ("pairwise",))
        return CodedScale(0, max(1, len(self.runs)), weighting, ("best",))

    def coded(
        self, criterion: int | None, score: int | None, preferred: int | None, strength: int | None
    ) -> tuple[str, int | None]:
        """The question, and the answer as a number; None where it is no such answer."""
        question, form = self.forms[criterion]
        if form == "score":
            return question, score
        if form == "choice":
            values = self.options[question]
            return question, None if score not in values else values.index(score)
        if strength is None:
            return question, None
        if preferred is None:
            return question, 0
        if form == "pairwise":
            return question, strength * (1 if self.place[preferred] else -1)
        return question, self.runs[self.run[preferred]]


def compare(
    codes: Mapping[int, PanelCode], assignments: Sequence[tuple[Any, int, int, str]]
) -> list[Compared]:
    """codes: by part. assignments: (pk, rater, item, state)."""
    panel = panel_answers(codes)
    part_of = {item: part for item, (part, _) in panel.items()}
    given = given_answers([pk for pk, *_ in assignments], codes, part_of)
    found = []
    for pk, rater, item, state in assignments:
        part, answers = panel.get(item, (0, {}))
        why_none = SKIPPED if state == Assignment.State.SKIPPED else NO_ANSWER
        for question, value in answers.items():
            said, why = given.get((pk, question), (None, why_none))
            found.append(Compared(rater, part, item, question, value, said, why))
    return found


def panel_codes(parts: Sequence[StudyPart]) -> dict[int, PanelCode]:
    rows = (
        Candidate.objects.filter(
            item__in=ReferenceAnswer.objects.filter(item__part__in=parts).values("item")
        )
        .order_by("item", "response__run", "response")
        .values_list("item__part", "pk", "item", "response__run")
    )
    by_part: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for part_pk, *row in rows:
        by_part[part_pk].append(cast("tuple[int, int, int]", tuple(row)))
    statistics = dict(Gate.objects.filter(part__in=parts).values_list("part", "statistic"))
    return {
        part.pk: PanelCode(part, statistics.get(part.pk, Gate.Statistic.WEIGHTED), by_part[part.pk])
        for part in parts
        if part.design != StudyPart.Design.RANKING
    }


def panel_answers(codes: Mapping[int, PanelCode]) -> dict[int, tuple[int, dict[str, int]]]:
    """Item -> its part, and the panel's answers that can be compared."""
    found: dict[int, tuple[int, dict[str, int]]] = {}
    rows = ReferenceAnswer.objects.filter(item__part__in=codes).order_by("item", "pk")
    for part, item, criterion, *said in rows.values_list(
        "item__part", "item", "criterion", *PAIR_FIELDS
    ):
        _, answers = found.setdefault(item, (part, {}))
        if criterion in codes[part].questions:
            question, value = codes[part].coded(criterion, *said)
            if value is not None:
                answers[question] = value
    return found


def given_answers(
    assignments: Collection[Any], codes: Mapping[int, PanelCode], part_of: Mapping[int, int]
) -> dict[tuple[Any, str], tuple[int | None, str]]:
    """(Assignment, question) -> the answer, or why there is none."""
    found: dict[tuple[Any, str], tuple[int | None, str]] = {}
    for pk, item, criterion, reason, *said in stored_rows(assignments):
        code = codes.get(part_of.get(item, 0))
        if code is not None and criterion in code.questions:
            question, value = code.coded(criterion, *said)
            found[pk, question] = (value, reason or ("" if value is not None else NO_ANSWER))
    return found


def stored_rows(assignments: Collection[Any]) -> Iterator[tuple[Any, ...]]:
    keys = ("assignment", "assignment__item", "criterion", "cannot_rate")
    for row in Rating.objects.filter(assignment__in=assignments).values_list(*keys, "score"):
        yield (*row, None, None)
    rows = Preference.objects.filter(assignment__in=assignments)
    for *row, preferred, strength in rows.values_list(*keys, "preferred_id", "strength"):
        yield (*row, None, preferred, strength)


def agreement_of(rows: Sequence[Compared], codes: Mapping[int, PanelCode]) -> PanelAgreement:
    """Kappa pooled over all questions, with the answers to one item kept together."""
    from annotations.statistics.pooled_kappa import pooled_kappa

    pairs = [row for row in rows if row.given is not None]
    cannot = sum(row.missing not in ("", NO_ANSWER, SKIPPED) for row in rows)
    equal = sum(row.panel == row.given for row in pairs)
    found = pooled_kappa(tables_of(pairs, codes))
    return PanelAgreement(
        n=len(pairs),
        agreement=equal / len(pairs) if pairs else None,
        kappa=found.value,
        low=found.low,
        high=found.high,
        because=found.undefined_because or found.no_interval_because,
        cannot=cannot,
        unanswered=len(rows) - len(pairs) - cannot,
    )


def tables_of(pairs: Iterable[Compared], codes: Mapping[int, PanelCode]) -> list[Answers]:
    import numpy as np

    from annotations.statistics.pooled_kappa import Answers

    tables: dict[tuple[Any, ...], list[tuple[int, int, int]]] = defaultdict(list)
    for row in pairs:
        scale = codes[row.part].scales[row.question]
        assert row.given is not None  # noqa: S101
        tables[scale.key, scale.low, scale.high, scale.weighting].append(
            (row.panel, row.given, row.item)
        )
    found = []
    for (_, low, high, weighting), rows in tables.items():
        values = np.array(rows, dtype=np.int64).T
        found.append(
            Answers(
                values[0].astype(np.float64),
                values[1].astype(np.float64),
                values[2],
                low,
                high,
                cast("Weighting", weighting),
            )
        )
    return found
