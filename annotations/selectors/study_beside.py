"""What stands beside a part's independent answers and never enters means or agreement: what was
settled, what a reference panel answered, who qualified, who was thought to have written what."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.answers import OVERALL
from annotations.models import Adjudication, Assignment, Gate, SourceGuess, StudyPart
from annotations.selectors.gates import gate_outcomes
from annotations.selectors.judge_evidence import JudgeFacts
from annotations.selectors.panel_agreement import (
    Compared,
    PanelAgreement,
    agreement_of,
    compare,
    panel_codes,
)
from annotations.selectors.study_answers import best_value, pairwise_value
from annotations.selectors.study_arrays import Floats, Numbers, PartData
from annotations.selectors.study_rows import Chosen
from annotations.selectors.study_units import Units


@dataclass(frozen=True, eq=False)
class Guesses:
    """Who wrote a response, in a rater's opinion; an entry each."""

    rater: Numbers
    """Row of the part's raters."""
    unit: Numbers
    column: Numbers
    """Which of the unit's candidates."""
    guess: NDArray[Any]
    imported: NDArray[np.bool_]
    """Whether the response was imported rather than generated here."""


@dataclass(frozen=True, eq=False)
class Beside:
    further: PartData | None = None
    """What third and fourth raters answered on disputed items."""
    settled: Mapping[str, Floats] | None = None
    """Slug -> per unit what was settled in the end, as in Answers.values, NaN where nothing was;
    of choices only."""
    panel: Mapping[str, PanelAgreement] | None = None
    """Pseudonym -> agreement with the reference panel on its items among the others; None where
    nobody has answered one."""
    gate: str = ""
    """Who qualified, and what that does to agreement; empty without a qualification."""
    guesses: Guesses | None = None
    judged: Mapping[str, JudgeFacts] = field(default_factory=dict)
    """Pseudonym -> facts, of judges that were set to work here."""

    def sha256(self) -> str:
        digest = hashlib.sha256(repr((self.gate, self.panel)).encode())
        digest.update(self.further.sha256().encode() if self.further else b"-")
        for slug, values in (self.settled or {}).items():
            digest.update(slug.encode() + np.ascontiguousarray(values).tobytes())
        if self.guesses is not None:
            digest.update(repr(self.guesses.guess.tolist()).encode())
            digest.update(self.guesses.unit.tobytes())
        if self.judged:
            digest.update(repr(sorted(self.judged.items(), key=lambda one: one[0])).encode())
        return digest.hexdigest()

    def kept(self, units: NDArray[np.bool_], raters: NDArray[np.bool_]) -> Beside:
        """Only these units of the study's own, and guesses of these raters."""
        return replace(
            self,
            further=self.further and self.further.kept(units),
            settled=self.settled and {slug: own[units] for slug, own in self.settled.items()},
            guesses=self.guesses and _guesses_kept(self.guesses, units, raters),
        )


def _guesses_kept(guesses: Guesses, units: NDArray[np.bool_], raters: NDArray[np.bool_]) -> Guesses:
    stays = units[guesses.unit] & raters[guesses.rater]
    return Guesses(
        guesses.rater[stays],
        (np.cumsum(units) - 1)[guesses.unit[stays]],
        guesses.column[stays],
        guesses.guess[stays],
        guesses.imported[stays],
    )


def beside_of(data: PartData, further: PartData | None) -> Beside:
    return Beside(
        further=further,
        settled=_settled(data) if data.compares else None,
        panel=_panel(data.part),
        gate=_gate(data.part),
        guesses=_guesses(data),
    )


def _panel(part: StudyPart) -> dict[str, PanelAgreement] | None:
    asked = Assignment.objects.filter(
        item__part=part, role=Assignment.Role.REFERENCE, state=Assignment.State.SUBMITTED
    )
    rows = list(asked.values_list("pk", "rater", "item", "state", "rater__pseudonym"))
    if not rows:
        return None
    codes = panel_codes([part])
    by_rater: dict[int, list[Compared]] = defaultdict(list)
    for row in compare(codes, [row[:4] for row in rows]):
        by_rater[row.rater].append(row)
    names = {row[1]: row[4] for row in sorted(rows, key=lambda row: row[4])}
    return {name: agreement_of(by_rater[rater], codes) for rater, name in names.items()}


def _gate(part: StudyPart) -> str:
    if not Gate.objects.filter(part=part, items__gt=0).exists():
        return ""
    outcomes = gate_outcomes(part.study)
    return outcomes.sentence if outcomes else ""


def _settled(data: PartData) -> dict[str, Floats] | None:
    """A later adjudication replaces an earlier one."""
    rows = Adjudication.objects.filter(item__part=data.part).order_by("decided_at", "pk")
    found = list(
        rows.values_list("item_id", "criterion__slug", "preferred_id", "strength", "ranks")
    )
    if not found:
        return None
    settled = {answers.criterion.slug: np.full(len(data.units), np.nan) for answers in data.answers}
    of_item = {item: place for place, item in enumerate(data.units.item.tolist())}
    for item, slug, preferred, strength, ranks in found:
        if item not in of_item or (slug or OVERALL) not in settled:
            continue
        unit = of_item[item]
        if ranks is not None:
            settled[slug or OVERALL][unit] = _first_of_ranks(data, unit, ranks)
        elif strength is not None:
            settled[slug or OVERALL][unit] = _value_of_choice(data, unit, preferred, strength)
    return settled


def _first_of_ranks(data: PartData, unit: int, ranks: Mapping[str, int]) -> float:
    best = min(ranks.values(), default=0)
    first = [int(response) for response, rank in ranks.items() if rank == best]
    if len(first) != 1 or first[0] not in data.units.responses[unit]:
        return float(len(data.sources))
    column = int(np.flatnonzero(data.units.responses[unit] == first[0])[0])
    return float(data.sources.index(int(data.units.runs[unit, column])))


def _value_of_choice(data: PartData, unit: int, preferred: int | None, strength: int) -> float:
    at = np.array([unit])
    chosen = Chosen(0, at, np.array([preferred or 0]), np.array([strength]))
    if data.pairwise:
        return float(pairwise_value(data.units, chosen, at)[0])
    return float(best_value(data.units, data.sources, chosen, at)[0])


def _guesses(data: PartData) -> Guesses | None:
    rows = SourceGuess.objects.filter(candidate__item__part=data.part)
    found = list(
        rows.order_by("pk").values_list(
            "rater_id", "candidate_id", "guess", "candidate__response__run__model_version__kind"
        )
    )
    if not found:
        return None
    row_of = {pk: place for place, pk in enumerate(data.rater_pks)}
    place_of = _places_of_candidates(data.units)
    kept = [row for row in found if row[0] in row_of and row[1] in place_of]
    places = np.array([place_of[row[1]] for row in kept], dtype=np.int64).reshape(-1, 2)
    return Guesses(
        rater=np.array([row_of[row[0]] for row in kept], dtype=np.int64),
        unit=places[:, 0],
        column=places[:, 1],
        guess=np.array([row[2] for row in kept], dtype=object),
        imported=np.array([row[3] == "imported" for row in kept], dtype=bool),
    )


def _places_of_candidates(units: Units) -> dict[int, tuple[int, int]]:
    rows, columns = np.nonzero(units.candidates)
    pks = units.candidates[rows, columns].tolist()
    return dict(zip(pks, zip(rows.tolist(), columns.tolist(), strict=True), strict=True))
