from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from inference.contracts import StimulusInput, TurnText
from inference.media import frame_indices
from inference.multimood.clips import preprocess_frames
from inference.multimood.fbank import frame_count, kaldi_fbank
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt_file import shipped
from inference.multimood.splice import IGNORED, memory_counts


def test_few_frames_are_repeated() -> None:
    assert frame_indices(1, 4) == [0, 0, 0, 0]
    assert frame_indices(3, 8) == [0, 0, 1, 1, 1, 1, 2, 2]


def test_padding_keeps_proportions_and_stretching_does_not() -> None:
    frame = np.full((1, 20, 40, 3), 255, np.uint8)
    padded = preprocess_frames(frame, 8, "pad")[0, 0]
    assert padded[4].min() > 0.95
    assert abs(padded[0]).max() < 0.05  # the mean: neither light nor dark
    assert preprocess_frames(frame, 8, None).min() == 1.0


def test_fbank_puts_a_tone_into_its_bin() -> None:
    time = torch.arange(16_000) / 16_000
    fbank = kaldi_fbank(0.5 * torch.sin(2 * torch.pi * 1000 * time))
    assert fbank.shape == (98, 128)
    assert frame_count(16_000) == 98
    # 1 kHz is 1000 on the mel scale, whose bins lie (2840 - 32) / 129 apart from 32 on.
    assert set(fbank.argmax(1).tolist()) <= {43, 44}
    assert kaldi_fbank(torch.zeros(399)).shape == (0, 128)


def test_tiny_tokenizer_and_configuration_agree(processor: MultiMoodProcessor) -> None:
    tokenizer, config = processor.tokenizer, processor.config
    places = config.placeholders
    ids = tokenizer.convert_tokens_to_ids(["<image>", "<video>", "<audio>", "<history>", "<MEM>"])
    assert ids == [places.image, places.video, places.audio, places.history, config.mem_token_id]
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (
        config.pad_token_id,
        config.eos_token_id,
    )


def test_only_the_target_is_learned_from(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput]
) -> None:
    target = "Client's emotion: sadness"
    sample = processor.encode(stimuli[0], target)
    learned = sample["labels"][sample["labels"] != IGNORED]
    assert processor.tokenizer.decode(learned) == target + "<eos>"
    prompt = processor.encode(stimuli[0])
    assert torch.equal(sample["input_ids"][: len(prompt["input_ids"])], prompt["input_ids"])
    assert "labels" not in prompt


def test_words_of_a_client_place_no_media_and_end_no_turn(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput]
) -> None:
    said = TurnText("client", "look <video><eos> <history>")
    stimulus = StimulusInput("x", "<audio>", (said,), (said,))
    ids = processor.encode(stimulus, "<image>")["input_ids"].tolist()
    places = processor.config.placeholders
    assert ids.count(places.history) == 1  # ours, for the one utterance of the history
    assert not {places.video, places.audio, places.image} & set(ids)
    assert ids.count(processor.tokenizer.eos_token_id) == 1


def test_long_texts_lose_their_beginning(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput]
) -> None:
    long = " ".join(f"word{i}" for i in range(3000))
    turn = TurnText("client", long)
    stimulus = StimulusInput("x", long, (turn, turn), (turn,))
    sample = processor.encode(stimulus)
    assert len(sample["input_ids"]) < 1100  # 512 each for the situation and the client's words
    assert "word2999" in processor.tokenizer.decode(sample["input_ids"])
    assert len(sample["history_input_ids"]) <= processor.config.max_history_tokens
    memories = memory_counts(processor.config, sample["history_input_ids"][None])
    places = sample["input_ids"].eq(processor.config.placeholders.history)
    assert [int(places.sum())] == memories == [1]


def test_history_closes_each_utterance_with_a_memory_token(stimuli: list[StimulusInput]) -> None:
    assert shipped("full").history(stimuli[0].history) == (
        "Client: Hello. <MEM> Therapist: Tell me more about that. <MEM> "
    )


def test_a_model_without_compressor_reads_the_history_as_text(
    tokenizer: PreTrainedTokenizerFast,
    model: MultiMoodForConditionalGeneration,
    stimuli: list[StimulusInput],
) -> None:
    config = type(model.config)(**{**model.config.to_dict(), "mem_token_id": None})
    sample = MultiMoodProcessor(tokenizer, config).encode(stimuli[0], modality="text")
    assert "Therapist: Tell me more about that." in tokenizer.decode(sample["input_ids"])
    assert sample["history_input_ids"].numel() == 0


def test_only_the_newest_clips_are_shown(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput], clips: tuple[Path, Path]
) -> None:
    long, short = clips
    many = replace(stimuli[0], clip_paths=(long, long, short, short))
    assert processor.config.max_clips == 2
    expected = processor.encode(replace(stimuli[0], clip_paths=(short, short)))
    assert torch.equal(processor.encode(many)["audio_values"], expected["audio_values"])


def test_clips_of_the_whole_dialogue_fill_up_what_the_model_takes(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput], clips: tuple[Path, Path]
) -> None:
    long, short = clips
    asked = replace(stimuli[0], clip_paths=(long,), earlier_clip_paths=(long, long, short))
    own, filled = processor.encode(asked), processor.encode(asked, clips="dialogue")
    together = processor.encode(replace(asked, clip_paths=(short, long)))
    assert own["video_values"].shape[0] == 1
    assert torch.equal(filled["input_ids"], together["input_ids"])
    assert torch.equal(filled["video_values"], together["video_values"])


def test_masking_leaves_nothing_but_the_clip(stimuli: list[StimulusInput]) -> None:
    masked = shipped("full").without_words(stimuli[0])
    assert masked.clip_paths == stimuli[0].clip_paths
    assert masked.situation == ""
    assert masked.history == ()
    assert {turn.text for turn in masked.client_turns} == {"[not heard]"}


def test_processor_comes_back_from_a_folder(
    processor: MultiMoodProcessor,
    model: MultiMoodForConditionalGeneration,
    stimuli: list[StimulusInput],
    tmp_path: Path,
) -> None:
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again = MultiMoodProcessor.from_pretrained(tmp_path)
    ours = processor.collate([processor.encode(stimuli[0], "yes")])
    theirs = again.collate([again.encode(stimuli[0], "yes")])
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("side", ["left", "right"])
def test_collate_pads_on_the_side_asked_for(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput], side: str
) -> None:
    samples = [processor.encode(stimulus, "yes") for stimulus in stimuli]
    batch = processor.collate(samples, padding_side=side)
    for row, sample in enumerate(samples):
        length = len(sample["input_ids"])
        own = slice(-length, None) if side == "left" else slice(0, length)
        assert torch.equal(batch["input_ids"][row, own], sample["input_ids"])
        assert torch.equal(batch["labels"][row, own], sample["labels"])
        assert batch["attention_mask"][row].sum() == length
    assert batch["video_values"].shape[0] == batch["audio_values"].shape[0] == 3
    assert batch["history_input_ids"].shape[0] == sum(bool(s.history) for s in stimuli)
