"""What a MultiMood that scores gives for its inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.contracts import ReplyFields
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.reward_model import Head, MultiMoodForReward, last_attended
from tests.inference.training.pair_release import make_pair


@pytest.fixture
def model(base: Path) -> MultiMoodForReward:
    torch.manual_seed(5)
    generating = MultiMoodForConditionalGeneration.from_pretrained(base)
    reward = MultiMoodForReward.from_generating(generating, ("empathy", "safety"))
    reward.eval()
    return reward


def test_the_last_attended_place_of_each_row() -> None:
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]])
    assert last_attended(mask).tolist() == [2, 4, 4, 0]


def test_a_score_is_the_head_on_the_last_token(model: MultiMoodForReward) -> None:
    ids = torch.tensor([[9, 10, 11, 12]])
    with torch.no_grad():
        hidden = model.model(input_ids=ids).last_hidden_state[0, -1]
        expected = model.score.weight @ hidden + model.score.bias
        torch.testing.assert_close(model(input_ids=ids).scores[0], expected)


def test_scores_are_not_rounded_with_the_backbone() -> None:
    """1.5 and 1.5 + 2 ** -9 are one number in bfloat16, whose steps are 2 ** -7 there."""
    hidden = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    head = Head(2, 1)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.5, 2.0**-9]]))
        head.bias.zero_()
        with torch.autocast("cpu", torch.bfloat16):
            assert head(hidden).tolist() == [[1.5], [1.501953125]]
        head.to(torch.bfloat16)
        assert head(hidden.bfloat16()).tolist() == [[1.5], [1.501953125]]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_no_score(
    model: MultiMoodForReward, processor: MultiMoodProcessor, media: Path, side: str
) -> None:
    samples = []
    for number, text in ((1, "Yes."), (2, "I hear you, and I would like to hear more of it.")):
        pair = make_pair(number)
        clips = tuple(media / clip for clip in pair.stimulus.clip_paths)
        stimulus = type(pair.stimulus)(**{**vars(pair.stimulus), "clip_paths": clips})
        lines = processor.template.reply_lines(ReplyFields(None, None, None, text))
        samples.append(processor.encode(stimulus, lines))
    with torch.no_grad():
        batch = processor.collate(samples, padding_side=side)
        del batch["labels"]
        together = model(**batch).scores
        for row, sample in enumerate(samples):
            alone = processor.collate([sample])
            del alone["labels"]
            torch.testing.assert_close(
                together[row], model(**alone).scores[0], atol=1e-4, rtol=1e-4
            )


def test_it_takes_the_backbone_itself_and_leaves_the_base_able_to_write(base: Path) -> None:
    generating = MultiMoodForConditionalGeneration.from_pretrained(base).eval()
    ids = torch.tensor([[9, 10, 11]])
    with torch.no_grad():
        before = generating(input_ids=ids).logits
        reward = MultiMoodForReward.from_generating(generating)
        assert reward.model is generating.model
        assert not any(parameter.is_meta for parameter in reward.parameters())
        assert torch.equal(generating(input_ids=ids).logits, before)
