"""What the one option `as_published` repeats (docs/as_published.md)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.contracts import StimulusInput, TurnText
from inference.multimood.as_published import PROMPT_LIMIT, filled_with_black
from inference.multimood.processing import MultiMoodProcessor, Sample
from inference.multimood.splice import MediaTokens
from tests.inference.multimood.reference_parts import fbank
from tests.inference.multimood.test_published_quirks import tone, write_wave

SOUND_TOKENS = 4 * (2998 // 32)


def placed(processor: MultiMoodProcessor, sample: Sample) -> tuple[int, int, int]:
    """Positions of video, sound and history."""
    places, ids = processor.config.placeholders, sample["input_ids"]
    video, audio, history = (
        int(ids.eq(place).sum()) for place in (places.video, places.audio, places.history)
    )
    return video, audio, history


def text_of(processor: MultiMoodProcessor, sample: Sample) -> str:
    text: str = processor.tokenizer.decode(sample["input_ids"], skip_special_tokens=True)
    return text


def test_sound_is_eight_cuts_then_silence_that_is_attended(
    processor: MultiMoodProcessor, tmp_path: Path
) -> None:
    both = write_wave(tmp_path / "both.wav", [tone(3.0), tone(3.0, 2000)])
    clip = processor.load_clip(both, as_published=True)
    assert clip.audio is not None
    assert clip.audio_padding is not None
    assert clip.audio.shape == (1, 2998, 128)
    assert not clip.audio_padding.any()
    assert processor.media_tokens(clip) == MediaTokens(0, SOUND_TOKENS)
    first = (tone(3.0) * 32767).astype("<i2") / 32768  # the first channel alone
    cuts = np.concatenate([first[2000 * k : 2000 * k + 32_000] for k in range(8)])
    expected = fbank(np.concatenate([cuts, np.zeros(480_000 - len(cuts))]), 128)[0]
    heard = expected > -15.9
    assert (clip.audio[0] - expected)[heard].abs().max() <= 0.125  # one step of bfloat16
    assert torch.equal(clip.audio, clip.audio.bfloat16().float())
    assert not heard[1600:].any()


def test_frames_are_stretched_to_the_square(
    processor: MultiMoodProcessor, clips: tuple[Path, Path]
) -> None:
    """The clips are 96 x 64: kept in proportion, a sixth above and below is grey."""
    kept = processor.load_clip(clips[0]).video
    stretched = processor.load_clip(clips[0], as_published=True).video
    assert kept is not None
    assert stretched is not None
    assert kept[-1, :, 4, 28].abs().max() < 0.02  # the mean grey
    assert stretched[-1, :, 4, 28].abs().max() > 0.05
    assert torch.equal(stretched, stretched.half().float())


def test_missing_frames_are_black_with_swapped_sides() -> None:
    frames = [np.full((4, 6, 3), 9, np.uint8)]
    filled = filled_with_black(frames, 3)
    assert [frame.shape for frame in filled] == [(4, 6, 3), (6, 4, 3), (4, 6, 3)]
    assert filled[1].max() == 0
    assert len(filled_with_black(frames * 40, 40)) == 32


def test_history_stays_the_word_of_its_placeholder(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput]
) -> None:
    sound = processor.encode(stimuli[2])
    published = processor.encode(stimuli[2], as_published=True)
    assert placed(processor, sound)[2] == 4
    assert placed(processor, published) == (16, SOUND_TOKENS, 0)
    assert published["history_input_ids"].numel() == 0
    assert "<history>" in text_of(processor, published)


@pytest.mark.parametrize(
    ("modality", "expected"),
    [("av", (16, SOUND_TOKENS, 0)), ("v", (16, 0, 0)), ("a", (0, 0, 0)), ("text", (0, 0, 0))],
)
def test_only_the_tag_of_the_modality_is_replaced(
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
    modality: str,
    expected: tuple[int, int, int],
) -> None:
    """With sound alone the prompt has no place for it, so none is merged."""
    sample = processor.encode(stimuli[2], modality=modality, as_published=True)  # type: ignore[arg-type]
    assert placed(processor, sample) == expected
    assert ("<video>" in text_of(processor, sample)) is (expected == (0, 0, 0))
    assert ("audio_values" in sample) is (modality == "av")


def test_the_beginning_is_cut_off_and_placeholders_with_it(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput]
) -> None:
    words = " ".join(f"word{i}" for i in range(4000))
    long = replace(stimuli[2], client_turns=(TurnText("client", words),))
    sample = processor.encode(long, as_published=True)
    assert len(sample["input_ids"]) == PROMPT_LIMIT
    assert "video_values" not in sample
    assert "word3999" in text_of(processor, sample)
    assert placed(processor, processor.encode(long))[0] == 16


def test_a_placeholder_that_is_left_takes_the_first_clip(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clips are counted by placeholders met, so the newest one goes with the cut."""
    whole = processor.encode(stimuli[0], as_published=True)
    single = len(whole["input_ids"]) - 2 * (16 + SOUND_TOKENS) + 2
    ids = whole["input_ids"].tolist()
    first = ids.index(processor.config.placeholders.video)
    monkeypatch.setattr("inference.multimood.processing.PROMPT_LIMIT", single - first - 1)
    cut = processor.encode(stimuli[0], as_published=True)
    assert placed(processor, cut)[0] == 16
    assert torch.equal(cut["video_values"], whole["video_values"][:1])
