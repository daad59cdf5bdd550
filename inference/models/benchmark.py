from __future__ import annotations

from django.db import models

from inference.models.generation import GenerationRun
from inference.models.job import Job, JobState
from mood_eval.models import Team


class RunGroup(models.Model):
    """Runs of one model that differ in one thing, to be compared: its input modalities."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="run_groups")
    name = models.CharField(max_length=160)
    runs: models.ManyToManyField[GenerationRun, models.Model] = models.ManyToManyField(
        GenerationRun, related_name="groups"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="run_group_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class Benchmark(Job):
    """A paper's figures of one run, beside those that were published."""

    task_name = "inference.tasks.gpu_benchmark"

    class Suite(models.TextChoices):
        MESC = "mesc", "MESC"
        ESCONV = "esconv", "ESConv"
        DFEW = "dfew", "DFEW"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="benchmarks")
    run = models.ForeignKey(GenerationRun, on_delete=models.CASCADE, related_name="benchmarks")
    against = models.ForeignKey(
        GenerationRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    """Another run over the same stimuli, for paired tests."""
    suite = models.CharField(max_length=10, choices=Suite)
    options = models.JSONField(default=dict, blank=True)
    """`inference.benchmarks.contract.Options`, and `among`: runs over whose common client turns
    it is computed; `answers`: when each run that was read had ended."""
    result = models.JSONField(default=dict, blank=True)
    """{"report": `contract.Report`, "paired": `contract.PairedReport` or null}; empty before."""

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="benchmark_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.suite} of run {self.run_id}"
