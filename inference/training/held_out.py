"""Stimuli that a run never learns from: answered as samples, and measured for the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from inference.contracts import Modality, ReplyFields, StimulusInput
from inference.corpora import generic
from inference.corpora.errors import CorpusError
from inference.corpora.records import DialogueRecord
from inference.corpora.stimuli import stimuli, stimulus_input
from inference.preference_files import MANIFEST_FILE, PreferenceFileError, read_rows
from inference.training.config import ON_CORPORA, ON_RELEASES, ConfigError, TrainingConfig
from inference.training.dpo_pairs import load_held_out, load_pairs
from inference.training.modality import draw


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
        seen = {_words(stimulus) for stimulus in _trained(config)} - {None}
        found = list(_of_corpus("held_out", config.held_out, ""))
        known = {one.session for one in found if _words(one.stimulus) in seen}
        return tuple(one for one in found if one.session not in known)
    if not config.eval_split or config.split in ("", config.eval_split):
        return ()
    if is_release(config):
        return tuple(_of_pairs(config))
    return tuple(_of_corpus("dataset", config.dataset, config.eval_split))


def spread(found: Sequence[HeldOut], count: int) -> list[HeldOut]:
    """At most `count`, a second of a session only when every session has its first. The choice is
    the same in every run on the same data, whatever its seed."""
    sessions: dict[str, list[HeldOut]] = defaultdict(list)
    for one in found:
        sessions[one.session].append(one)
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
    if config.method in ON_RELEASES or config.method in ON_CORPORA:
        return config.method in ON_RELEASES
    if config.dataset.is_dir() or (config.dataset.parent / MANIFEST_FILE).is_file():
        return True
    try:
        return "pair_id" in next(read_rows(config.dataset), {})
    except PreferenceFileError as error:
        raise ConfigError(f"dataset: {error}") from error


def _trained(config: TrainingConfig) -> Iterator[StimulusInput]:
    if is_release(config):
        yield from (pair.stimulus for pair in load_pairs(config))
    else:
        found = _of_corpus("dataset", config.dataset, config.split)
        yield from (one.stimulus for one in found)


def _words(stimulus: StimulusInput) -> Hashable:
    """What a stimulus is known by wherever its clips lie; a greeting alone is no one's."""
    if not stimulus.history and not stimulus.situation:
        return None
    return stimulus.situation, stimulus.history, stimulus.client_turns


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
