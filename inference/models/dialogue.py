"""Imported conversations: corpus, session, dialogue, turn, clip, and the stimuli cut from them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.fields.files import FieldFile

from mood_eval.models import Team


class Corpus(models.Model):
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="corpora")
    name = models.CharField(max_length=120)
    format = models.CharField(max_length=20)
    licence = models.CharField(max_length=200, blank=True)
    citation = models.TextField(blank=True)
    note = models.TextField(blank=True)
    media_rights = models.TextField(blank=True)
    """Who allowed the clips to be passed on, and where that is recorded; empty: nobody did, and no
    export holds them."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="corpus_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class CorpusImport(models.Model):
    """One set of files taken in; the same bytes into the same corpus change nothing."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="imports")
    sha256 = models.CharField(max_length=64)
    files = models.JSONField()
    counts = models.JSONField()
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    imported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "sha256"], name="corpus_import_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.corpus}: {self.sha256[:12]}"


class Session(models.Model):
    """The sitting a dialogue was cut from: the unit of splits and of clusters."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="sessions")
    label = models.CharField(max_length=120)
    client = models.CharField(max_length=120, blank=True)
    """A pseudonym, where the corpus tells which sessions are of the same client: splits and
    clusters then group by client."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "label"], name="session_label_unique"),
        ]

    def __str__(self) -> str:
        return self.label


class Dialogue(models.Model):
    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="dialogues")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="dialogues")
    external_id = models.CharField(max_length=200)
    split = models.CharField(max_length=20, blank=True)
    problem_type = models.CharField(max_length=200, blank=True)
    problem_type_original = models.CharField(max_length=200, blank=True)
    situation = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    fingerprint = models.CharField(max_length=64)
    extra = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "external_id"], name="dialogue_id_unique"),
        ]
        indexes = [models.Index(fields=["corpus", "split"], name="dialogue_by_split")]

    def __str__(self) -> str:
        return self.external_id


class Clip(models.Model):
    """Media of an utterance, stored under its content hash, served through access checks.

    `file` holds the bytes as they came, which models read; `playback`, where set, is a copy that
    browsers play.
    """

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="clips")
    sha256 = models.CharField(max_length=64)
    file = models.FileField(upload_to="clips/", max_length=200)
    content_type = models.CharField(max_length=60, default="video/mp4")
    size_bytes = models.PositiveBigIntegerField()
    duration_ms = models.PositiveIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    video_codec = models.CharField(max_length=30, blank=True)
    audio_codec = models.CharField(max_length=30, blank=True)
    container_format = models.CharField(max_length=40, blank=True)
    audio_channels = models.PositiveIntegerField(null=True)
    audio_rate = models.PositiveIntegerField(null=True)
    playback = models.FileField(upload_to="clips/", max_length=200, blank=True)
    playback_type = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "sha256"], name="clip_sha256_unique"),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def has_picture(self) -> bool:
        return self.width is not None

    @property
    def shown(self) -> tuple[FieldFile, str]:
        """What people are given to watch or hear, and its content type."""
        if self.playback:
            return self.playback, self.playback_type
        return self.file, self.content_type


class Speaker(models.TextChoices):
    CLIENT = "client", "Client"
    THERAPIST = "therapist", "Therapist"


class Turn(models.Model):
    dialogue = models.ForeignKey(Dialogue, on_delete=models.CASCADE, related_name="turns")
    position = models.PositiveIntegerField()
    external_id = models.CharField(max_length=200, blank=True)
    speaker = models.CharField(max_length=10, choices=Speaker)
    text = models.TextField()
    cue = models.TextField(blank=True)
    """Machine-written description of the video or sound; never part of the utterance."""
    emotion = models.CharField(max_length=60, blank=True)
    emotion_original = models.CharField(max_length=120, blank=True)
    strategy = models.CharField(max_length=80, blank=True)
    strategy_original = models.CharField(max_length=120, blank=True)
    start_ms = models.PositiveIntegerField(null=True)
    end_ms = models.PositiveIntegerField(null=True)
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, null=True, related_name="turns")
    extra = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["dialogue", "position"], name="turn_position_unique"),
            models.CheckConstraint(
                condition=models.Q(speaker__in=["client", "therapist"]), name="turn_speaker_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dialogue_id}/{self.position}"


class Stimulus(models.Model):
    """A run of consecutive client turns, with everything before it: what a model answers."""

    dialogue = models.ForeignKey(Dialogue, on_delete=models.CASCADE, related_name="stimuli")
    first_position = models.PositiveIntegerField()
    last_position = models.PositiveIntegerField()
    followed = models.BooleanField()
    """Whether a therapist turn directly follows, which is then the human reply."""

    class Meta:
        verbose_name_plural = "stimuli"
        constraints = [
            models.UniqueConstraint(
                fields=["dialogue", "first_position"], name="stimulus_start_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(last_position__gte=models.F("first_position")),
                name="stimulus_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dialogue_id}:{self.first_position}-{self.last_position}"
