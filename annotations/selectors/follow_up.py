"""What a follow-up study needs: client turns that no training saw, answered by old and new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Q, QuerySet

from annotations.models import DatasetTraining, PreferenceDataset, Study, StudyRater
from annotations.selectors.fresh_sessions import LEAST_SESSIONS, FreshSessions, fresh_sessions
from annotations.selectors.lineage import shared_raters, trainings_behind
from inference.models import Corpus, GenerationRun, JobState, ModelVersion, TrainingRun

FOLLOW_UP_TEMPLATE = "multimood-trust-pairwise"


@dataclass(frozen=True)
class FollowUp:
    before: Study | None = None
    """The study whose release was trained on; none where a run learned from a corpus, or from
    what was made elsewhere."""
    corpus: Corpus | None = None
    """That of the study before, or the one that was trained on; none where both are unknown."""
    fresh: FreshSessions = field(default_factory=FreshSessions)
    old: GenerationRun | None = None
    new: GenerationRun | None = None
    invited: int = 0
    """Who would be asked to rate: the people of the study before, but those who left it."""
    shared: int = 0
    """Of these, who also gave answers that one of the versions learned from."""
    study: Study | None = None
    """That compares old and new, once it is drafted."""

    @property
    def stimuli(self) -> int:
        return len(self.fresh.stimuli)

    @property
    def enough(self) -> bool:
        return self.fresh.sessions >= LEAST_SESSIONS

    @property
    def least_agreed_to(self) -> int:
        """What was enough to let both versions answer is enough to compare them."""
        return LEAST_SESSIONS if self.missing else min(LEAST_SESSIONS, self.fresh.sessions)

    @property
    def missing(self) -> bool:
        return self.old is None or self.new is None

    @property
    def ready(self) -> bool:
        return all(run is not None and run.state == JobState.DONE for run in (self.old, self.new))


def training_link(run: TrainingRun) -> DatasetTraining | None:
    links = DatasetTraining.objects.select_related("dataset__study", "follow_up")
    links = links.defer("dataset__manifest")
    return links.filter(training_run=run).first()


def trainings_of(dataset: PreferenceDataset) -> list[TrainingRun]:
    runs = TrainingRun.objects.filter(dataset_link__dataset=dataset)
    return list(runs.select_related("base", "result").order_by("-pk"))


def follow_up_of(run: TrainingRun) -> FollowUp:
    link = training_link(run)
    before = link.dataset.study if link else None
    corpus = study_corpus(before) if before else (None if link else run.corpus)
    drafted = link.follow_up if link else None
    if corpus is None or run.result is None:
        return FollowUp(before, corpus, study=drafted)
    behind = trainings_behind([run.base_id, run.result.pk])
    fresh = fresh_sessions(before, corpus, behind)
    invited = people_to_invite(before).values_list("user_id", flat=True) if before else ()
    people = set(invited)
    old, new = run_over(run.base, fresh.stimuli), run_over(run.result, fresh.stimuli)
    return FollowUp(
        before=before,
        corpus=corpus,
        fresh=fresh,
        old=old,
        new=new,
        invited=len(people),
        shared=shared_raters(people, behind) if people else 0,
        study=drafted if link else study_over(old, new),
    )


def study_over(old: GenerationRun | None, new: GenerationRun | None) -> Study | None:
    """The oldest study made from the template of follow-ups that compares the two runs. No release
    remembers it where a corpus was trained on."""
    if old is None or new is None:
        return None
    studies = Study.objects.filter(template=FOLLOW_UP_TEMPLATE, study_runs__run=old)
    return studies.filter(study_runs__run=new).order_by("pk").first()


def study_corpus(study: Study) -> Corpus | None:
    """The one corpus that the study's client turns come from."""
    corpora = Corpus.objects.filter(dialogues__stimuli__items__part__study=study).distinct()
    return corpora.order_by("pk").first()


def people_to_invite(study: Study) -> QuerySet[StudyRater]:
    people = study.raters.filter(kind=StudyRater.Kind.PERSON)
    return people.exclude(stage=StudyRater.Stage.WITHDRAWN).order_by("pseudonym")


def run_over(model: ModelVersion, stimuli: Sequence[int]) -> GenerationRun | None:
    """The latest run of the model over exactly these stimuli that has not failed."""
    if not stimuli:
        return None
    among = Count("selection", filter=Q(selection__stimulus__in=stimuli))
    runs = (
        GenerationRun.objects.filter(model_version=model)
        .exclude(state__in=[JobState.FAILED, JobState.CANCELLED])
        .exclude(options__contains={"task": "emotion"})
        .annotate(selected=Count("selection"), wanted=among)
        .filter(selected=len(stimuli), wanted=len(stimuli))
    )
    return runs.order_by("-pk").first()
