from __future__ import annotations

from django.db import models

from inference.models.job import Job, JobState
from inference.models.model_version import ModelVersion
from mood_eval.models import Team


class TrainingRun(Job):
    """A supervised training process over a frozen dataset; leaves a ModelVersion.

    `done` and `total` count optimiser steps.
    """

    task_name = "inference.tasks.gpu_train"

    class Method(models.TextChoices):
        SFT = "sft", "Supervised fine-tuning"
        COMPRESSOR = "compressor", "History compressor pre-training"
        REWARD = "reward", "Reward model"
        DPO = "dpo", "Direct preference optimisation"
        PPO = "ppo", "Proximal policy optimisation"
        GRPO = "grpo", "Group relative policy optimisation"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="training_runs")
    name = models.CharField(max_length=120)
    method = models.CharField(max_length=20, choices=Method)
    preset = models.CharField(max_length=60, blank=True)
    """Name of the preset that `config` began from."""
    base = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="training_runs")
    corpus = models.ForeignKey(
        "inference.Corpus",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="training_runs",
    )
    """Whose dialogues were frozen into `dataset_path`."""
    reward_models = models.ManyToManyField(
        ModelVersion, blank=True, related_name="rewarded_training_runs"
    )
    """That scored this run's answers."""
    dataset_path = models.CharField(max_length=500)
    dataset_sha256 = models.CharField(max_length=64)
    config = models.JSONField(default=dict, blank=True)
    folder = models.CharField(max_length=500, blank=True)
    """Checkpoints, logs and progress lines, relative to settings.VAR."""
    stage = models.CharField(max_length=20, blank=True)
    """What the trainer does between steps; see inference.training.progress.Stage."""
    report = models.JSONField(default=dict, blank=True)
    """Base against result; empty until the run is done, and where none was asked for."""
    process_id = models.PositiveIntegerField(null=True)
    result = models.OneToOneField(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="trained_by"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="training_run_name_unique"),
        ]
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="training_run_open",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TrainingPoint(models.Model):
    """What the trainer logged at a step: loss, reward margin, accuracy, learning rate, ..."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="points")
    step = models.PositiveIntegerField()
    values = models.JSONField()
    logged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["step"]
        constraints = [
            models.UniqueConstraint(fields=["run", "step"], name="training_point_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}@{self.step}"


class TrainingSample(models.Model):
    """What the model in training answered to one of the fixed stimuli at an evaluation."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="samples")
    step = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    """Of the stimulus."""
    client = models.TextField()
    """The client's words that were answered."""
    client_emotion = models.CharField(max_length=60, blank=True)
    therapist_emotion = models.CharField(max_length=60, blank=True)
    strategy = models.CharField(max_length=60, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["step", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "step", "key"], name="training_sample_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}@{self.step}: {self.key}"
