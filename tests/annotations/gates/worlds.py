"""Drafts with a reference panel, and raters who answer as the test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from annotations.answers import Written
from annotations.models import (
    Assignment,
    Criterion,
    Instrument,
    Item,
    ReferenceAnswer,
    Study,
    StudyPart,
    StudyRater,
    StudyRun,
)
from annotations.selectors.queue import list_of
from annotations.services.consent import give_consent
from annotations.services.gates import save_rules
from annotations.services.ratings import submit_assignment
from annotations.services.reference_panel import PanelItem, store
from annotations.services.studies import launch_study
from inference.models import GenerationRun, Response, Stimulus
from mood_eval.models import Team, User
from tests.answered_studies import add_part, make_instrument
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)

Answering = Callable[[Assignment], dict[str, str]]


def team_with_runs(
    runs: int = 2, dialogues: int = 8, name: str = "Care lab"
) -> tuple[Team, list[GenerationRun]]:
    """Each dialogue has three client turns."""
    team = make_team(name, owner=make_user(f"ada@{name.split()[0].lower()}.org"))
    corpus = make_corpus_with_dialogues(team, dialogues)
    names = ("hush-one", "hush-two", "hush-three")[:runs]
    return team, [make_run_with_responses(team, corpus, n, f"{n[5:]} words") for n in names]


def draft(
    team: Team,
    runs: Sequence[GenerationRun],
    design: str = StudyPart.Design.ABSOLUTE,
    *,
    raters: int = 2,
    instrument: Instrument | None = None,
    name: str = "Gated",
    limit: int | None = 4,
    **part: Any,
) -> StudyPart:
    """With raters "rater0@example.org" and so on."""
    study = Study.objects.create(
        team=team,
        name=name,
        template="test",
        seed=5,
        overlap=1,
        stimulus_limit=limit,
        consent_text="I take part.",
        contacts="Ada, ada@example.org",
    )
    for position, run in enumerate(runs, start=1):
        StudyRun.objects.create(study=study, run=run, position=position)
    for number in range(raters):
        user = User.objects.filter(email=f"rater{number}@example.org").first()
        user = user or make_user(f"rater{number}@example.org")
        StudyRater.objects.create(study=study, user=user, pseudonym=f"R{number + 1:02d}")
    part.setdefault("with_overall", False)
    return add_part(study, design, instrument or make_instrument(), **part)


def add_panel(
    part: StudyPart, scores: Sequence[int], *, pool: str = Item.Pool.REFERENCE, skip: int = 0
) -> list[Item]:
    """One item a score, to the first run's responses of the stimuli behind the first `skip`; the
    panel gives this score on every criterion. With more candidates the place of the best one."""
    runs = [link.run for link in part.study.study_runs.all()]
    stimuli = list(Stimulus.objects.filter(responses__run=runs[0]).order_by("pk"))
    criteria = list(part.instrument.criteria.all())
    items = []
    for stimulus, score in zip(stimuli[skip:], scores, strict=False):
        said: dict[str, Any]
        responses = [Response.objects.get(run=run, stimulus=stimulus).pk for run in runs]
        if part.design == StudyPart.Design.ABSOLUTE:
            responses, said = responses[:1], {"score": score}
        elif part.design == StudyPart.Design.PAIRWISE:
            chosen = None if score == 0 else responses[score > 0]
            said = {"preferred": chosen, "strength": abs(score)}
        else:
            said = {"preferred": responses[score], "strength": 1}
        answers: dict[int | None, dict[str, Any]] = {
            c.pk: {**said, "explanation": f"Because of {score}."} for c in criteria
        }
        items.append(PanelItem(stimulus.pk, tuple(responses), pool, answers))
    store(part, items, "File panel.csv")
    return list(part.items.filter(pool=pool).order_by("position"))


def launched(part: StudyPart, **rules: Any) -> Study:
    save_rules(part=part, **rules)
    study = launch_study(part.study)
    for rater in study.raters.select_related("study"):
        give_consent(rater)
    return study


def gated(
    training: int = 2, items: int = 4, attempts: int = 2, raters: int = 2, **rules: Any
) -> Study:
    """One criterion from 1 to 10; the panel's answers differ."""
    team, runs = team_with_runs()
    part = draft(team, runs, raters=raters)
    add_panel(part, [3, 8] * training, pool=Item.Pool.TRAINING)
    add_panel(part, [2, 9, 5, 7] * 4, skip=2 * training)
    return launched(part, training_items=training, items=items, attempts=attempts, **rules)


def fresh(rater: StudyRater) -> StudyRater:
    return StudyRater.objects.select_related("study", "user").get(pk=rater.pk)


def open_list(rater: StudyRater) -> list[Assignment]:
    rows = list_of(fresh(rater)).filter(state=Assignment.State.ASSIGNED).order_by("position")
    rows = rows.exclude(role=Assignment.Role.RELEASED)
    return list(rows.select_related("rater__study", "item__part", "item__stimulus__dialogue"))


def like_the_panel(assignment: Assignment) -> dict[str, str]:
    return {c.slug: str(panel_score(assignment, c)) for c in criteria_of(assignment)}


def unlike_the_panel(assignment: Assignment) -> dict[str, str]:
    return {c.slug: str(11 - (panel_score(assignment, c) or 5)) for c in criteria_of(assignment)}


def always(value: str) -> Answering:
    return lambda assignment: {c.slug: value for c in criteria_of(assignment)}


def criteria_of(assignment: Assignment) -> list[Criterion]:
    return list(assignment.item.part.instrument.criteria.all())


def panel_score(assignment: Assignment, criterion: Criterion) -> int | None:
    return ReferenceAnswer.objects.get(item=assignment.item, criterion=criterion).score


def answer(rater: StudyRater, how: Answering = like_the_panel) -> int:
    """All that is open at the rater's stage now; how many items that were."""
    rows = open_list(rater)
    for row in rows:
        submit_assignment(row, [Written(key, value, 1) for key, value in how(row).items()])
    return len(rows)


def first_rater(study: Study) -> StudyRater:
    return study.raters.select_related("study").order_by("pseudonym")[0]


def items_of(rater: StudyRater, track: str, attempt: int) -> list[int]:
    rows = rater.assignments.filter(track=track, attempt=attempt).order_by("position")
    return list(rows.values_list("item", flat=True))
