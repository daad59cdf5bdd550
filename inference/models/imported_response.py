from __future__ import annotations

from django.db import models

from inference.models.dialogue import Stimulus
from inference.models.model_version import ModelVersion


class ImportedResponse(models.Model):
    """What a model that ran elsewhere answered, as a file told it; a run brings it into studies."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="imported_responses"
    )
    stimulus = models.ForeignKey(
        Stimulus, on_delete=models.PROTECT, related_name="imported_responses"
    )
    sample = models.PositiveIntegerField(default=0)
    client_emotion = models.CharField(max_length=60, blank=True)
    therapist_emotion = models.CharField(max_length=60, blank=True)
    strategy = models.CharField(max_length=80, blank=True)
    text = models.TextField()
    raw = models.TextField(blank=True)
    chain = models.JSONField(default=dict, blank=True)
    """As `Response.chain`."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model_version", "stimulus", "sample"], name="imported_response_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_version_id}: {self.stimulus_id}"
