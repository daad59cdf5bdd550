"""Pairs of a release: which are trained on, which are held out, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.contracts import PreferencePair
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    PreferenceFileError,
    clip_hashes,
    fields_shown,
    read_pairs,
    sha256_file,
    verify_release,
)
from inference.training.config import ON_RELEASES, ConfigError, TrainingConfig

WEIGHTS = (0.5, 1.0)


def load_pairs(config: TrainingConfig) -> list[PreferencePair]:
    """Those to train on: of the split named in `split` where the dataset has splits, else all."""
    return _Release.read(config).trained()


def load_held_out(config: TrainingConfig) -> list[PreferencePair]:
    """Those of `eval_split` in which one reply was preferred: a tie has no right answer. None
    where they are trained on, or where the dataset has no such split."""
    if not config.eval_split or config.split in ("", config.eval_split):
        return []
    return _Release.read(config).held_out()


def pairs_file(config: TrainingConfig) -> Path:
    return config.dataset / PAIRS_FILE if config.dataset.is_dir() else config.dataset


@dataclass(frozen=True)
class _Release:
    config: TrainingConfig
    file: Path
    pairs: list[PreferencePair]
    hashes: Mapping[str, str]
    """Of clips, by their path below the media root."""

    @classmethod
    def read(cls, config: TrainingConfig) -> _Release:
        file = pairs_file(config)
        try:
            released = config.dataset.is_dir() or (file.parent / MANIFEST_FILE).is_file()
            manifest = verify_release(file.parent) if released else {}
            pairs = list(read_pairs(file, config.media_root))
            hashes = clip_hashes(file)
        except PreferenceFileError as error:
            raise ConfigError(f"dataset: {error}") from error
        if not pairs and config.method in ON_RELEASES:  # others learn from stimuli, rated or not
            raise ConfigError(f"dataset: {file} holds no pair.")
        check_trained_text(config, manifest)
        check_weights(pairs)
        return cls(config, file, pairs, hashes)

    def trained(self) -> list[PreferencePair]:
        return self._with_clips(of_split(self.pairs, self.config.split, self.file))

    def held_out(self) -> list[PreferencePair]:
        split = self.config.eval_split
        return self._with_clips([p for p in self.pairs if p.split == split and p.weight == 1])

    def _with_clips(self, pairs: list[PreferencePair]) -> list[PreferencePair]:
        config = self.config
        if config.modality != "text":
            used = {Path(clip) for pair in pairs for clip in pair.stimulus.clip_paths}
            root = config.media_root or Path()
            hashes = {name: found for name, found in self.hashes.items() if root / name in used}
            check_clips(hashes, config.media_root)
        return pairs


def of_split(pairs: list[PreferencePair], split: str, file: Path) -> list[PreferencePair]:
    """What is held out to choose between models, or to test one, is never trained on."""
    names = sorted({pair.split for pair in pairs} - {""})
    if not names or not split:
        return pairs
    wanted = [pair for pair in pairs if pair.split == split]
    if not wanted:
        raise ConfigError(
            f"split: {file} has no pair in “{split}”, only in {', '.join(names)}. Release the "
            "study again with another seed or without splits, or name one of these."
        )
    return wanted


def check_trained_text(config: TrainingConfig, manifest: Mapping[str, Any]) -> None:
    """What was rated is what is trained."""
    if config.trains == "all" and fields_shown(manifest) == "hidden":
        raise ConfigError(
            "trains: is “all”, but raters saw only the text of these replies, so nothing they said "
            "speaks of emotion and strategy lines. Set it to “response”."
        )


def check_weights(pairs: Sequence[PreferencePair]) -> None:
    for pair in pairs:
        if pair.weight not in WEIGHTS:
            raise ConfigError(
                f"dataset: pair {pair.pair_id} has the weight {pair.weight:g}; only whole pairs "
                "(1) and the halves of a tie (0.5) can be trained on."
            )


def check_clips(hashes: Mapping[str, str], media_root: Path | None) -> None:
    """Training on other media than the raters saw would go unnoticed otherwise."""
    if hashes and media_root is None:
        raise ConfigError(
            "media_root: missing, and the dataset names clips. Give their folder, or "
            'set modality to "text".'
        )
    for name, expected in hashes.items():
        path = Path(media_root or "", name)
        if not path.is_file():
            raise ConfigError(f"media_root: there is no clip {name} below {media_root}.")
        if sha256_file(path) != expected:
            raise ConfigError(f"media_root: {path} is not the clip that was released.")
