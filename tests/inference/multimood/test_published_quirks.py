"""The published code's quirks, one by one: what happens here instead.

Those of loading are in test_checkpoint.py, those that `as_published` repeats in
test_as_published.py.
"""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerFast

from inference.contracts import StimulusInput, TurnText
from inference.multimood.clip_tensors import ClipTensors, media_tokens, sound_tensors
from inference.multimood.fbank import kaldi_fbank
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.splice import (
    MediaTokens,
    SpliceError,
    expand_placeholders,
    memory_counts,
)

RATE = 16_000


def write_wave(path: Path, channels: Any) -> Path:
    """(channels, samples) in [-1, 1] as 16-bit PCM at 16 kHz."""
    samples = (np.asarray(channels, dtype=np.float64).T * 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return path


def tone(seconds: float, hertz: float = 440.0) -> Any:
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


class Rows:
    """Rows of ids written with one id per medium, and the media of each row."""

    def __init__(self, model: MultiMoodForConditionalGeneration) -> None:
        torch.manual_seed(5)
        self.model, self.config = model, model.config
        self.places = model.config.placeholders
        size = self.config.vision_config.image_size
        self.video = [torch.randn(f, 3, size, size) for f in (8, 5)]
        self.sound = [15 + 5 * torch.randn(t, 128) for t in (100, 70)]
        mem = self.config.mem_token_id
        self.history = [torch.tensor([50, mem, 51]), torch.tensor([mem, 52, 53, mem, 54])]

    def logits(self, rows: list[tuple[list[int], list[int], list[int]]], **options: Any) -> Any:
        """`rows`: ids, which clips (video and sound i), which histories. Last logits of each."""
        clips = [[self.tokens(i) for i in media] for _, media, _ in rows]
        longest = max(len(ids) for ids, _, _ in rows)
        left = options.get("left", False)
        padded, masks = [], []
        for ids, _, _ in rows:
            fill = [0] * (longest - len(ids))
            padded.append(fill + ids if left else ids + fill)
            ones = [1] * len(ids)
            masks.append([0] * len(fill) + ones if left else ones + [0] * len(fill))
        used = [self.history[i] for _, _, histories in rows for i in histories]
        merged = expand_placeholders(
            self.config,
            torch.tensor(padded),
            clips,
            memory_counts(self.config, pad_sequence(used, True)) if used else [],
            attention_mask=torch.tensor(masks),
            source=self.places,
        )
        with torch.no_grad():
            out = self.model(
                input_ids=merged.input_ids,
                attention_mask=merged.attention_mask,
                **self.media([i for _, media, _ in rows for i in media], used),
            )
        steps = torch.arange(merged.input_ids.shape[1])
        last = (merged.attention_mask * steps).argmax(1)
        return out.logits[torch.arange(len(rows)), last]

    def tokens(self, i: int) -> MediaTokens:
        return media_tokens(self.config, self.clip(i))

    def clip(self, i: int) -> ClipTensors:
        return sound_tensors(self.config, self.video[i], [self.sound[i]])

    def media(self, clips: list[int], history: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        out: dict[str, torch.Tensor] = {}
        if clips:
            out["video_values"] = pad_sequence([self.video[i] for i in clips], batch_first=True)
            out["video_padding_mask"] = padding([len(self.video[i]) for i in clips])
            out["audio_values"] = pad_sequence([self.sound[i] for i in clips], batch_first=True)
            out["audio_padding_mask"] = padding([len(self.sound[i]) for i in clips])
        if history:
            out["history_input_ids"] = pad_sequence(history, batch_first=True, padding_value=-100)
        return out


def padding(lengths: list[int]) -> torch.Tensor:
    steps = torch.arange(max(lengths))
    return (steps[None] >= torch.tensor(lengths)[:, None]).long()


@pytest.fixture
def rows(model: MultiMoodForConditionalGeneration) -> Rows:
    return Rows(model)


@pytest.mark.parametrize("left", [False, True])
def test_placeholders_may_stand_in_any_order_within_and_across_rows(rows: Rows, left: bool) -> None:
    """Quirks 4, 7, 9, 10, 17, 18: history after a video in the last row; rows without history
    between others; padding on either side; unequal merged lengths without labels; clips of
    unequal sound and frames; unequal numbers of <MEM>, the history filled with -100."""
    v, h = rows.places.video, rows.places.history
    batch = [
        ([40, h, 41, v, 42], [0], [0]),
        ([43, 44, 45], [], []),
        ([46, v, 47, v, 48, 49, 50], [1, 0], []),
        ([51, v, 52, h], [1], [1]),
    ]
    together = rows.logits(batch, left=left)
    alone = torch.cat([rows.logits([row]) for row in batch])
    torch.testing.assert_close(together, alone, rtol=0, atol=2e-5)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_row_depends_on_the_others_or_on_the_side_of_padding(
    rows: Rows, data: st.DataObject
) -> None:
    """Any mix of words, clips and histories in any order."""
    kinds = st.lists(st.sampled_from(["word", "video", "history"]), min_size=1, max_size=6)
    which = st.integers(0, 1)
    batch: list[tuple[list[int], list[int], list[int]]] = []
    for row in data.draw(st.lists(kinds, min_size=2, max_size=3)):
        ids, clips, histories = [60], [], []
        for kind in row:
            if kind == "word":
                ids.append(data.draw(st.integers(40, 90)))
            elif kind == "video":
                ids.append(rows.places.video)
                clips.append(data.draw(which))
            else:
                ids.append(rows.places.history)
                histories.append(data.draw(which))
        batch.append((ids, clips, histories))
    alone = torch.cat([rows.logits([row]) for row in batch])
    for left in (False, True):
        together = rows.logits(batch, left=left)
        torch.testing.assert_close(together, alone, rtol=0, atol=3e-5)


def test_a_batch_of_images_alone_is_seen(rows: Rows) -> None:
    """Quirk 5: the published code sends it to the audio tower."""
    frames = rows.video[0][:1].expand(8, -1, -1, -1)
    image = rows.places.image
    clip = MediaTokens(video=16)
    ids = torch.tensor([[40, image, 41]])
    merged = expand_placeholders(rows.config, ids, [[clip]], [], source=rows.places)
    with torch.no_grad():
        seen = rows.model(merged.input_ids, video_values=frames[None]).logits
        other = rows.model(merged.input_ids, video_values=-frames[None]).logits
    assert (seen - other)[:, -1].abs().max() > 1e-4


def test_a_history_placeholder_without_history_is_refused(rows: Rows) -> None:
    """Quirk 6: the published code takes the next video for it."""
    ids = torch.tensor([[40, rows.places.history, rows.places.video]])
    with pytest.raises(SpliceError, match="history"):
        expand_placeholders(rows.config, ids, [[rows.tokens(0)]], [], source=rows.places)


def test_a_text_row_uses_up_no_clip_and_gets_no_history(rows: Rows) -> None:
    """Quirk 8."""
    v, h = rows.places.video, rows.places.history
    ids = torch.tensor([[40, 41, 42], [43, v, h]])
    clips = [[], [rows.tokens(1)]]
    merged = expand_placeholders(rows.config, ids, clips, [2], source=rows.places)
    own = merged.attention_mask.sum(1).tolist()
    tokens = rows.tokens(1)
    assert own == [3, 1 + tokens.video + tokens.audio + 2]
    assert merged.input_ids[0, :3].tolist() == [40, 41, 42]


def test_labels_of_another_length_are_filled_or_refused(rows: Rows) -> None:
    """Quirk 11: longer ones would fill the ids."""
    ids = torch.tensor([[40, 41, 42]])
    merged = expand_placeholders(rows.config, ids, [[]], [], labels=torch.tensor([[40]]))
    assert merged.labels is not None
    assert merged.labels.tolist() == [[40, -100, -100]]
    with pytest.raises(SpliceError, match="4 labels for 3 ids"):
        expand_placeholders(rows.config, ids, [[]], [], labels=torch.tensor([[1, 2, 3, 4]]))


def test_the_end_of_a_long_sound_is_heard(processor: MultiMoodProcessor, tmp_path: Path) -> None:
    """Quirk 13: the published cuts end before the end."""
    quiet, loud = np.zeros(round(17.5 * RATE)), tone(2.5)
    end, none = (
        processor.load_clip(write_wave(tmp_path / name, [np.concatenate([quiet, rest])]))
        for name, rest in (("end.wav", loud), ("none.wav", np.zeros_like(loud)))
    )
    assert end.audio is not None
    assert none.audio is not None
    assert end.audio.shape[0] == 3  # windows of 8 s
    assert (end.audio[-1] - none.audio[-1]).abs().max() > 5
    assert torch.equal(end.audio[0], none.audio[0])


def test_windows_of_a_very_long_sound_are_spread_over_it(
    processor: MultiMoodProcessor, tmp_path: Path
) -> None:
    seconds = 60.0
    clip = processor.load_clip(write_wave(tmp_path / "long.wav", [tone(seconds)]))
    assert clip.audio is not None
    assert clip.audio.shape[0] == processor.config.max_audio_windows == 4
    assert clip.audio_padding is not None
    assert not clip.audio_padding.any()


def test_windows_give_the_tokens_of_each_and_no_padding(
    model: MultiMoodForConditionalGeneration, processor: MultiMoodProcessor, tmp_path: Path
) -> None:
    clip = processor.load_clip(write_wave(tmp_path / "two.wav", [tone(10.0)]))
    assert clip.audio is not None
    assert clip.audio_padding is not None
    first, second = 4 * (798 // 32), 4 * (198 // 32)  # 8 s and 2 s in patches of 32 frames
    assert processor.media_tokens(clip) == MediaTokens(0, first + second)
    with torch.no_grad():
        heard = model.model.heard_sound(clip.audio, clip.audio_padding)
        alone = model.model.audio_features(clip.audio[1:, :192])[0]
    assert heard.shape[0] == first + second
    torch.testing.assert_close(heard[first:], alone, rtol=0, atol=2e-5)


def test_training_mode_drops_no_layer_of_the_audio_tower(
    model: MultiMoodForConditionalGeneration, rows: Rows
) -> None:
    """Quirk 14: the published tower skips a layer in one step of twenty."""
    beats = model.model.audio_tower
    with torch.no_grad():
        still = beats(rows.sound[0][None])
        beats.train()
        moved = [beats(rows.sound[0][None]) for _ in range(30)]
        beats.eval()
    assert all(torch.equal(one, still) for one in moved)


def test_features_are_not_rounded_and_all_channels_are_heard(
    processor: MultiMoodProcessor, tmp_path: Path
) -> None:
    """Quirk 16: bfloat16 features of the first channel."""
    right = write_wave(tmp_path / "right.wav", [np.zeros(2 * RATE), tone(2.0)])
    clip = processor.load_clip(right)
    assert clip.audio is not None
    assert clip.audio.max() > 5
    assert not torch.equal(clip.audio, clip.audio.bfloat16().float())
    samples = torch.from_numpy((tone(2.0) * 32767).astype("<i2") / 65536).float()
    assert (clip.audio[0] - kaldi_fbank(samples)).abs().max() < 0.1


def test_a_sound_shorter_than_a_patch_is_no_sound(
    processor: MultiMoodProcessor, tmp_path: Path
) -> None:
    clip = processor.load_clip(write_wave(tmp_path / "short.wav", [tone(0.2)]))
    assert clip.audio is None
    assert processor.media_tokens(clip) == MediaTokens()


def test_history_is_used_at_inference_without_any_clip(rows: Rows) -> None:
    """Quirks 19 and 20."""
    h = rows.places.history
    one, other = (rows.logits([([40, h, 41], [], [i])]) for i in (0, 1))
    assert (one - other).abs().max() > 1e-4


def test_a_history_without_memory_tokens_inserts_nothing(rows: Rows) -> None:
    """Quirk 18."""
    rows.history.append(torch.tensor([50, 51]))
    h = rows.places.history
    without = rows.logits([([40, h, 41], [], [2]), ([40, h, 41], [], [0])])
    torch.testing.assert_close(without[:1], rows.logits([([40, 41], [], [])]), rtol=0, atol=2e-5)


def test_positions_count_from_the_first_real_token(
    model: MultiMoodForConditionalGeneration, rows: Rows
) -> None:
    """Quirk 21."""
    seen: list[torch.Tensor] = []
    handle = model.model.rotary_emb.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs.get("position_ids", args[-1])), with_kwargs=True
    )
    try:
        rows.logits([([40, 41, 42, 43], [], []), ([44, 45], [], [])], left=True)
    finally:
        handle.remove()
    assert seen[0].tolist() == [[0, 1, 2, 3], [0, 0, 0, 1]]


def test_every_token_of_a_row_is_attended_whatever_its_id(
    tokenizer: PreTrainedTokenizerFast, processor: MultiMoodProcessor
) -> None:
    """Quirk 22: the published mask hides ids that equal the padding's."""
    padded = [torch.tensor([40, processor.tokenizer.pad_token_id, 41]), torch.tensor([42])]
    none = torch.zeros(0, dtype=torch.long)
    samples: Any = [{"input_ids": ids, "history_input_ids": none} for ids in padded]
    batch = processor.collate(samples, padding_side="left")
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]


def test_a_long_prompt_keeps_its_clips(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput]
) -> None:
    """Quirk 22: texts are cut, placeholders are not."""
    words = " ".join(f"word{i}" for i in range(4000))
    long = replace(stimuli[2], client_turns=(TurnText("client", words),) * 4)
    sample = processor.encode(long)
    places = processor.config.placeholders
    assert int(sample["input_ids"].eq(places.video).sum()) == 16
    assert int(sample["input_ids"].eq(places.history).sum()) == 4


def test_clips_of_unequal_frames_share_a_sample(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
    rows: Rows,
) -> None:
    """Quirk 17, through the processor."""
    both = [rows.clip(0), rows.clip(1)]
    given = iter([*both, both[0], both[1]])
    stimulus = stimuli[0]
    one = processor.encode(stimulus, load_clip=lambda _: next(given))
    other = processor.encode(stimulus, load_clip=lambda _: next(given))
    batch = processor.collate([one, other])
    assert batch["video_values"].shape[:2] == (4, 8)
    assert batch["video_padding_mask"].sum(1).tolist() == [0, 3, 0, 3]
    with torch.no_grad():
        assert torch.isfinite(model(**batch).logits).all()
