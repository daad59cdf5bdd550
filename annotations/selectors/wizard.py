"""The steps of a draft, and which of them are done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from annotations.models import Study
from annotations.selectors.analyses import plan_of
from annotations.selectors.launch_checks import (
    GATE,
    PARTS,
    PLACES,
    PLAN,
    REPLIES,
    SESSIONS,
    TEXTS,
    launch_problems,
)

NAME, LOOK_OVER = "name", "look_over"
STEPS = (
    (NAME, "Name"),
    *((step, PLACES[step]) for step in (REPLIES, PARTS, SESSIONS, TEXTS, PLAN)),
    (LOOK_OVER, "Look over and launch"),
)


@dataclass(frozen=True)
class WizardStep:
    name: str
    label: str
    state: str
    """In words: "ready", "1 thing to do"; empty for the last step."""
    waiting: bool
    """Something keeps the study from being launched."""
    current: bool

    @property
    def url_name(self) -> str:
        return f"study_{self.name}"


def wizard_steps(study: Study, current: str = "") -> list[WizardStep]:
    problems = launch_problems(study, with_turns=False)
    # The panel belongs to a part's questions.
    waiting = Counter(PARTS if found.step == GATE else found.step for found in problems)
    default_plan = plan_of(study) is None
    return [
        WizardStep(
            name=name,
            label=label,
            state=state_of(name, waiting[name], default_plan),
            waiting=bool(waiting[name]),
            current=name == current,
        )
        for name, label in STEPS
    ]


def state_of(name: str, waiting: int, default_plan: bool) -> str:
    if name == LOOK_OVER:
        return ""
    if waiting:
        return f"{waiting} thing{'s' if waiting > 1 else ''} to do"
    return "ready: the usual plan" if name == PLAN and default_plan else "ready"


def step_after(name: str) -> str:
    """Name of the URL of the following step."""
    names = [step for step, _ in STEPS]
    return f"study_{names[min(names.index(name) + 1, len(names) - 1)]}"


def first_to_do(steps: list[WizardStep]) -> WizardStep:
    return next((step for step in steps if step.waiting), steps[-1])
