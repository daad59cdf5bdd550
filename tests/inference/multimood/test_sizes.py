"""The published sizes, without memory for them: parameters on the meta device."""

from __future__ import annotations

import pytest
import torch

from inference.contracts import StimulusInput
from inference.multimood.audio import audio_token_count
from inference.multimood.config import MultiMoodConfig
from inference.multimood.connector import video_token_count
from inference.multimood.fbank import SAMPLE_RATE, frame_count
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor


@pytest.fixture(scope="module")
def published() -> MultiMoodForConditionalGeneration:
    """Qwen2-7B's configuration with towers by name only, as a published config.json has it."""
    config = MultiMoodConfig(
        vocab_size=152064,
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        rope_theta=1e6,
        tokenizer_len=151649,
        mem_token_id=151648,
    )
    with torch.device("meta"):
        return MultiMoodForConditionalGeneration(config)


def shape(model: MultiMoodForConditionalGeneration, name: str) -> tuple[int, ...]:
    return tuple(model.get_parameter(name).shape)


def test_parts_have_the_published_widths(published: MultiMoodForConditionalGeneration) -> None:
    assert shape(published, "model.mm_projector.s1.b1.se.fc1.weight") == (288, 3584, 1, 1)
    assert shape(published, "model.mm_projector.s1.b2.se.fc1.weight") == (896, 3584, 1, 1)
    assert shape(published, "model.mm_projector.sampler.0.weight") == (3584, 3584, 2, 2, 2)
    assert shape(published, "model.mm_projector_a.0.weight") == (3584, 768)
    assert shape(published, "model.mamba_compressor.mamba.embeddings.weight") == (151649, 1024)
    assert shape(published, "model.mamba_compressor.memory_projection.weight") == (3584, 1024)
    billions = sum(parameter.numel() for parameter in published.parameters()) / 1e9
    # Qwen2-7B has 7.6, SigLIP so400m 0.4, BEATs 0.1, Mamba 0.4 and 0.1 more for its larger
    # vocabulary; the rest is the connector.
    assert 8.9 < billions < 9.5


def test_clips_have_the_published_numbers_of_embeddings(
    published: MultiMoodForConditionalGeneration,
) -> None:
    config = published.config
    patches = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    assert video_token_count(8, patches) == 676
    assert video_token_count(16, patches) == 1352
    assert frame_count(30 * SAMPLE_RATE) == 2998
    assert audio_token_count(config.audio_config, 2998) == 1496


def test_half_precision_stays_close_to_single(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = processor.collate([processor.encode(one, "yes") for one in stimuli])
    half = MultiMoodForConditionalGeneration(model.config).eval()
    half.load_state_dict(model.state_dict())
    half.to(torch.bfloat16)
    with torch.no_grad():
        ours, theirs = model(**batch).logits, half(**batch).logits
    assert theirs.dtype == torch.bfloat16
    seen = batch["attention_mask"].bool()
    apart = (ours - theirs.float())[seen].abs().max() / ours[seen].abs().max()
    assert 0 < apart < 0.1
