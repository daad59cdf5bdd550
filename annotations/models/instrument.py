"""What raters are asked, in versions: words that a study uses never change."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils import timezone

from mood_eval.models import Team

IN_USE = """
    IF EXISTS (
        SELECT 1 FROM annotations_studypart p JOIN annotations_study s ON s.id = p.study_id
        WHERE p.instrument_id = {row} AND s.state <> 'draft'
    ) THEN
        RAISE EXCEPTION 'a launched study uses this instrument: its words are frozen';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
"""


class Instrument(models.Model):
    """A versioned, cited set of criteria. Once a study was launched with a version it never
    changes: an edit makes the next version."""

    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, related_name="instruments"
    )
    """None: it ships with the project and everybody may use it."""
    slug = models.SlugField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=200)
    citation = models.TextField(blank=True)
    note = models.TextField(blank=True)
    """What readers must know of it, as "not a validated scale"."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "slug", "version"],
                nulls_distinct=False,
                name="instrument_version_unique",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="instrument_in_use_frozen",
                operation=pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.Before,
                func=IN_USE.format(row="OLD.id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class Criterion(models.Model):
    class Kind(models.TextChoices):
        SCORE = "score", "Score on a scale"
        CHOICE = "choice", "One of several answers"
        MULTIPLE = "multiple", "Any of several answers"
        TEXT = "text", "Answer in words"
        SPANS = "spans", "Passages marked in the response"

    class Widget(models.TextChoices):
        BUTTONS = "buttons", "A button a score"
        SLIDER = "slider", "A line without a preset mark"

    class Level(models.TextChoices):
        """Of measurement: decides which agreement is reported."""

        NOMINAL = "nominal", "Nominal"
        ORDINAL = "ordinal", "Ordinal"
        INTERVAL = "interval", "Interval"

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="criteria")
    slug = models.SlugField(max_length=80)
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    definition = models.TextField()
    guiding_question = models.CharField(max_length=300)
    good_example = models.TextField(blank=True)
    poor_example = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SCORE)
    widget = models.CharField(max_length=10, choices=Widget, default=Widget.BUTTONS)
    level = models.CharField(max_length=10, choices=Level, default=Level.ORDINAL)
    scale_min = models.SmallIntegerField(default=1)
    scale_max = models.SmallIntegerField(default=10)
    anchor_low = models.CharField(max_length=120, blank=True)
    anchor_high = models.CharField(max_length=120, blank=True)
    anchors = models.JSONField(default=dict, blank=True)
    """Score as text -> what it means, where more than the ends are anchored."""
    options = models.JSONField(default=list, blank=True)
    """Of a choice: [{"value": 0, "label": "No"}, ...]; the value is stored and analysed."""
    reverse_scored = models.BooleanField(default=False)
    required = models.BooleanField(default=True)
    about_labels = models.BooleanField(default=False)
    """Asks about the emotion and strategy labels of the response: where these are shown after
    the text, it is asked in that second step, when the scores of the text are locked."""
    about_chain = models.CharField(max_length=20, blank=True)
    """Asks about this part of the reasoning behind the response (a key of `Response.chain`), which
    is shown with the question; empty: about the response."""
    only_if = models.JSONField(default=dict, blank=True)
    """Asked only where an earlier criterion got one of these values: {"criterion": slug,
    "values": [1, 2]}."""

    class Meta:
        verbose_name_plural = "criteria"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["instrument", "slug"], name="criterion_slug_unique"),
            models.CheckConstraint(
                condition=models.Q(scale_max__gt=models.F("scale_min")),
                name="criterion_scale_ascends",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="criterion_in_use_frozen",
                operation=pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.Before,
                func=IN_USE.format(row="OLD.instrument_id"),
            ),
            pgtrigger.Trigger(
                name="criterion_added_in_use",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func=IN_USE.format(row="NEW.instrument_id"),
            ),
        ]

    def __str__(self) -> str:
        return self.name
