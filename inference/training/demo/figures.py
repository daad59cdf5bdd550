"""What multimood-135m does on sessions that no training saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch

from inference.contracts import Answer
from inference.corpora import generic
from inference.multimood.generation import MultiMoodGenerator
from inference.training.evaluate import Condition, Measured, answers_to, measure
from inference.training.sft import Lesson, dialogue_lessons

SHOWN = tuple(Condition(modality, words=True) for modality in ("av", "a", "v", "text"))
HIDDEN = Condition("av", words=False)
FRESH = "fresh"
"""Of the other held-out split the loss was watched in training."""
EXAMPLES = 4


@dataclass(frozen=True)
class Example:
    stimulus: str
    client: str
    labelled: str
    """The corpus' own label of the client's emotion."""
    answer: str
    """As it was written."""


@dataclass(frozen=True)
class Figures:
    measured: Mapping[Condition, Measured]
    examples: Sequence[Example]


def measure_whole(
    whole: Path, corpus: Path, processes: int, conditions: Sequence[Condition] = (*SHOWN, HIDDEN)
) -> Figures:
    """Free and greedy, each condition in a process of one thread."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        examples = pool.submit(examples_of, whole, corpus)
        measured = pool.map(partial(measured_at, whole, corpus), conditions)
        return Figures(dict(zip(conditions, measured, strict=True)), examples.result())


def measured_at(whole: Path, corpus: Path, condition: Condition) -> Measured:
    return measure(_one_thread_generator(whole), fresh_lessons(corpus), condition)


def examples_of(whole: Path, corpus: Path) -> list[Example]:
    """Stimuli at equal distances, not the best ones."""
    lessons = fresh_lessons(corpus)
    chosen = lessons[:: max(1, len(lessons) // EXAMPLES)][:EXAMPLES]
    answers = answers_to(_one_thread_generator(whole), chosen, SHOWN[0])
    return [_example(*pair) for pair in zip(chosen, answers, strict=True)]


def fresh_lessons(corpus: Path) -> list[Lesson]:
    """Labelled, answered stimuli with clips of sessions that nothing was trained or chosen by."""
    return [
        lesson
        for dialogue in generic.read([corpus])
        if dialogue.split == FRESH
        for lesson in dialogue_lessons(dialogue)
        if lesson.whole and lesson.reply.client_emotion and lesson.stimulus.clip_paths
    ]


def _one_thread_generator(whole: Path) -> MultiMoodGenerator:
    torch.set_num_threads(1)
    return MultiMoodGenerator.load(whole, device="cpu")


def _example(lesson: Lesson, answer: Answer) -> Example:
    said = " ".join(turn.text for turn in lesson.stimulus.client_turns)
    label = str(lesson.reply.client_emotion)
    return Example(lesson.stimulus.key, said, label, answer.raw.strip())
