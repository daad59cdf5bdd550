from __future__ import annotations

import uuid

import pghistory
from django.conf import settings
from django.db import models

from annotations.models.instrument import Instrument
from inference.models import GenerationRun
from mood_eval.models import Team


@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), append_only=True
)
class Study(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    class ResponseFields(models.TextChoices):
        """When raters see a reply's emotion and strategy labels beside its text."""

        HIDDEN = "hidden", "Hidden"
        AFTER = "after", "After the text is scored"
        BESIDE = "beside", "Beside the text"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="studies")
    name = models.CharField(max_length=200)
    template = models.SlugField(max_length=80)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    seed = models.PositiveBigIntegerField()
    overlap = models.PositiveSmallIntegerField(default=2)
    """Raters per item."""
    stimulus_limit = models.PositiveIntegerField(null=True, blank=True)
    """Stimuli drawn by seed from those that every run answered; empty takes all of them."""
    block_size = models.PositiveSmallIntegerField(default=20)
    response_fields = models.CharField(
        max_length=10, choices=ResponseFields, default=ResponseFields.HIDDEN
    )
    consent_text = models.TextField()
    content_note = models.TextField(blank=True)
    contacts = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    launched_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "studies"
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="study_name_unique"),
            models.CheckConstraint(
                condition=models.Q(overlap__gte=1) & models.Q(block_size__gte=1),
                name="study_counts_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StudyRun(models.Model):
    """A generation run whose responses are judged in the study; its order is never shown."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="study_runs")
    run = models.ForeignKey(GenerationRun, on_delete=models.PROTECT, related_name="study_runs")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "run"], name="study_run_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.study}: {self.run}"


class StudyPart(models.Model):
    """One design with one instrument; a study that combines designs has several parts."""

    class Design(models.TextChoices):
        ABSOLUTE = "absolute", "Scores for one response"
        PAIRWISE = "pairwise", "Choice between two responses"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveSmallIntegerField()
    design = models.CharField(max_length=10, choices=Design)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="parts")
    tie_allowed = models.BooleanField(default=True)
    with_strength = models.BooleanField(default=True)
    with_overall = models.BooleanField(default=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "position"], name="study_part_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.study}, part {self.position}"


class StudyRater(models.Model):
    """A person (or later an LLM judge) in one study, known in figures by a pseudonym only."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        LLM = "llm", "LLM judge"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="raters")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="study_raters"
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PERSON)
    pseudonym = models.CharField(max_length=20)
    consented_at = models.DateTimeField(null=True)
    consent_sha256 = models.CharField(max_length=64, blank=True)
    """Hash of the consent text agreed to."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "user"], name="study_rater_unique"),
            models.UniqueConstraint(fields=["study", "pseudonym"], name="study_pseudonym_unique"),
        ]

    def __str__(self) -> str:
        return self.pseudonym
