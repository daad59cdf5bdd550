"""The own decode loop against transformers' forward and against brute force."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.backbone import Backbone
from inference.multimood.decoding import Manner, Rows, decode
from inference.multimood.label_lines import LabelLines
from inference.multimood.label_tree import ReplyPlan
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt_file import shipped
from inference.multimood.sampling import Draws

LENGTHS = (9, 70, 23)


@pytest.fixture(scope="module")
def prompts(model: MultiMoodForConditionalGeneration) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randint(20, 300, (length,), generator=generator) for length in LENGTHS]


@pytest.fixture(scope="module")
def backbone(model: MultiMoodForConditionalGeneration) -> Backbone:
    backbone = Backbone(model)
    backbone.reserve(400)
    return backbone


@torch.inference_mode()
def full_logits(
    model: MultiMoodForConditionalGeneration, prompt: torch.Tensor, reply: Sequence[int]
) -> torch.Tensor:
    """What transformers says follows the prompt and each token of the reply."""
    ids = torch.cat([prompt, torch.tensor(reply, dtype=torch.long)])[None]
    logits: torch.Tensor = model(input_ids=ids).logits[0, len(prompt) - 1 :]
    return logits


@torch.inference_mode()
def prefilled(backbone: Backbone, prompts: Sequence[torch.Tensor]):  # type: ignore[no-untyped-def]
    cache = backbone.new_cache([len(prompt) for prompt in prompts])
    embed = backbone.model.embed_tokens
    last = [
        backbone.prefill(embed(prompt), cache, i, last=True) for i, prompt in enumerate(prompts)
    ]
    return cache, torch.cat([row for row in last if row is not None])


@torch.inference_mode()
def test_decoded_rows_follow_the_logits_of_transformers(
    model: MultiMoodForConditionalGeneration, backbone: Backbone, prompts: list[torch.Tensor]
) -> None:
    """Several rows a prompt, rows that leave early, prompts that leave the cache."""
    cache, last = prefilled(backbone, prompts)
    rows = [0, 0, 1, 2, 2, 2, 2, 2, 2, 2]
    cache.start_rows(rows, 8)  # too few for the longest: it widens
    logits = backbone.logits(last)[rows]
    budgets = [3, 7, 40, 5, 5, 5, 5, 5, 5, 36]
    draws = [Draws(seed, 40) for seed in range(len(rows))]
    written = decode(
        backbone,
        cache,
        logits,
        Manner(1.0, 1.0, 40),
        draws,
        lambda answer, tokens: len(tokens) >= budgets[answer],
    )
    assert [len(tokens) for tokens in written] == budgets
    assert len({tuple(tokens) for tokens in written}) == len(rows)
    for row, (prompt, tokens) in enumerate(zip(rows, written, strict=True)):
        scores = full_logits(model, prompts[prompt], tokens[:-1])
        scores[:, backbone.suppressed] = -torch.inf
        sums = [torch.softmax(step, -1).double() for step in scores]
        own = Draws(row, 40)
        for shares, token in zip(sums, tokens, strict=True):
            number = own.next()
            assert float(shares[:token].sum()) - 1e-6 <= number
            assert number <= float(shares[: token + 1].sum()) + 1e-6


@torch.inference_mode()
def test_labels_are_as_probable_as_their_complete_texts(
    model: MultiMoodForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    backbone: Backbone,
    prompts: list[torch.Tensor],
) -> None:
    plan = ReplyPlan(tokenizer, shipped("full"))
    cache, _ = prefilled(backbone, prompts)
    rows = [0, 0, 1, 2, 2]
    lines = LabelLines(backbone, cache, plan, rows)
    draws = [Draws(seed, 3) for seed in range(5)]
    before: list[tuple[str, ...]] = [()] * len(rows)
    for labels in (EMOTIONS, EMOTIONS, STRATEGIES):
        decided = lines.decide(labels, 1.5, draws)
        for row, (label, shares) in enumerate(decided):
            prompt = prompts[rows[row]]
            expected = brute_force(model, backbone, plan, prompt, before[row], labels)
            assert torch.allclose(shares.log(), expected.log(), atol=1e-5)
            before[row] = (*before[row], labels[label])
    logits = lines.open_response()
    for row, opened in enumerate(logits):
        opening = plan.opening(before[row])
        expected = full_logits(model, prompts[rows[row]], opening)[-1]
        expected[backbone.suppressed] = -torch.inf
        assert torch.allclose(opened, expected, atol=1e-5)


def brute_force(
    model: MultiMoodForConditionalGeneration,
    backbone: Backbone,
    plan: ReplyPlan,
    prompt: torch.Tensor,
    before: tuple[str, ...],
    labels: tuple[str, ...],
) -> torch.Tensor:
    """One forward pass for each complete text."""
    start = "".join(t + label for t, label in zip(plan.texts, [*before, ""], strict=False))
    following = plan.texts[len(before) + 1].rstrip()
    totals = []
    for label in labels:
        encoded = plan.tokenizer(
            start + label + following, add_special_tokens=False, return_offsets_mapping=True
        )
        begins, text = len(start.rstrip()), len(start) + len(label)
        scored = [i for i, (a, _) in enumerate(encoded["offset_mapping"]) if begins <= a <= text]
        ids = encoded["input_ids"]
        logits = full_logits(model, prompt, ids[:-1])
        logits[:, backbone.suppressed] = -torch.inf
        logs = torch.log_softmax(logits, -1)
        totals.append(sum(float(logs[i, ids[i]]) for i in scored))
    return torch.softmax(torch.tensor(totals, dtype=torch.float64), -1)


def test_half_precision_stays_near_transformers(
    model: MultiMoodForConditionalGeneration, prompts: list[torch.Tensor]
) -> None:
    half = copy.deepcopy(model).to(torch.bfloat16)
    backbone = Backbone(half)
    tokens = [30, 31, 32, 33]
    with torch.inference_mode():
        cache, last = prefilled(backbone, prompts)
        cache.start_rows(range(len(prompts)), 8)
        steps = [backbone.logits(last)]
        backbone.reserve(200)
        rows = Rows(cache)
        for token in tokens:
            hidden = backbone.advance(cache, rows.step([token] * len(prompts)))
            steps.append(backbone.logits(hidden[: len(prompts), 0]))
        for row, prompt in enumerate(prompts):
            exact = full_logits(model, prompt, tokens)
            exact[:, backbone.suppressed] = -torch.inf
            own = torch.stack([step[row] for step in steps])
            theirs = full_logits(half, prompt, tokens)
            theirs[:, backbone.suppressed] = -torch.inf
            said = exact.isfinite()
            ours_off = (own - exact)[said].abs().mean()
            assert ours_off < 1.5 * (theirs - exact)[said].abs().mean()


def test_placeholders_are_never_said(
    backbone: Backbone, processor: MultiMoodProcessor, prompts: list[torch.Tensor]
) -> None:
    places = processor.config.placeholders
    with torch.inference_mode():
        logits = backbone.logits(prefilled(backbone, prompts)[1])
    assert torch.isinf(logits[:, [places.video, places.audio, places.history]]).all()
