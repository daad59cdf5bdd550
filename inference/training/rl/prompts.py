"""What is answered while learning: stimuli of a corpus or of a release, never of held-out parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from inference.contracts import PreferencePair, ReplyFields, StimulusInput
from inference.corpora import generic
from inference.corpora.errors import CorpusError
from inference.corpora.records import DialogueRecord
from inference.corpora.stimuli import stimuli, stimulus_input
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    STIMULI_FILE,
    PreferenceFileError,
    clip_hashes,
    read_pairs,
    read_stimuli,
    verify_release,
)
from inference.training.config import ConfigError, TrainingConfig
from inference.training.dpo_pairs import check_clips
from inference.training.held_out import held_out
from inference.training.modality import draw
from inference.training.rewards.contract import Asked

Preferred = dict[StimulusInput, ReplyFields]
WHOLE = 1.0
"""Weight of a pair that is no half of a tie."""


def load_prompts(config: TrainingConfig) -> list[Asked]:
    """Those of `split`, in the order of the file, which is the same everywhere."""
    prompts = prompts_of(config, config.split)
    if not prompts:
        raise ConfigError(
            f"split: {config.dataset} has nothing to answer in {config.split!r}. Name a split that "
            'it has, or "" for all of it.'
        )
    return prompts


def held_out_prompts(config: TrainingConfig, trained: Sequence[Asked]) -> list[Asked]:
    """Those of the file `held_out`, else those of `eval_split` that are not trained on."""
    if config.held_out is not None:
        return [Asked(one.stimulus, one.labels) for one in held_out(config)]
    if not config.eval_split:
        return []
    learned = {asked.stimulus for asked in trained}
    of_split = prompts_of(config, config.eval_split)
    return [asked for asked in of_split if asked.stimulus not in learned]


def prompts_of(config: TrainingConfig, split: str) -> list[Asked]:
    """split: "" takes all. Raises ConfigError where the dataset cannot be read."""
    try:
        if config.dataset.is_dir():
            return _of_release(config, config.dataset, split)
        if (config.dataset.parent / MANIFEST_FILE).is_file():
            return _of_release(config, config.dataset.parent, split)
        if _holds_pairs(config.dataset):
            return _of_pairs(config, config.dataset, split)
        return _of_corpus(config.dataset, split)
    except (CorpusError, PreferenceFileError) as error:
        raise ConfigError(f"dataset: {error}") from error


class PromptOrder:
    """An endless order of rows: each pass over `count` of them is shuffled anew. It is a function
    of the seed alone, so that a run resumed anywhere goes on as an unbroken one."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self._pass, self._rows = -1, [0]

    def at(self, place: int) -> tuple[int, int]:
        """(pass, row) of the prompt that is number `place` of the run."""
        number, position = divmod(place, self.count)
        if number != self._pass:
            self._pass, self._rows = number, list(range(self.count))
            draw(self.seed, number, "prompts").shuffle(self._rows)
        return number, self._rows[position]


def _of_corpus(file: Path, split: str) -> list[Asked]:
    dialogues = (d for d in generic.read([file]) if not split or d.split == split)
    return [asked for dialogue in dialogues for asked in _of_dialogue(dialogue)]


def _of_dialogue(dialogue: DialogueRecord) -> Iterator[Asked]:
    for stimulus in stimuli(dialogue):
        emotion = dialogue.turns[stimulus.last].emotion
        reference = None
        if stimulus.followed:
            reply = dialogue.turns[stimulus.last + 1]
            reference = ReplyFields(emotion, reply.emotion, reply.strategy, reply.text)
        elif emotion is not None:
            reference = ReplyFields(emotion, None, None, "")
        yield Asked(stimulus_input(dialogue, stimulus), reference)


def _of_release(config: TrainingConfig, folder: Path, split: str) -> list[Asked]:
    """Its stimuli, and where raters preferred a reply to one, that reply as reference. Releases of
    the first format list no stimuli: those of the pairs are taken."""
    verify_release(folder)
    if not (folder / STIMULI_FILE).is_file():
        return _of_pairs(config, folder / PAIRS_FILE, split)
    released = read_stimuli(folder / STIMULI_FILE, config.media_root)
    rows = [row for row in released if _is_of(split, row.split)]
    pairs = read_pairs(folder / PAIRS_FILE, config.media_root)
    preferred = _preferred([pair for pair in pairs if _is_of(split, pair.split)])
    _check_clips(config, {name: sha for row in rows for name, sha in row.clip_sha256.items()})
    return [Asked(row.stimulus, preferred.get(row.stimulus)) for row in rows]


def _of_pairs(config: TrainingConfig, file: Path, split: str) -> list[Asked]:
    pairs = [p for p in read_pairs(file, config.media_root) if _is_of(split, p.split)]
    preferred = _preferred(pairs)
    distinct = dict.fromkeys(pair.stimulus for pair in pairs)
    used = {clip for stimulus in distinct for clip in stimulus.clip_paths}
    root = config.media_root or Path()
    hashes = clip_hashes(file)
    _check_clips(config, {name: sha for name, sha in hashes.items() if root / name in used})
    return [Asked(stimulus, preferred.get(stimulus)) for stimulus in distinct]


def _preferred(pairs: Sequence[PreferencePair]) -> Preferred:
    """By stimulus, the reply that was preferred most strongly; of equals the first by pair_id."""
    ordered = sorted(pairs, key=lambda pair: (-pair.strength, pair.pair_id))
    best: Preferred = {}
    for pair in ordered:
        if pair.weight == WHOLE:
            best.setdefault(pair.stimulus, pair.chosen)
    return best


def _is_of(wanted: str, split: str) -> bool:
    """A dataset without splits is all of every one."""
    return not wanted or not split or split == wanted


def _holds_pairs(file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as lines:
        try:
            row = json.loads(next(lines, ""))
        except ValueError:
            return False
    return isinstance(row, dict) and "pair_id" in row


def _check_clips(config: TrainingConfig, hashes: dict[str, str]) -> None:
    if config.modality != "text":
        check_clips(hashes, config.media_root)
