"""WebDataset: tar archives in which a client turn's pairs and its clips stand side by side."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from annotations.exports.formats.account import Account
from annotations.exports.formats.archives import Entry, Member, json_value, tar_chunks
from annotations.exports.formats.media import clip_chunks, clip_file
from annotations.exports.formats.messages import prompt_messages, reply_text
from annotations.exports.formats.options import ExportOptions, Row
from annotations.exports.formats.pairwise import about_pair, clips_of
from annotations.exports.formats.quick import facts_of_stimulus
from annotations.exports.formats.release import Turn, by_turn
from annotations.exports.formats.source import Source, why_left_out
from annotations.exports.formats.split_names import SplitNames
from inference.preference_files import PAIRS_FILE, STIMULI_FILE

SHARD_BYTES = 1_000_000_000
KEY_LENGTH = 16


@dataclass
class Samples:
    """Where the stimuli and pairs of each kind of sample begin."""

    account: Account = field(default_factory=Account)
    pairs: dict[Turn, array[int]] = field(default_factory=dict)
    """By client turn."""
    stimuli: dict[tuple[str, tuple[str, ...]], array[int]] = field(default_factory=dict)
    """By split and suffixes of the clips: the files of a shard's samples have to be alike."""


def find_samples(source: Source) -> Samples:
    samples = Samples()
    for offset, line, pair in source.pairs():
        reason = why_left_out(source, pair, line, carries_weight=True)
        if reason:
            samples.account.leave_out(reason)
        else:
            by_turn(samples.pairs, pair.turn, offset)
    for offset, stimulus in source.release.rows(STIMULI_FILE):
        if turn_of(stimulus) not in samples.pairs:
            samples.account.leave_out("without_pairs")
            continue
        kind = (stimulus["split"], clip_suffixes(stimulus))
        samples.stimuli.setdefault(kind, array("Q")).append(offset)
        samples.account.keep(stimulus["split"])
    return samples


def clip_suffixes(stimulus: Row) -> tuple[str, ...]:
    """`0.mp4`, `1.mp4`, …: what stands behind a sample's key in the names of its clips."""
    return tuple(
        f"{place}{Path(clip['path']).suffix.lower()}"
        for place, clip in enumerate(stimulus["clips"])
    )


def shard_entries(source: Source, samples: Samples, root: Path) -> Iterator[Entry]:
    """Of each split, those with most clips first: a reader takes a dataset's fields from the
    first shard."""
    kinds = sorted(samples.stimuli, key=lambda kind: (kind[0], -len(kind[1]), kind[1]))
    named = SplitNames(split for split, _ in kinds)
    numbers: dict[str, int] = {}
    for split, suffixes in kinds:
        for offsets in _shards(source, samples.stimuli[split, suffixes], root):
            number = numbers.setdefault(split, 0)
            numbers[split] += 1
            name = f"{named.of(split)}-{number:05d}.tar"
            yield Entry(name, tar_chunks(_members(source, samples, offsets, root)))


def _shards(source: Source, offsets: Sequence[int], root: Path) -> Iterator[list[int]]:
    stimulus_at = source.release.rows_at(STIMULI_FILE)
    shard: list[int] = []
    size = 0
    for offset in offsets:
        clips = stimulus_at(offset)["clips"]
        size += sum(clip_file(root, clip).stat().st_size for clip in clips)
        shard.append(offset)
        if size >= SHARD_BYTES:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _members(
    source: Source, samples: Samples, offsets: Sequence[int], root: Path
) -> Iterator[Member]:
    stimulus_at = source.release.rows_at(STIMULI_FILE)
    pair_at = source.release.rows_at(PAIRS_FILE)
    for offset in offsets:
        stimulus = stimulus_at(offset)
        pairs = [pair_at(place) for place in samples.pairs[turn_of(stimulus)]]
        key = sample_key(stimulus)
        text = json_value(sample(stimulus, pairs, source.options)).encode()
        yield Member(f"{key}.json", len(text), [text])
        for suffix, clip in zip(clip_suffixes(stimulus), stimulus["clips"], strict=True):
            size = clip_file(root, clip).stat().st_size
            yield Member(f"{key}.{suffix}", size, clip_chunks(root, clip))


def turn_of(stimulus: Row) -> Turn:
    return facts_of_stimulus(stimulus).turn


def sample_key(stimulus: Row) -> str:
    """A name without dots or slashes, which a tar reader would take for something else."""
    return hashlib.sha256("\0".join(turn_of(stimulus)).encode()).hexdigest()[:KEY_LENGTH]


def sample(stimulus: Row, pairs: Sequence[Row], options: ExportOptions) -> Row:
    return {
        "stimulus": stimulus["key"],
        "prompt": prompt_messages(stimulus),
        "pairs": [_pair(pair, options) for pair in pairs],
        "corpus": stimulus["corpus"],
        "session": stimulus["session"],
        "group": stimulus["group"],
        "split": stimulus["split"],
        "clips": clips_of(stimulus),
    }


OF_THE_SAMPLE = ("stimulus", "corpus", "session", "group", "split", "clips")


def _pair(pair: Row, options: ExportOptions) -> Row:
    return {
        "chosen": reply_text(pair["chosen"], options.fields),
        "rejected": reply_text(pair["rejected"], options.fields),
        "weight": float(pair.get("weight", 1.0)),
        **{name: value for name, value in about_pair(pair).items() if name not in OF_THE_SAMPLE},
    }
