"""A corpus as the file a trainer reads: the same dialogues, the same file, clips beside it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from inference.corpora import generic
from inference.corpora.stimuli import stimuli
from inference.errors import InvalidOptionsError, WrongStateError
from inference.models import Clip, Corpus, Dialogue, ModelVersion, Stimulus, TrainingRun, Turn
from inference.services.imports import import_dialogues
from inference.services.model_versions import register_checkpoint
from inference.services.training_corpora import (
    FOLDER,
    UntrainableCorpusError,
    freeze_corpus,
    train_on_corpus,
)
from inference.services.training_disk import NoRoomError
from mood_eval.models import Team
from tests.factories import (
    clip_bytes,
    make_corpus_with_dialogues,
    make_dialogue,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    shutil.rmtree(settings.VAR / FOLDER, ignore_errors=True)
    return make_team(owner=make_user())


@pytest.fixture
def base(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)


def talk(number: int, split: str, **turn: Any) -> dict[str, Any]:
    return {
        "id": f"d{number}",
        "session": f"s{number}",
        "client": f"c{number}",
        "split": split,
        "problem_type": "Moving house",
        "situation": "Mira moved to a town where she knows nobody.",
        "licence": "CC0-1.0",
        "turns": [
            {"speaker": "client", "text": "The flat is “quiet”.", "emotion": "sadness", **turn},
            {
                "speaker": "therapist",
                "text": "What do you miss?\nTell me.",
                "emotion": "neutral",
                "strategy": "open question",
            },
            {"speaker": "client", "text": "Everything."},
        ],
    }


def imported(team: Team, folder: Path, name: str = "talks", order: int = 1) -> Corpus:
    """Three dialogues, the first with a clip."""
    (folder / "clips").mkdir(parents=True)
    (folder / "clips" / "quiet.mp4").write_bytes(clip_bytes(1.0))
    talks = [talk(1, "train", clip="clips/quiet.mp4"), talk(2, "train"), talk(3, "validation")]
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(t) + "\n" for t in talks[::order]), encoding="utf-8")
    return import_dialogues(team=team, format="jsonl", paths=[file]).corpus


def test_what_was_imported_is_read_back_the_same(team: Team, tmp_path: Path) -> None:
    corpus = imported(team, tmp_path)
    frozen = freeze_corpus(corpus)
    before = list(generic.read([tmp_path / "talks.jsonl"]))
    after = list(generic.read([frozen.path]))
    assert [d.fingerprint() for d in after] == [d.fingerprint() for d in before]
    stored = Dialogue.objects.filter(corpus=corpus).order_by("external_id")
    assert [d.fingerprint() for d in after] == [d.fingerprint for d in stored]
    assert (frozen.dialogues, frozen.stimuli) == (3, 6)
    assert sum(len(stimuli(dialogue)) for dialogue in after) == frozen.stimuli


def test_clips_are_the_storages_own_files_under_their_hash(team: Team, tmp_path: Path) -> None:
    frozen = freeze_corpus(imported(team, tmp_path))
    (first, *_) = generic.read([frozen.path])
    path = first.turns[0].clip_path
    assert path is not None
    assert path.read_bytes() == clip_bytes(1.0)
    assert path.stem == hashlib.sha256(clip_bytes(1.0)).hexdigest()
    assert path.samefile(Clip.objects.get().file.path), "it takes no room again"


def test_the_same_dialogues_are_one_file_wherever_they_come_from(
    team: Team, tmp_path: Path
) -> None:
    corpus = imported(team, tmp_path / "one")
    first = freeze_corpus(corpus)
    other = imported(make_team("Other lab"), tmp_path / "two", name="again", order=-1)
    assert freeze_corpus(other) == freeze_corpus(corpus) == first
    assert first.path == settings.VAR / FOLDER / first.sha256 / "dialogues.jsonl"
    assert hashlib.sha256(first.path.read_bytes()).hexdigest() == first.sha256
    assert [folder.name for folder in (settings.VAR / FOLDER).iterdir()] == [first.sha256]
    Turn.objects.filter(dialogue__corpus=corpus, position=2).update(text="Nothing.")
    assert freeze_corpus(corpus).sha256 != first.sha256


def test_labels_that_multimood_does_not_know_are_left_out(team: Team) -> None:
    corpus = make_corpus_with_dialogues(team, 1, split="train")
    turns = Turn.objects.filter(dialogue__corpus=corpus)
    turns.filter(position=0).update(emotion="surprise")
    turns.filter(position=1).update(strategy="Question")
    turns.filter(position=4).update(
        strategy="Providing Suggestions", extra={"multimood_strategy": "advisement"}
    )
    (dialogue,) = generic.read([freeze_corpus(corpus).path])
    assert dialogue.turns[0].emotion is None
    assert dialogue.turns[2].emotion == "sadness"
    assert dialogue.turns[1].strategy is None
    assert dialogue.turns[4].strategy == "advisement"


def test_a_corpus_that_no_trainer_could_read_is_refused_and_leaves_nothing(team: Team) -> None:
    empty = Corpus.objects.create(team=team, name="Empty", format="jsonl")
    with pytest.raises(WrongStateError, match="“Empty” holds no dialogues yet"):
        freeze_corpus(empty)
    corpus = make_corpus_with_dialogues(team, 1, clips=True)
    clip = Clip.objects.get(corpus=corpus)
    (Path(clip.file.path)).unlink()
    with pytest.raises(UntrainableCorpusError, match=r"clip of dialogue dialogue-000, turn 1, is"):
        freeze_corpus(corpus)
    Turn.objects.filter(dialogue__corpus=corpus).update(clip=None)
    Turn.objects.filter(dialogue__corpus=corpus, position=3).update(text=" ")
    with pytest.raises(UntrainableCorpusError, match="dialogue dialogue-000, turn 4, has no words"):
        freeze_corpus(corpus)
    assert list((settings.VAR / FOLDER).iterdir()) == []


def test_what_a_killed_process_left_is_removed(team: Team) -> None:
    old, new = (settings.VAR / FOLDER / f".part-{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    freeze_corpus(make_corpus_with_dialogues(team, 1))
    assert not old.exists()
    assert new.exists(), "somebody may be writing it"


def test_the_split_train_is_learned_from_unless_another_is_named(
    team: Team, base: ModelVersion
) -> None:
    corpus = make_corpus_with_dialogues(team, 2, split="train")
    for split in ("val", "test"):
        session = corpus.sessions.create(label=split)
        make_dialogue(corpus, session, f"dialogue-{split}", split=split)
    run = train_on_corpus(corpus=corpus, method="sft", base=base)
    assert (run.config["split"], run.config["eval_split"]) == ("train", "val")
    assert (run.corpus, run.name, run.state) == (corpus, "tiny-sft-1", "queued")
    assert run.dataset_sha256 == freeze_corpus(corpus).sha256
    assert settings.VAR / run.dataset_path == freeze_corpus(corpus).path
    run = train_on_corpus(corpus=corpus, method="sft", base=base, config={"split": "test"})
    assert (run.config["split"], run.config["eval_split"]) == ("test", "val")


def test_what_is_held_out_is_not_trained_on(team: Team, base: ModelVersion) -> None:
    corpus = make_corpus_with_dialogues(team, 2, split="train")
    session = corpus.sessions.create(label="held out")
    make_dialogue(corpus, session, "held-out", split="validation")
    named = r"Its splits, with their dialogues: train \(2\), validation \(1\)"
    for config, words in (
        ({"split": ""}, "“validation” is held out for evaluation, so it is not trained on"),
        ({"split": "validation"}, "“validation” is held out"),
        ({"split": "train", "eval_split": "train"}, "“train” is held out"),
        ({"split": "lessons"}, "has no dialogues in the split “lessons”"),
    ):
        with pytest.raises(InvalidOptionsError, match=f"{words}.*{named}"):
            train_on_corpus(corpus=corpus, method="sft", base=base, config=config)
    assert not TrainingRun.objects.exists()


def test_a_corpus_without_splits_is_trained_on_whole_when_asked(
    team: Team, base: ModelVersion
) -> None:
    corpus = make_corpus_with_dialogues(team, 1, split="")
    with pytest.raises(InvalidOptionsError, match="Its dialogues have no splits"):
        train_on_corpus(corpus=corpus, method="compressor", base=base)
    run = train_on_corpus(corpus=corpus, method="compressor", base=base, config={"split": ""})
    assert run.config["split"] == ""
    assert Stimulus.objects.filter(dialogue__corpus=corpus).count() == 3


def test_an_empty_split_for_evaluation_holds_nothing_out(team: Team, base: ModelVersion) -> None:
    corpus = make_corpus_with_dialogues(team, 1)
    everything = {"split": "", "eval_split": ""}
    run = train_on_corpus(corpus=corpus, method="sft", base=base, config=everything)
    assert (run.config["split"], run.config["eval_split"]) == ("", "")


def test_a_full_disk_is_told_in_words_and_leaves_nothing(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus_with_dialogues(team, 1)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoRoomError, match="There is no room on the disk to write “"):
        freeze_corpus(corpus)
    assert list((settings.VAR / FOLDER).iterdir()) == []
