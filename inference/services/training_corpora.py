"""Training on a corpus: its dialogues as the file that a trainer reads, written once."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet
from django.db.models.functions import Collate

from inference.errors import DomainError, InvalidOptionsError, WrongStateError
from inference.labels import EMOTIONS, STRATEGIES
from inference.models import Corpus, Dialogue, ModelVersion, Stimulus, TrainingRun, Turn
from inference.services.training import check_method, chosen_options, start_training_run
from inference.services.training_disk import NoRoomError
from inference.training.config import ON_CORPORA, ON_PROMPTS
from mood_eval.models import User

FOLDER = "training-corpora"
FILE = "dialogues.jsonl"
USUAL_SPLIT = "train"
USUAL_EVALUATION = "validation"
ALSO_CALLED = ("val", "dev")
"""The split for evaluation, in published corpora."""
LEFT_SECONDS = 86_400
"""Nobody writes a file for so long."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
BATCH = 200
"""Dialogues read together."""


class UntrainableCorpusError(DomainError):
    """The corpus cannot be written as the file that trainers read."""


@dataclass(frozen=True)
class FrozenCorpus:
    path: Path
    """A generic corpus file (docs/corpus_format.md), its clips beside it."""
    sha256: str
    """Of the file; it names clips by their content, so it stands for their bytes too."""
    dialogues: int
    stimuli: int


@transaction.atomic
def train_on_corpus(
    *,
    corpus: Corpus,
    method: str,
    base: ModelVersion,
    config: Mapping[str, Any] | None = None,
    user: User | None = None,
    name: str = "",
    preset: str = "",
    reward_models: Sequence[ModelVersion] = (),
) -> TrainingRun:
    """By sft, compressor, ppo or grpo, on the corpus' split "train" unless another is named."""
    check_method(method)
    if method not in (*ON_CORPORA, *ON_PROMPTS):
        raise InvalidOptionsError(
            f"{TrainingRun.Method(method).label} learns from what raters said, so it needs a "
            "release, not a corpus."
        )
    options = chosen_options(method, preset, config)
    options |= splits_used(corpus, options)
    frozen = freeze_corpus(corpus)
    return start_training_run(
        team=corpus.team,
        name=name,
        method=method,
        base=base,
        dataset_path=frozen.path.relative_to(settings.VAR),
        dataset_sha256=frozen.sha256,
        config=options,
        user=user,
        preset=preset,
        corpus=corpus,
        reward_models=reward_models,
    )


def splits_used(corpus: Corpus, options: Mapping[str, Any]) -> dict[str, str]:
    """`split` and `eval_split` of a run on the corpus: empty, all of it and none of it. What is
    held out is not trained on."""
    counted = Dialogue.objects.filter(corpus=corpus).values_list("split").annotate(Count("pk"))
    splits = dict(counted.order_by("split"))
    for key in ("split", "eval_split"):
        if not isinstance(options.get(key, ""), str):
            raise InvalidOptionsError(f"{key}: expected a text, found {options[key]!r}.")
    split = options.get("split", USUAL_SPLIT)
    evaluated = options.get("eval_split", _evaluation_split(splits))
    if split and split not in splits:
        raise InvalidOptionsError(
            f"split: “{corpus}” has no dialogues in the split “{split}”. {_in_words(splits)}"
        )
    if evaluated and evaluated in splits and split in ("", evaluated):
        raise InvalidOptionsError(
            f"eval_split: the split “{evaluated}” is held out for evaluation, so it is not trained "
            f"on. Name another one as split. {_in_words(splits)}"
        )
    return {"split": split, "eval_split": evaluated}


def _evaluation_split(splits: Mapping[str, int]) -> str:
    known = (name for name in (USUAL_EVALUATION, *ALSO_CALLED) if name in splits)
    return next(known, USUAL_EVALUATION)


def _in_words(splits: Mapping[str, int]) -> str:
    if not any(splits):
        return "Its dialogues have no splits: give split as an empty text to train on all of them."
    listed = ", ".join(f"{name or 'without one'} ({count:,})" for name, count in splits.items())
    return f"Its splits, with their dialogues: {listed}."


def freeze_corpus(corpus: Corpus, sessions: Collection[int] | None = None) -> FrozenCorpus:
    """Below settings.VAR under its sha256: the same dialogues give the same file, wherever they
    were imported. Clips are links to the storage's own files, which take no room again.

    `sessions`: keys of those that are written; None: all of them. Labels that MultiMood does not
    know are left out. Raises UntrainableCorpusError, WrongStateError where there is nothing, and
    NoRoomError.
    """
    chosen = Dialogue.objects.filter(corpus=corpus)
    if sessions is not None:
        chosen = chosen.filter(session__in=sessions)
    dialogues = chosen.count()
    if not dialogues:
        raise WrongStateError(f"“{corpus}” holds no dialogues yet. Import some first.")
    root = settings.VAR / FOLDER
    remove_leftovers(root)
    part = root / f".part-{uuid4().hex}"
    try:
        (part / "clips").mkdir(parents=True)
        sha256 = _write(chosen, part)
        folder = root / sha256
        try:
            part.rename(folder)
        except OSError:
            if not (folder / FILE).is_file():  # otherwise it was frozen before
                raise
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise NoRoomError(
            f"There is no room on the disk to write “{corpus}” down for a training. Remove "
            "checkpoints of runs that will not go on (`manage.py training_disk`), or make room "
            "below MOODEVAL_VAR."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    stimuli = Stimulus.objects.filter(dialogue__in=chosen).count()
    return FrozenCorpus(folder / FILE, sha256, dialogues, stimuli)


def remove_leftovers(root: Path) -> None:
    """Of processes that were killed while they wrote."""
    for part in root.glob(".part-*"):
        if time.time() - part.stat().st_mtime > LEFT_SECONDS:
            shutil.rmtree(part, ignore_errors=True)


def _write(chosen: QuerySet[Dialogue], folder: Path) -> str:
    sha256 = hashlib.sha256()
    with (folder / FILE).open("wb") as file:
        for dialogue in _in_order(chosen):
            line = json.dumps(_dialogue(dialogue, folder), ensure_ascii=False) + "\n"
            sha256.update(line.encode())
            file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    return sha256.hexdigest()


def _in_order(chosen: QuerySet[Dialogue]) -> Iterator[Dialogue]:
    """In the order of their ids' bytes, so that it depends on no database's language."""
    rows = chosen.select_related("session", "corpus").prefetch_related("turns__clip")
    rows = rows.order_by(Collate("external_id", "C"))
    return rows.iterator(chunk_size=BATCH)


def _dialogue(dialogue: Dialogue, folder: Path) -> dict[str, Any]:
    told = {
        "id": dialogue.external_id,
        "session": dialogue.session.label,
        "client": dialogue.session.client,
        "split": dialogue.split,
        "problem_type": dialogue.problem_type,
        "situation": dialogue.situation,
        "licence": dialogue.licence,
        "turns": [_turn(dialogue, turn, folder) for turn in dialogue.turns.all()],
    }
    return {name: value for name, value in told.items() if value}


def _turn(dialogue: Dialogue, turn: Turn, folder: Path) -> dict[str, str]:
    if not turn.text.strip():
        raise UntrainableCorpusError(
            f"“{dialogue.corpus}” cannot be trained on: dialogue {dialogue.external_id}, turn "
            f"{turn.position + 1}, has no words. Use a corpus in which every turn has some."
        )
    strategy = turn.strategy
    if strategy not in STRATEGIES:
        strategy = turn.extra.get("multimood_strategy", "")
    told = {
        "speaker": turn.speaker,
        "text": turn.text,
        "emotion": turn.emotion if turn.emotion in EMOTIONS else "",
        "strategy": strategy if turn.speaker == "therapist" and strategy in STRATEGIES else "",
        "clip": _clip(dialogue, turn, folder),
    }
    return {name: value for name, value in told.items() if value}


def _clip(dialogue: Dialogue, turn: Turn, folder: Path) -> str:
    if turn.clip is None:
        return ""
    stored = Path(turn.clip.file.path)
    name = f"clips/{turn.clip.sha256}{stored.suffix}"
    try:
        if not (folder / name).exists():
            _link(stored, folder / name)
    except FileNotFoundError as error:
        raise UntrainableCorpusError(
            f"“{dialogue.corpus}” cannot be trained on: the clip of dialogue "
            f"{dialogue.external_id}, turn {turn.position + 1}, is not in the storage any more. "
            "Import the dialogues again into another corpus."
        ) from error
    return name


def _link(stored: Path, name: Path) -> None:
    """A corpus file's clips lie below its own folder, also after symbolic links are followed."""
    try:
        os.link(stored, name)
    except FileNotFoundError:
        raise
    except OSError:  # the storage lies on another file system
        shutil.copyfile(stored, name)
