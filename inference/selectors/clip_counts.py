"""Which client turns have something to see or to hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from inference.contracts import ClipScope
from inference.models import Stimulus, Turn
from mood_eval.models import Team


@dataclass(frozen=True)
class ClipKinds:
    """Client turns that a model answers, and how many of them come with a clip."""

    stimuli: int = 0
    seen: int = 0
    heard: int = 0
    with_clip: int = 0


def clip_kinds(stimuli: Sequence[int], scope: ClipScope = "turns") -> ClipKinds:
    """`scope` as the run has it: the clips of these turns, or of the client up to there."""
    rows = _with_kinds(Stimulus.objects.filter(pk__in=stimuli), scope)
    return ClipKinds(**rows.aggregate(**_counts()))


def clip_kinds_of_team(team: Team) -> dict[int, ClipKinds]:
    """By corpus."""
    rows = _with_kinds(Stimulus.objects.filter(dialogue__corpus__team=team), "turns")
    counted = rows.values(corpus=F("dialogue__corpus")).annotate(**_counts())
    return {pk: ClipKinds(*counts) for pk, *counts in counted.values_list("corpus", *_counts())}


def with_clips(stimuli: Sequence[int]) -> list[int]:
    """Those with a clip of their own, in the order given."""
    rows = Stimulus.objects.filter(_clip("turns"), pk__in=stimuli)
    kept = set(rows.values_list("pk", flat=True))
    return [pk for pk in stimuli if pk in kept]


def _with_kinds(stimuli: QuerySet[Stimulus], scope: ClipScope) -> QuerySet[Stimulus]:
    return stimuli.alias(
        sees=_clip(scope, clip__width__isnull=False),
        hears=_clip(scope, ~Q(clip__audio_codec="")),
        has=_clip(scope),
    )


def _counts() -> dict[str, Count]:
    return {
        "stimuli": Count("pk"),
        "seen": Count("pk", filter=Q(sees=True)),
        "heard": Count("pk", filter=Q(hears=True)),
        "with_clip": Count("pk", filter=Q(has=True)),
    }


def _clip(scope: ClipScope, *conditions: Q, **lookups: bool) -> Exists:
    turns = Turn.objects.filter(
        *conditions,
        dialogue=OuterRef("dialogue"),
        speaker="client",
        position__lte=OuterRef("last_position"),
        clip__isnull=False,
        **lookups,
    )
    if scope == "turns":
        turns = turns.filter(position__gte=OuterRef("first_position"))
    return Exists(turns)
