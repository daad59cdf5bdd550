from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.study import Study, StudyRater
from inference.models import Job, JobState, Session, TrainingRun
from mood_eval.models import Team


class PreferenceDataset(models.Model):
    """An immutable, hashed release of preference pairs; the database refuses to change it.

    Without a study it was made elsewhere, and imported.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="datasets")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, null=True, related_name="datasets")
    name = models.CharField(max_length=120, blank=True)
    """Of an imported one."""
    version = models.PositiveIntegerField()
    """From 1 within the study, or within the imported datasets of that name."""
    folder = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    """Of the rows file."""
    rows = models.PositiveIntegerField()
    manifest = models.JSONField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "version"], name="dataset_version_unique"),
            models.UniqueConstraint(
                fields=["team", "name", "version"],
                condition=models.Q(study__isnull=True),
                name="dataset_import_version_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(study__isnull=True) ^ models.Q(name=""),
                name="dataset_of_study_or_named",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="dataset_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.title}, release {self.version}"

    @property
    def title(self) -> str:
        return self.study.name if self.study else self.name


class DatasetSession(models.Model):
    """A session of which something is in a release: no later study of its models draws on it."""

    dataset = models.ForeignKey(
        PreferenceDataset, on_delete=models.CASCADE, related_name="sessions"
    )
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "session"], name="dataset_session_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}: {self.session}"


class DatasetRater(models.Model):
    """Somebody whose answers went into a release."""

    dataset = models.ForeignKey(PreferenceDataset, on_delete=models.CASCADE, related_name="raters")
    rater = models.ForeignKey(StudyRater, on_delete=models.PROTECT, related_name="releases")
    submitted = models.PositiveIntegerField()
    """Assignments whose answers it holds."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "rater"], name="dataset_rater_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}: {self.rater}"


class ReleaseJob(Job):
    """A release being made, by a researcher's wish or because one had to be replaced.

    `done` and `total` count steps.
    """

    task_name = "annotations.tasks.make_release"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="release_jobs")
    rules = models.JSONField(default=dict)
    """Fields of derivation.rules.DerivationRules."""
    step = models.CharField(max_length=80, blank=True)
    """What is being done, in words."""
    dataset = models.ForeignKey(
        PreferenceDataset, on_delete=models.CASCADE, null=True, related_name="+"
    )
    """The release that came of it, or the one that was there already."""
    made = models.BooleanField(default=False)
    """Whether `dataset` was made by this job."""

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="release_job_open",
            )
        ]

    def __str__(self) -> str:
        return f"release of {self.study}"


class DatasetErasure(models.Model):
    """A release holds answers that were erased since: it is no longer handed out or trained on."""

    dataset = models.OneToOneField(
        PreferenceDataset, on_delete=models.CASCADE, related_name="erasure"
    )
    pseudonyms = models.JSONField(default=list)
    """Whose answers, those of later erasures appended."""
    erased_at = models.DateTimeField(auto_now_add=True)
    job = models.ForeignKey(ReleaseJob, on_delete=models.SET_NULL, null=True, related_name="+")
    """Makes the release that replaces it, by the same rules."""

    def __str__(self) -> str:
        return f"erasure in {self.dataset}"

    @property
    def replacement(self) -> PreferenceDataset | None:
        return self.job.dataset if self.job else None


class DatasetTraining(models.Model):
    """Which release a training run learned from, and the follow-up study it led to."""

    dataset = models.ForeignKey(
        PreferenceDataset, on_delete=models.PROTECT, related_name="trainings"
    )
    training_run = models.OneToOneField(
        TrainingRun, on_delete=models.CASCADE, related_name="dataset_link"
    )
    follow_up = models.ForeignKey(Study, on_delete=models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.training_run} on {self.dataset}"
