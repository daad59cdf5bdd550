"""Replies that share a row with their prompt score as they would alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from inference.contracts import PreferencePair, ReplyFields
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.splice import IGNORED
from inference.training.config import TrainingConfig
from inference.training.dpo_pairs import load_pairs
from inference.training.pair_rows import PairEncoder, PairRows
from inference.training.shared_prompts import Answer, SharedRow, collate_rows, score, visible
from inference.training.targets import response_only

MakeConfig = Callable[..., TrainingConfig]


@pytest.fixture
def model(base: Any) -> MultiMoodForConditionalGeneration:
    return MultiMoodForConditionalGeneration.from_pretrained(base, dtype=torch.float32)


def alone(
    model: MultiMoodForConditionalGeneration,
    encoder: PairEncoder,
    pair: PreferencePair,
    reply: ReplyFields,
) -> torch.Tensor:
    """Of the learned tokens, in a row of its own and with all logits."""
    processor = encoder.processor
    target = processor.template.reply_lines(reply)
    stimulus, modality = encoder.prompt_of(pair)
    sample = processor.encode(stimulus, target, modality, encoder.load_clip)
    if encoder.config.trains == "response":
        sample = response_only(processor, sample, reply)
    batch = processor.collate([sample])
    labels = batch.pop("labels")[0, 1:]
    logits = model(**batch).logits[0, :-1]
    learned = labels != IGNORED
    tokens = logits.log_softmax(-1)[learned].gather(-1, labels[learned][:, None])
    total: torch.Tensor = tokens.sum()
    return total


def encoder_of(config: TrainingConfig, processor: MultiMoodProcessor) -> PairEncoder:
    return PairEncoder(processor, processor.load_clip, config)


@pytest.mark.parametrize("trains", ["response", "all"])
def test_pairs_score_and_teach_as_replies_in_rows_of_their_own(
    dpo_config: MakeConfig,
    processor: MultiMoodProcessor,
    model: MultiMoodForConditionalGeneration,
    trains: str,
) -> None:
    """With and without history, no clip, one clip, two clips; rows of unequal length."""
    encoder = encoder_of(dpo_config(trains=trains), processor)
    pairs = load_pairs(encoder.config)[:6]
    weights = torch.linspace(-1, 1, 12).view(6, 2)

    def gradients(logps: torch.Tensor) -> dict[str, torch.Tensor]:
        model.zero_grad()
        torch.autograd.backward((logps * weights).sum())
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    plain = torch.stack(
        [alone(model, encoder, pair, r) for pair in pairs for r in (pair.chosen, pair.rejected)]
    ).view(6, 2)
    expected = gradients(plain)
    rows = PairRows(pairs, encoder, None)
    shared = score(model, rows.collate([rows[n] for n in range(6)])).view(6, 2)
    torch.testing.assert_close(shared, plain, atol=1e-4, rtol=1e-5)
    found = gradients(shared)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(
            found[name], gradient, atol=1e-5 + 1e-4 * scale, rtol=1e-3, msg=name
        )


def test_many_replies_share_one_prompt(
    dpo_config: MakeConfig,
    processor: MultiMoodProcessor,
    model: MultiMoodForConditionalGeneration,
) -> None:
    encoder = encoder_of(dpo_config(), processor)
    pair = load_pairs(encoder.config)[5]
    texts = ("Tell me more.", "I see.", "I see what you mean, and I am sorry.")
    replies = [pair.chosen, *(replace(pair.chosen, text=text) for text in texts), pair.rejected]
    row = encoder.row(*encoder.prompt_of(pair), replies)
    with torch.no_grad():
        together = score(model, collate_rows([row], processor.tokenizer.pad_token_id))
        one_by_one = torch.stack([alone(model, encoder, pair, reply) for reply in replies])
    torch.testing.assert_close(together, one_by_one, atol=1e-4, rtol=1e-5)


def answers(*ids: Sequence[int], learned: int) -> list[Answer]:
    return [Answer(torch.tensor(one), learned) for one in ids]


def test_row_is_the_prompt_with_what_is_common_and_then_each_answer() -> None:
    row = SharedRow.of(
        {"input_ids": torch.tensor([10, 11])}, answers([20, 21, 22], [20, 31, 32, 33], learned=2)
    )
    assert row.sample["input_ids"].tolist() == [10, 11, 20, 21, 22, 31, 32, 33]
    assert row.branches.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert row.positions.tolist() == [0, 1, 2, 3, 4, 3, 4, 5]
    # 21 and 22 are predicted from 20 and 21; 32 and 33 from 31 and 32.
    assert row.sources.tolist() == [2, 3, 5, 6]
    assert row.targets.tolist() == [21, 22, 32, 33]


def test_tokens_in_common_count_for_every_answer() -> None:
    row = SharedRow.of(
        {"input_ids": torch.tensor([10, 11])}, answers([20, 21, 22], [20, 21, 33], learned=3)
    )
    assert row.sample["input_ids"].tolist() == [10, 11, 20, 21, 22, 33]
    assert row.sources.tolist() == [1, 2, 3, 1, 2, 3]
    assert row.targets.tolist() == [20, 21, 22, 20, 21, 33]


def test_an_answer_sees_the_prompt_and_itself() -> None:
    branches = torch.tensor([[0, 1, 2, 2, 0]])
    mask = visible(torch.tensor([[1, 1, 1, 1, 0]]), branches)
    assert mask[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [1, 0, 1, 1, 0],
        [1, 0, 0, 0, 0],  # padding sees something, so that its softmax is a number
    ]
