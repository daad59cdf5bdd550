"""The arrays that a part of a study is read into: who answered what on which unit, and why not.

A unit is a candidate where responses are scored and an item where they are compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.models import Criterion, StudyPart
from annotations.models.rating import CannotRate
from annotations.selectors.study_units import Units

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
NOT_SUBMITTED, LOST, SKIPPED = "not_submitted", "lost", "skipped"
NO_ANSWER, NOT_ASKED = "no_answer", "not_asked"
MISSING_LABELS = {
    NOT_SUBMITTED: "Not submitted yet",
    LOST: "Lost: still open when the study closed",
    SKIPPED: "Skipped",
    NO_ANSWER: "No answer",
    NOT_ASKED: "Not asked, because of an earlier answer",
    **{str(value): str(label) for value, label in CannotRate.choices},
}
REASONS = tuple(str(value) for value in CannotRate.values)
MISSING = (NOT_SUBMITTED, LOST, SKIPPED, NO_ANSWER, NOT_ASKED, *REASONS)
GIVEN = 1
CODES = {kind: place for place, kind in enumerate(MISSING, start=GIVEN + 1)}
"""Why there is no value -> its number in `Answers.status`."""
OPTION = "option"
"""One option of several that may apply: a question of its own, answered yes (1) or no (0)."""
PICK, RANKS = "pick", "ranks"
WITHOUT_COEFFICIENT = (Criterion.Kind.TEXT.value, Criterion.Kind.SPANS.value)


@dataclass(frozen=True)
class CriterionInfo:
    slug: str
    name: str
    guiding_question: str
    scale: tuple[int, int]
    """Lowest and highest value that can occur."""
    pk: int | None
    """None for the overall question."""
    kind: str = Criterion.Kind.SCORE.value
    """Of Criterion.Kind, or OPTION; of compared responses PICK or RANKS, and of two a score."""
    level: str = Criterion.Level.ORDINAL.value
    labels: tuple[tuple[int, str], ...] = ()
    """Value -> what it is called, in the order of the question; empty for a scale."""
    reverse_scored: bool = False

    @property
    def nominal(self) -> bool:
        return self.level == Criterion.Level.NOMINAL.value

    @property
    def has_coefficient(self) -> bool:
        """Words and passages have none: they are counted and read."""
        return self.kind not in WITHOUT_COEFFICIENT

    @property
    def is_scored(self) -> bool:
        """Whether values lie on a scale, so that a mean of them says something."""
        return self.has_coefficient and not self.nominal and self.kind not in (PICK, RANKS)


@dataclass(frozen=True, eq=False)
class Ballots:
    """Full rankings, a row each."""

    rater: Numbers
    unit: Numbers
    ranks: Floats
    """rankings x candidates, in the order of the unit's: 1 the best, equal ranks tie, NaN none."""

    def kept(self, units: NDArray[np.bool_], ratings: NDArray[np.bool_]) -> Ballots:
        stays = units[self.unit] & ratings[self.rater, self.unit]
        return Ballots(
            self.rater[stays], (np.cumsum(units) - 1)[self.unit[stays]], self.ranks[stays]
        )


@dataclass(frozen=True, eq=False)
class Passages:
    """What raters marked, an entry each rater and unit; none marked is an answer, too."""

    rater: Numbers
    unit: Numbers
    spans: tuple[tuple[tuple[int, int], ...], ...]
    """(start, end) in code points of the response."""

    def kept(self, units: NDArray[np.bool_], ratings: NDArray[np.bool_]) -> Passages:
        stays = units[self.unit] & ratings[self.rater, self.unit]
        spans = tuple(self.spans[place] for place in np.flatnonzero(stays))
        return Passages(self.rater[stays], (np.cumsum(units) - 1)[self.unit[stays]], spans)


@dataclass(frozen=True, eq=False)
class Answers:
    """One question. values: raters x units, NaN where a rater gave none.

    Of two responses from -2, clearly the candidate of the run that the study names first, to 2. Of
    the best of several the place of the chosen run in `PartData.sources`, and one beyond them for a
    tie; of a ranking the same of the first place. Of words and passages 1 where there is an answer.
    """

    criterion: CriterionInfo
    values: Floats
    status: NDArray[np.int8]
    """raters x units: 0 not given to the rater, 1 a value, otherwise of CODES."""
    ballots: Ballots | None = None
    """Of rankings."""
    passages: Passages | None = None
    """Of marked passages."""

    @property
    def missing(self) -> dict[str, int]:
        """How often each reason for a missing value occurs."""
        times = np.bincount(self.status.ravel(), minlength=2 + len(MISSING))[2:]
        return {kind: int(n) for kind, n in sorted(zip(MISSING, times, strict=True)) if n}

    def kept(self, units: NDArray[np.bool_], ratings: NDArray[np.bool_]) -> Answers:
        return replace(
            self,
            values=np.where(ratings, self.values, np.nan)[:, units],
            status=np.where(ratings, self.status, 0)[:, units],
            ballots=self.ballots and self.ballots.kept(units, ratings),
            passages=self.passages and self.passages.kept(units, ratings),
        )

    def hash_into(self, digest: Any) -> None:
        digest.update(self.criterion.slug.encode())
        digest.update(np.ascontiguousarray(self.values).tobytes())
        if self.ballots is not None:
            digest.update(np.ascontiguousarray(self.ballots.ranks).tobytes())
        if self.passages is not None:
            digest.update(repr(self.passages.spans).encode())


@dataclass(frozen=True, eq=False)
class PartData:
    part: StudyPart
    raters: tuple[str, ...]
    rater_pks: tuple[int, ...]
    units: Units
    sources: tuple[int, ...]
    """Generation runs in the study's order."""
    answers: tuple[Answers, ...]
    asked: NDArray[np.bool_]
    """raters x units: whether it was given to the rater."""
    submitted: NDArray[np.bool_]
    order: Floats
    """raters x units: place in the rater's work, NaN where not submitted."""
    seconds: Floats
    """Active seconds on the item."""
    shown: NDArray[np.int8]
    """raters x units x candidates: at which place each was shown, from 0; -1 where it was not. No
    candidates where single responses are scored."""
    judges: tuple[PartData, ...] = field(default=())
    """The same units as LLM judges answered them: never pooled with people."""
    repeats: PartData | None = None
    """The same raters and units, answered a second time: outside every other figure."""
    beside: Any = None
    """What else figures of the part need: annotations.selectors.study_beside.Beside."""

    @property
    def pairwise(self) -> bool:
        return self.part.design == StudyPart.Design.PAIRWISE

    @property
    def compares(self) -> bool:
        """Whether answers themselves say which model is preferred."""
        return self.part.design != StudyPart.Design.ABSOLUTE

    @property
    def key(self) -> str:
        return str(self.part.position)

    @property
    def first_shown(self) -> Floats:
        """Of compared responses, 1 where the first run's candidate was shown as "A", else 0."""
        first = self.shown[:, :, 0]
        return np.where(first < 0, np.nan, first == 0)

    def sha256(self) -> str:
        """Of the arrays that figures are computed on, names of units and raters included."""
        digest = hashlib.sha256()
        digest.update(repr((self.part.pk, self.raters, self.units.pk.tolist())).encode())
        for answer in self.answers:
            answer.hash_into(digest)
        for other in (*self.judges, *([self.repeats] if self.repeats else [])):
            digest.update(other.sha256().encode())
        if self.beside is not None:
            digest.update(self.beside.sha256().encode())
        return digest.hexdigest()

    def kept(self, units: NDArray[np.bool_], ratings: NDArray[np.bool_] | None = None) -> PartData:
        """Only these units, and of their ratings only these (raters x units)."""
        chosen = np.ones(self.asked.shape, dtype=bool) if ratings is None else ratings
        return replace(
            self,
            units=self.units.kept(units),
            answers=tuple(answer.kept(units, chosen) for answer in self.answers),
            asked=(self.asked & chosen)[:, units],
            submitted=(self.submitted & chosen)[:, units],
            order=np.where(chosen, self.order, np.nan)[:, units],
            seconds=np.where(chosen, self.seconds, np.nan)[:, units],
            shown=np.where(chosen[:, :, None], self.shown, -1)[:, units].astype(np.int8),
            judges=tuple(judge.kept(units) for judge in self.judges),
            repeats=self.repeats and self.repeats.kept(units, chosen),
            beside=self.beside and self.beside.kept(units, chosen.any(axis=1)),
        )
