"""What stands behind a model: those it was trained from, the releases they learned from, and what
was erased in these since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from annotations.models import DatasetRater, DatasetTraining, PreferenceDataset, StudyRater
from annotations.selectors.erasures import day_in_words
from inference.models import CorpusImport, ModelVersion, TrainingRun
from inference.selectors.cautions import Caution

USUAL_SPLIT = "train"
"""Of a corpus file, where a fine-tuning names none."""
MARK = "trained on answers that were erased since"
TUNED = (TrainingRun.Method.SFT, TrainingRun.Method.COMPRESSOR)
"""Learn from the words of a corpus file."""
LINES = {
    "up": ("source", "model"),
    "down": ("model", "source"),
}


@dataclass(frozen=True)
class TrainingsBehind:
    releases: frozenset[int] = frozenset()
    """Datasets."""
    files: tuple[tuple[str, str], ...] = ()
    """(sha256, split) of the corpus files that fine-tuning read; without a split, whole."""
    corpora: tuple[tuple[int, str], ...] = ()
    """(corpus, split) of those that trainings read here; without a split, whole."""
    elsewhere: tuple[str, ...] = ()
    """Of trainings on files of which nothing is known here: neither a release nor imported."""


@dataclass(frozen=True)
class ErasureBehind:
    """A release with erased answers, from which the model or one it was trained from learned."""

    dataset: PreferenceDataset
    day: date
    """Of the first erasure in it."""
    learned: ModelVersion
    """Which of them was trained on it."""


def ancestry(models: Collection[int]) -> dict[int, set[int]]:
    """Model -> itself and every model it was trained from, step by step, with the reward models
    that scored its answers and what these were trained from. One query."""
    return _line(models, "up")


def offspring(models: Collection[int]) -> dict[int, set[int]]:
    """Model -> itself and every model that was trained from it or by its scores, step by step. One
    query."""
    return _line(models, "down")


def _line(models: Collection[int], direction: str) -> dict[int, set[int]]:
    """UNION keeps each pair once, so that the walk ends whatever the rows say."""
    take, match = LINES[direction]
    line: dict[int, set[int]] = {pk: {pk} for pk in models}
    if not line:
        return line
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE step (model, source) AS (
                SELECT id, parent_id FROM inference_modelversion WHERE parent_id IS NOT NULL
                UNION
                SELECT run.result_id, scored.modelversion_id
                FROM inference_trainingrun_reward_models scored
                JOIN inference_trainingrun run ON run.id = scored.trainingrun_id
                WHERE run.result_id IS NOT NULL
            ),
            line (model, relative) AS (
                SELECT id, id FROM inference_modelversion WHERE id = ANY(%s)
                UNION
                SELECT line.model, step.{take}
                FROM line JOIN step ON step.{match} = line.relative
            )
            SELECT model, relative FROM line
            """,  # noqa: S608 - the names of two columns, from LINES
            [sorted(line)],
        )
        for model, relative in cursor.fetchall():
            line[model].add(relative)
    return line


def trainings_behind(models: Collection[int]) -> TrainingsBehind:
    """Of these models and of every model they were trained from. At most four queries."""
    line = set().union(*ancestry(models).values())
    links = DatasetTraining.objects.filter(training_run__result__in=line)
    unlinked = TrainingRun.objects.filter(result__in=line, dataset_link=None).order_by("pk")
    here = [run for run in unlinked if run.corpus_id is not None]
    runs = [run for run in unlinked if run.corpus_id is None]
    tuned = [run for run in runs if run.method in TUNED]
    known = imported_files({run.team_id for run in tuned})
    return TrainingsBehind(
        releases=frozenset(links.values_list("dataset_id", flat=True)),
        files=tuple((run.dataset_sha256, trained_split(run)) for run in tuned),
        corpora=tuple((run.corpus_id, trained_split(run)) for run in here if run.corpus_id),
        elsewhere=tuple(
            f"the dataset of the training “{run.name}”"
            for run in runs
            if run not in tuned or run.dataset_sha256 not in known
        ),
    )


def trained_split(run: TrainingRun) -> str:
    return str(run.config.get("split", USUAL_SPLIT))


def imported_files(teams: Collection[int]) -> set[str]:
    """Hashes of what the teams imported as dialogues."""
    taken = CorpusImport.objects.filter(corpus__team__in=teams).values_list("files", flat=True)
    return {file["sha256"] for files in taken for file in files}


def shared_raters(users: Collection[int], behind: TrainingsBehind) -> int:
    """How many of these persons also gave answers that one of the models learned from."""
    rows = DatasetRater.objects.filter(
        dataset__in=behind.releases,
        submitted__gt=0,
        rater__kind=StudyRater.Kind.PERSON,
        rater__user__in=users,
    )
    return rows.values("rater__user").distinct().count()


def erasures_behind(model: ModelVersion) -> list[ErasureBehind]:
    """The nearest first."""
    return erasures_behind_models([model.pk])[model.pk]


def erasures_behind_models(models: Collection[int]) -> dict[int, list[ErasureBehind]]:
    """Model -> the newest training first. Two queries, for however many models."""
    lines = ancestry(models)
    marked = DatasetTraining.objects.filter(
        training_run__result__in=set().union(*lines.values()), dataset__erasure__isnull=False
    ).select_related("dataset__study", "dataset__erasure", "training_run__result")
    marked = marked.defer("dataset__manifest").order_by("-training_run")
    by_result: dict[int, ErasureBehind] = {}
    for link in marked:
        learned = link.training_run.result
        if learned is not None:
            day = timezone.localdate(link.dataset.erasure.erased_at)
            by_result[learned.pk] = ErasureBehind(link.dataset, day, learned)
    return defaultdict(
        list,
        {model: [by_result[pk] for pk in by_result if pk in line] for model, line in lines.items()},
    )


def cautions_about_models(models: Collection[int]) -> dict[int, list[Caution]]:
    found = {model: behind for model, behind in erasures_behind_models(models).items() if behind}
    names = ModelVersion.objects.in_bulk(found) if found else {}
    return {
        model: [Caution(MARK, _sentence(names[model], one), _page(one.dataset)) for one in behind]
        for model, behind in found.items()
    }


def _sentence(model: ModelVersion, behind: ErasureBehind) -> str:
    who = f"“{behind.learned.name}”"
    if behind.learned.pk != model.pk:
        who = f"“{model.name}” comes from {who}, which"
    return (
        f"{who} was trained on release {behind.dataset.version} of “{behind.dataset.title}”, in "
        f"which answers were erased on {day_in_words(behind.day)}."
    )


def cautions_about_trainings(runs: Collection[int]) -> dict[int, list[Caution]]:
    """A run that learns from a release with erased answers, or by the scores of a reward model
    behind which there is one, is not begun, and not gone on with. At most five queries."""
    links = DatasetTraining.objects.filter(training_run__in=runs, dataset__erasure__isnull=False)
    links = links.select_related("dataset__study", "dataset__erasure").defer("dataset__manifest")
    found: dict[int, list[Caution]] = defaultdict(list)
    for link in links:
        why = stopped_because(link.dataset)
        found[link.training_run_id].append(Caution(MARK, why, _page(link.dataset)))
    scored = TrainingRun.reward_models.through.objects.filter(trainingrun__in=runs)
    pairs = list(scored.order_by("pk").values_list("trainingrun", "modelversion"))
    about = cautions_about_models({model for _, model in pairs})
    for run, model in pairs:
        for caution in about.get(model, ()):
            why = f"{caution.sentence} So nothing is trained by its scores."
            found[run].append(Caution(MARK, why, caution.url))
    return found


def stopped_because(dataset: PreferenceDataset) -> str:
    day = day_in_words(timezone.localdate(dataset.erasure.erased_at))
    return (
        f"Release {dataset.version} of “{dataset.title}” holds answers that were erased on {day}, "
        "so nothing is trained on it."
    )


def _page(dataset: PreferenceDataset) -> str:
    return reverse("release_detail", args=[dataset.pk])
