from __future__ import annotations

from django.db import models


class Instrument(models.Model):
    """A versioned, cited set of criteria. A version in use never changes: edits make a new one."""

    slug = models.SlugField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=200)
    citation = models.TextField(blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="instrument_version_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class Criterion(models.Model):
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="criteria")
    slug = models.SlugField(max_length=80)
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    definition = models.TextField()
    guiding_question = models.CharField(max_length=300)
    good_example = models.TextField(blank=True)
    poor_example = models.TextField(blank=True)
    scale_min = models.SmallIntegerField(default=1)
    scale_max = models.SmallIntegerField(default=10)
    anchor_low = models.CharField(max_length=120, blank=True)
    anchor_high = models.CharField(max_length=120, blank=True)
    reverse_scored = models.BooleanField(default=False)

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

    def __str__(self) -> str:
        return self.name
