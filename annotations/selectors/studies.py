"""Studies as their team sees them: how far they are, per rater by pseudonym."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.shortcuts import get_object_or_404

from annotations.models import (
    Assignment,
    Flag,
    Item,
    PreferenceDataset,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.selectors.gate_rules import reference_stimuli
from annotations.selectors.people import people_in
from annotations.selectors.study_material import TurnCounts, count_turns
from inference.errors import UnknownNameError
from inference.models import GenerationRun, JobState, Response
from mood_eval.access import for_teams_of, team_object
from mood_eval.models import Team, User


@dataclass(frozen=True)
class StudyCounts:
    items: int
    assignments: int
    submitted: int
    flags: int
    """Acts of flagging, whatever they were about."""
    unread_flags: int

    @property
    def percent(self) -> int:
        return 100 * self.submitted // self.assignments if self.assignments else 0


def study_for_team(user: User | AnonymousUser, pk: int) -> Study:
    return team_object(user, Study.objects.select_related("team", "created_by"), pk=pk)


def find_study(team: Team, name: str) -> Study:
    """By name, or by number."""
    studies = Study.objects.filter(team=team)
    found = studies.filter(name=name).first()
    if found is None and name.isdecimal() and len(name) < 19:
        found = studies.filter(pk=int(name)).first()
    if found is None:
        known = "; ".join(f"{s.pk} “{s.name}”" for s in studies.order_by("pk")[:10]) or "none yet"
        raise UnknownNameError(f"There is no study “{name}” in team {team}. Studies: {known}.")
    return found


def studies_of(user: User | AnonymousUser) -> QuerySet[Study]:
    assignments = Assignment.objects.filter(
        rater__study=OuterRef("pk"), rater__kind=StudyRater.Kind.PERSON
    ).values("rater__study")
    submitted = assignments.filter(state=Assignment.State.SUBMITTED)
    return (
        for_teams_of(user, Study.objects.all())
        .annotate(
            rater_count=Count(
                "raters", filter=Q(raters__kind=StudyRater.Kind.PERSON), distinct=True
            ),
            total=Subquery(assignments.annotate(n=Count("pk")).values("n")),
            submitted=Subquery(submitted.annotate(n=Count("pk")).values("n")),
        )
        .order_by("-created_at")
    )


def study_counts(study: Study) -> StudyCounts:
    submitted = Q(state=Assignment.State.SUBMITTED)
    given = Assignment.objects.filter(rater__study=study, rater__kind=StudyRater.Kind.PERSON)
    counts = given.aggregate(assignments=Count("pk"), submitted=Count("pk", filter=submitted))
    rows = Flag.objects.filter(assignment__rater__study=study)
    flags = rows.values("assignment", "kind", "text").distinct()
    return StudyCounts(
        items=Item.objects.filter(part__study=study).count(),
        flags=flags.count(),
        unread_flags=flags.filter(read_at__isnull=True).count(),
        **counts,
    )


def rates_in(user: User | AnonymousUser, study: Study) -> bool:
    """Whether the person still judges here: until the close they see nothing of others' answers."""
    places = StudyRater.objects.filter(study=study, user_id=user.pk or 0)
    return study.state == Study.State.OPEN and places.exists()


def releases_shown_to(user: User | AnonymousUser) -> QuerySet[PreferenceDataset]:
    """Rows name models and what others chose: not for somebody who still rates in the study."""
    places = StudyRater.objects.filter(user_id=user.pk or 0).values("study")
    rating = Q(study__state=Study.State.OPEN, study__in=places)
    return PreferenceDataset.objects.exclude(rating).select_related("study", "team", "created_by")


def raters_of_the_team(study: Study) -> int:
    """Raters who, as members, could look up which model wrote a response."""
    return study.raters.filter(user__memberships__team=study.team_id).count()


def raters_with_progress(study: Study) -> QuerySet[StudyRater]:
    def having(state: str) -> Count:
        return Count("assignments", filter=Q(assignments__state=state))

    return (
        people_in(study)
        .annotate(
            total=Count("assignments"),
            submitted=having(Assignment.State.SUBMITTED),
            skipped=having(Assignment.State.SKIPPED),
            last_saved=Max("assignments__saved_at"),
        )
        .select_related("user")
        .order_by("pseudonym")
    )


def runs_to_judge(team: Team) -> QuerySet[GenerationRun]:
    """Finished runs that hold replies, newest first, with `turns_answered`."""
    answers = Response.objects.filter(run=OuterRef("pk"), sample=0, error="").order_by()
    return (
        GenerationRun.objects.filter(team=team, state=JobState.DONE)
        .exclude(options__contains={"task": "emotion"})
        .annotate(
            turns_answered=Subquery(answers.values("run").annotate(n=Count("pk")).values("n"))
        )
        .select_related("model_version", "corpus")
        .order_by("-created_at")
    )


def turn_counts(study: Study, choice: dict[str, Any] | None = None) -> TurnCounts:
    """How many client turns the draft would show; of a choice of replies not saved yet."""
    runs = choice["runs"] if choice else GenerationRun.objects.filter(study_runs__study=study)
    return count_turns(
        list(runs),
        longest_ratio=choice["longest_ratio"] if choice else study.longest_ratio,
        limit=choice["limit"] if choice else study.stimulus_limit,
        reserved=reference_stimuli(study),
    )


def part_of_study(study: Study, position: int) -> StudyPart:
    """404 where the study has none at this position."""
    return get_object_or_404(study.parts.select_related("instrument"), position=position)


def item_of_study(study: Study, pk: int) -> Item:
    """404 for items of other studies."""
    items = Item.objects.select_related("part__study")
    return get_object_or_404(items, pk=pk, part__study=study)
