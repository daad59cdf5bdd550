"""How people come into a study, what they agreed to, and how they leave it."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.item import Candidate
from annotations.models.study import Study, StudyRater


class Invitation(models.Model):
    """A link that makes one person a rater, once, until it expires."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="invitations")
    token_sha256 = models.CharField(max_length=64, unique=True)
    """Of the link's secret, which is shown once and stored nowhere."""
    email = models.EmailField(blank=True)
    """Whom it is meant for; empty: whoever holds it."""
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    rater = models.OneToOneField(
        StudyRater, on_delete=models.SET_NULL, null=True, related_name="invitation"
    )
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.study}"


class Consent(models.Model):
    """One act of agreeing, with the very words; the newest one holds."""

    rater = models.ForeignKey(StudyRater, on_delete=models.CASCADE, related_name="consents")
    version = models.PositiveSmallIntegerField()
    """Of the study's consent text, from 1."""
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    rating = models.BooleanField()
    training = models.BooleanField()
    release = models.BooleanField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at", "pk"]
        triggers = [
            pgtrigger.Protect(name="consent_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"consent of {self.rater}, version {self.version}"


class Amendment(models.Model):
    """A change after the launch: what, why, by whom."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="amendments")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)
    what = models.CharField(max_length=300)
    """In words: "Consent text", "3 raters added", "Rater R04 withdrawn"."""
    changes = models.JSONField(default=dict, blank=True)
    """Field -> [before, after]."""
    reason = models.TextField()

    class Meta:
        ordering = ["at", "pk"]
        triggers = [
            pgtrigger.Protect(name="amendment_immutable", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return f"{self.what} ({self.at:%Y-%m-%d})"


class SourceGuess(models.Model):
    """At the end of a study: who wrote a response, in the rater's opinion."""

    class Guess(models.TextChoices):
        PERSON = "person", "A person"
        MODEL = "model", "A computer model"
        UNSURE = "unsure", "I can't say"

    rater = models.ForeignKey(StudyRater, on_delete=models.CASCADE, related_name="source_guesses")
    candidate = models.ForeignKey(
        Candidate, on_delete=models.CASCADE, related_name="source_guesses"
    )
    guess = models.CharField(max_length=10, choices=Guess)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "source guesses"
        constraints = [
            models.UniqueConstraint(fields=["rater", "candidate"], name="source_guess_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rater}: {self.guess}"
