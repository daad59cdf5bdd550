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
    show_chain = models.BooleanField(default=False)
    """Whether raters see how a response was reasoned, where its writer said so (ESCoT)."""
    rotate_criteria = models.BooleanField(default=False)
    """Criteria start at another place for each rater; within a rater their order is fixed."""
    repeat_share = models.FloatField(default=0)
    """Of a rater's items, how many come a second time, to see how steady the rater is."""
    longest_ratio = models.FloatField(null=True, blank=True)
    """Only client turns whose longest response has at most this many times the words of the
    shortest; empty takes all of them."""
    guess_sources = models.BooleanField(default=False)
    """At the end raters guess whether a person or a model wrote what they judged."""
    break_minutes = models.PositiveSmallIntegerField(default=30)
    """Minutes of rating after which a pause is suggested; 0 never."""
    daily_minutes = models.PositiveSmallIntegerField(default=0)
    """Active minutes a day after which the next item waits for tomorrow; 0 sets no cap."""
    check_in = models.BooleanField(default=False)
    """Between blocks raters are asked how they are; what they say is not stored."""
    flag_readers = models.CharField(max_length=300, blank=True)
    """Who reads flags, by name, as told to raters."""
    flag_reading_times = models.CharField(max_length=300, blank=True)
    recruitment = models.TextField(blank=True)
    payment = models.TextField(blank=True)
    ethics_approval = models.TextField(blank=True)
    blind_researchers = models.BooleanField(default=False)
    """Until the close the team, too, sees "Model 1", "Model 2" instead of names."""
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
        BEST_OF_N = "best_of_n", "The best of several responses"
        RANKING = "ranking", "All responses in order"

    class Unit(models.TextChoices):
        RESPONSE = "response", "One response"
        DIALOGUE = "dialogue", "A whole dialogue"

    class Resolution(models.TextChoices):
        """What happens where independent answers disagree."""

        NONE = "none", "Nothing"
        ADJUDICATOR = "adjudicator", "A named person settles it"
        MORE_RATERS = "more_raters", "A third and then a fourth rater, who are not told"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveSmallIntegerField()
    design = models.CharField(max_length=10, choices=Design)
    unit = models.CharField(max_length=10, choices=Unit, default=Unit.RESPONSE)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="parts")
    candidates = models.PositiveSmallIntegerField(default=0)
    """Of best-of-n and ranking: responses shown at once, evenly crossed; 0 shows every run's."""
    same_raters = models.BooleanField(default=False)
    """All responses to one client turn go to the same raters, spaced apart."""
    resolution = models.CharField(max_length=12, choices=Resolution, default=Resolution.NONE)
    dispute_range = models.PositiveSmallIntegerField(null=True, blank=True)
    """Scores of one response on one criterion that lie this far apart are disputed."""
    dispute_disagreement = models.BooleanField(default=False)
    """A choice on which no answer has the majority is disputed."""
    dispute_flags = models.BooleanField(default=False)
    """An item somebody flagged for harm is disputed."""
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


@pghistory.track(
    pghistory.UpdateEvent(
        condition=pghistory.AnyChange(exclude=["day", "day_active_ms"], exclude_auto=True)
    ),
    exclude=["day", "day_active_ms"],
    append_only=True,
)
class StudyRater(models.Model):
    """A person or an LLM judge in one study, known in figures by a pseudonym only. A judge has a
    technical account that nobody can sign in to."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        LLM = "llm", "LLM judge"

    class Stage(models.TextChoices):
        TRAINING = "training", "Training"
        GATE = "gate", "Qualification"
        RATING = "rating", "Rating"
        NOT_QUALIFIED = "not_qualified", "Did not qualify"
        WITHDRAWN = "withdrawn", "Withdrawn"

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
    allows_training = models.BooleanField(default=False)
    """Agreed that models may be trained on the answers."""
    allows_release = models.BooleanField(default=False)
    """Agreed that the answers may be published under the pseudonym."""
    stage = models.CharField(max_length=14, choices=Stage, default=Stage.RATING)
    attempt = models.PositiveSmallIntegerField(default=0)
    """Number of the qualification attempt under way or last made."""
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawal_reason = models.TextField(blank=True)
    day = models.DateField(null=True, blank=True)
    """Of `day_active_ms`: active time on that day, for the daily cap."""
    day_active_ms = models.PositiveIntegerField(default=0)
    profession = models.CharField(max_length=120, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    years_of_practice = models.PositiveSmallIntegerField(null=True, blank=True)
    languages = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "user"], name="study_rater_unique"),
            models.UniqueConstraint(fields=["study", "pseudonym"], name="study_pseudonym_unique"),
        ]

    def __str__(self) -> str:
        return self.pseudonym
