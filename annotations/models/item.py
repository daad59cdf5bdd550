from __future__ import annotations

from django.db import models

from annotations.models.study import StudyPart
from inference.models import Response, Stimulus


class Item(models.Model):
    """What one rater sees at once: a stimulus with one or more blinded candidates."""

    class Pool(models.TextChoices):
        """Only the study's own items are assigned k times and analysed."""

        STUDY = "study", "The study"
        TRAINING = "training", "Training"
        REFERENCE = "reference", "Reference panel"

    part = models.ForeignKey(StudyPart, on_delete=models.CASCADE, related_name="items")
    pool = models.CharField(max_length=10, choices=Pool, default=Pool.STUDY)
    position = models.PositiveIntegerField()
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="items")
    """Of a whole dialogue: the last client turn of the first candidate's dialogue."""
    content_note = models.CharField(max_length=200, blank=True)
    """Themes named to the rater before the item is shown, as "suicide"."""

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
