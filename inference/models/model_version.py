from __future__ import annotations

from django.db import models

from mood_eval.models import Team


class ModelVersion(models.Model):
    """Something that answers stimuli (a checkpoint, a model behind an address, imported replies),
    or that scores answers."""

    class Kind(models.TextChoices):
        MULTIMOOD = "multimood", "MultiMood checkpoint"
        IMPORTED = "imported", "Imported replies"
        REWARD = "reward", "Reward model"
        ENDPOINT = "endpoint", "Model behind an address"
        TEXT = "text", "Language model, words only"
        RESPONSES = "responses", "Responses from a file"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="model_versions")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=Kind)
    path = models.CharField(max_length=500, blank=True)
    """Folder of the checkpoint: absolute, or relative to the project or to settings.VAR. Of a
    language model also its name on the Hugging Face hub."""
    weights_sha256 = models.CharField(max_length=64, blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    is_demo = models.BooleanField(default=False)
    card = models.TextField(blank=True)
    config = models.JSONField(default=dict, blank=True)
    """Of a checkpoint its config.json; of a model behind an address
    `inference.endpoints.Endpoint`, which holds the name of the key's variable and no key."""
    prompt = models.TextField(blank=True)
    """Prompt template (TOML) that replaces the one in the checkpoint's folder."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="model_version_name_unique"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["imported", "endpoint", "responses"])
                | ~models.Q(path=""),
                name="model_version_checkpoint_has_path",
            ),
        ]

    def __str__(self) -> str:
        return self.name
