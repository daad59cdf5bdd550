"""What keeps a draft from being launched, said so that it can be mended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from annotations.answers import LETTERS
from annotations.models import Study, StudyPart, StudyRater, StudyRun
from annotations.selectors.analyses import plan_of
from annotations.selectors.gate_rules import gate_problems, reference_stimuli
from annotations.selectors.leaks import leak_advice
from annotations.selectors.plan_checks import plan_problems
from annotations.selectors.reasoning import (
    Lacking,
    has_reasoning,
    lacking_in_panel,
    lacking_in_study,
    shown_in,
)
from annotations.selectors.study_material import count_turns, finished_runs, why_nothing
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    WrongStateError,
)

REPLIES, PARTS, SESSIONS, TEXTS, PLAN = "replies", "parts", "sessions", "texts", "plan"
GATE = "gate"
PLACES = {
    REPLIES: "Whose replies",
    PARTS: "Questions",
    GATE: "Training and qualification",
    SESSIONS: "Raters and sessions",
    TEXTS: "Texts and care",
    PLAN: "Analysis plan",
}


@dataclass(frozen=True)
class Problem:
    step: str
    """Where it can be mended: a step of the wizard, or the page of the panel."""
    error: DomainError

    @property
    def url_name(self) -> str:
        return f"study_{self.step}"

    @property
    def place(self) -> str:
        return PLACES[self.step]

    def __str__(self) -> str:
        return str(self.error)


def launch_problems(study: Study, *, with_turns: bool = True) -> list[Problem]:
    """Without `with_turns` nobody counts the client turns that are left, which takes a moment."""
    parts = list(study.parts.select_related("instrument").prefetch_related("instrument__criteria"))
    return [
        *rater_problems(study),
        *part_problems(study, parts),
        *reply_problems(study, parts, with_turns),
        *text_problems(study),
        *plan_mistakes(study),
        *(
            Problem(GATE, without_reasoning(found, "the reference panel"))
            for found in lacking_in_panel(parts)
        ),
        *(Problem(GATE, InvalidOptionsError(said)) for said in gate_problems(study)),
    ]


def raters_who_stay(study: Study) -> QuerySet[StudyRater]:
    return study.raters.exclude(stage=StudyRater.Stage.WITHDRAWN)


def rater_problems(study: Study) -> Iterator[Problem]:
    count = raters_who_stay(study).count()
    if count < study.overlap:
        yield Problem(
            SESSIONS,
            InvalidOptionsError(
                f"Each item is to be judged by {study.overlap} raters, but only {count} "
                "are invited."
            ),
        )


def part_problems(study: Study, parts: list[StudyPart]) -> Iterator[Problem]:
    runs = StudyRun.objects.filter(study=study).count()
    if not parts:
        yield Problem(PARTS, InvalidOptionsError("The study asks nothing yet: add a part."))
    for part in parts:
        if not part.instrument.criteria.all() and not (
            part.with_overall and part.design != StudyPart.Design.ABSOLUTE
        ):
            yield Problem(
                PARTS,
                InvalidOptionsError(
                    f"The instrument of part {part.position} has no criteria: add one to it, or "
                    "choose another instrument."
                ),
            )
        needed = runs_needed(part)
        if runs < needed:
            yield Problem(
                REPLIES,
                InvalidOptionsError(
                    f"Part {part.position} shows {needed} responses at once, so the study needs "
                    f"the replies of at least {needed} generation runs; there are {runs}."
                ),
            )

        shown = runs_shown(part, runs)
        if shown > len(LETTERS):
            yield Problem(
                PARTS,
                InvalidOptionsError(
                    f"Part {part.position} would show {shown} responses at once; "
                    f"{len(LETTERS)} fit. Say how many are shown at once in that part."
                ),
            )


def runs_shown(part: StudyPart, runs: int) -> int:
    if part.design in (StudyPart.Design.ABSOLUTE, StudyPart.Design.PAIRWISE):
        return 1 if part.design == StudyPart.Design.ABSOLUTE else 2
    return part.candidates or runs


def runs_needed(part: StudyPart) -> int:
    """0 where any number will do."""
    if part.design == StudyPart.Design.ABSOLUTE:
        return 0
    return max(2, 0 if part.design == StudyPart.Design.PAIRWISE else part.candidates)


def reply_problems(study: Study, parts: list[StudyPart], with_turns: bool) -> Iterator[Problem]:
    """Whole dialogues are matched by the launch itself: here only turns are counted."""
    try:
        runs = finished_runs(study)
    except WrongStateError as error:
        yield Problem(REPLIES, error)
        return
    if not runs:
        yield Problem(REPLIES, InvalidOptionsError("Choose at least one generation run."))
        return
    if not with_turns:
        return
    for found in lacking_in_study(study, runs, parts):
        yield Problem(REPLIES, without_reasoning(found, "the chosen runs"))
    if parts and all(p.unit == StudyPart.Unit.DIALOGUE for p in parts):
        return
    reserved = reference_stimuli(study)
    counts = count_turns(runs, longest_ratio=study.longest_ratio, limit=None, reserved=reserved)
    if not counts.drawn:
        why = why_nothing(study, StudyPart.Unit.RESPONSE, bool(reserved))
        yield Problem(REPLIES, NothingSelectedError(why))


def without_reasoning(found: Lacking, where: str) -> DomainError:
    return InvalidOptionsError(
        f"Part {found.part.position} asks about the reasoning behind responses "
        f"({', '.join(found.links)}), and {found.without} of the {found.of} responses of {where} "
        "come without it. Choose runs whose answers all carry it, such as the human replies of "
        "an ESCoT corpus, or another instrument for this part."
    )


def text_problems(study: Study) -> Iterator[Problem]:
    if not study.consent_text.strip():
        yield Problem(
            TEXTS,
            InvalidOptionsError(
                "There is no consent text: nobody can be asked to rate without knowing what for. "
                "Write it, or begin from a template that has one."
            ),
        )


def plan_mistakes(study: Study) -> Iterator[Problem]:
    plan = plan_of(study)
    for said in plan_problems(study, plan) if plan else ():
        yield Problem(PLAN, InvalidOptionsError(said))


def launch_advice(study: Study) -> Iterator[str]:
    """What hinders no launch, and is better thought of before."""
    yield from leak_advice(study)
    yield from reasoning_advice(study)
    if study.overlap == 1:
        yield "With one rater per item nothing can be said of agreement."
    if not study.contacts.strip():
        yield "Raters have nobody to turn to: name the study's support person under contacts."
    if not study.flag_readers or not study.flag_reading_times:
        yield "Say who reads flags, and when: raters are told so when they flag a concern."
    if not (study.recruitment and study.payment and study.ethics_approval):
        yield (
            "Recruitment, pay and ethics approval are asked for by the reporting checklists; they "
            "can be filled in later."
        )


def reasoning_advice(study: Study) -> Iterator[str]:
    if not study.show_chain:
        return
    if not has_reasoning(study):
        yield "The reasoning behind responses is to be shown, and no response comes with one."
        return
    runs = [link.run for link in study.study_runs.select_related("run")]
    parts = list(study.parts.all())
    shown = [shown_in(study, runs, part) for part in parts]
    total = sum(responses.count() for responses in shown)
    without = sum(responses.filter(chain={}).count() for responses in shown)
    if without:
        advice = (
            f"The reasoning behind responses is to be shown, and {without} of {total} come "
            "without one. It is shown where all responses of an item have it."
        )
        if any(part.design == StudyPart.Design.ABSOLUTE for part in parts):
            advice += (
                " Where raters see single responses, whether there is a reasoning can tell them "
                "models from people."
            )
        yield advice
