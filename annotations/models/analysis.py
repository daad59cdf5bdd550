"""What was planned, what was computed on which data, and who looked before the close."""

from __future__ import annotations

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.study import Study
from inference.models import Job, JobState


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), append_only=True
)
class AnalysisPlan(models.Model):
    """What the study will report as planned; the launch freezes it, all else is exploratory."""

    class Population(models.TextChoices):
        STIMULI = "stimuli", "new client turns, judged by these raters"
        STIMULI_AND_RATERS = "stimuli_and_raters", "new client turns and new raters"

    class Cluster(models.TextChoices):
        """What is resampled together, because its answers depend on each other."""

        SESSION = "session", "session"
        DIALOGUE = "dialogue", "dialogue"
        STIMULUS = "stimulus", "client turn"

    class AnswerVersion(models.TextChoices):
        """Until the study closes raters may change a submitted answer; each version is kept."""

        LAST = "last", "the last one"
        FIRST = "first", "the one first submitted"

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="analysis_plan")
    primary_criteria = models.JSONField(default=list)
    """Criteria whose results are primary, as "1/empathy" (part and slug); Holm over them."""
    contrasts = models.JSONField(default=list, blank=True)
    """Pairs of generation runs that are compared; empty: every pair."""
    population = models.CharField(
        max_length=20, choices=Population, default=Population.STIMULI_AND_RATERS
    )
    cluster = models.CharField(max_length=10, choices=Cluster, default=Cluster.SESSION)
    min_active_seconds = models.PositiveIntegerField(default=0)
    """Answers given in less active time are excluded; 0 excludes none."""
    answer_version = models.CharField(
        max_length=5, choices=AnswerVersion, default=AnswerVersion.LAST
    )
    """Which version of an edited answer counts."""
    stopping_rule = models.TextField(blank=True)
    confidence = models.FloatField(default=0.95)
    resamples = models.PositiveIntegerField(default=2000)
    seed = models.PositiveBigIntegerField(default=0)
    frozen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(confidence__gt=0.5, confidence__lt=1),
                name="plan_confidence_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(resamples__gte=100), name="plan_enough_resamples"
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="plan_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__frozen_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"analysis plan of {self.study}"


class EarlyLook(models.Model):
    """Somebody saw, before the close, what was to stay closed: printed with every result."""

    class Kind(models.TextChoices):
        CONTRASTS = "contrasts", "Comparisons between models"
        MODEL_NAMES = "model_names", "Which model is which"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="early_looks")
    kind = models.CharField(max_length=12, choices=Kind)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(auto_now_add=True)
    submitted = models.PositiveIntegerField()
    """Answered assignments at that moment, of `assignments`."""
    assignments = models.PositiveIntegerField()

    class Meta:
        ordering = ["at"]
        triggers = [
            pgtrigger.Protect(name="early_look_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.study}, {self.at:%Y-%m-%d}"


class StudyAnalysis(Job):
    """Every figure of a study on one state of its data, under one set of filters.

    `done` and `total` count sections.
    """

    task_name = "annotations.tasks.analyse"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="analyses")
    filters = models.JSONField(default=dict, blank=True)
    filters_key = models.CharField(max_length=64, blank=True)
    """Empty without filters, otherwise their hash."""
    data_version = models.CharField(max_length=64)
    """Changes with every answer that could change a figure; see selectors.data_version."""
    data_sha256 = models.CharField(max_length=64, blank=True)
    """Of the very arrays that were computed on."""
    with_contrasts = models.BooleanField(default=False)
    look = models.OneToOneField(
        EarlyLook, on_delete=models.CASCADE, null=True, related_name="analysis"
    )
    """Set where the models were compared before the close."""

    class Meta:
        verbose_name_plural = "study analyses"
        constraints = [
            models.UniqueConstraint(
                fields=["study", "filters_key", "data_version", "with_contrasts", "look"],
                nulls_distinct=False,
                name="analysis_once_per_data",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="study_analysis_open",
            ),
            models.Index(fields=["study", "filters_key", "-id"], name="study_analysis_newest"),
        ]

    def __str__(self) -> str:
        return f"analysis {self.pk} of {self.study}"


class AnalysisSection(models.Model):
    """One page's figures, as plain values."""

    analysis = models.ForeignKey(StudyAnalysis, on_delete=models.CASCADE, related_name="sections")
    name = models.SlugField(max_length=40)
    results = models.JSONField()
    seconds = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["analysis", "name"], name="section_once"),
        ]

    def __str__(self) -> str:
        return f"{self.analysis}: {self.name}"


class ResultFigure(models.Model):
    """A picture under the hash of its content: the same link shows the same picture for good."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="figures")
    sha256 = models.CharField(max_length=64)
    key = models.SlugField(max_length=120)
    spec = models.JSONField()
    """An annotations.figures spec: data, title, description, caption."""
    svg = models.TextField()
    shows_models = models.BooleanField()
    """Closed to everybody while comparisons are, unless it was made in an early look."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "sha256"], name="figure_once"),
        ]
        triggers = [
            pgtrigger.Protect(name="figure_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.sha256[:12]}"
