from __future__ import annotations

from django.db import models

from inference.models.generation import GenerationRun
from inference.models.model_version import ModelVersion
from mood_eval.models import Team


class ModelCall(models.Model):
    """One question to a model behind an address: what was sent, what came back, what it cost.

    Stored before the next question is asked, so that nothing is paid for twice.
    """

    class Purpose(models.TextChoices):
        ANSWER = "answer", "Answering a client turn"
        JUDGE = "judge", "Judging responses"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="model_calls")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="calls")
    purpose = models.CharField(max_length=10, choices=Purpose)
    run = models.ForeignKey(
        GenerationRun, on_delete=models.CASCADE, null=True, related_name="calls"
    )
    """Of answers; judgements have their own row, which points here."""
    key = models.CharField(max_length=240)
    """What it is about, within the run: `STIMULUS:SAMPLE`."""
    attempt = models.PositiveSmallIntegerField(default=1)
    """Tries that reached the server and came back count up."""
    prompt = models.JSONField()
    """Messages as sent; bytes of media are replaced by their SHA-256. Never a key."""
    raw = models.TextField(blank=True)
    """The text that came back, unread."""
    error = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    new_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    """By the prices that the model was registered with; of local models 0."""
    seconds = models.FloatField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "key", "attempt"],
                condition=models.Q(run__isnull=False),
                name="model_call_once",
            ),
        ]
        indexes = [models.Index(fields=["team", "created_at"], name="model_call_by_team")]

    def __str__(self) -> str:
        return f"{self.model_version_id}: {self.key}"
