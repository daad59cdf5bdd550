"""Settling items on which raters disagree; the ratings themselves stay as they were given."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.instrument import Criterion
from annotations.models.item import Candidate, Item
from annotations.models.rating import CannotRate


class Dispute(models.Model):
    """An item that a rule of its part put into the queue."""

    class Rule(models.TextChoices):
        RANGE = "range", "Scores lie far apart"
        DISAGREEMENT = "disagreement", "No answer has the majority"
        FLAG = "flag", "Flagged for harm"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="disputes")
    criterion = models.ForeignKey(
        Criterion, on_delete=models.PROTECT, null=True, related_name="disputes"
    )
    """Empty: the overall question, or the whole item where it was flagged."""
    rule = models.CharField(max_length=12, choices=Rule)
    detail = models.CharField(max_length=200, blank=True)
    """In figures: "3 to 9 on Empathy"."""
    opened_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "criterion", "rule"], nulls_distinct=False, name="dispute_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_rule_display()}: item {self.item_id}"


class Adjudication(models.Model):
    """What a named person, or the majority of further raters, settled. A later one replaces it,
    and both are kept."""

    class Method(models.TextChoices):
        PERSON = "person", "A named person"
        MAJORITY = "majority", "The majority with further raters"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="adjudications")
    criterion = models.ForeignKey(
        Criterion, on_delete=models.PROTECT, null=True, related_name="adjudications"
    )
    candidate = models.ForeignKey(
        Candidate, on_delete=models.CASCADE, null=True, related_name="adjudications"
    )
    """The scored response; of a choice empty."""
    score = models.SmallIntegerField(null=True)
    content = models.JSONField(null=True)
    preferred = models.ForeignKey(Candidate, on_delete=models.CASCADE, null=True, related_name="+")
    strength = models.PositiveSmallIntegerField(null=True)
    ranks = models.JSONField(null=True)
    cannot_rate = models.CharField(max_length=20, choices=CannotRate, blank=True)
    method = models.CharField(max_length=10, choices=Method, default=Method.PERSON)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["decided_at", "pk"]
        triggers = [
            pgtrigger.Protect(name="adjudication_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"adjudication of item {self.item_id}"
