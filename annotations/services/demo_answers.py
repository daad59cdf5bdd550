"""A closed study of the demonstration whose answers a script gave, so that results can be seen.

Nobody rated here, and the study's name says so: the figures show what the pages can do, and
nothing about the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from django.db import transaction
from django.utils import timezone

from annotations.models import Assignment, Candidate, Criterion, Preference, Rating, Study
from annotations.models.rating import CannotRate
from annotations.services.analyses import request_analysis
from annotations.services.consent import give_consent
from annotations.services.studies import close_study, create_study, launch_study
from inference.models import GenerationRun
from mood_eval.models import Team, User

NAME = "Scripted answers, to see what results look like"
SCRIPTS = tuple(f"script-{number}@demo.example" for number in range(1, 7))
OVERLAP = 3
SEED = 7
CANNOT_RATE = 0.03
SAME_EVERY_TIME = ("rater__pseudonym", "position")
"""An assignment's own key is random."""
COMMENTS = (
    "It names the feeling, then gives advice too early.",
    "Short, but it stays with the client.",
    "The question is good; the first sentence is not needed.",
)


@transaction.atomic
def scripted_study(team: Team, runs: Sequence[GenerationRun], researcher: User) -> Study:
    study = create_study(
        team=team,
        template="multimood-trust-both",
        runs=runs,
        name=NAME,
        raters=SCRIPTS,
        overlap=OVERLAP,
        seed=SEED,
        user=researcher,
    )
    study = launch_study(study)
    for rater in study.raters.select_related("study"):
        give_consent(rater, training=True, release=True)
    answer_everything(study, Random(SEED))  # noqa: S311
    study = close_study(study)
    request_analysis(study, user=researcher)
    return study


def answer_everything(study: Study, draw: Random) -> None:
    quality = {
        run: 0.8 * place
        for place, run in enumerate(study.study_runs.values_list("run_id", flat=True))
    }
    severity = {
        pk: draw.gauss(0, 0.6) for pk in study.raters.order_by("pk").values_list("pk", flat=True)
    }
    worth: dict[int, float] = {}
    candidates: dict[int, list[Candidate]] = {}
    rows = Candidate.objects.filter(item__part__study=study).select_related("response")
    for candidate in rows.order_by("pk"):
        candidates.setdefault(candidate.item_id, []).append(candidate)
        worth.setdefault(candidate.response_id, draw.gauss(quality[candidate.response.run_id], 1.2))
    ratings: list[Rating] = []
    preferences: list[Preference] = []
    for part in study.parts.prefetch_related("instrument__criteria"):
        criteria = list(part.instrument.criteria.all())
        for assignment in Assignment.objects.filter(item__part=part).order_by(*SAME_EVERY_TIME):
            shown = candidates[assignment.item_id]
            if len(shown) == 1:
                level = 6 + worth[shown[0].response_id] + severity[assignment.rater_id]
                ratings += scores(assignment, shown[0], criteria, level, draw)
            else:
                asked: list[Criterion | None] = [*criteria, None]
                apart = worth[shown[1].response_id] - worth[shown[0].response_id]
                preferences += [choice(assignment, shown, one, apart, draw) for one in asked]
    Rating.objects.bulk_create(ratings, batch_size=2000)
    Preference.objects.bulk_create(preferences, batch_size=2000)
    submit_everything(study, draw)


def scores(
    assignment: Assignment,
    candidate: Candidate,
    criteria: Sequence[Criterion],
    level: float,
    draw: Random,
) -> list[Rating]:
    given = []
    for criterion in criteria:
        rating = Rating(assignment=assignment, candidate=candidate, criterion=criterion)
        if draw.random() < CANNOT_RATE:
            rating.cannot_rate = CannotRate.CANNOT_TELL
        else:
            # Of some things nearly everything is judged alike, as happens with people.
            score = (
                9 + draw.gauss(0, 0.4) if criterion.slug == "safety" else level + draw.gauss(0, 1.1)
            )
            rating.score = max(criterion.scale_min, min(criterion.scale_max, round(score)))
        given.append(rating)
    return given


def choice(
    assignment: Assignment,
    shown: Sequence[Candidate],
    criterion: Criterion | None,
    apart: float,
    draw: Random,
) -> Preference:
    """`apart`: how much better the second candidate is."""
    felt = apart + draw.gauss(0, 1.2)
    strength = 0 if abs(felt) < 0.4 else 1 if abs(felt) < 1.3 else 2
    tie = Preference.TieKind.BOTH_ACCEPTABLE if criterion is None and not strength else ""
    return Preference(
        assignment=assignment,
        criterion=criterion,
        preferred=shown[felt > 0] if strength else None,
        strength=strength,
        tie_kind=tie,
    )


def submit_everything(study: Study, draw: Random) -> None:
    now = timezone.now()
    assignments = list(Assignment.objects.filter(rater__study=study).order_by(*SAME_EVERY_TIME))
    for assignment in assignments:
        assignment.state = Assignment.State.SUBMITTED
        assignment.submitted_at = assignment.saved_at = assignment.opened_at = now
        assignment.active_ms = max(5000, round(draw.gauss(38_000, 9_000)))
        assignment.comment = draw.choice(COMMENTS) if draw.random() < 0.08 else ""
    Assignment.objects.bulk_update(
        assignments,
        ["state", "submitted_at", "saved_at", "opened_at", "active_ms", "comment"],
        batch_size=500,
    )
