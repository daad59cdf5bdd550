"""Which tokens of a reply are learned from."""

from __future__ import annotations

import torch

from inference.contracts import ReplyFields
from inference.multimood.processing import MultiMoodProcessor, Sample
from inference.multimood.prompt import neutral
from inference.multimood.splice import IGNORED


def response_only(processor: MultiMoodProcessor, sample: Sample, reply: ReplyFields) -> Sample:
    """The sample with the label lines ignored: only the response's words and the end remain."""
    return {**sample, "labels": _ignore_before(sample["labels"], response_tokens(processor, reply))}


def without_end(sample: Sample) -> Sample:
    """For a target that is the beginning of a reply: its end of sequence is not to be learned."""
    return {**sample, "input_ids": sample["input_ids"][:-1], "labels": sample["labels"][:-1]}


def response_tokens(processor: MultiMoodProcessor, reply: ReplyFields) -> int:
    """How many tokens at the end of the target are the response's words and the end of sequence."""
    target = neutral(processor.template.reply_lines(reply), processor.reserved)
    start = len(target) - len(neutral(reply.text, processor.reserved))
    read = processor.tokenizer(target, add_special_tokens=False, return_offsets_mapping=True)
    offsets: list[tuple[int, int]] = read["offset_mapping"]
    # A token that holds the space before the first word belongs to the words.
    return sum(end > start for _, end in offsets) + 1


def _ignore_before(labels: torch.Tensor, kept: int) -> torch.Tensor:
    masked = labels.clone()
    masked[: labels.shape[0] - kept] = IGNORED
    return masked
