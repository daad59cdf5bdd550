from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotations.models.item import Item
from annotations.models.study import StudyRater


class Assignment(models.Model):
    """One item given to one rater. Its order of candidates is drawn once, by seed, and stored.

    The random key keeps URLs from telling anything about the item.
    """

    class State(models.TextChoices):
        ASSIGNED = "assigned", "Not yet submitted"
        SUBMITTED = "submitted", "Submitted"
        SKIPPED = "skipped", "Skipped"

    class Track(models.TextChoices):
        TRAINING = "training", "Training"
        GATE = "gate", "Qualification"
        WORK = "work", "The study's own items"

    class Role(models.TextChoices):
        """Only independent answers enter means and agreement."""

        INDEPENDENT = "independent", "Independent"
        REPEAT = "repeat", "Repeat for self-consistency"
        REFERENCE = "reference", "Item of the reference panel among others"
        ADJUDICATION = "adjudication", "Third or fourth rater on a disputed item"
        TRAINING = "training", "Training"
        GATE = "gate", "Qualification"
        RELEASED = "released", "Given to somebody else"
        WITHDRAWN = "withdrawn", "Withdrawn by the rater or the study team"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="assignments")
    rater = models.ForeignKey(StudyRater, on_delete=models.CASCADE, related_name="assignments")
    track = models.CharField(max_length=8, choices=Track, default=Track.WORK)
    """Which of the rater's lists it stands in."""
    attempt = models.PositiveSmallIntegerField(default=0)
    """0 for the work itself and for training; of qualification the attempt it belongs to."""
    position = models.PositiveIntegerField()
    """Order within the rater's work, from 1; training and each attempt count on their own."""
    slot = models.PositiveSmallIntegerField(null=True)
    """Of independent answers: which of the item's places this is. No two share one, so that no
    item ever counts more answers than the study planned."""
    display_order: ArrayField[list[int], list[int]] = ArrayField(models.BigIntegerField())
    """Response ids in the order shown: the first is "A"."""
    role = models.CharField(max_length=12, choices=Role, default=Role.INDEPENDENT)
    state = models.CharField(max_length=10, choices=State, default=State.ASSIGNED)
    opened_at = models.DateTimeField(null=True)
    submitted_at = models.DateTimeField(null=True)
    saved_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)
    active_ms = models.PositiveIntegerField(default=0)
    clip_ms_played = models.PositiveIntegerField(default=0)
    clip_failed = models.BooleanField(default=False)
    definitions_opened: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=80), default=list, blank=True
    )
    screen_class = models.CharField(max_length=10, blank=True)
    criteria_order: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=80), default=list, blank=True
    )
    """Criteria as asked, where the study rotates them; empty: the instrument's own order."""
    skip_reason = models.TextField(blank=True)
    fields_shown_at = models.DateTimeField(null=True)
    """When the response's own labels were shown, after the text was scored and locked."""
    answer_sequences = models.JSONField(default=dict, blank=True)
    """Per question, the client's number of the newest answer taken: an older one that arrives
    late is not."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "rater", "role", "attempt"], name="assignment_unique"
            ),
            models.UniqueConstraint(
                fields=["rater", "track", "attempt", "position"], name="assignment_order_unique"
            ),
            models.UniqueConstraint(
                fields=["item", "slot"],
                condition=models.Q(role="independent"),
                name="assignment_slot_unique",
            ),
            models.CheckConstraint(
                condition=~models.Q(role="independent") | models.Q(slot__isnull=False),
                name="assignment_independent_has_slot",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="submitted") | models.Q(submitted_at__isnull=False),
                name="assignment_submitted_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["rater", "track", "attempt", "state", "position"], name="assignment_queue"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


GONE = (Assignment.Role.RELEASED, Assignment.Role.WITHDRAWN)
"""What is no longer among the rater's items."""
