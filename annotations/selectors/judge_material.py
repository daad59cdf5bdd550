"""What a judge is asked and shown: the words that a rater's page holds, and no more of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import override

from annotations.judging.contract import JudgeOptions, Line, Question, Reply, Shown, questions_of
from annotations.judging.messages import in_order, messages
from annotations.judging.schema import schema
from annotations.judging.wording import instruction
from annotations.models import Assignment, Study, StudyPart
from annotations.selectors.asked import criteria_in_part
from annotations.selectors.rating_page.conversation import lines_to, plain
from annotations.selectors.rating_page.responses import (
    Answered,
    answered,
    candidates_of,
    chain_of,
)
from inference.endpoints import Message

Fields = Study.ResponseFields
MATERIAL = ("item__stimulus__dialogue",)
"""Of an assignment, what `shown_to_judge` reads."""


@dataclass(frozen=True)
class PartWording:
    """What stays the same for all items of a part."""

    part: StudyPart
    options: JudgeOptions

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        part = self.part
        return questions_of(
            criteria_in_part(part, part.study),
            part.design,
            ties=part.tie_allowed,
            strength=part.with_strength,
            overall=part.with_overall,
        )

    @cached_property
    def instruction(self) -> str:
        return instruction(self.questions, self.part.design, self.options, self.part.unit)

    @property
    def orders(self) -> tuple[int, ...]:
        return self.options.orders(self.part.design)

    @property
    def times(self) -> int:
        """That the judge is asked about one item."""
        return len(self.orders) * self.options.repeats

    @property
    def asks_about_labels(self) -> bool:
        return any(question.about_labels for question in self.questions)

    @property
    def shows_labels(self) -> bool:
        """Where people see labels after the text, the judge sees them if it is asked about them:
        it answers everything at once."""
        fields = self.part.study.response_fields
        return fields == Fields.BESIDE or (fields == Fields.AFTER and self.asks_about_labels)

    @property
    def shows_reasoning(self) -> bool:
        return self.part.study.show_chain or any(q.about_chain for q in self.questions)

    def messages(self, shown: Shown) -> list[Message]:
        return messages(self.instruction, shown, self.options)

    def schema(self, shown: Shown) -> dict[str, Any]:
        return schema(self.questions, self.part.design, shown.letters)


def wordings_of(study: Study, options: JudgeOptions) -> dict[int, PartWording]:
    """By part, in the study's order."""
    found = {}
    for part in study.parts.select_related("instrument").order_by("position"):
        part.study = study
        found[part.pk] = PartWording(part, options)
    return found


def shown_to_judge(assignment: Assignment, wording: PartWording, order: int = 0) -> Shown:
    """order: 0 as the assignment shows its candidates, 1 in reverse."""
    part, stimulus = wording.part, assignment.item.stimulus
    rows = answered(assignment.display_order)
    with override("en"):
        candidates = candidates_of(rows, part, labels=wording.shows_labels)
        whole = part.unit == StudyPart.Unit.DIALOGUE
        before, client = ((), ()) if whole else lines_to(stimulus)
    shown = Shown(
        design=part.design,
        replies=tuple(
            Reply(
                letter=candidate.letter,
                text=candidate.text,
                lines=tuple(Line(line.role, line.text) for line in candidate.lines),
                labels={label.name: label.value for label in candidate.labels},
                chain=chain,
            )
            for candidate, chain in zip(candidates, chains_of(rows, wording), strict=True)
        ),
        situation=plain(stimulus.dialogue.situation),
        history=tuple(Line(line.role, line.text) for line in before),
        client=tuple(line.text for line in client),
    )
    return in_order(shown, order)


def chains_of(rows: Sequence[Answered], wording: PartWording) -> list[dict[str, str]]:
    """As for people: where the study shows the reasoning, the parts that all candidates have, and
    those that a question asks about."""
    chains = [chain_of(row) for row in rows]
    parts = {question.about_chain for question in wording.questions}
    if wording.part.study.show_chain:
        parts |= set.intersection(*(set(chain) for chain in chains))
    return [{name: text for name, text in chain.items() if name in parts} for chain in chains]
