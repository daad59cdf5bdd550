"""Stimuli that a run never learns from: answered as samples, and measured for the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from filecmp import cmp
from functools import cache
from pathlib import Path
from typing import TypeVar

from inference.contracts import Modality, ReplyFields, StimulusInput
from inference.corpora import generic
from inference.corpora.errors import CorpusError
from inference.corpora.records import DialogueRecord
from inference.corpora.stimuli import stimuli, stimulus_input
from inference.preference_files import MANIFEST_FILE, PreferenceFileError, read_rows
from inference.training.config import (
    ON_PROMPTS,
    ON_RELEASES,
    ConfigError,
    TrainingConfig,
)
from inference.training.dpo_pairs import load_held_out, load_pairs
from inference.training.modality import draw

T = TypeVar("T")


@dataclass(frozen=True)
class HeldOut:
    stimulus: StimulusInput
    session: str
    """What stimuli are not independent within."""
    labels: ReplyFields | None
    """What the corpus says: the client's emotion, and the therapist's answer where there is one.
    None for stimuli of a release, which holds models' answers only."""


@cache
def held_out(config: TrainingConfig) -> tuple[HeldOut, ...]:
    """Those of `held_out`, else the dataset's of `eval_split`; none where it is trained on.

    Raises ConfigError where a file cannot be read.
    """
    if config.held_out is not None:
        found = list(_of_corpus("held_out", config.held_out, ""))
        seen = _same(_trained(config), [one.stimulus for one in found])
        known = {one.session for one in found if one.stimulus in seen}
        return tuple(one for one in found if one.session not in known)
    if not config.eval_split or config.split in ("", config.eval_split):
        return ()
    if is_release(config):
        return tuple(_of_pairs(config))
    return tuple(_of_corpus("dataset", config.dataset, config.eval_split))


def spread(found: Sequence[HeldOut], count: int) -> list[HeldOut]:
    """`spread_over` the sessions."""
    return spread_over(found, count, lambda one: one.session)


def spread_over(found: Sequence[T], count: int, session_of: Callable[[T], str]) -> list[T]:
    """At most `count`, a second of a session only when every session has its first. The choice is
    the same in every run on the same data, whatever its seed."""
    sessions: dict[str, list[T]] = defaultdict(list)
    for one in found:
        sessions[session_of(one)].append(one)
    names = sorted(sessions)
    draw("sessions").shuffle(names)
    for name in names:
        draw("stimuli", name).shuffle(sessions[name])
    rounds = range(max(map(len, sessions.values()), default=0))
    turns = (
        sessions[name][turn] for turn in rounds for name in names if turn < len(sessions[name])
    )
    return [one for one, _ in zip(turns, range(count), strict=False)]


def shown_modality(config: TrainingConfig) -> Modality:
    """What held-out stimuli are shown with: all there is, where training draws."""
    if config.modality == "random" or config.modality == "random_media":
        return "av"
    return config.modality


def is_release(config: TrainingConfig) -> bool:
    """Whether the dataset is raters' pairs, and no corpus."""
    if config.method not in ON_PROMPTS:
        return config.method in ON_RELEASES
    if config.dataset.is_dir() or (config.dataset.parent / MANIFEST_FILE).is_file():
        return True
    try:
        return "pair_id" in next(read_rows(config.dataset), {})
    except PreferenceFileError as error:
        raise ConfigError(f"dataset: {error}") from error


def _trained(config: TrainingConfig) -> Iterator[StimulusInput]:
    if config.method in ON_PROMPTS:
        # It imports this module.
        from inference.training.rl.prompts import prompts_of

        yield from (asked.stimulus for asked in prompts_of(config, config.split))
    elif is_release(config):
        yield from (pair.stimulus for pair in load_pairs(config))
    else:
        corpora = [_of_corpus("dataset", config.dataset, config.split)]
        if config.emotion_dataset is not None:
            corpora.append(_of_corpus("emotion_dataset", config.emotion_dataset, ""))
        yield from (one.stimulus for corpus in corpora for one in corpus)


def _same(trained: Iterable[StimulusInput], found: Iterable[StimulusInput]) -> set[StimulusInput]:
    """Those of `found` that are trained on, whatever their clips and dialogues are called there.

    A greeting alone is no one's: without a history or situation before it, the same words are the
    same stimulus only with the same clips.
    """
    by_words: dict[Hashable, list[StimulusInput]] = defaultdict(list)
    for stimulus in found:
        by_words[_words(stimulus)].append(stimulus)
    same: set[StimulusInput] = set()
    for stimulus in trained:
        for other in by_words.get(_words(stimulus), ()):
            if stimulus.history or stimulus.situation or _same_clips(stimulus, other):
                same.add(other)
    return same


def _words(stimulus: StimulusInput) -> Hashable:
    return stimulus.situation, stimulus.history, stimulus.client_turns


def _same_clips(one: StimulusInput, other: StimulusInput) -> bool:
    """By their bytes; False where there are none."""
    ours, theirs = one.clip_paths, other.clip_paths
    if not ours or len(ours) != len(theirs):
        return False
    return all(
        a.is_file() and b.is_file() and cmp(a, b, shallow=False)
        for a, b in zip(ours, theirs, strict=True)
    )


def _of_pairs(config: TrainingConfig) -> Iterator[HeldOut]:
    groups = {pair.stimulus: pair.group for pair in load_held_out(config)}
    for stimulus, group in groups.items():
        yield HeldOut(stimulus, group or stimulus.key, None)


def _of_corpus(key: str, file: Path, split: str) -> Iterator[HeldOut]:
    try:
        for dialogue in generic.read([file]):
            if not split or dialogue.split == split:
                yield from _of_dialogue(dialogue)
    except CorpusError as error:
        raise ConfigError(f"{key}: {error}") from error


def _of_dialogue(dialogue: DialogueRecord) -> Iterator[HeldOut]:
    for stimulus in stimuli(dialogue):
        emotion = dialogue.turns[stimulus.last].emotion
        labels = ReplyFields(emotion, None, None, "")
        if stimulus.followed:
            reply = dialogue.turns[stimulus.last + 1]
            labels = ReplyFields(emotion, reply.emotion, reply.strategy, reply.text)
        yield HeldOut(stimulus_input(dialogue, stimulus), dialogue.session, labels)
