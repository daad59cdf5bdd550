"""Qualification: items whose answers a reference panel gave, and who passed on them.

The panel's answers are a reference, not the truth: people who did not give them decide how close
to them is close enough.
"""

from __future__ import annotations

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.instrument import Criterion
from annotations.models.item import Candidate, Item
from annotations.models.study import StudyPart, StudyRater


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), append_only=True)
class Gate(models.Model):
    """Rules of one part's training and qualification; the launch of the study freezes them."""

    class Statistic(models.TextChoices):
        WEIGHTED = "weighted", "Cohen's kappa with quadratic weights"
        UNWEIGHTED = "unweighted", "Cohen's kappa"

    part = models.OneToOneField(StudyPart, on_delete=models.CASCADE, related_name="gate")
    training_items = models.PositiveSmallIntegerField(default=0)
    """Shown first, each followed by the reference answer and why."""
    items = models.PositiveSmallIntegerField(default=0)
    """Per attempt, fresh ones each time; 0: there is no qualification."""
    statistic = models.CharField(max_length=10, choices=Statistic, default=Statistic.WEIGHTED)
    threshold = models.FloatField(default=0.4)
    """The pooled kappa has to be above it."""
    attempts = models.PositiveSmallIntegerField(default=2)
    """At most; after each failed one the training comes again."""
    hidden_share = models.FloatField(default=0)
    """Of the work: items of the panel that come unannounced among the others."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(attempts__gte=1)
                & models.Q(hidden_share__gte=0, hidden_share__lt=1)
                & models.Q(threshold__gte=-1, threshold__lt=1),
                name="gate_rules_possible",
            ),
        ]

    def __str__(self) -> str:
        return f"gate of {self.part}"


class ReferenceAnswer(models.Model):
    """What the reference panel answered to one question of an item, and why."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="reference_answers")
    criterion = models.ForeignKey(
        Criterion, on_delete=models.PROTECT, null=True, related_name="reference_answers"
    )
    """Empty: the overall question."""
    score = models.SmallIntegerField(null=True)
    content = models.JSONField(null=True)
    preferred = models.ForeignKey(
        Candidate, on_delete=models.CASCADE, null=True, related_name="reference_answers"
    )
    strength = models.PositiveSmallIntegerField(null=True)
    ranks = models.JSONField(null=True)
    explanation = models.TextField(blank=True)
    source = models.CharField(max_length=200, blank=True)
    """Who gave it: a file, or the study it was taken from."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "criterion"], nulls_distinct=False, name="reference_answer_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"reference answer to {self.criterion_id or 'overall'}"


class GateAttempt(models.Model):
    rater = models.ForeignKey(StudyRater, on_delete=models.CASCADE, related_name="gate_attempts")
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="gate_attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    kappa = models.FloatField(null=True)
    """Over all answers to all items; null where it is undefined."""
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    """95 % interval."""
    answers = models.PositiveIntegerField(default=0)
    agreement = models.FloatField(null=True)
    """Share of answers equal to the panel's."""
    by_criterion = models.JSONField(default=dict, blank=True)
    passed = models.BooleanField(null=True)
    why = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    """Set where a researcher decided against the figure, with the reason in `why`."""

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "gate", "number"], name="gate_attempt_once"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="gate_attempt_kept",
                operation=pgtrigger.Update,
                # A decision against the figure is signed; an account may be erased afterwards.
                # A decision against the figure is signed; an account may be erased afterwards.
                condition=pgtrigger.Condition(
                    "OLD.finished_at IS NOT NULL AND NEW.decided_by_id IS NULL AND "
                    "(OLD.passed, OLD.kappa, OLD.why, OLD.finished_at) IS DISTINCT FROM "
                    "(NEW.passed, NEW.kappa, NEW.why, NEW.finished_at)"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.rater}"
