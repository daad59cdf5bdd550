"""The design report: what a study will have for each cell, before anybody has rated anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from annotations.design.items import DesignError, DesignItem
from annotations.design.order import block_bounds, within_rater_pairs
from annotations.design.planned import (
    DesignReport,
    PairRow,
    PartReport,
    PlannedDesign,
    PlannedPart,
    RaterOverlap,
    RaterRow,
    SourceRow,
    cells_of,
)
from annotations.design.report_warnings import warnings_of

Given = Mapping[int, Sequence[int]]


def design_report(
    design: PlannedDesign,
    *,
    seed: int = 0,
    alpha: float = 0.5,
    tie_share: float = 0.2,
    simulations: int = 100,
) -> DesignReport:
    """`alpha`, `tie_share`: assumed of the answers to come; 0 `simulations` skip the intervals.

    Ratings counted are independent first ones; repeats and reference items count as work only.
    Raises DesignError for work that is in no part.
    """
    given = design.independent()
    parts = []
    for part in design.parts:
        found = part_report(design, part, given)
        if simulations:
            # scipy is loaded here, not when the web process starts.
            from annotations.design.expected_intervals import expected_intervals

            intervals = expected_intervals(
                design, part, given, seed=seed, alpha=alpha, tie_share=tie_share, count=simulations
            )
            found = replace(found, intervals=intervals)
        parts.append(found)
    report = DesignReport(
        parts=tuple(parts), raters=rater_rows(design), overlap=rater_overlap(given)
    )
    notes = dict.fromkeys(interval.note for part in parts for interval in part.intervals)
    return replace(report, warnings=tuple(warnings_of(report)), notes=tuple(notes))


def part_report(design: PlannedDesign, part: PlannedPart, given: Given) -> PartReport:
    by_key = {item.key: item for item in part.items}
    own = {rater: [key for key in keys if key in by_key] for rater, keys in given.items()}
    per_item = Counter(key for keys in own.values() for key in keys)
    sources = source_rows(design, by_key, own)
    pairs = pair_rows(design, by_key, own)
    answers = sum(len(keys) for keys in own.values())
    return PartReport(
        name=part.name,
        design=part.design,
        cells={
            "item": cells_of(per_item[key] for key in by_key),
            "source": cells_of(row.ratings for row in sources),
            "source pair": cells_of(row.ratings for row in pairs),
            "rater": cells_of(len(keys) for keys in own.values()),
            "criterion": cells_of(answers for _ in part.criteria),
        },
        sources=sources,
        pairs=pairs,
        within_rater_pairs=within_rater_pairs(own, part.items),
    )


def source_rows(
    design: PlannedDesign, by_key: Mapping[int, DesignItem], own: Given
) -> tuple[SourceRow, ...]:
    ratings: Counter[int] = Counter()
    places: Counter[tuple[int, int]] = Counter()
    for rater, keys in own.items():
        for key in keys:
            ratings.update(by_key[key].sources)
            if len(by_key[key].sources) > 1:
                order = design.shown.get((rater, key), ())
                places.update((source, place) for place, source in enumerate(order))
    most = max((len(item.sources) for item in by_key.values()), default=0)
    width = most if most > 1 else 0
    return tuple(
        SourceRow(
            source,
            design.source_name(source),
            ratings[source],
            tuple(places[source, place] for place in range(width)),
        )
        for source in sources_of(by_key)
    )


def pair_rows(
    design: PlannedDesign, by_key: Mapping[int, DesignItem], own: Given
) -> tuple[PairRow, ...]:
    met: Counter[tuple[int, int]] = Counter()
    first: Counter[tuple[int, int]] = Counter()
    for rater, keys in own.items():
        alone: dict[int, set[int]] = defaultdict(set)
        for key in keys:
            item = by_key[key]
            if len(item.sources) == 1:
                alone[item.stimulus].update(item.sources)
            met.update(combinations(sorted(item.sources), 2))
            first.update(combinations(design.shown.get((rater, key), ()), 2))
        for judged in alone.values():
            met.update(combinations(sorted(judged), 2))
    return tuple(
        PairRow(
            one,
            other,
            (design.source_name(one), design.source_name(other)),
            met[one, other],
            first[one, other],
            first[other, one],
        )
        for one, other in combinations(sources_of(by_key), 2)
    )


def sources_of(by_key: Mapping[int, DesignItem]) -> list[int]:
    return sorted({source for item in by_key.values() for source in item.sources})


def rater_rows(design: PlannedDesign) -> tuple[RaterRow, ...]:
    seconds = {
        key: part.seconds_per_item
        for part in design.parts
        for key in (*(item.key for item in part.items), *part.reference_items)
    }
    unknown = {entry.key for work in design.work.values() for entry in work} - seconds.keys()
    if unknown:
        raise DesignError(f"Item {min(unknown)} is planned but belongs to no part of the study.")
    return tuple(rater_row(design, rater, seconds) for rater in design.work)


def rater_row(design: PlannedDesign, rater: int, seconds: Mapping[int, float]) -> RaterRow:
    entries = design.work[rater]
    roles = Counter(entry.role for entry in entries)
    bounds = block_bounds(len(entries), design.block_size)
    return RaterRow(
        rater=rater,
        name=design.rater_name(rater),
        items=roles["independent"],
        repeats=roles["repeat"],
        references=roles["reference"],
        hours=sum(seconds[entry.key] for entry in entries) / 3600,
        blocks=tuple(stop - start for start, stop in bounds),
    )


def rater_overlap(given: Given) -> RaterOverlap:
    raters = [rater for rater, keys in given.items() if keys]
    place = {rater: number for number, rater in enumerate(raters)}
    takers: dict[int, list[int]] = defaultdict(list)
    for rater in raters:
        for key in given[rater]:
            takers[key].append(place[rater])
    shared = np.zeros((len(raters), len(raters)), dtype=np.int64)
    for together in takers.values():
        for one, other in combinations(together, 2):
            shared[one, other] += 1
            shared[other, one] += 1
    summary = cells_of(shared[np.triu_indices(len(raters), 1)].tolist())
    return RaterOverlap(
        pairs=summary.cells,
        least=summary.least,
        most=summary.most,
        mean=summary.mean,
        groups=tuple(tuple(raters[i] for i in group) for group in linked(shared > 0)),
    )


def linked(links: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> list[list[int]]:
    """Numbers of those who reach each other, the largest group first."""
    waiting, groups = set(range(len(links))), []
    while waiting:
        group, new = set(), {min(waiting)}
        while new:
            group |= new
            new = set(np.flatnonzero(links[sorted(new)].any(axis=0)).tolist()) - group
        groups.append(sorted(group))
        waiting -= group
    return sorted(groups, key=lambda group: -len(group))
