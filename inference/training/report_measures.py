"""What two models say and think about the same held-out data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple

import torch

from inference.contracts import PreferencePair
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor, Sample
from inference.multimood.splice import IGNORED
from inference.training.asking import Answered, Asking, Check
from inference.training.compressor import Readings
from inference.training.pair_rows import PairEncoder, PairRows
from inference.training.shared_prompts import score

TOGETHER = 8
Place = Callable[[MultiMoodForConditionalGeneration], AbstractContextManager[object]]


def log_probabilities(
    model: MultiMoodForConditionalGeneration,
    pairs: Sequence[PreferencePair],
    asking: Asking,
    check: Check,
) -> list[tuple[float, float]]:
    """Of each pair's chosen and rejected reply, in nats, summed or, where the run does so, averaged
    over the tokens that it learns from; shown as when it trains."""
    rows = PairRows(pairs, PairEncoder(asking.processor, asking.load_clip, asking.config), None)
    found: list[tuple[float, float]] = []
    for start in range(0, len(pairs), TOGETHER):
        numbers = range(start, min(start + TOGETHER, len(pairs)))
        batch = rows.collate([rows[number] for number in numbers])
        with torch.no_grad():
            scores = score(model, {name: v.to(model.device) for name, v in batch.items()})
        if asking.config.length_normalised:
            scores = scores / batch["lengths"].to(scores.device)
        found += [(chosen, rejected) for chosen, rejected in scores.view(-1, 2).tolist()]
        check(len(numbers))
    return found


@torch.no_grad()
def divergences(
    result: MultiMoodForConditionalGeneration,
    base: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    answered: Sequence[Answered],
    check: Check,
    placed: Place = nullcontext,
) -> list[float]:
    """KL(result || base) along each answer, in nats: at every token of the whole vocabulary, and
    summed. Over answers sampled from `result` at temperature 1 its mean is an unbiased estimate of
    the divergence of answers, of less variance than the log ratio of the tokens said.

    placed: in it a model is where it computes; never both at a time.
    """
    with placed(result):
        ours = [_next_token(result, processor, one).cpu() for one in answered]
    found = []
    with placed(base):
        for new, one in zip(ours, answered, strict=True):
            old = _next_token(base, processor, one).cpu()
            found.append(float((new.exp() * (new - old)).sum()))
            check(1)
    return found


def _next_token(
    model: MultiMoodForConditionalGeneration, processor: MultiMoodProcessor, one: Answered
) -> torch.Tensor:
    """(T, vocabulary) log-probabilities at each token of the answer, in float32. What is never
    said, placeholders, has none to speak of."""
    row: Sample = {**one.prompt, "input_ids": torch.cat([one.prompt["input_ids"], one.ids])}
    batch = {name: value.to(model.device) for name, value in processor.collate([row]).items()}
    logits = model(**batch, logits_to_keep=len(one.ids) + 1, use_cache=False).logits
    logits = logits[0, :-1].float()
    unsaid = [i for i in astuple(model.config.placeholders) if 0 <= i < logits.shape[-1]]
    logits[:, unsaid] = torch.finfo(logits.dtype).min
    log_probabilities: torch.Tensor = logits.log_softmax(-1)
    return log_probabilities


@torch.no_grad()
def reconstruction_losses(
    model: MultiMoodForConditionalGeneration, readings: Readings, check: Check
) -> list[tuple[float, int]]:
    """(nats, tokens) of each history written down from what the compressor made of it."""
    found = []
    for reading in (readings[number] for number in range(len(readings))):
        batch = readings.processor.collate([reading])
        batch = {name: value.to(model.device) for name, value in batch.items()}
        tokens = int((batch["labels"] != IGNORED).sum())
        found.append((float(model(**batch).loss) * tokens, tokens))
        check(1)
    return found
