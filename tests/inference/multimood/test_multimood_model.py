from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from trl.trainer.utils import add_fused_lm_head

from inference.contracts import StimulusInput
from inference.multimood.audio import token_padding
from inference.multimood.features import TowerCache
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.splice import IGNORED, SpliceError

PATCHES = "vision_tower.vision_model.embeddings.patch_embedding.weight"
TARGET = "Client's emotion: sadness"


def assert_close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


def batch_of(
    processor: MultiMoodProcessor, stimuli: list[StimulusInput], side: str = "right", **options: Any
) -> dict[str, torch.Tensor]:
    samples = [processor.encode(stimulus, TARGET, **options) for stimulus in stimuli]
    return processor.collate(samples, padding_side=side)


def last_logits(
    model: MultiMoodForConditionalGeneration, batch: dict[str, torch.Tensor]
) -> torch.Tensor:
    """Of each row's last real token."""
    with torch.no_grad():
        logits: torch.Tensor = model(**batch).logits
    steps = torch.arange(logits.shape[1])
    last = (batch["attention_mask"] * steps).argmax(1)
    return logits[torch.arange(len(logits)), last]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_row_does_not_depend_on_the_rows_beside_it(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
    side: str,
) -> None:
    together = last_logits(model, batch_of(processor, stimuli, side))
    alone = torch.cat([last_logits(model, batch_of(processor, [one], side)) for one in stimuli])
    assert_close(together, alone)


def test_clip_words_and_history_each_move_the_answer(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
    clips: tuple[Path, Path],
) -> None:
    one = stimuli[2]
    base = last_logits(model, batch_of(processor, [one]))
    changed = [
        replace(one, clip_paths=(clips[0],)),
        replace(one, client_turns=stimuli[0].client_turns),
        replace(one, history=one.history[:1]),
    ]
    for other in changed:
        assert (last_logits(model, batch_of(processor, [other])) - base).abs().max() > 1e-4


def test_features_from_the_towers_replace_the_clip(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    cache = TowerCache(model.model, processor)
    pixels = batch_of(processor, stimuli)
    features = batch_of(processor, stimuli, load_clip=cache.load)
    assert "video_values" in pixels
    assert "video_features" in features
    assert_close(last_logits(model, features), last_logits(model, pixels))


def test_media_given_once_serve_chosen_and_rejected(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = batch_of(processor, stimuli)
    rows = ("input_ids", "attention_mask", "labels")
    twice = {k: v.repeat(2, 1) if k in rows else v for k, v in batch.items()}
    once = last_logits(model, batch)
    assert_close(last_logits(model, twice), torch.cat([once, once]))


def test_missing_media_are_refused(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = batch_of(processor, stimuli)
    batch["video_values"] = batch["video_values"][:1]
    with pytest.raises(SpliceError, match="video"):
        model(**batch)


@pytest.mark.parametrize("name", ["video_values", "audio_values", "history_input_ids"])
def test_placeholders_without_media_are_refused(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
    name: str,
) -> None:
    batch = batch_of(processor, stimuli)
    del batch[name]
    with pytest.raises(SpliceError, match=name.split("_")[0]):
        model(**batch)


def test_sound_is_attended_by_whole_patches(processor: MultiMoodProcessor) -> None:
    frames = torch.tensor([[0] * 70 + [1] * 30])  # patches of 32: two whole ones are sound
    padding = token_padding(processor.config.audio_config, frames)
    assert padding.tolist() == [[False] * 8 + [True] * 4]


def test_checkpointed_gradients_equal_plain_ones(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = batch_of(processor, stimuli)
    names = (
        "model.mm_projector.readout.0.weight",
        "model.mm_projector_a.0.weight",
        "model.mamba_compressor.memory_projection.weight",
        "model.layers.0.self_attn.q_proj.weight",
    )

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        model(**batch).loss.backward()
        grads = [model.get_parameter(name).grad for name in names]
        assert all(grad is not None for grad in grads)
        return [grad.clone() for grad in grads if grad is not None]

    model.train()
    try:
        plain = gradients()
        model.activation_checkpointing_enable()
        checkpointed = gradients()
    finally:
        model.activation_checkpointing_disable()
        model.zero_grad()
        model.eval()
    for ours, theirs in zip(plain, checkpointed, strict=True):
        assert ours.abs().max() > 0
        assert_close(ours, theirs)


def test_vision_tower_learns_only_when_asked(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    tower = model.model.vision_tower
    try:
        model(**batch_of(processor, stimuli)).loss.backward()
        assert tower.get_parameter(PATCHES).grad is None
        model.model.train_towers(True)
        model(**batch_of(processor, stimuli)).loss.backward()
        grad = tower.get_parameter(PATCHES).grad
        assert grad is not None
        assert grad.abs().max() > 0
    finally:
        model.model.train_towers(False)
        model.model.audio_tower.requires_grad_(True)
        model.zero_grad()


def test_lora_switched_off_is_the_base_exactly(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = batch_of(processor, stimuli)
    base = last_logits(model, batch)
    copy = MultiMoodForConditionalGeneration(model.config).eval()
    copy.load_state_dict(model.state_dict())
    config = LoraConfig(
        r=4,
        target_modules=r"model\.layers\.\d+\.self_attn\.(q_proj|v_proj)",
        modules_to_save=["mm_projector_a"],
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )
    tuned = get_peft_model(copy, config).eval()
    assert (last_logits(tuned, batch) - base).abs().max() > 1e-4
    with tuned.disable_adapter():
        assert torch.equal(last_logits(tuned, batch), base)


def test_trl_may_score_with_its_fused_head(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    """TRL calls the backbone and the head apart from each other."""
    batch = batch_of(processor, stimuli)
    fused = MultiMoodForConditionalGeneration(model.config).eval()
    fused.load_state_dict(model.state_dict())
    add_fused_lm_head(fused)
    with torch.no_grad():
        scored = fused(**batch, fused_lm_head=True).log_probs
        logits = model(**batch).logits[:, :-1]
    labels = batch["labels"][:, 1:]
    own = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    assert_close(scored, own.masked_fill(labels == IGNORED, 0))


def test_several_answers_a_prompt_take_the_prompt_s_media(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = processor.collate([processor.encode(one) for one in stimuli], padding_side="left")
    settings = {"max_new_tokens": 6, "pad_token_id": processor.tokenizer.pad_token_id}
    single = model.generate(**batch, do_sample=False, **settings)
    several = model.generate(**batch, num_beams=1, num_return_sequences=1, **settings)
    assert torch.equal(single, several)
    torch.manual_seed(0)
    # Sampling that can only take the best token: every copy of a row repeats the greedy answer.
    copies = model.generate(**batch, do_sample=True, top_k=1, num_return_sequences=2, **settings)
    assert torch.equal(copies, single.repeat_interleave(2, dim=0))


def test_cache_changes_no_token(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = processor.collate([processor.encode(one) for one in stimuli], padding_side="left")
    settings = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}
    cached = model.generate(**batch, use_cache=True, **settings)
    assert torch.equal(cached, model.generate(**batch, use_cache=False, **settings))


def test_placeholders_are_never_sampled(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    stimuli: list[StimulusInput],
) -> None:
    batch = processor.collate([processor.encode(one) for one in stimuli], padding_side="left")
    out = model.generate(
        **batch, do_sample=True, temperature=50.0, top_k=0, max_new_tokens=80, eos_token_id=[]
    )
    new = out[:, batch["input_ids"].shape[1] :]
    places = model.config.placeholders
    banned = torch.tensor([places.image, places.video, places.audio, places.history])
    assert new.unique().numel() > 50
    assert not torch.isin(new, banned).any()
