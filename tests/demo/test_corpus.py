"""The demo corpus keeps what its card promises, and its clips are real."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import pytest

from demo.build import corpus, extra, voice
from demo.build.clip import film
from demo.build.extra import extra_take, write_extra
from demo.build.script import read_scripts
from inference.corpora import generic
from inference.corpora.records import DialogueRecord, TurnRecord
from inference.labels import EMOTIONS, STRATEGIES

FILE = corpus.FOLDER / "dialogues.jsonl"
needs_voice = pytest.mark.skipif(
    not voice.available(), reason="espeak-ng is not installed; only rendering clips again needs it"
)


@pytest.fixture(scope="module")
def dialogues() -> list[DialogueRecord]:
    return list(generic.read([FILE]))


def client_runs(dialogue: DialogueRecord) -> list[list[TurnRecord]]:
    runs = groupby(dialogue.turns, key=lambda turn: turn.speaker)
    return [list(run) for speaker, run in runs if speaker == "client"]


def clips(dialogues: list[DialogueRecord]) -> list[Path]:
    turns = (turn for dialogue in dialogues for turn in dialogue.turns)
    return [turn.clip_path for turn in turns if turn.clip_path is not None]


def test_there_are_enough_dialogues_sessions_and_problems(dialogues: list[DialogueRecord]) -> None:
    assert len(dialogues) >= 48
    assert len({dialogue.session for dialogue in dialogues}) >= 24
    assert len({dialogue.problem_type for dialogue in dialogues}) >= 10
    assert all(dialogue.situation and dialogue.licence == "CC BY 4.0" for dialogue in dialogues)
    assert all(4 <= len(dialogue.turns) <= 12 for dialogue in dialogues)


def test_a_session_lies_in_one_split(dialogues: list[DialogueRecord]) -> None:
    pairs = {(dialogue.session, dialogue.split) for dialogue in dialogues}
    assert len(pairs) == len({session for session, _ in pairs})
    shares = Counter(split for _, split in pairs)
    assert shares == {"train": 18, "rate": 6, "fresh": 6}


def test_every_turn_is_labelled(dialogues: list[DialogueRecord]) -> None:
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    assert {turn.emotion for turn in turns if turn.speaker == "client"} == set(EMOTIONS)
    assert {turn.strategy for turn in turns if turn.speaker == "therapist"} == set(STRATEGIES)
    assert all(turn.emotion for turn in turns)


@pytest.mark.parametrize("split", ["train", "rate", "fresh"])
def test_emotions_are_balanced_in_every_split(dialogues: list[DialogueRecord], split: str) -> None:
    runs = [run for d in dialogues if d.split == split for run in client_runs(d)]
    counts = Counter(run[-1].emotion for run in runs)
    assert min(counts[emotion] for emotion in EMOTIONS) >= 0.1 * len(runs)
    assert max(counts.values()) <= 0.2 * len(runs)


def test_every_stimulus_has_one_emotion_a_clip_and_a_human_reply(
    dialogues: list[DialogueRecord],
) -> None:
    for dialogue in dialogues:
        assert dialogue.turns[-1].speaker == "therapist"
        for run in client_runs(dialogue):
            assert len({turn.emotion for turn in run}) == 1
            assert all(turn.clip_path is not None for turn in run)


def test_no_two_client_turns_say_the_same(dialogues: list[DialogueRecord]) -> None:
    texts = [t.text for d in dialogues for t in d.turns if t.speaker == "client"]
    assert len(texts) == len(set(texts))


def test_clips_are_small_short_h264_and_aac(dialogues: list[DialogueRecord]) -> None:
    paths = clips(dialogues)
    assert sorted(paths) == sorted((corpus.FOLDER / "clips").resolve().glob("*.mp4"))
    assert sum(path.stat().st_size for path in paths) < 14_000_000
    for path in paths:
        assert path.stat().st_size < 120_000, path.name
        with av.open(str(path)) as container:
            names = [stream.codec_context.name for stream in container.streams]
            assert sorted(names) == ["aac", "h264"], path.name
            assert container.streams.video[0].average_rate == 12, path.name
            assert container.duration is not None
            assert 3.0 <= container.duration / 1e6 <= 6.0, path.name


def test_playback_can_begin_before_the_whole_clip_is_there(
    dialogues: list[DialogueRecord],
) -> None:
    for path in clips(dialogues)[::20]:
        data = path.read_bytes()
        assert data.index(b"moov") < data.index(b"mdat")


def test_sampled_clips_decode_and_move_and_sound(dialogues: list[DialogueRecord]) -> None:
    for path in clips(dialogues)[::24]:
        frames, sound = decoded(path)
        assert frames.shape[1:] == (256, 256, 3)
        assert np.abs(frames[0].astype(float) - frames[-1]).mean() > 0.3, "the face stands still"
        assert float(np.abs(sound).max()) > 0.02, "nobody speaks"


def test_clips_match_the_scripts(dialogues: list[DialogueRecord]) -> None:
    scripts = {script.id: script for script in read_scripts()}
    assert set(scripts) == {dialogue.external_id for dialogue in dialogues}
    for dialogue in dialogues:
        lines = scripts[dialogue.external_id].lines
        assert [t.text for t in dialogue.turns] == [line.text for line in lines]
        assert [t.emotion for t in dialogue.turns] == [line.emotion for line in lines]


@needs_voice
def test_rendering_a_clip_again_gives_the_same_picture(
    dialogues: list[DialogueRecord], tmp_path: Path
) -> None:
    script = next(script for script in read_scripts() if script.id == dialogues[0].external_id)
    name, take = next(corpus.takes_of(script))
    film(take, tmp_path / "first.mp4")
    film(take, tmp_path / "second.mp4")
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()
    again, _ = decoded(tmp_path / "first.mp4")
    committed, _ = decoded(corpus.FOLDER / "clips" / name)
    shared = min(len(again), len(committed))  # another espeak-ng may speak a little faster
    difference = np.abs(again[:shared].astype(float) - committed[:shared])
    assert difference.mean() < 4, "levels of 255"


@needs_voice
def test_extra_clips_come_with_their_labels(tmp_path: Path) -> None:
    write_extra(tmp_path, 2, seed=5)
    rows = (tmp_path / "manifest.jsonl").read_text().splitlines()
    assert len(rows) == 2
    assert f'"emotion": "{extra_take(1, 5).emotion}"' in rows[1]
    frames, _ = decoded(tmp_path / "x00001.mp4")
    assert len(frames) >= extra.FPS * 3


def test_extra_people_show_every_emotion_once() -> None:
    for who in range(5):
        takes = [extra_take(7 * who + turn, seed=1) for turn in range(7)]
        assert {take.emotion for take in takes} == set(EMOTIONS)
        assert len({take.person for take in takes}) == 1


def decoded(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames (n, height, width, 3) and mono samples, in -1..1."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        container.seek(0)
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.stack(frames), np.concatenate(sound, axis=1)[0]


def test_the_card_states_the_real_counts(dialogues: list[DialogueRecord]) -> None:
    card = (corpus.FOLDER / "README.md").read_text(encoding="utf-8")
    for split in ("train", "rate", "fresh"):
        chosen = [dialogue for dialogue in dialogues if dialogue.split == split]
        runs = [run for dialogue in chosen for run in client_runs(dialogue)]
        sessions = len({dialogue.session for dialogue in chosen})
        turns = sum(len(dialogue.turns) for dialogue in chosen)
        counts = (sessions, len(chosen), turns, len(runs), len(clips(chosen)))
        assert f"| {split} | {' | '.join(map(str, counts))} |" in card
        emotions = Counter(run[-1].emotion for run in runs)
        order = ("anger", "sadness", "disgust", "depression", "neutral", "joy", "fear")
        assert f"| {split} | {' | '.join(str(emotions[name]) for name in order)} |" in card
