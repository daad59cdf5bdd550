"""The whole prompt of every shipped instrument and study template, as it stands on paper.

A change of an instrument's words or of ours shows here, before it changes what a judge says. After
a wanted change: WRITE_JUDGE_PROMPTS=1 pytest tests/annotations/judging/test_judge_prompts.py, then
read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from annotations.instruments import (
    InstrumentText,
    PartTemplate,
    StudyTemplate,
    shipped_instruments,
    study_templates,
)
from annotations.judging.contract import (
    JudgeOptions,
    Line,
    Question,
    Reply,
    Shown,
    questions_of,
)
from annotations.judging.messages import messages
from annotations.judging.schema import schema
from annotations.judging.wording import instruction
from tests.annotations.judging.judged import TEXTS, letters_for, questions_in, shown_of

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "judge_prompts"
CONTEXT, ALONE = JudgeOptions(), JudgeOptions(evidence="as_published")
CHAIN = {"emotion": "She feels passed over.", "strategy_reason": "First room, then ideas."}
LABELS = {"Client's emotion": "sadness", "Strategy": "open question"}


def prompts() -> Iterator[tuple[str, str]]:
    """Name of the file and what has to stand in it."""
    for instrument in shipped_instruments():
        yield f"instrument-{instrument.slug}.txt", prompt_of_instrument(instrument)
    for template in study_templates():
        yield f"template-{template.slug}.txt", prompt_of_template(template)


def prompt_of_instrument(instrument: InstrumentText) -> str:
    return whole_prompt(questions_of(instrument.criteria, "absolute"), shown_of(), CONTEXT)


def prompt_of_template(template: StudyTemplate) -> str:
    parts = [
        f"##### part {number}, evidence {options.evidence}\n\n"
        + whole_prompt(questions_in(part), material_of(part, template), options, part.unit)
        for number, part in enumerate(template.parts, start=1)
        for options in (CONTEXT, ALONE)
    ]
    return "\n".join(parts)


def whole_prompt(
    questions: tuple[Question, ...], shown: Shown, options: JudgeOptions, unit: str = "response"
) -> str:
    told = messages(instruction(questions, shown.design, options, unit), shown, options)
    form = json.dumps(schema(questions, shown.design, shown.letters), ensure_ascii=False)
    written = [f"===== {message['role']} =====\n{message['content']}" for message in told]
    return "\n".join([*written, f"===== schema =====\n{form}"]) + "\n"


def material_of(part: PartTemplate, template: StudyTemplate) -> Shown:
    texts = (TEXTS * 3)[: len(letters_for(part))]
    shown = shown_of(part.design, *texts)
    replies = shown.replies
    if part.unit == "dialogue":
        lines = (*shown.history, *(Line("client", text) for text in shown.client))
        replies = tuple(in_dialogue(reply, lines) for reply in replies)
    if template.response_fields != "hidden":
        replies = tuple(replace(reply, labels=LABELS) for reply in replies)
    if template.show_chain:
        replies = tuple(replace(reply, chain=CHAIN) for reply in replies)
    return replace(shown, replies=replies)


def in_dialogue(reply: Reply, lines: tuple[Line, ...]) -> Reply:
    spoken = (*lines, Line("therapist", reply.text))
    return replace(reply, text="\n".join(line.text for line in spoken), lines=spoken)


@pytest.mark.parametrize(("name", "prompt"), list(prompts()))
def test_the_prompt_is_the_one_that_was_read_and_kept(name: str, prompt: str) -> None:
    kept = FOLDER / name
    if os.environ.get("WRITE_JUDGE_PROMPTS"):
        kept.write_text(prompt)
    assert kept.is_file(), f"{name} is new: write it with WRITE_JUDGE_PROMPTS=1, and read it"
    assert kept.read_text() == prompt


def test_every_kept_prompt_belongs_to_something_shipped() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {name for name, _ in prompts()}


@pytest.mark.parametrize("instrument", shipped_instruments(), ids=lambda found: found.slug)
def test_all_that_raters_read_of_a_question_stands_in_the_prompt(
    instrument: InstrumentText,
) -> None:
    told = prompt_of_instrument(instrument)
    for criterion in instrument.criteria:
        assert criterion.definition in told
        assert criterion.guiding_question in told
        assert criterion.good_example in told
        assert criterion.poor_example in told
        for option in criterion.options:
            assert f"{option['value']} = {option['label']}" in told
        if criterion.kind == "score":
            for score, words in criterion.anchors.items():
                assert f"{score} = {words}" in told


def test_the_instruction_does_not_depend_on_what_is_judged() -> None:
    questions = questions_of(shipped_instruments()[0].criteria, "absolute")
    told = instruction(questions, "absolute", CONTEXT)
    one, other = (messages(told, shown_of("absolute", text), CONTEXT) for text in TEXTS[:2])
    assert one[0] == other[0]
    assert one[1] != other[1]
