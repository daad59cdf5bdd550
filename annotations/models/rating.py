"""What raters say: saved while the rater works, counted once the assignment is submitted.

Every change is kept by database triggers in append-only event tables.
"""

from __future__ import annotations

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.assignment import Assignment
from annotations.models.instrument import Criterion
from annotations.models.item import Candidate


class CannotRate(models.TextChoices):
    NOT_APPLICABLE = "not_applicable", "Does not apply"
    CANNOT_TELL = "cannot_tell", "Cannot tell from what is shown"
    OUTSIDE_COMPETENCE = "outside_competence", "Outside my competence"


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), append_only=True
)
class Rating(models.Model):
    """A score on a criterion, an answer of another kind, or the reason why there is none."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="ratings")
    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="ratings")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="ratings")
    score = models.SmallIntegerField(null=True)
    """Of a choice: the value of the chosen option."""
    content = models.JSONField(null=True)
    """Chosen values (multiple), words (text), or [{"start", "end", "text", "note"}] (spans; code
    points of the response as shown)."""
    cannot_rate = models.CharField(max_length=20, choices=CannotRate, blank=True)
    first_answer = models.JSONField(null=True)
    """What was said when the item was first submitted, once that was changed: {"score", "content",
    "cannot_rate"}."""
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "candidate", "criterion"], name="rating_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(score__isnull=False, content__isnull=True, cannot_rate="")
                | models.Q(score__isnull=True, content__isnull=False, cannot_rate="")
                | (models.Q(score__isnull=True, content__isnull=True) & ~models.Q(cannot_rate="")),
                name="rating_score_or_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.score}"


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), append_only=True
)
class Preference(models.Model):
    """A choice between candidates on a criterion, or overall where the criterion is empty.

    No preferred candidate and strength 0 is a tie; strength 1 slightly, 2 clearly. The best of
    several has strength 1. A full ranking has `ranks` and none of these.
    """

    class TieKind(models.TextChoices):
        BOTH_ACCEPTABLE = "both_acceptable", "Both acceptable"
        NEITHER_ACCEPTABLE = "neither_acceptable", "Neither acceptable"

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="preferences")
    criterion = models.ForeignKey(
        Criterion, on_delete=models.PROTECT, null=True, related_name="preferences"
    )
    preferred = models.ForeignKey(
        Candidate, on_delete=models.CASCADE, null=True, related_name="preferences"
    )
    strength = models.PositiveSmallIntegerField(null=True)
    ranks = models.JSONField(null=True)
    """Response id as text -> rank from 1, the best; equal ranks are ties."""
    tie_kind = models.CharField(max_length=20, choices=TieKind, blank=True)
    cannot_rate = models.CharField(max_length=20, choices=CannotRate, blank=True)
    first_answer = models.JSONField(null=True)
    """As of a rating: {"preferred", "strength", "ranks", "tie_kind", "cannot_rate"}."""
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "criterion"],
                nulls_distinct=False,
                name="preference_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    preferred__isnull=False,
                    strength__in=[1, 2],
                    ranks__isnull=True,
                    tie_kind="",
                    cannot_rate="",
                )
                | models.Q(preferred__isnull=True, strength=0, ranks__isnull=True, cannot_rate="")
                | models.Q(
                    preferred__isnull=True,
                    strength__isnull=True,
                    ranks__isnull=False,
                    tie_kind="",
                    cannot_rate="",
                )
                | (
                    models.Q(
                        preferred__isnull=True,
                        strength__isnull=True,
                        ranks__isnull=True,
                        tie_kind="",
                    )
                    & ~models.Q(cannot_rate="")
                ),
                name="preference_choice_tie_or_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.preferred_id or 'tie'} ({self.strength})"


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), append_only=True
)
class Flag(models.Model):
    class Kind(models.TextChoices):
        HARM = "harm", "Possible risk of harm"
        PERSON = "person", "A person could be identified"
        FAULT = "fault", "Technical fault"
        OTHER = "other", "Something else"

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="flags")
    candidate = models.ForeignKey(
        Candidate, on_delete=models.CASCADE, null=True, related_name="flags"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    read_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True)
    """What was done about it, in the reader's words."""

    def __str__(self) -> str:
        return self.get_kind_display()


class LateAnswer(models.Model):
    """An answer that arrived after its study closed: kept, outside every figure."""

    assignment = models.ForeignKey(
        Assignment, on_delete=models.CASCADE, related_name="late_answers"
    )
    question = models.CharField(max_length=80)
    value = models.TextField(blank=True)
    sequence = models.BigIntegerField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "question", "sequence"], name="late_answer_once"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="late_answer_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.question}: {self.value}"
