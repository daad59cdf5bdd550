"""Replies of a release with what people scored them, as a reward model learns from them.

Scores of LLM judges are not among them: the two are never pooled.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from inference.contracts import ReplyFields, StimulusInput, TurnText
from inference.preference_files import (
    CODEBOOK_FILE,
    RESPONSES_FILE,
    STIMULI_FILE,
    PreferenceFileError,
    read_rows,
    verify_release,
)
from inference.training.config import ConfigError, TrainingConfig
from inference.training.dpo_pairs import check_clips

Place = tuple[str, str]
"""A stimulus by group and key: two corpora may use one key."""


@dataclass(frozen=True)
class RatedReply:
    response_id: str
    stimulus: StimulusInput
    reply: ReplyFields
    scores: Mapping[str, float]
    """Criterion -> mean over people in [0, 1] of its scale, higher is better; without those that
    nobody scored."""
    split: str


@dataclass(frozen=True)
class RatedReplies:
    criteria: tuple[str, ...]
    trained: list[RatedReply]
    held_out: list[RatedReply]


def load_rated(config: TrainingConfig) -> RatedReplies:
    """Raises ConfigError where the release has no scores to learn `config.criteria` from."""
    folder = config.dataset if config.dataset.is_dir() else config.dataset.parent
    try:
        verify_release(folder)
        turned = reverse_scored(folder / CODEBOOK_FILE)
        stimuli, hashes = _stimuli(folder / STIMULI_FILE, config.media_root)
        rated = list(_rated(folder / RESPONSES_FILE, stimuli, turned))
    except PreferenceFileError as error:
        raise ConfigError(f"dataset: {error}") from error
    trained = _of_split(rated, config, folder)
    criteria = _criteria(config, trained, folder)
    held_out = [reply for reply in rated if _is_held_out(reply, config)]
    wanted = _with_some(trained, criteria), _with_some(held_out, criteria)
    if config.modality != "text":
        used = {clip for replies in wanted for r in replies for clip in r.stimulus.clip_paths}
        root = config.media_root or Path()
        check_clips(
            {name: sha256 for name, sha256 in hashes.items() if root / name in used},
            config.media_root,
        )
    return RatedReplies(criteria, *wanted)


def reverse_scored(codebook: Path) -> frozenset[str]:
    """Criteria of which a low score is the better one."""
    if not codebook.is_file():
        raise PreferenceFileError(
            f"{codebook} does not exist, and it says which criteria are reverse-scored. Release "
            "the study again."
        )
    with codebook.open(encoding="utf-8", newline="") as file:
        return frozenset(
            row["variable"] for row in csv.DictReader(file) if row.get("reverse_scored") == "yes"
        )


def _of_split(rated: list[RatedReply], config: TrainingConfig, folder: Path) -> list[RatedReply]:
    names = sorted({reply.split for reply in rated} - {""})
    if not names or not config.split:
        return rated
    wanted = [reply for reply in rated if reply.split == config.split]
    if not wanted:
        raise ConfigError(
            f"split: {folder} has no scored reply in “{config.split}”, only in "
            f"{', '.join(names)}. Name one of these."
        )
    return wanted


def _is_held_out(reply: RatedReply, config: TrainingConfig) -> bool:
    if not config.eval_split or config.split in ("", config.eval_split):
        return False
    return reply.split == config.eval_split


def _criteria(
    config: TrainingConfig, trained: Sequence[RatedReply], folder: Path
) -> tuple[str, ...]:
    scored = sorted({criterion for reply in trained for criterion in reply.scores})
    if not scored:
        raise ConfigError(
            f"dataset: nobody scored the replies of {folder} on a scale. Set reward_target to "
            '"pairs", or release a study with such criteria.'
        )
    unknown = [name for name in config.criteria if name not in scored]
    if unknown:
        raise ConfigError(
            f"criteria: people did not score {', '.join(unknown)} in {folder}, only "
            f"{', '.join(scored)}."
        )
    return config.criteria or tuple(scored)


def _with_some(replies: Iterable[RatedReply], criteria: Sequence[str]) -> list[RatedReply]:
    """Those with a score on one of the criteria at least."""
    return [reply for reply in replies if any(name in reply.scores for name in criteria)]


def _stimuli(
    path: Path, media_root: Path | None
) -> tuple[dict[Place, StimulusInput], dict[str, str]]:
    """And the sha256 of clips by their path below the media root."""
    stimuli: dict[Place, StimulusInput] = {}
    hashes: dict[str, str] = {}
    for line, row in enumerate(read_rows(path), 1):
        try:
            clips = {clip["path"]: clip["sha256"] for clip in row["clips"]}
            stimulus = StimulusInput(
                key=row["key"],
                situation=row["situation"],
                history=_turns(row["history"]),
                client_turns=_turns(row["client_turns"]),
                clip_paths=tuple(_below(media_root, clip["path"]) for clip in row["clips"]),
            )
            stimuli[row["group"], row["key"]] = stimulus
        except (KeyError, TypeError, ValueError) as error:
            _refuse(path, line, error)
        hashes |= clips
    return stimuli, hashes


def _turns(rows: Sequence[Mapping[str, Any]]) -> tuple[TurnText, ...]:
    return tuple(TurnText(row["speaker"], row["text"]) for row in rows)


def _below(media_root: Path | None, name: str) -> Path:
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"clips: {name} must lead below the media root")
    return path if media_root is None else media_root / path


def _rated(
    path: Path, stimuli: Mapping[Place, StimulusInput], turned: frozenset[str]
) -> Iterable[RatedReply]:
    for line, row in enumerate(read_rows(path), 1):
        try:
            reply = row["reply"]
            fields = ReplyFields(*(reply[name] for name in ReplyFields.__dataclass_fields__))
            scores = {
                criterion: _in_unit(criterion, got, criterion in turned)
                for criterion, got in (row["scores"] or {}).items()
            }
            place = row["group"], row["stimulus"]
            if place not in stimuli:
                raise ValueError(f"stimulus: {row['stimulus']!r} is not in {STIMULI_FILE}")
            if scores and fields.text.strip():
                number, split = str(row["response_id"]), row["split"]
                yield RatedReply(number, stimuli[place], fields, scores, split)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            _refuse(path, line, error)


def _in_unit(criterion: str, got: Mapping[str, float], turned: bool) -> float:
    mean, low, high = (float(got[name]) for name in ("mean", "low", "high"))
    if not low <= mean <= high or low == high:
        raise ValueError(f"scores.{criterion}: {mean:g} is not on a scale of {low:g} to {high:g}")
    share = (mean - low) / (high - low)
    return 1 - share if turned else share


def _refuse(path: Path, line: int, error: Exception) -> NoReturn:
    problem = f"field {error} is missing" if isinstance(error, KeyError) else str(error)
    raise PreferenceFileError(f"{path}, line {line}: {problem}.") from error
