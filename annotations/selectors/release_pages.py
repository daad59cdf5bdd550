"""A release as its page shows it: read from the manifest, whatever version wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from annotations.derivation.rules import TEST, TRAIN, VALIDATION
from annotations.derivation.steps import STEPS
from annotations.models import PreferenceDataset, ReleaseJob, Study
from annotations.selectors.studies import rates_in, releases_shown_to
from inference.preference_files import fields_shown
from inference.selectors.runs import seconds_in_words, seconds_left
from mood_eval.access import for_teams_of, teams_of
from mood_eval.models import Team, User

SPLITS = {name: place for place, name in enumerate((TRAIN, VALIDATION, TEST))}
BAR = 100
"""Width of the longest bar, in units of the picture."""
FIELDS_SHOWN = {
    "hidden": "the text of the replies only",
    "after": "the text, and the labels once the text was scored",
    "beside": "the text with its labels beside it",
}


@dataclass(frozen=True)
class CountBar:
    label: str
    value: int
    width: float
    """From 0 to BAR."""


@dataclass(frozen=True)
class SplitRow:
    name: str
    groups: int
    pairs: int


@dataclass(frozen=True)
class JobProgress:
    done: int
    total: int
    step: str
    remaining: str
    """In words; empty while unknown."""


def datasets_of(user: User | AnonymousUser) -> QuerySet[PreferenceDataset]:
    """Of all studies and all imports, the newest first."""
    rows = for_teams_of(user, releases_shown_to(user)).select_related("erasure")
    return rows.defer("manifest").order_by("-created_at", "-pk")


def usable_releases(user: User | AnonymousUser, team: Team) -> QuerySet[PreferenceDataset]:
    """Of the team, without those in which answers were erased; the newest first."""
    rows = releases_shown_to(user).filter(team=team, erasure__isnull=True)
    return rows.defer("manifest").order_by("-created_at", "-pk")


def releases_of(study: Study) -> QuerySet[PreferenceDataset]:
    """The newest first."""
    rows = study.datasets.select_related("created_by", "erasure").defer("manifest")
    return rows.order_by("-version")


def release_job_for(user: User | AnonymousUser, pk: int) -> ReleaseJob:
    """404 for everyone outside the team, and for who still rates in the study."""
    jobs = ReleaseJob.objects.select_related("study", "dataset")
    job = get_object_or_404(jobs, pk=pk, study__team__in=teams_of(user))
    if rates_in(user, job.study):
        raise Http404
    return job


def count_bars(manifest: Mapping[str, Any]) -> list[CountBar]:
    """Every step at which something was counted, in the order of the derivation."""
    counts = manifest["counts"]
    most = max(counts.values(), default=0) or 1
    order = [name for name in STEPS if name in counts]
    known_then = [name for name in counts if name not in STEPS]
    return [
        CountBar(
            label=STEPS.get(name, name.replace("_", " ").capitalize()),
            value=counts[name],
            width=round(BAR * counts[name] / most, 2),
        )
        for name in order + known_then
    ]


def split_rows(manifest: Mapping[str, Any]) -> list[SplitRow]:
    """Training first. Nothing where the release has no splits; earlier manifests knew of none."""
    splits = manifest.get("splits") or {}
    names = sorted(splits, key=lambda name: (name not in SPLITS, SPLITS.get(name, 0), name))
    return [SplitRow(name, splits[name]["groups"], splits[name]["pairs"]) for name in names]


def leakage_notes(manifest: Mapping[str, Any]) -> list[str]:
    """A sentence for each corpus whose own splits divide sessions."""
    return [
        f"The splits that “{found['corpus']}” came with divide {found['divided_sessions']} of its "
        f"{found['sessions']} sessions"
        + (": " if found["splits"] else "")
        + "; ".join(
            f"{row['beside_another_split']} of {row['dialogues']} dialogues of “{row['split']}” "
            "directly follow or precede one outside it"
            for row in found["splits"]
        )
        + "."
        for found in manifest.get("leakage", ())
    ]


def shown_in_words(manifest: Mapping[str, Any]) -> str:
    """Empty for what was made elsewhere: of that it is not known."""
    return FIELDS_SHOWN.get(fields_shown(manifest), "") if manifest.get("study") else ""


def job_progress(job: ReleaseJob) -> JobProgress:
    remaining = seconds_in_words(seconds_left(job)) if job.is_active else ""
    return JobProgress(job.done, max(job.total, 1), job.step, remaining)
