from __future__ import annotations

import pytest
import torch

from inference.contracts import ReplyFields
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.splice import IGNORED
from inference.training.targets import response_only, without_end
from tests.inference.training.pair_release import make_pair

REPLY = ReplyFields("sadness", "neutral", "open question", "I am here: what happened then?")


def learned_text(processor: MultiMoodProcessor, labels: torch.Tensor) -> str:
    return str(processor.tokenizer.decode(labels[labels != IGNORED]))


@pytest.mark.parametrize(
    "reply",
    [
        REPLY,
        ReplyFields(None, None, None, "Only words."),
        ReplyFields("joy", "joy", "others", "  two spaces before"),
        ReplyFields("joy", None, "others", "Therapist's response: said twice"),
        ReplyFields("joy", None, "others", "Ünïcode … 🙂 and\na second line"),
    ],
)
def test_learns_from_the_response_words_and_the_end_only(
    processor: MultiMoodProcessor, reply: ReplyFields
) -> None:
    sample = processor.encode(make_pair(1).stimulus, processor.template.reply_lines(reply), "text")
    labels = response_only(processor, sample, reply)["labels"]
    text = learned_text(processor, labels)
    assert text.removesuffix("<eos>").strip() == reply.text.strip()
    assert text.endswith("<eos>")


def test_all_four_lines_are_learned_when_not_masked(processor: MultiMoodProcessor) -> None:
    sample = processor.encode(make_pair(1).stimulus, processor.template.reply_lines(REPLY), "text")
    assert (
        learned_text(processor, sample["labels"]) == processor.template.reply_lines(REPLY) + "<eos>"
    )


def test_without_end_leaves_the_target_open(processor: MultiMoodProcessor) -> None:
    sample = without_end(processor.encode(make_pair(1).stimulus, "Client's emotion: joy\n", "text"))
    assert learned_text(processor, sample["labels"]) == "Client's emotion: joy\n"
    assert sample["input_ids"].shape == sample["labels"].shape
