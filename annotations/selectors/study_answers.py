"""The answers of one role of a part as arrays, each design in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.models import Criterion, Study, StudyPart
from annotations.selectors import study_rows
from annotations.selectors.study_arrays import (
    CODES,
    GIVEN,
    LOST,
    NO_ANSWER,
    NOT_ASKED,
    NOT_SUBMITTED,
    OPTION,
    REASONS,
    SKIPPED,
    Answers,
    Ballots,
    CriterionInfo,
    Floats,
    Numbers,
    PartData,
    Passages,
)
from annotations.selectors.study_criteria import criteria_of, criterion_infos
from annotations.selectors.study_rows import CONTENT, NO_SCORE, Wanted
from annotations.selectors.study_units import Units

Kind, Design = Criterion.Kind, StudyPart.Design


@dataclass(frozen=True, eq=False)
class Table:
    """Into which the rows of one part are read."""

    wanted: Wanted
    units: Units
    rows: Mapping[int, int]
    """Rater -> row."""
    sources: tuple[int, ...]
    unanswered: NDArray[np.int8]
    """raters x units: the status without an answer."""

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.units)


def read_part(
    wanted: Wanted, units: Units, raters: dict[int, str], sources: tuple[int, ...]
) -> PartData:
    shape = (len(raters), len(units))
    rows = {pk: index for index, pk in enumerate(raters)}
    compared = wanted.part.design != Design.ABSOLUTE
    width = units.candidates.shape[1] if compared else 0
    asked, submitted, skipped = (np.zeros(shape, dtype=bool) for _ in range(3))
    order, seconds = (np.full(shape, np.nan) for _ in range(2))
    shown = np.full((*shape, width), -1, dtype=np.int8)
    for rater, (items, states, places, active), orders in study_rows.assignments(wanted, width):
        if rater not in rows:
            continue
        column, source = units.of_items(items)
        at = (rows[rater], column)
        asked[at] = True
        submitted[at] = states[source] == 1
        skipped[at] = states[source] == 2
        order[at] = np.where(states[source] == 1, places[source], np.nan)
        seconds[at] = np.where(states[source] == 1, active[source] / 1000, np.nan)
        if width:
            shown[at] = _places_shown(units.responses[column], orders[source])
    open_yet = CODES[LOST if _is_closed(wanted.part) else NOT_SUBMITTED]
    unanswered = np.select(
        [submitted, skipped, asked], [CODES[NO_ANSWER], CODES[SKIPPED], open_yet], 0
    ).astype(np.int8)
    table = Table(wanted, units, rows, sources, unanswered)
    return PartData(
        part=wanted.part,
        raters=tuple(raters.values()),
        rater_pks=tuple(raters),
        units=units,
        sources=sources,
        answers=READERS[Design(wanted.part.design)](table, submitted),
        asked=asked,
        submitted=submitted,
        order=order,
        seconds=seconds,
        shown=shown,
    )


def _is_closed(part: StudyPart) -> bool:
    return part.study.state == Study.State.CLOSED


def _places_shown(responses: Numbers, orders: Numbers) -> NDArray[np.int8]:
    """units x candidates: the place of each response in the order shown; -1 where it is none."""
    found = responses[:, :, None] == orders[:, None, :]
    there = found.any(axis=2) & (responses > 0)
    return np.where(there, found.argmax(axis=2), -1).astype(np.int8)


def _empty(table: Table) -> tuple[Floats, NDArray[np.int8]]:
    return np.full(table.shape, np.nan), table.unanswered.copy()


def _status(scores: Numbers) -> NDArray[np.int8]:
    reasons = CODES[REASONS[0]] - 1 + NO_SCORE - scores
    none = np.where(scores == NO_SCORE, CODES[NO_ANSWER], reasons)
    return np.where(scores > NO_SCORE, GIVEN, none).astype(np.int8)


def _absolute(table: Table, submitted: NDArray[np.bool_]) -> tuple[Answers, ...]:
    given = study_rows.scores(table.wanted)
    made: list[Answers] = []
    by_slug: dict[str, list[Answers]] = {}
    criteria = list(table.wanted.part.instrument.criteria.all())
    for criterion in criteria:
        values, status = _empty(table)
        for rater, keys, scores in given.get(criterion.pk, ()):
            if rater in table.rows:
                at = (table.rows[rater], table.units.place(keys))
                values[at] = np.where(
                    scores == CONTENT, 1, np.where(scores > NO_SCORE, scores, np.nan)
                )
                status[at] = _status(scores)
        found = _by_kind(table, criterion, values, status)
        by_slug[criterion.slug] = found
        made += found
    asked = _asked_where(criteria, by_slug, table.shape)
    if not asked:
        return tuple(made)
    return tuple(
        _only_asked(answers, submitted, asked[criterion.slug])
        if criterion.slug in asked
        else answers
        for criterion in criteria
        for answers in by_slug[criterion.slug]
    )


def _by_kind(
    table: Table, criterion: Criterion, values: Floats, status: NDArray[np.int8]
) -> list[Answers]:
    infos = criterion_infos(criterion)
    if criterion.kind == Kind.MULTIPLE:
        return _options(table, criterion.pk, infos, status)
    passages = _passages(table, criterion.pk) if criterion.kind == Kind.SPANS else None
    return [Answers(infos[0], values, status, passages=passages)]


def _options(
    table: Table, criterion: int, infos: Sequence[CriterionInfo], status: NDArray[np.int8]
) -> list[Answers]:
    options = [info.labels[0][0] for info in infos]
    bits = np.full(table.shape, -1, dtype=np.int64)
    for rater, keys, chosen in study_rows.chosen_options(table.wanted, criterion, options):
        if rater in table.rows:
            bits[table.rows[rater], table.units.place(keys)] = chosen
    return [
        Answers(_yes_or_no(info), np.where(bits < 0, np.nan, (bits >> place) & 1), status)
        for place, info in enumerate(infos)
    ]


def _yes_or_no(info: CriterionInfo) -> CriterionInfo:
    return replace(info, labels=((0, "not chosen"), (1, "chosen")))


def _passages(table: Table, criterion: int) -> Passages:
    found = [
        (table.rows[rater], candidate, spans)
        for rater, candidate, spans in study_rows.marked_passages(table.wanted, criterion)
        if rater in table.rows
    ]
    return Passages(
        np.array([row for row, _, _ in found], dtype=np.int64),
        table.units.place(np.array([candidate for _, candidate, _ in found], dtype=np.int64)),
        tuple(spans for _, _, spans in found),
    )


def _asked_where(
    criteria: Sequence[Criterion], found: Mapping[str, Sequence[Answers]], shape: tuple[int, int]
) -> dict[str, NDArray[np.bool_]]:
    """Of each criterion that hangs on another: raters x units, whether the other answer led there.
    One that was not asked itself leads nowhere, and "can't rate" neither."""
    by_slug = {criterion.slug: criterion for criterion in criteria}
    known: dict[str, NDArray[np.bool_]] = {}

    def asked(slug: str) -> NDArray[np.bool_]:
        condition: Mapping[str, Any] = by_slug[slug].only_if
        if not condition:
            return np.ones(shape, dtype=bool)
        if slug not in known:
            known[slug] = np.zeros(shape, dtype=bool)  # a circle of conditions is never met
            earlier = condition["criterion"]
            if earlier in by_slug:
                led = _said(found[earlier], condition["values"], shape)
                known[slug] = asked(earlier) & led
        return known[slug]

    return {criterion.slug: asked(criterion.slug) for criterion in criteria if criterion.only_if}


def _said(
    answers: Sequence[Answers], values: Sequence[int], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    said = np.zeros(shape, dtype=bool)
    for answer in answers:
        if answer.criterion.kind == OPTION:
            said |= (answer.values == 1) & (option_of(answer.criterion) in values)
        elif answer.criterion.has_coefficient:
            said |= np.isin(answer.values, list(values))
    return said


def option_of(criterion: CriterionInfo) -> int:
    """The value of the option that a yes-or-no question is about."""
    return int(criterion.slug.rpartition(".")[2])


def _only_asked(
    answers: Answers, submitted: NDArray[np.bool_], asked: NDArray[np.bool_]
) -> Answers:
    aside = submitted & ~asked
    passages = answers.passages
    return replace(
        answers,
        values=np.where(aside, np.nan, answers.values),
        status=np.where(aside, CODES[NOT_ASKED], answers.status).astype(np.int8),
        passages=passages and passages.kept(np.ones(aside.shape[1], dtype=bool), ~aside),
    )


def _pairwise(table: Table, submitted: NDArray[np.bool_]) -> tuple[Answers, ...]:
    return tuple(_chosen(table, lambda chosen, at: pairwise_value(table.units, chosen, at)))


def _best_of_n(table: Table, submitted: NDArray[np.bool_]) -> tuple[Answers, ...]:
    return tuple(
        _chosen(table, lambda chosen, at: best_value(table.units, table.sources, chosen, at))
    )


def pairwise_value(units: Units, chosen: study_rows.Chosen, at: Numbers) -> Numbers:
    """at: the unit of each choice. Below 0 for the candidate of the run that comes first."""
    turned = (chosen.preferred == units.candidates[at, 0]) & (chosen.strength > 0)
    return np.where(turned, -chosen.strength, chosen.strength)


def best_value(
    units: Units, sources: Sequence[int], chosen: study_rows.Chosen, at: Numbers
) -> Numbers:
    """The place of the chosen run among the sources; one beyond them for a tie."""
    is_it = (units.candidates[at] == chosen.preferred[:, None]) & (chosen.preferred > 0)[:, None]
    places = _places_of_runs(sources, units.runs[at, is_it.argmax(axis=1)])
    return np.where(is_it.any(axis=1), places, len(sources))


def _chosen(table: Table, value: Callable[[study_rows.Chosen, Numbers], Numbers]) -> list[Answers]:
    given = study_rows.choices(table.wanted)
    made = []
    for criterion in criteria_of(table.wanted.part, len(table.sources)):
        values, status = _empty(table)
        for chosen in given.get(criterion.pk, ()):
            if chosen.rater in table.rows:
                units = table.units.place(chosen.items)
                at = (table.rows[chosen.rater], units)
                status[at] = _status(chosen.strength)
                values[at] = np.where(chosen.strength > NO_SCORE, value(chosen, units), np.nan)
        made.append(Answers(criterion, values, status))
    return made


def _ranking(table: Table, submitted: NDArray[np.bool_]) -> tuple[Answers, ...]:
    answered = _chosen(table, lambda chosen, at: np.zeros(len(at), dtype=np.int64))
    given = study_rows.rankings(table.wanted)
    made = []
    for answers in answered:
        ballots = _ballots(table, given.get(answers.criterion.pk, ()))
        values = answers.values.copy()
        values[ballots.rater, ballots.unit] = _first_places(table, ballots)
        made.append(replace(answers, values=values, ballots=ballots))
    return tuple(made)


def _ballots(table: Table, given: Sequence[tuple[int, Numbers, Numbers, Numbers]]) -> Ballots:
    width = table.units.candidates.shape[1]
    parts = []
    for rater, items, responses, ranks in given:
        if rater not in table.rows:
            continue
        units, ballot = np.unique(table.units.place(items), return_inverse=True)
        column = (table.units.responses[units[ballot]] == responses[:, None]).argmax(axis=1)
        places = np.full((len(units), width), np.nan)
        places[ballot, column] = np.where(ranks > 0, ranks, np.nan)
        parts.append((np.full(len(units), table.rows[rater]), units, places))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Ballots(none, none, np.zeros((0, width)))
    return Ballots(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _first_places(table: Table, ballots: Ballots) -> Numbers:
    """Per ballot the place of the run that stands first; one beyond all of them where some tie."""
    ranks = np.where(np.isnan(ballots.ranks), np.inf, ballots.ranks)
    first = ranks == ranks.min(axis=1, keepdims=True, initial=np.inf)
    run = table.units.runs[ballots.unit, first.argmax(axis=1)]
    return np.where(first.sum(axis=1) == 1, _places_of_runs(table.sources, run), len(table.sources))


def _places_of_runs(sources: Sequence[int], runs: Numbers) -> Numbers:
    places = {run: place for place, run in enumerate(sources)}
    return np.array([places.get(run, len(places)) for run in runs.tolist()], dtype=np.int64)


READERS: dict[Any, Callable[[Table, NDArray[np.bool_]], tuple[Answers, ...]]] = {
    Design.ABSOLUTE: _absolute,
    Design.PAIRWISE: _pairwise,
    Design.BEST_OF_N: _best_of_n,
    Design.RANKING: _ranking,
}
