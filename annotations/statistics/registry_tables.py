"""How each statistic is asked of the tables of several criteria, for the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.ratings import Ratings

if TYPE_CHECKING:
    from annotations.statistics.alpha_levels import Level
    from annotations.statistics.table_files import CriterionTable

MOST_CLASSES = 50
NO_ORDER = "the table does not say when each rating was given: add a column “order” (or time)"
NO_MODELS = "the table does not say which model made each item: add a column “model”"
NO_JUDGE = "nobody in the table is a judge: add a column “kind” that says person or judge"
NOT_MET = "no item has ratings of the judge and of a person"
ONE_CRITERION = "there is only one criterion"
ONE_MODEL = "all items are of one model"
FLAGS = "For answers that were asked for, never for flags that people may raise or not."


@dataclass(frozen=True)
class Settings:
    level: Level
    confidence: float
    seed: int
    resamples: int

    @classmethod
    def of(
        cls, level: Level, confidence: float, seed: int | None, resamples: int | None
    ) -> Settings:
        from annotations.statistics.resampling import RESAMPLES, SEED

        return cls(
            level,
            confidence,
            SEED if seed is None else seed,
            RESAMPLES if resamples is None else resamples,
        )

    @property
    def drawing(self) -> dict[str, Any]:
        return {"confidence": self.confidence, "seed": self.seed, "resamples": self.resamples}


@dataclass
class Tables:
    """The criteria of one computation, with what several statistics share."""

    by_criterion: Mapping[str, CriterionTable]
    settings: Settings
    _iccs: dict[str, tuple[Estimate, ...]] = field(default_factory=dict)
    _rated: dict[str, Ratings] = field(default_factory=dict)

    def rated(self, criterion: str) -> Ratings:
        """The raters and items that have a rating on this criterion."""
        if criterion not in self._rated:
            self._rated[criterion] = _without_empty(self.by_criterion[criterion].people)
        return self._rated[criterion]

    def iccs(self, criterion: str) -> tuple[Estimate, ...]:
        from annotations.statistics.icc_incomplete import crossed_iccs

        if criterion not in self._iccs:
            self._iccs[criterion] = crossed_iccs(
                self.rated(criterion),
                confidence=self.settings.confidence,
                seed=self.settings.seed,
            )
        return self._iccs[criterion]

    @property
    def people(self) -> list[Ratings]:
        return [table.people for table in self.by_criterion.values()]

    @cached_property
    def differences(self) -> dict[tuple[str, str], Estimate]:
        """(one, two) -> alpha of one less alpha of two, every pair of criteria once."""
        from annotations.statistics.criteria_comparison import compare_criteria

        names = list(self.by_criterion)
        _, found = compare_criteria(self.people, self.settings.level, **self.settings.drawing)
        return {(names[one], names[two]): estimate for (one, two), estimate in found.items()}

    @cached_property
    def contrasts(self) -> dict[str, dict[str, Estimate]]:
        """Criterion -> "one - two" -> its contrast; Holm over all criteria and pairs."""
        return _contrasts(self)


Compute = Callable[[Tables, str], Estimate]


def plain(module: str, name: str) -> Compute:
    def compute(tables: Tables, criterion: str) -> Estimate:
        found: Estimate = _function(module, name)(tables.rated(criterion))
        return found

    return compute


def with_confidence(module: str, name: str, *, seeded: bool = False) -> Compute:
    def compute(tables: Tables, criterion: str) -> Estimate:
        table, settings = tables.rated(criterion), tables.settings
        drawing = {"seed": settings.seed} if seeded else {}
        found: Estimate = _function(module, name)(table, confidence=settings.confidence, **drawing)
        return found

    return compute


def alpha_of(level: Level) -> Compute:
    def compute(tables: Tables, criterion: str) -> Estimate:
        from annotations.statistics.alpha import alpha

        return alpha(tables.rated(criterion), level, **tables.settings.drawing)

    return compute


def alpha_ci_new_raters(tables: Tables, criterion: str) -> Estimate:
    from annotations.statistics.alpha_raters import alpha_ci_new_raters

    return alpha_ci_new_raters(
        tables.rated(criterion), tables.settings.level, **tables.settings.drawing
    )


def alpha_leave_one_rater_out(tables: Tables, criterion: str) -> Estimate:
    from annotations.statistics.alpha_raters import alpha_leave_one_rater_out

    return alpha_leave_one_rater_out(tables.rated(criterion), tables.settings.level)


def item_disagreement(tables: Tables, criterion: str) -> Estimate:
    from annotations.statistics.item_disagreement import item_disagreement

    return item_disagreement(tables.rated(criterion), tables.settings.level)


def reliability_diff(tables: Tables, criterion: str) -> Estimate:
    if len(tables.by_criterion) < 2:
        return undefined("reliability_diff", ONE_CRITERION, **_counts(tables, criterion))
    found = {}
    for (one, two), estimate in tables.differences.items():
        if one == criterion:
            found[two] = estimate
        elif two == criterion:
            found[one] = _turned(estimate)
    counts = _counts(tables, criterion)
    return single_or_rows("reliability_diff", "other criteria", "other", found, counts)


def crossed_icc(place: int) -> Compute:
    def compute(tables: Tables, criterion: str) -> Estimate:
        return tables.iccs(criterion)[place]

    return compute


def drift(tables: Tables, criterion: str) -> Estimate:
    from annotations.statistics.severity import drift

    table = tables.by_criterion[criterion]
    if table.order is None:
        return undefined("drift", NO_ORDER, **_counts(tables, criterion))
    return drift(table.people, table.order, confidence=tables.settings.confidence)


def halo(tables: Tables, criterion: str) -> Estimate:
    from annotations.statistics.halo import halo

    return halo(tables.people, list(tables.by_criterion))


def model_contrast(tables: Tables, criterion: str) -> Estimate:
    table, counts = tables.by_criterion[criterion], _counts(tables, criterion)
    if table.models is None:
        return undefined("model_contrast", NO_MODELS, **counts)
    found = tables.contrasts[criterion]
    if not found:
        return undefined("model_contrast", ONE_MODEL, **counts)
    return single_or_rows("model_contrast", "pairs of models", "pair", found, counts)


def judge(module: str, name: str, needs: str) -> Compute:
    """needs: "level" (and drawing), "drawing", "confidence", or nothing."""

    def compute(tables: Tables, criterion: str) -> Estimate:
        table, settings = tables.by_criterion[criterion], tables.settings
        counts = _counts(tables, criterion)
        if not table.judges:
            return undefined(name, NO_JUDGE, **counts)
        options = {
            "level": {"level": settings.level, **settings.drawing},
            "drawing": settings.drawing,
            "confidence": {"confidence": settings.confidence},
        }.get(needs, {})
        function = _function(module, name)
        rated = table.people.given.any(axis=0)
        found = {
            who: function(table.people, scores, **options)
            if (rated & ~np.isnan(scores)).any()
            else undefined(name, NOT_MET, **counts)
            for who, scores in table.judges.items()
        }
        return single_or_rows(name, "judges", "judge", found, counts)

    return compute


def dawid_skene(tables: Tables, criterion: str) -> Estimate:
    from annotations.statistics.dawid_skene import dawid_skene

    table = tables.rated(criterion)
    given, counts = table.given, table.counts()
    classes, labels = np.unique(table.values[given], return_inverse=True)
    if len(classes) < 2:
        return undefined("dawid_skene", "there are not two different answers", **counts)
    if len(classes) > MOST_CLASSES:
        because = f"{len(classes):,} different values are a measurement and no classes"
        return undefined("dawid_skene", because, **counts)
    raters, items = np.nonzero(given)
    estimate = dawid_skene(items, raters, labels.ravel(), n_classes=len(classes)).estimate
    rows = tuple({**row, "class": float(classes[row["class"]])} for row in estimate.rows)
    return replace(estimate, rows=rows, notes=(*estimate.notes, FLAGS))


def planner(tables: Tables, criterion: str) -> Estimate:
    """value: the pilot's ordinal alpha, from which the rows were simulated."""
    from annotations.statistics.planner import planner_from_pilot

    table, settings = tables.rated(criterion), tables.settings
    plan = planner_from_pilot(table, confidence=settings.confidence, seed=settings.seed)
    if plan.alpha is None or plan.undefined_because:
        return undefined("planner", plan.undefined_because, **table.counts())
    return Estimate(
        name="planner",
        value=plan.alpha,
        no_interval_because="the rows hold the intervals of studies to come",
        confidence=plan.confidence,
        seed=plan.seed,
        resamples=plan.simulations,
        method=plan.method,
        rows=plan.rows,
        notes=plan.notes,
        **table.counts(),
    )


def _function(module: str, name: str) -> Any:
    return getattr(import_module(f"annotations.statistics.{module}"), name)


def _counts(tables: Tables, criterion: str) -> dict[str, Any]:
    return tables.by_criterion[criterion].people.counts()


def _without_empty(table: Ratings) -> Ratings:
    given = table.given
    raters, items = np.flatnonzero(given.any(axis=1)), np.flatnonzero(given.any(axis=0))
    if (len(raters), len(items)) == given.shape:
        return table
    return Ratings(
        table.values[np.ix_(raters, items)],
        table.scale,
        tuple(table.raters[place] for place in raters),
        tuple(table.items[place] for place in items),
        None
        if table.clusters is None
        else np.unique(table.clusters[items], return_inverse=True)[1].astype(np.int64),
    )


def single_or_rows(
    name: str, several: str, key: str, found: Mapping[str, Estimate], counts: Mapping[str, Any]
) -> Estimate:
    """One estimate with a note of what it is of; of several, each in a row and no value."""
    if len(found) == 1:
        ((what, estimate),) = found.items()
        return replace(estimate, notes=(f"{key}: {what}", *estimate.notes))
    because = f"there are {len(found)} {several}, and each has a figure of its own, in the rows"
    rows = tuple({key: what, **estimate.as_json()} for what, estimate in found.items())
    return undefined(name, because, rows=rows, **counts)


def _turned(estimate: Estimate) -> Estimate:
    """Of two less one."""
    if estimate.value is None:
        return replace(estimate, rows=estimate.rows[::-1])
    return replace(
        estimate,
        value=-estimate.value,
        low=None if estimate.high is None else -estimate.high,
        high=None if estimate.low is None else -estimate.low,
        rows=estimate.rows[::-1],
    )


def _contrasts(tables: Tables) -> dict[str, dict[str, Estimate]]:
    from annotations.statistics.model_contrast import model_contrasts
    from annotations.statistics.model_scores import scores

    long = {}
    models: Sequence[str] = ()
    for criterion, table in tables.by_criterion.items():
        raters, items = np.nonzero(table.people.given)
        names, stimuli = np.array(table.models), table.stimuli
        models = list(dict.fromkeys(table.models or ()))
        places = np.arange(len(names)) if stimuli is None else stimuli
        clusters = table.people.clusters
        long[criterion] = scores(
            table.people.values[raters, items],
            names[items],
            places[items],
            raters,
            None if clusters is None else clusters[items],
        )
    found: dict[str, dict[str, Estimate]] = {criterion: {} for criterion in long}
    for one, two in combinations(models, 2):
        made = model_contrasts(long, one, two, **tables.settings.drawing)
        for criterion, estimate in made.items():
            found[criterion][f"{one} less {two}"] = estimate
    return _with_holm(found)


def _with_holm(found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, Estimate]]:
    from annotations.statistics.multiplicity import holm

    flat = [(name, pair, one) for name, pairs in found.items() for pair, one in pairs.items()]
    adjusted = holm([one.rows[0]["p"] if one.rows else None for _, _, one in flat])
    made: dict[str, dict[str, Estimate]] = {name: {} for name in found}
    for (name, pair, one), p in zip(flat, adjusted, strict=True):
        value = None if np.isnan(p) else float(p)
        rows = tuple({**row, "p_holm": value} for row in one.rows)
        made[name][pair] = replace(one, rows=rows)
    return made
