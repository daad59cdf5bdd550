from __future__ import annotations

from django.db import models

from inference.models.dialogue import Corpus, Stimulus
from inference.models.job import Job, JobState
from inference.models.model_version import ModelVersion
from mood_eval.models import Team


class GenerationRun(Job):
    """One model over a fixed list of stimuli with fixed options."""

    task_name = "inference.tasks.gpu_generate"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="generation_runs")
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="generation_runs"
    )
    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="generation_runs")
    splits = models.JSONField(default=list, blank=True)
    options = models.JSONField(default=dict, blank=True)
    """Fields of contracts.GenerationOptions, seed included."""
    budget = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    """Spending at which it stops, to be resumed with more; empty: none."""
    stimuli: models.ManyToManyField[Stimulus, RunStimulus] = models.ManyToManyField(
        Stimulus, through="RunStimulus", related_name="generation_runs"
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="generation_run_open",
            )
        ]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.model_version}"


class RunStimulus(models.Model):
    """The selection, fixed when the run is made: what has to be answered, in which order."""

    run = models.ForeignKey(GenerationRun, on_delete=models.CASCADE, related_name="selection")
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "stimulus"], name="run_stimulus_unique"),
            models.UniqueConstraint(fields=["run", "position"], name="run_position_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}#{self.position}"


class Response(models.Model):
    """One answer. Unparsed fields are empty; the raw output is always kept.

    With an `error` there is no answer: the row says why, and is shown to no rater.
    """

    run = models.ForeignKey(GenerationRun, on_delete=models.PROTECT, related_name="responses")
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="responses")
    sample = models.PositiveIntegerField(default=0)
    client_emotion = models.CharField(max_length=60, blank=True)
    therapist_emotion = models.CharField(max_length=60, blank=True)
    strategy = models.CharField(max_length=80, blank=True)
    text = models.TextField(blank=True)
    raw = models.TextField(blank=True)
    label_probabilities = models.JSONField(default=dict, blank=True)
    """Field -> label -> probability, where labels were constrained. For researchers only."""
    chain = models.JSONField(default=dict, blank=True)
    """How the response was reasoned, where its writer says so (ESCoT): emotion, stimulus,
    appraisal, strategy_reason -> text."""
    error = models.TextField(blank=True)
    seconds = models.FloatField()
    prompt_tokens = models.PositiveIntegerField(default=0)
    new_tokens = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "stimulus", "sample"], name="response_once_per_stimulus"
            ),
        ]

    def __str__(self) -> str:
        return f"response {self.pk}"
