"""A random tiny model of the real class, and a clip encoded for the tests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from inference.contracts import StimulusInput, TurnText
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.tiny import tiny_config, tiny_tokenizer

TEXTS = [
    "Client: I feel so alone since I lost my job. Therapist: Tell me more about that.",
    "Client's emotion: sadness\nTherapist's emotion: neutral\nTherapist's strategy: approval",
]
RATE = 16_000


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer(TEXTS, vocab_size=320)


@pytest.fixture(scope="session")
def model(tokenizer: PreTrainedTokenizerFast) -> MultiMoodForConditionalGeneration:
    torch.manual_seed(0)
    model = MultiMoodForConditionalGeneration(tiny_config(len(tokenizer)))
    model.eval()
    return model


@pytest.fixture(scope="session")
def processor(
    tokenizer: PreTrainedTokenizerFast, model: MultiMoodForConditionalGeneration
) -> MultiMoodProcessor:
    return MultiMoodProcessor(tokenizer, model.config)


def write_clip(path: Path, seconds: float, *, hertz: float = 440.0, sound: bool = True) -> Path:
    """Frame i is grey 5 * i; the sound is a steady tone."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        audio = out.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for i in range(round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 5 * i, np.uint8), "rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is not None:
            time = np.arange(round(seconds * RATE)) / RATE
            tone = (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
            sound_frame = av.AudioFrame.from_ndarray(tone[None], "fltp", "mono")
            sound_frame.rate, sound_frame.pts = RATE, 0
            sound_frame.time_base = Fraction(1, RATE)
            out.mux(audio.encode(sound_frame))
            out.mux(audio.encode(None))
    return path


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """2.4 s and 1.3 s: different numbers of audio tokens."""
    folder = tmp_path_factory.mktemp("clips")
    return write_clip(folder / "long.mp4", 2.4), write_clip(folder / "short.mp4", 1.3, hertz=900)


@pytest.fixture(scope="session")
def stimuli(clips: tuple[Path, Path]) -> list[StimulusInput]:
    """Two clips and a history; words alone; one clip and a longer history."""
    long, short = clips
    hello = TurnText("client", "Hello.")
    more = TurnText("therapist", "Tell me more about that.")
    alone = TurnText("client", "I feel so alone.")
    return [
        StimulusInput("a", "Lost a job", (hello, more), (alone, hello), (long, short)),
        StimulusInput("b", "", (), (alone,)),
        StimulusInput("c", "Alone", (hello, more, hello, more), (alone,), (short,)),
    ]
