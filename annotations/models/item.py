from __future__ import annotations

from django.db import models

from annotations.models.study import StudyPart
from inference.models import Response, Stimulus


class Item(models.Model):
    """What one rater sees at once: a stimulus with one or more blinded candidates."""

    part = models.ForeignKey(StudyPart, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="items")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["part", "position"], name="item_position_unique"),
        ]

    def __str__(self) -> str:
        return f"item {self.pk}"


class Candidate(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="candidates")
    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="candidates")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "response"], name="candidate_unique"),
        ]

    def __str__(self) -> str:
        return f"candidate {self.pk}"
