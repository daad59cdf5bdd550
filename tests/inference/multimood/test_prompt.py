"""The wording that models read: today's by default, a file's where there is one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from inference.contracts import StimulusInput, TurnText
from inference.corpora import generic
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt import AUDIO, VIDEO
from inference.multimood.prompt_file import shipped
from inference.training.sft import Lesson, dialogue_lessons

ROOT = Path(__file__).parents[3]
STIMULUS = StimulusInput(
    "k",
    "Lost a job",
    (TurnText("client", "Hello."), TurnText("therapist", "Tell me more.")),
    (TurnText("client", "I feel {alone} <video>."), TurnText("client", "Yes.")),
)
INSTRUCTION = (
    "\nWrite four lines and nothing else:\n"
    "Client's emotion: one of anger, sadness, disgust, depression, neutral, joy, fear\n"
    "Therapist's emotion: one of the same\n"
    "Therapist's strategy: one of open question, approval, self-disclosure, restatement, "
    "interpretation, advisement, communication skills, structuring the therapy, guiding the pace "
    "and depth of the conversation, others\n"
    "Therapist's response: what you say to the client"
)
ASKED = "\nSituation: Lost a job\n<video>\n<audio>\nClient: I feel {alone} (video).\nClient: Yes."


@pytest.mark.parametrize(("style", "end"), [("full", INSTRUCTION), ("brief", "")])
def test_shipped_prompt_word_for_word(style: str, end: str) -> None:
    template = shipped(style)
    clips = [VIDEO, AUDIO]
    assert template.user(STIMULUS, clips, memory=True) == "<history>" + ASKED + end
    said = "Client: Hello.\nTherapist: Tell me more."
    assert template.user(STIMULUS, clips, memory=False) == said + ASKED + end
    nothing = StimulusInput("k", "", (), ())
    assert template.user(nothing, [], memory=False) == end.removeprefix("\n")
    assert template.system == (
        "You support a client as a careful therapist would. Watch and listen to the client, read "
        "what was said, and answer the client's last words."
    )


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    corpus = generic.read([ROOT / "demo/corpus/dialogues.jsonl"])
    return [lesson for dialogue in corpus for lesson in dialogue_lessons(dialogue)]


def digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


@pytest.mark.parametrize(
    ("style", "memory", "sha256"),
    [
        ("full", False, "ba73838c6043ae12418b77bbbfc928652111df9f2b26acc7d1c6aeee0c59af2c"),
        ("full", True, "2b3afe9790a011c1ad261d20f812d35aa280a23628a7ead91ca8b1e4d53a4aa2"),
        ("brief", False, "23ca36adcec8f38a190a70531f30b1dd8d02527ecd87df3be4b78c8f62f1d291"),
        ("brief", True, "9d66a8616f2058c3c0684da0b1a64792e6aabcee9d9344b149474651c2d66134"),
    ],
)
def test_demo_prompts_are_those_from_before_templates(
    lessons: list[Lesson], style: str, memory: bool, sha256: str
) -> None:
    template = shipped(style)
    prompts = [
        template.user(shown, [VIDEO] * len(shown.clip_paths), memory=memory)
        for lesson in lessons
        for shown in (lesson.stimulus, template.without_words(lesson.stimulus))
    ]
    assert digest(prompts) == sha256


def test_demo_histories_and_replies_are_those_from_before_templates(lessons: list[Lesson]) -> None:
    template = shipped("brief")
    histories = [template.history(lesson.stimulus.history) for lesson in lessons]
    replies = [template.reply_lines(lesson.reply) for lesson in lessons]
    assert digest(histories) == "d61fe36db11759452a0f3db9bcaf1540d991425538f6539abb4fcedce880e85b"
    assert digest(replies) == "b320cad94041c7eccc47d1f9d2cdcba1a020d014fb083f097dd8bbcedcb1e1f2"


def test_demo_model_reads_the_ids_from_before_templates(lessons: list[Lesson]) -> None:
    processor = MultiMoodProcessor.from_pretrained(ROOT / "demo/models/multimood-tiny")
    samples = [processor.encode(lesson.stimulus, modality="text") for lesson in lessons]
    rows = [f"{s['input_ids'].tolist()}{s['history_input_ids'].tolist()}" for s in samples]
    assert digest(rows) == "9e0f617ffaf6b4f8943cd990861435466f6e6138fac8755876dfacc770f71c28"
