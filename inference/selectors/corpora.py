from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from inference.corpora import CORPUS_INFO
from inference.models import Clip, Corpus, Dialogue, ModelVersion, Stimulus, Turn
from mood_eval.models import Team

SPEAKER_LABELS = (("client", "emotion"), ("therapist", "emotion"), ("therapist", "strategy"))


@dataclass(frozen=True)
class SplitCounts:
    split: str
    dialogues: int
    sessions: int
    stimuli: int
    followed: int


@dataclass(frozen=True)
class LabelCounts:
    speaker: str
    field: str
    counts: tuple[tuple[str, int], ...]
    """Most frequent first; turns without a label are left out."""


@dataclass(frozen=True)
class ClipCounts:
    both: int
    picture_only: int
    sound_only: int
    copied: int
    """Those that browsers play from a copy."""
    duration: timedelta

    @property
    def total(self) -> int:
        return self.both + self.picture_only + self.sound_only

    @property
    def length(self) -> str:
        minutes, seconds = divmod(round(self.duration.total_seconds()), 60)
        hours, minutes = divmod(minutes, 60)
        if hours:
            return f"{hours} h {minutes} min"
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

    @property
    def kinds(self) -> list[str]:
        named = {
            "with picture and sound": self.both,
            "with picture only": self.picture_only,
            "with sound only": self.sound_only,
        }
        return [f"{count:,} {name}" for name, count in named.items() if count]


def corpora_of_team(team: Team) -> QuerySet[Corpus]:
    """With counts of dialogues, stimuli and clips, by name."""
    return (
        Corpus.objects.filter(team=team)
        .annotate(
            dialogue_count=_count(Dialogue.objects.filter(corpus=OuterRef("pk")), "corpus"),
            stimulus_count=_count(
                Stimulus.objects.filter(dialogue__corpus=OuterRef("pk")), "dialogue__corpus"
            ),
            clip_count=_count(Clip.objects.filter(corpus=OuterRef("pk")), "corpus"),
        )
        .order_by("name")
    )


def _count(rows: QuerySet[Any], group: str) -> Coalesce:
    # A subquery for each: joins of several tables would multiply the rows they count.
    counted = rows.order_by().values(group).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def split_counts(corpus: Corpus) -> list[SplitCounts]:
    dialogues = (
        Dialogue.objects.filter(corpus=corpus)
        .values("split")
        .annotate(dialogues=Count("pk"), sessions=Count("session", distinct=True))
        .order_by("split")
    )
    stimuli = (
        Stimulus.objects.filter(dialogue__corpus=corpus)
        .values(split=F("dialogue__split"))
        .annotate(stimuli=Count("pk"), followed=Count("pk", filter=Q(followed=True)))
    )
    by_split = {row["split"]: row for row in stimuli}
    none = {"stimuli": 0, "followed": 0}
    return [
        SplitCounts(
            split=row["split"],
            dialogues=row["dialogues"],
            sessions=row["sessions"],
            stimuli=by_split.get(row["split"], none)["stimuli"],
            followed=by_split.get(row["split"], none)["followed"],
        )
        for row in dialogues
    ]


def label_counts(corpus: Corpus) -> list[LabelCounts]:
    turns = Turn.objects.filter(dialogue__corpus=corpus).order_by()
    found = []
    for speaker, field in SPEAKER_LABELS:
        rows = turns.filter(speaker=speaker).exclude(**{field: ""}).values_list(field)
        counts = tuple(rows.annotate(n=Count("pk")).order_by("-n", field))
        found.append(LabelCounts(speaker, field, counts))
    return found


def turn_counts(corpus: Corpus) -> dict[str, int]:
    """Turns by speaker."""
    rows = Turn.objects.filter(dialogue__corpus=corpus).order_by().values_list("speaker")
    return dict(rows.annotate(n=Count("pk")))


def clip_counts(corpus: Corpus) -> ClipCounts:
    seen, heard = Q(width__isnull=False), ~Q(audio_codec="")
    found = Clip.objects.filter(corpus=corpus).aggregate(
        both=Count("pk", filter=seen & heard),
        picture_only=Count("pk", filter=seen & ~heard),
        sound_only=Count("pk", filter=~seen),
        copied=Count("pk", filter=~Q(playback="")),
        milliseconds=Sum("duration_ms", default=0),
    )
    duration = timedelta(milliseconds=found.pop("milliseconds"))
    return ClipCounts(duration=duration, **found)


def dialogues_of_corpus(corpus: Corpus) -> QuerySet[Dialogue]:
    """With `turn_count`, in the order of the file."""
    return (
        Dialogue.objects.filter(corpus=corpus)
        .select_related("session")
        .annotate(turn_count=Count("turns"))
        .order_by("pk")
    )


def turns_of_dialogue(dialogue: Dialogue) -> QuerySet[Turn]:
    return Turn.objects.filter(dialogue=dialogue).select_related("clip").order_by("position")


def splits_of_team(team: Team) -> list[str]:
    rows = Dialogue.objects.filter(corpus__team=team).exclude(split="").order_by("split")
    return list(rows.values_list("split", flat=True).distinct())


def people_reply(corpus: Corpus) -> bool:
    """Whether what stands there as replies was said by people, as far as is known."""
    return CORPUS_INFO[corpus.format].replies_by == "people"


def therapists_of_corpus(corpus: Corpus) -> ModelVersion | None:
    """The model that answers with the corpus' own therapist replies, once it is registered."""
    imported = ModelVersion.objects.filter(team=corpus.team_id, kind=ModelVersion.Kind.IMPORTED)
    return imported.filter(config__corpus=corpus.pk).order_by("pk").first()


@dataclass(frozen=True)
class CorpusTherapists:
    corpus: Corpus
    model: ModelVersion | None

    @property
    def are_people(self) -> bool:
        return people_reply(self.corpus)


def therapists_of_team(team: Team) -> list[CorpusTherapists]:
    """Of each corpus with replies, the model made of their replies, if it is."""
    models: dict[int, ModelVersion] = {}
    imported = ModelVersion.objects.filter(team=team, kind=ModelVersion.Kind.IMPORTED)
    for model in imported.order_by("pk"):
        models.setdefault(model.config.get("corpus", 0), model)
    replied = Stimulus.objects.filter(dialogue__corpus=OuterRef("pk"), followed=True)
    corpora = Corpus.objects.filter(Exists(replied), team=team).order_by("name")
    return [CorpusTherapists(corpus, models.get(corpus.pk)) for corpus in corpora]
