from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.study import Study
from inference.models import TrainingRun
from mood_eval.models import Team


class PreferenceDataset(models.Model):
    """An immutable, hashed release of preference pairs; the database refuses to change it."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="datasets")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="datasets")
    version = models.PositiveIntegerField()
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
        ]
        triggers = [
            pgtrigger.Protect(name="dataset_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.study}, release {self.version}"


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
