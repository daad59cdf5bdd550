"""What a study found, as plain values for page, command and export."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from django.db.models import Avg, Count, Q

from annotations.answers import OVERALL
from annotations.models import Assignment, Preference, Rating, Study, StudyPart, StudyRater
from annotations.selectors.matrices import COUNTED, CriterionMatrix, criterion_matrices
from annotations.statistics.alpha import Agreement, agreement
from annotations.statistics.sentences import agreement_sentence
from inference.errors import UnknownNameError
from mood_eval.models import Team


@dataclass(frozen=True)
class ModelMean:
    model: str
    mean: float
    ratings: int


@dataclass(frozen=True)
class WinCount:
    """Answers, not items: each rater's choice between the two models counts once."""

    first: str
    second: str
    first_wins: int
    ties: int
    second_wins: int

    @property
    def answers(self) -> int:
        return self.first_wins + self.ties + self.second_wins


@dataclass(frozen=True)
class CriterionResult:
    slug: str
    name: str
    guiding_question: str
    scale: tuple[int, int]
    sentence: str
    agreement: Agreement
    means: tuple[ModelMean, ...] = ()
    wins: tuple[WinCount, ...] = ()


@dataclass(frozen=True)
class PartResult:
    position: int
    design: str
    instrument: str
    citation: str
    criteria: tuple[CriterionResult, ...]


@dataclass(frozen=True)
class StudyResults:
    study: int
    name: str
    state: str
    raters: int
    """Who have submitted something."""
    assignments: int
    submitted: int
    contrasts_open: bool
    """Comparisons of models stay closed until the study is, so that nobody stops it early."""
    parts: tuple[PartResult, ...]


def find_study(team: Team, name: str) -> Study:
    """By name, or by number."""
    studies = Study.objects.filter(team=team)
    found = studies.filter(name=name).first()
    if found is None and name.isdecimal() and len(name) < 19:
        found = studies.filter(pk=int(name)).first()
    if found is None:
        known = "; ".join(f"{s.pk} “{s.name}”" for s in studies.order_by("pk")[:10]) or "none yet"
        raise UnknownNameError(f"There is no study “{name}” in team {team}. Studies: {known}.")
    return found


def study_results(study: Study) -> StudyResults:
    submitted = Q(state=Assignment.State.SUBMITTED)
    counts = Assignment.objects.filter(
        item__part__study=study,
        role=Assignment.Role.INDEPENDENT,
        rater__kind=StudyRater.Kind.PERSON,
    ).aggregate(
        assigned=Count("pk"),
        submitted=Count("pk", filter=submitted),
        raters=Count("rater", filter=submitted, distinct=True),
    )
    contrasts = study.state == Study.State.CLOSED
    parts = study.parts.select_related("instrument").prefetch_related("instrument__criteria")
    return StudyResults(
        study=study.pk,
        name=study.name,
        state=study.state,
        raters=counts["raters"],
        assignments=counts["assigned"],
        submitted=counts["submitted"],
        contrasts_open=contrasts,
        parts=tuple(_part_result(part, contrasts=contrasts) for part in parts),
    )


def _part_result(part: StudyPart, *, contrasts: bool) -> PartResult:
    means = _model_means(part) if contrasts else {}
    wins = _win_counts(part) if contrasts else {}
    return PartResult(
        position=part.position,
        design=part.design,
        instrument=str(part.instrument),
        citation=part.instrument.citation,
        criteria=tuple(
            _criterion_result(
                matrix,
                means.get(matrix.slug, ()),
                wins.get(matrix.slug, ()),
                shows_spread=contrasts or part.design != StudyPart.Design.PAIRWISE,
            )
            for matrix in criterion_matrices(part)
        ),
    )


def _criterion_result(
    matrix: CriterionMatrix,
    means: tuple[ModelMean, ...],
    wins: tuple[WinCount, ...],
    *,
    shows_spread: bool,
) -> CriterionResult:
    result = agreement(matrix.values, missing=matrix.missing)
    if not shows_spread:  # how often each side was chosen is the comparison of the models itself
        result = replace(result, spread=None)
    return CriterionResult(
        slug=matrix.slug,
        name=matrix.name,
        guiding_question=matrix.guiding_question,
        scale=matrix.scale,
        sentence=agreement_sentence(matrix.name, result, matrix.scale),
        agreement=result,
        means=means,
        wins=wins,
    )


def run_labels(study: Study) -> dict[int, str]:
    """Run -> model name, in the study's order; the run is named where a model stands twice."""
    rows = list(study.study_runs.values_list("run_id", "run__model_version__name"))
    often = Counter(name for _, name in rows)
    return {run: f"{name} (run {run})" if often[name] > 1 else name for run, name in rows}


def _model_means(part: StudyPart) -> dict[str, tuple[ModelMean, ...]]:
    labels = run_labels(part.study)
    rows = (
        Rating.objects.filter(COUNTED, assignment__item__part=part, score__isnull=False)
        .values_list("criterion__slug", "candidate__response__run")
        .annotate(mean=Avg("score"), ratings=Count("pk"))
    )
    by_criterion: dict[str, dict[int, ModelMean]] = defaultdict(dict)
    for slug, run, mean, ratings in rows:
        by_criterion[slug][run] = ModelMean(labels.get(run, f"run {run}"), float(mean), ratings)
    order = list(labels)
    return {
        slug: tuple(found[run] for run in sorted(found, key=order.index))
        for slug, found in by_criterion.items()
    }


def _win_counts(part: StudyPart) -> dict[str, tuple[WinCount, ...]]:
    if part.design != StudyPart.Design.PAIRWISE:
        return {}
    labels = run_labels(part.study)
    order = list(labels)
    runs_of_item: dict[int, list[int]] = defaultdict(list)
    for item, run in part.items.values_list("pk", "candidates__response__run"):
        runs_of_item[item].append(run)
    votes: dict[str, Counter[tuple[int, int, int | None]]] = defaultdict(Counter)
    rows = Preference.objects.filter(
        COUNTED, assignment__item__part=part, strength__isnull=False
    ).values_list("criterion__slug", "assignment__item", "preferred__response__run")
    for slug, item, winner in rows:
        first, second = sorted(runs_of_item[item], key=order.index)
        votes[slug or OVERALL][first, second, winner] += 1
    return {slug: _wins(counter, labels) for slug, counter in votes.items()}


def _wins(
    votes: Counter[tuple[int, int, int | None]], labels: dict[int, str]
) -> tuple[WinCount, ...]:
    order = list(labels)
    pairs = {(first, second) for first, second, _ in votes}
    return tuple(
        WinCount(
            first=labels[first],
            second=labels[second],
            first_wins=votes[first, second, first],
            ties=votes[first, second, None],
            second_wins=votes[first, second, second],
        )
        for first, second in sorted(pairs, key=lambda pair: tuple(map(order.index, pair)))
    )
