"""Runs that differ in one thing: which belong together, and how far they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Q

from inference.contracts import GenerationOptions, Modality
from inference.models import Corpus, GenerationRun, JobState, ModelVersion, RunGroup, RunStimulus
from inference.selectors.clip_counts import clip_kinds
from inference.selectors.run_options import MODALITY_NAMES, option_words, options_of
from inference.selectors.runs import RunProgress, duration_words, run_progress
from mood_eval.access import team_object
from mood_eval.models import User

PERCEIVES = "What the model perceives"
"""Among the words of `option_words`."""


@dataclass(frozen=True)
class GroupRun:
    run: GenerationRun
    progress: RunProgress
    modality: str


@dataclass(frozen=True)
class GroupProgress:
    rows: tuple[GroupRun, ...]
    done: int
    total: int
    remaining: timedelta | None
    """Of those at work or waiting; one worker answers them one after the other."""

    @property
    def is_active(self) -> bool:
        return any(row.run.is_active for row in self.rows)

    @property
    def is_done(self) -> bool:
        return all(row.run.state == JobState.DONE for row in self.rows)

    @property
    def remaining_words(self) -> str:
        return duration_words(self.remaining) if self.remaining is not None else ""

    @property
    def runs(self) -> list[GenerationRun]:
        return [row.run for row in self.rows]


def group_for_member(user: User | AnonymousUser, pk: int) -> RunGroup:
    return team_object(user, RunGroup.objects.select_related("team"), pk=pk)


def runs_of_group(group: RunGroup) -> list[GenerationRun]:
    """In the order in which modalities are named."""
    order = list(MODALITY_NAMES)
    runs = group.runs.select_related("model_version", "corpus").order_by("pk")
    return sorted(runs, key=lambda run: order.index(options_of(run).modality))


def groups_of_run(run: GenerationRun) -> list[RunGroup]:
    return list(run.groups.order_by("pk"))


def groups_of_model(model: ModelVersion) -> list[RunGroup]:
    """Newest first."""
    groups = RunGroup.objects.filter(team=model.team_id, runs__model_version=model)
    return list(groups.distinct().order_by("-pk"))


def shared_facts(runs: Sequence[GenerationRun]) -> list[tuple[str, str]]:
    """What the runs of a group have in common, in words. They come with their model and corpus."""
    first = runs[0]
    options = options_of(first)
    kinds = clip_kinds(stimuli_of_run(first), options.clips)
    splits = ", ".join(first.splits) or "all splits"
    clips = f"{kinds.with_clip:,} with a clip: {kinds.seen:,} to see, {kinds.heard:,} to hear"
    words = option_words(first)
    return [
        ("Model", first.model_version.name),
        ("Corpus", f"{first.corpus.name}, {splits}"),
        ("Client turns answered", f"{kinds.stimuli:,}, {clips}"),
        *((name, value) for name, value in words if name != PERCEIVES),
    ]


def group_progress(group: RunGroup) -> GroupProgress:
    rows = tuple(
        GroupRun(run, run_progress(run), MODALITY_NAMES[options_of(run).modality])
        for run in runs_of_group(group)
    )
    return GroupProgress(
        rows=rows,
        done=sum(row.run.done for row in rows),
        total=sum(row.run.total for row in rows),
        remaining=_remaining(rows),
    )


def _remaining(rows: Sequence[GroupRun]) -> timedelta | None:
    """Runs that have not begun are taken to be as fast as those that have."""
    rates = [row.progress.rate for row in rows if row.progress.rate]
    left = sum(row.run.total - row.run.done for row in rows if row.run.is_active)
    if not rates or not left:
        return None
    return timedelta(seconds=round(left * len(rates) / sum(rates)))


def stimuli_of_run(run: GenerationRun) -> list[int]:
    """Its selection, in its order."""
    rows = RunStimulus.objects.filter(run=run).order_by("position")
    return list(rows.values_list("stimulus_id", flat=True))


def runs_alike(
    model: ModelVersion, corpus: Corpus, stimuli: Collection[int], options: GenerationOptions
) -> list[GenerationRun]:
    """Runs of the model over exactly these client turns that differ in the modality at most, and in
    what changes no answer. Newest first."""
    among = Count("selection", filter=Q(selection__stimulus__in=stimuli))
    runs = (
        GenerationRun.objects.filter(model_version=model, corpus=corpus)
        .annotate(selected=Count("selection"), wanted=among)
        .filter(selected=len(stimuli), wanted=len(stimuli))
    )
    asked = _compared_by(options)
    return [run for run in runs.order_by("-pk") if _compared_by(options_of(run)) == asked]


def _compared_by(options: GenerationOptions) -> GenerationOptions:
    return replace(options, modality="text", batch_size=1)


def group_of(runs: Sequence[GenerationRun], modalities: Collection[Modality]) -> RunGroup | None:
    """The oldest group that holds one run of these for each of the modalities, and no other."""
    modality = {run.pk: options_of(run).modality for run in runs}
    groups = RunGroup.objects.filter(runs__in=list(modality)).distinct().order_by("pk")
    for group in groups.prefetch_related("runs"):
        found = [modality.get(run.pk, "") for run in group.runs.all()]
        if sorted(found) == sorted(modalities):
            return group
    return None
