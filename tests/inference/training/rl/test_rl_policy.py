"""What is sampled is what is scored; the reference is the base; gradients go where they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inference.multimood.backbone import Backbone
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.rl.rollout import Drawn
from inference.training.trainable import frozen_copy
from tests.inference.training.rl.rl_runs import Given, MakeLoop

LORA: dict[str, Any] = {"lora": True, "lora_rank": 4}


class Listening(Backbone):
    """Keeps what tokens were drawn from."""

    def __init__(self, model: MultiMoodForConditionalGeneration) -> None:
        super().__init__(model)
        self.heard: list[torch.Tensor] = []

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        logits = super().logits(hidden)
        self.heard.append(logits.clone())
        return logits


@pytest.mark.parametrize("lora", [False, True])
def test_answers_are_scored_as_they_were_drawn(rl_loop: MakeLoop, lora: bool) -> None:
    loop = rl_loop(max_steps=2, temperature=0.8, learning_rate=3e-3, **(LORA if lora else {}))
    loop.run()  # so that the adapters are no longer nothing
    backbone = loop.sampler.writer.backbone = Listening(loop.setup.model)
    loop.sampler.writer.ends = set()  # every row stays until the last token
    drawn = [Drawn(asked, 0) for asked in loop.asked]
    answers = loop.sampler.sample(drawn, 2)
    with torch.no_grad():
        prompts = loop.sampler.batch(answers.prompts)
        scores = loop.learner.policy.eval()(prompts, answers.ids, answers.mask)
    first = torch.cat(backbone.heard[:3])[[0, 0, 1, 1, 2, 2]]
    steps = [first, *(logits[:6] for logits in backbone.heard[3:])]
    logps = torch.stack([(one / 0.8).log_softmax(-1) for one in steps[:8]], 1)
    expected = logps.gather(-1, answers.ids.view(6, 8, 1)).view(3, 2, 8)
    torch.testing.assert_close(scores.logps, expected, atol=2e-5, rtol=1e-5)


def test_the_same_is_drawn_again_and_something_else_in_another_pass(rl_loop: MakeLoop) -> None:
    loop = rl_loop()
    asked = loop.asked[0]
    together = loop.sampler.sample([Drawn(one, 0) for one in loop.asked], 2)
    alone = loop.sampler.sample([Drawn(asked, 0)], 2)
    assert [said.raw for said in alone.said] == [said.raw for said in together.said[:2]]
    assert alone.said[0].raw != alone.said[1].raw
    later = loop.sampler.sample([Drawn(asked, 1)], 2)
    assert later.said[0].raw != alone.said[0].raw


def test_no_placeholder_is_ever_drawn(rl_loop: MakeLoop) -> None:
    loop = rl_loop(temperature=50.0, max_new_tokens=40)
    answers = loop.sampler.sample([Drawn(asked, 0) for asked in loop.asked], 8)
    assert not set(loop.learner.policy.unsaid) & set(answers.ids[answers.mask.bool()].tolist())
    assert len(set(answers.ids.flatten().tolist())) > 200


@pytest.mark.parametrize("method", ["ppo", "grpo"])
@pytest.mark.parametrize("lora", [False, True])
def test_before_the_first_step_the_policy_is_the_reference(
    rl_loop: MakeLoop, method: str, lora: bool
) -> None:
    loop = rl_loop(method, **(LORA if lora else {}))
    _, pieces = loop.sampled(next(loop.drawn()))
    loop.learner.score(pieces)
    for piece in pieces:
        assert torch.equal(loop.learner.of_policy(piece).logps, piece.reference)


@pytest.mark.parametrize("lora", [False, True])
def test_the_reference_stays_the_base_while_the_policy_moves(rl_loop: MakeLoop, lora: bool) -> None:
    loop = rl_loop(learning_rate=1e-2, **(LORA if lora else {}))
    _, pieces = loop.sampled(next(loop.drawn()))
    before = loop.learner.of_reference(pieces[0])
    loop.run()
    assert torch.equal(loop.learner.of_reference(pieces[0]), before)
    assert not torch.allclose(loop.learner.of_policy(pieces[0]).logps, before, atol=1e-3)


def test_the_references_copy_shares_what_is_not_trained(base: Path) -> None:
    model = MultiMoodForConditionalGeneration.from_pretrained(base, dtype=torch.float32)
    model.model.train_towers(False)
    copied = dict(frozen_copy(model).named_parameters())
    for name, parameter in model.named_parameters():
        assert (copied[name].data_ptr() == parameter.data_ptr()) == (not parameter.requires_grad)
        assert not copied[name].requires_grad


@pytest.mark.parametrize("method", ["ppo", "grpo"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("model.model.layers", "model.model.mm_projector.", "mamba")),
        ({"projectors": "frozen"}, ("model.model.layers",)),
        ({**LORA}, ("lora_", "modules_to_save")),
        ({**LORA, "projectors": "frozen"}, ("lora_",)),
    ],
)
def test_exactly_what_is_set_trainable_changes(
    rl_loop: MakeLoop, method: str, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    loop = rl_loop(method, Given(0.0, 1.0, 0.5), batch_size=3, max_steps=2, **changes)
    before = {name: p.detach().clone() for name, p in loop.learner.policy.named_parameters()}
    trainable = {name for name, p in loop.learner.policy.named_parameters() if p.requires_grad}
    loop.run()
    after = dict(loop.learner.policy.named_parameters())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed <= trainable
    for part in expected:
        assert any(part in name for name in changed), part
    assert not any("tower" in name for name in changed)
    if method == "ppo":
        assert {"value_head.weight", "value_head.bias"} <= changed
    if changes.get("lora"):
        own = ("lora_", "modules_to_save", "value_head")
        assert all(any(part in name for part in own) for name in changed)
    if changes.get("projectors") == "frozen":
        assert not any("projector" in name or "mamba" in name for name in changed)
