"""The clips carry their emotion: a plain linear reader of unseen people finds it again."""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from demo.build import corpus
from inference.corpora import generic
from inference.labels import EMOTIONS

pytestmark = pytest.mark.demo

Array = NDArray[np.float64]
MOMENTS = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
PENALTY = 0.1


@pytest.fixture(scope="module")
def clips() -> tuple[Array, Array, NDArray[np.int64], NDArray[np.bool_]]:
    """Picture features, sound features, emotion numbers, and which clips are for training."""
    pictures, sounds, emotions, train = [], [], [], []
    for dialogue in generic.read([corpus.FOLDER / "dialogues.jsonl"]):
        for turn in dialogue.turns:
            if turn.clip_path is None or turn.emotion is None:
                continue
            with av.open(str(turn.clip_path)) as container:
                frames = list(container.decode(video=0))
                container.seek(0)
                sound = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
            pictures.append(picture_features(frames))
            sounds.append(sound_features(np.concatenate(sound).astype(np.float64)))
            emotions.append(EMOTIONS.index(turn.emotion))
            train.append(dialogue.split == "train")
    return np.stack(pictures), np.stack(sounds), np.array(emotions), np.array(train)


def picture_features(frames: list[av.VideoFrame]) -> Array:
    """The mean of six frames at 56 x 56 pixels."""
    chosen = [frames[int(len(frames) * moment)] for moment in MOMENTS]
    small = [f.to_ndarray(format="rgb24", width=56, height=56) for f in chosen]
    mean: Array = np.mean(small, axis=0).ravel() / 255
    return mean


def sound_features(sound: Array) -> Array:
    """Mean, spread and change of 29 log band energies, and the length."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, 1024)[::512] * np.hanning(1024)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    edges = np.unique(np.geomspace(3, 480, 33).astype(int))
    pairs = pairwise(edges)
    bands = np.log(np.stack([power[:, low:high].sum(1) for low, high in pairs], axis=1) + 1e-6)
    change = np.abs(np.diff(bands, axis=0)).mean(0)
    return np.concatenate([bands.mean(0), bands.std(0), change, [len(sound) / 22_050]])


def accuracy_on_unseen_people(
    features: Array, emotions: NDArray[np.int64], train: NDArray[np.bool_]
) -> float:
    """Ridge regression onto one-hot emotions, fitted on the training sessions."""
    known = features[train]
    scaled = (features - known.mean(0)) / (known.std(0) + 1e-3) / np.sqrt(features.shape[1])
    kernel = scaled @ scaled[train].T
    targets = np.eye(len(EMOTIONS))[emotions[train]] - 1 / len(EMOTIONS)
    weights = np.linalg.solve(kernel[train] + PENALTY * np.eye(train.sum()), targets)
    guessed = (kernel[~train] @ weights).argmax(1)
    return float((guessed == emotions[~train]).mean())


def test_faces_show_the_emotion_to_a_reader_of_unseen_people(
    clips: tuple[Array, Array, NDArray[np.int64], NDArray[np.bool_]],
) -> None:
    pictures, _, emotions, train = clips
    assert accuracy_on_unseen_people(pictures, emotions, train) > 0.9


def test_voices_carry_the_emotion_to_a_reader_of_unseen_people(
    clips: tuple[Array, Array, NDArray[np.int64], NDArray[np.bool_]],
) -> None:
    _, sounds, emotions, train = clips
    assert accuracy_on_unseen_people(sounds, emotions, train) > 0.8
