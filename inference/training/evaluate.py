"""What a checkpoint tells about clients it has not seen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.contracts import Answer, GenerationOptions, Modality
from inference.corpora import generic
from inference.labels import EMOTIONS
from inference.multimood.generation import MultiMoodGenerator
from inference.training.sft import Lesson, dialogue_lessons

HELD_OUT = ("rate", "fresh")
NEW_TOKENS = 160
WILSON_Z = 1.959964


@dataclass(frozen=True)
class Condition:
    """What the model is shown of a stimulus."""

    modality: Modality
    words: bool

    @property
    def name(self) -> str:
        return f"{self.modality}, {'words shown' if self.words else 'words hidden'}"


CONDITIONS = (
    *(Condition(modality, words=False) for modality in ("av", "v", "a", "text")),
    *(Condition(modality, words=True) for modality in ("av", "v", "a", "text")),
)
HEADLINE = CONDITIONS[0]


@dataclass(frozen=True)
class Share:
    """Of n, with a 95 % Wilson interval, which takes the n as independent."""

    n: int
    share: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, n: int) -> Share:
        share, z2 = hits / n, WILSON_Z**2
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = WILSON_Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
        return cls(n, share, max(0.0, middle - half), min(1.0, middle + half))

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Measured:
    emotion: Share
    four_lines: Share
    """Answers in which all four fields could be read."""
    predictions: dict[str, str | None]
    """Stimulus key -> the client emotion answered."""


def held_out_lessons(corpus: Path) -> list[Lesson]:
    """Answered and labelled stimuli of sessions that no training saw."""
    return [
        lesson
        for dialogue in generic.read([corpus])
        if dialogue.split in HELD_OUT
        for lesson in dialogue_lessons(dialogue)
        if lesson.whole and lesson.reply.client_emotion and lesson.stimulus.clip_paths
    ]


def measure(
    generator: MultiMoodGenerator, lessons: Sequence[Lesson], condition: Condition
) -> Measured:
    answers = answers_to(generator, lessons, condition)
    right = sum(
        answer.client_emotion == lesson.reply.client_emotion
        for answer, lesson in zip(answers, lessons, strict=True)
    )
    whole = sum(map(has_four_lines, answers))
    predictions = {
        lesson.stimulus.key: answer.client_emotion
        for lesson, answer in zip(lessons, answers, strict=True)
    }
    return Measured(Share.of(right, len(lessons)), Share.of(whole, len(lessons)), predictions)


def answers_to(
    generator: MultiMoodGenerator, lessons: Sequence[Lesson], condition: Condition
) -> list[Answer]:
    stimuli = [lesson.stimulus for lesson in lessons]
    if not condition.words:
        stimuli = list(map(generator.processor.template.without_words, stimuli))
    # Free: else every answer would have four lines.
    options = GenerationOptions(
        modality=condition.modality,
        max_new_tokens=NEW_TOKENS,
        batch_size=16,
        constrain_labels=False,
    )
    return generator.answer(stimuli, options)


def has_four_lines(answer: Answer) -> bool:
    labels = (answer.client_emotion, answer.therapist_emotion, answer.strategy)
    return None not in labels and bool(answer.text)


def majority_share(lessons: Sequence[Lesson]) -> tuple[str, float]:
    """The emotion that is right most often, and how often: more than any constant can do."""
    counts = Counter(lesson.reply.client_emotion for lesson in lessons)
    emotion = max(EMOTIONS, key=lambda name: counts[name])
    return emotion, counts[emotion] / len(lessons)
