"""Scripted raters: they prefer the answer that names the client's feeling, and say so in a release.

What they see is what people would: the text of two answers. Which emotion the client has they know
from the corpus label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from inference.contracts import Answer, GenerationOptions, PreferencePair, ReplyFields
from inference.corpora import generic
from inference.multimood.generation import MultiMoodGenerator
from inference.preference_files import MANIFEST_FILE, PAIRS_FILE, sha256_file, write_pairs
from inference.training.rewards.functions import feelings_named
from inference.training.sft import Lesson, dialogue_lessons

LEARNED, HELD_OUT = ("train",), ("rate", "fresh")
"""Splits of the demo corpus; no session is in two."""
NEW_TOKENS = 96
BATCH = 25
SPLIT_OF = {False: "train", True: "validation"}


@dataclass(frozen=True)
class Prompt:
    lesson: Lesson
    session: str
    held_out: bool

    @property
    def emotion(self) -> str:
        return str(self.lesson.reply.client_emotion)


def read_prompts(corpus: Path) -> list[Prompt]:
    """Client turns with an emotion label, those of held-out sessions marked."""
    return [
        Prompt(lesson, dialogue.session, dialogue.split in HELD_OUT)
        for dialogue in generic.read([corpus])
        if dialogue.split in LEARNED + HELD_OUT
        for lesson in dialogue_lessons(dialogue)
        if lesson.whole and lesson.reply.client_emotion
    ]


def names_the_feeling(prompt: Prompt, text: str) -> bool:
    return prompt.emotion in feelings_named(text)


def answers_of(
    generator: MultiMoodGenerator,
    prompts: Sequence[Prompt],
    each: int,
    seed: int,
    temperature: float = 1.0,
) -> list[list[Answer]]:
    """`each` sampled answers a prompt; one, greedy, where each is 0."""
    options = GenerationOptions(
        max_new_tokens=NEW_TOKENS,
        temperature=temperature if each else 0.0,
        samples=max(each, 1),
        batch_size=BATCH,
        constrain_labels=False,
        seed=seed,
    )
    answers = generator.answer([prompt.lesson.stimulus for prompt in prompts], options)
    size = options.samples
    return [answers[start : start + size] for start in range(0, len(answers), size)]


def pairs_of(
    prompt: Prompt, answers: Sequence[Answer], others: int, seed: int
) -> list[PreferencePair]:
    """Each answer that names the feeling against up to `others` that do not, in turn; none where
    all answers are alike to the raters."""
    distinct = list({answer.text: answer for answer in answers if answer.text}.values())
    named = [a for a in distinct if names_the_feeling(prompt, a.text)]
    unnamed = [a for a in distinct if not names_the_feeling(prompt, a.text)]
    against = cycle(unnamed)
    couples = [
        (chosen, next(against)) for chosen in named for _ in range(min(others, len(unnamed)))
    ]
    return [
        PreferencePair(
            pair_id=f"{prompt.lesson.stimulus.key}/{seed}/{number}",
            stimulus=prompt.lesson.stimulus,
            chosen=_fields(chosen),
            rejected=_fields(rejected),
            source="preference:overall",
            strength=1.0,
            meta={"rater_kind": "scripted", "rule": "names the client's feeling"},
            split=SPLIT_OF[prompt.held_out],
            group=f"demo/{prompt.session}",
        )
        for number, (chosen, rejected) in enumerate(couples)
    ]


def write_release(folder: Path, pairs: Iterable[PreferencePair], media_root: Path) -> int:
    """A folder as a release has it; returns how many pairs it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    below = [_below(pair, media_root) for pair in pairs]
    clips = {clip.as_posix() for pair in below for clip in pair.stimulus.clip_paths}
    hashes = {clip: sha256_file(media_root / clip) for clip in sorted(clips)}
    count = write_pairs(folder / PAIRS_FILE, below, hashes)
    manifest = {
        "title": "Scripted raters",
        "fields_shown": "hidden",
        "files": {PAIRS_FILE: sha256_file(folder / PAIRS_FILE)},
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return count


def _below(pair: PreferencePair, media_root: Path) -> PreferencePair:
    clips = tuple(clip.relative_to(media_root) for clip in pair.stimulus.clip_paths)
    return replace(pair, stimulus=replace(pair.stimulus, clip_paths=clips))


def _fields(answer: Answer) -> ReplyFields:
    return ReplyFields(
        answer.client_emotion, answer.therapist_emotion, answer.strategy, answer.text
    )
