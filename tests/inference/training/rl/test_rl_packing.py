"""A prompt and its answers in one row give the numbers of a row each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.training.rl import policy as policy_module
from inference.training.rl.packing import positions, predictors, visibility
from inference.training.rl.policy import Policy
from inference.training.rl.prompts import prompts_of
from tests.inference.training.rl.rl_runs import MakeConfig

PROMPTS = torch.tensor([[1, 1, 0], [1, 1, 1]])
ANSWERS = torch.tensor([[[1, 1], [1, 0]], [[1, 1], [1, 1]]])


def test_each_answer_sees_the_prompt_and_itself() -> None:
    seen = visibility(PROMPTS, ANSWERS)[0, 0].int().tolist()
    assert seen == [
        # p0 p1 pad a0 a1 b0 pad
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],  # padding, which nothing sees
        [1, 1, 0, 1, 0, 0, 0],
        [1, 1, 0, 1, 1, 0, 0],
        [1, 1, 0, 0, 0, 1, 0],
        [1, 1, 0, 0, 0, 1, 1],
    ]


def test_positions_go_on_from_the_prompts_end() -> None:
    assert positions(PROMPTS, ANSWERS.shape).tolist() == [
        [0, 1, 2, 2, 3, 2, 3],
        [0, 1, 2, 3, 4, 3, 4],
    ]


def test_the_first_token_is_predicted_by_the_prompts_last() -> None:
    assert predictors(PROMPTS, ANSWERS.shape).tolist() == [
        [[1, 3], [1, 5]],
        [[2, 3], [2, 5]],
    ]


def test_scores_are_those_of_the_models_own_forward_with_media_and_history(
    base: Path, processor: MultiMoodProcessor, rl_config: MakeConfig
) -> None:
    config = rl_config(temperature=0.7)
    model = MultiMoodForConditionalGeneration.from_pretrained(base, dtype=torch.float32).eval()
    prompts = [
        processor.encode(asked.stimulus, None, "av", processor.load_clip)
        for asked in prompts_of(config, "train")
    ]
    ids = torch.randint(8, 300, (3, 2, 5), generator=torch.Generator().manual_seed(3))
    mask = torch.ones(3, 2, 5)
    mask[0, 0, 3:] = mask[2, 1, 1:] = 0
    policy = Policy(model, config.temperature, values=False)
    with torch.no_grad():
        scores = policy(processor.collate(prompts), ids, mask)
        for n, k in [(0, 0), (0, 1), (1, 0), (2, 1)]:
            alone = processor.collate([prompts[n]])
            length = int(mask[n, k].sum())
            answer = ids[n, k, :length]
            alone["input_ids"] = torch.cat([alone["input_ids"], answer[None]], 1)
            alone["attention_mask"] = torch.ones_like(alone["input_ids"])
            logits = model(**alone).logits[0, -length - 1 : -1]
            logits[:, policy.unsaid] = -torch.inf
            expected = torch.log_softmax(logits / 0.7, -1)
            logps = expected.gather(-1, answer[:, None])[:, 0]
            torch.testing.assert_close(scores.logps[n, k, :length], logps, atol=1e-5, rtol=1e-5)
            entropy = -(expected.exp() * expected.nan_to_num(neginf=0.0)).sum(-1)
            torch.testing.assert_close(scores.entropy[n, k, :length], entropy, atol=1e-4, rtol=1e-4)
    assert (scores.logps[mask == 0] == 0).all()


def test_logits_made_part_by_part_change_nothing(
    base: Path,
    processor: MultiMoodProcessor,
    rl_config: MakeConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = MultiMoodForConditionalGeneration.from_pretrained(base, dtype=torch.float32)
    asked = prompts_of(rl_config(), "train")
    prompts = processor.collate([processor.encode(one.stimulus, None, "text") for one in asked])
    ids = torch.randint(8, 300, (3, 2, 5), generator=torch.Generator().manual_seed(3))
    policy = Policy(model, 1.0, values=False)

    def scored() -> tuple[torch.Tensor, torch.Tensor]:
        policy.zero_grad()
        logps = policy(prompts, ids, torch.ones(3, 2, 5)).logps
        logps.sum().backward()
        gradient = model.lm_head.weight.grad
        assert gradient is not None
        return logps.detach(), gradient.clone()

    whole = scored()
    monkeypatch.setattr(policy_module, "LOGITS_ELEMENTS", 4 * model.config.vocab_size)
    for found, expected in zip(scored(), whole, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
