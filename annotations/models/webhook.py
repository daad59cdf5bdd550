"""Messages to other systems about what happens in a study; signed, and tried again."""

from __future__ import annotations

from django.db import models

from annotations.models.study import Study
from inference.models import Job, JobState
from mood_eval.models import Team


class Webhook(models.Model):
    class Event(models.TextChoices):
        STUDY_LAUNCHED = "study.launched", "A study was launched"
        STUDY_CLOSED = "study.closed", "A study was closed"
        STUDY_COMPLETED = "study.completed", "Every item of a study has its answers"
        RATER_JOINED = "rater.joined", "A rater joined"
        RATER_QUALIFIED = "rater.qualified", "A rater passed the qualification, or did not"
        RATER_WITHDREW = "rater.withdrew", "A rater withdrew"
        FLAG_RAISED = "flag.raised", "A concern was flagged"
        DATASET_RELEASED = "dataset.released", "A preference dataset was released"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=64)
    """Signs each message; shown to the team's members."""
    events = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["team", "url"], name="webhook_url_unique"),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(Job):
    """One event for one receiver. `done` counts tries."""

    task_name = "annotations.tasks.deliver"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, null=True, related_name="deliveries")
    event = models.CharField(max_length=30, choices=Webhook.Event)
    payload = models.JSONField()
    next_try_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    """Of the last answer; null where there was none."""
    answer = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="webhook_delivery_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
