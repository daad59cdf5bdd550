"""Runs on three stimuli with an untrained model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState

from inference.contracts import Modality
from inference.training.callbacks import TrainingError
from inference.training.config import ConfigError
from inference.training.rewards.contract import Asked, Said
from inference.training.rl.steps import max_steps
from tests.inference.training.pair_release import events
from tests.inference.training.rl.rl_runs import Given, MakeConfig, MakeLoop


def logged(loop: Any) -> list[dict[str, float]]:
    told = events(loop.config.output)
    return [e["values"] for e in told if e["event"] == "log" and "loss" in e["values"]]


ALL = {"beta": 0.01, "schedule": "constant", "missing_end_penalty": 0.0}


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("grpo", {"max_steps": 16, "generations": 8, "learning_rate": 2e-3}),
        ("grpo", {"max_steps": 16, "generations": 8, "learning_rate": 1e-2, "lora": True}),
        ("ppo", {"max_steps": 32, "updates": 2, "batch_size": 16, "learning_rate": 2e-3}),
    ],
)
def test_what_is_rewarded_is_done_more_often(
    rl_loop: MakeLoop, words: Path, method: str, changes: dict[str, Any]
) -> None:
    loop = rl_loop(method, dataset=words, **{"batch_size": 3} | ALL | changes)
    outcome = loop.run()
    rewards = [values["reward"] for values in logged(loop)]
    assert outcome.step == changes["max_steps"]
    assert not outcome.stopped
    assert sum(rewards[-3:]) > 1.25 * sum(rewards[:3]), rewards


def test_a_run_tells_its_curves(rl_loop: MakeLoop) -> None:
    for method, own in (("grpo", "zero_groups"), ("ppo", "value_loss")):
        loop = rl_loop(method, max_steps=1)
        loop.run()
        (values,) = logged(loop)[-1:]
        assert {
            *("reward", "reward_vowels", "kl", "entropy", "length", "ended", "readable"),
            *("policy_loss", "loss", "clipped", "learning_rate", "grad_norm", "tokens_per_s"),
            *("epoch", own),
        } == values.keys()
        assert values["kl"] == 0  # the policy is the reference still
        assert values["clipped"] == 0
        assert 0 < values["entropy"] < math.log(400)
        assert values["length"] <= 8


def test_the_first_step_goes_where_advantages_point(rl_loop: MakeLoop) -> None:
    """With a ratio of 1 the loss is minus the mean advantage of the tokens."""
    loop = rl_loop("grpo", Given(0.0, 1.0, 1.0, 0.0), max_steps=1, missing_end_penalty=0.0)
    _, pieces = loop.sampled(next(loop.drawn()))
    (piece,) = pieces
    loop.learner.score(pieces)
    scaled = 0.5 / (math.sqrt(1 / 3) + 1e-4)
    assert piece.credit.tolist() == [pytest.approx([-scaled, scaled, scaled, -scaled])] * 2
    lengths = piece.mask.sum(-1)
    expected = -(piece.credit * lengths).sum() / lengths.sum()
    loop.learner.update(pieces, 1, float(lengths.sum()), first=True)
    assert loop.means.taken(lambda sums: sums)["policy_loss"] == pytest.approx(float(expected))


def test_groups_of_equal_rewards_give_no_gradient_and_are_counted(rl_loop: MakeLoop) -> None:
    changes = {"beta": 0.0, "max_steps": 1, "missing_end_penalty": 0.0}
    loop = rl_loop("grpo", Given(1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0), **changes)
    loop.run()
    assert logged(loop)[-1]["zero_groups"] == 0.5
    loop = rl_loop("grpo", Given(0.25), **changes)
    loop.run()
    assert logged(loop)[-1]["zero_groups"] == 1.0
    assert logged(loop)[-1]["grad_norm"] == 0.0


@pytest.mark.parametrize("method", ["grpo", "ppo"])
def test_answers_that_nobody_can_score_are_left_out(rl_loop: MakeLoop, method: str) -> None:
    """What is learned is as if they had not been given."""
    given = Given(1.0, None, 0.0, 0.5)
    loop = rl_loop(method, given, batch_size=4, generations=4)
    _, pieces = loop.sampled(next(loop.drawn()))
    loop.learner.score(pieces)
    for piece in pieces:
        unscored = piece.credit.isnan()
        assert unscored.sum() == len(given.said) / 4
        assert (piece.learned[unscored] == 0).all()
        assert (piece.advantages[unscored] == 0).all()
        assert (piece.learned[~unscored] == piece.mask[~unscored]).all()
    assert loop.means.taken(lambda sums: sums)["reward"] == 0.5


def test_where_nobody_can_score_anything_a_run_ends_and_can_go_on(rl_loop: MakeLoop) -> None:
    loop = rl_loop("grpo", Given(None))
    with pytest.raises(TrainingError, match="No reward could score any answer after step 0"):
        loop.run()
    assert (loop.config.output / "checkpoint-0" / "complete").is_file()


def test_answers_that_do_not_end_pay_for_it(rl_loop: MakeLoop) -> None:
    loop = rl_loop("ppo", Given(1.0), batch_size=3, missing_end_penalty=0.25)
    answers, (piece,) = loop.sampled(next(loop.drawn()))
    expected = [1.0 if said.ended else 0.75 for said in answers.said]
    assert 0.75 in expected
    assert piece.credit.flatten().tolist() == expected
    assert loop.means.taken(lambda sums: sums)["reward"] == 1.0  # as the terms say


@pytest.mark.parametrize("method", ["grpo", "ppo"])
def test_what_a_forward_pass_holds_and_computes_twice_changes_nothing(
    rl_loop: MakeLoop, method: str
) -> None:
    """Fewer answers at a time, and activations computed again in the backward pass, as on a GPU."""

    def gradients(size: int, recomputed: bool = False) -> list[torch.Tensor]:
        loop = rl_loop(method, Given(0.0, 1.0, 0.5), batch_size=3, minibatch_size=size)
        if recomputed:
            loop.setup.model.gradient_checkpointing_enable({"use_reentrant": False})
        _, pieces = loop.sampled(next(loop.drawn()))
        loop.learner.score(pieces)
        kept: list[torch.Tensor] = []

        def keep(optimiser: torch.optim.Optimizer, *_: Any) -> None:
            for group in optimiser.param_groups:
                kept.extend(p.grad.clone() for p in group["params"] if p.grad is not None)

        loop.learner.trained.optimiser.register_step_pre_hook(keep)
        tokens = sum(float(piece.learned.sum()) for piece in pieces)
        loop.learner.update(pieces, 1, tokens, first=True)
        return kept

    whole = gradients(0)
    for other in (gradients(2), gradients(5), gradients(0, recomputed=True)):
        for found, expected in zip(other, whole, strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-3)


@pytest.fixture
def new_accelerator() -> Iterator[None]:
    """A process usually has one run, and so one precision."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("new_accelerator")
def test_the_policy_computes_in_bfloat16_where_asked(rl_loop: MakeLoop) -> None:
    loop = rl_loop("ppo", precision="bfloat16", max_steps=2)
    seen: set[torch.dtype] = set()
    layer = loop.setup.model.model.layers[0].self_attn.q_proj
    layer.register_forward_hook(lambda module, given, out: seen.add(out.dtype))
    loop.run()
    # Answers are sampled with the weights as they are.
    assert seen == {torch.bfloat16, torch.float32}
    first, second = logged(loop)
    assert first["kl"] < 1e-3
    assert second["kl"] > 0
    assert all(p.dtype == torch.float32 for p in loop.learner.policy.parameters())


def test_rewards_are_told_what_was_asked_and_how_it_was_answered(rl_loop: MakeLoop) -> None:
    given = Given(0.0, 1.0)
    loop = rl_loop("grpo", given, generations=2, batch_size=3, max_steps=1)
    loop.run()
    keys = [asked.stimulus.key for asked in given.asked]
    assert len(keys) == 6
    assert keys[::2] == keys[1::2]  # both answers to a prompt
    assert sorted(set(keys)) == ["d1:1", "d1:4", "d1:6"]
    references = {a.stimulus.key: a.reference for a in given.asked}
    assert references["d1:1"] is not None
    assert references["d1:1"].text == "You miss her."
    assert all(said.raw == said.raw.strip() for said in given.said)


def test_what_is_held_out_is_answered_alike_at_every_evaluation(rl_loop: MakeLoop) -> None:
    class Remembering(Given):
        def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
            seen.extend(said for a, said in zip(asked, said, strict=True) if "d2" in a.stimulus.key)
            return super().score(asked, said)

    seen: list[Said] = []
    # The loss is too small to change an answer: what is compared is what was drawn.
    changes = {"learning_rate": 1e-12, "eval_steps": 1, "max_steps": 2, "eval_split": "rate"}
    loop = rl_loop("grpo", Remembering(0.0, 1.0), sample_stimuli=1, **changes)
    outcome = loop.run()
    told = events(loop.config.output)
    evaluations = [e for e in told if e["event"] == "log" and "eval_reward" in e["values"]]
    assert [e["step"] for e in evaluations] == [0, 1, 2]
    assert evaluations[-1]["values"] == outcome.values
    assert {"eval_reward", "eval_kl", "eval_length", "eval_ended", "eval_readable"} < {
        *outcome.values
    }
    assert len(seen) == 3
    assert len({said.raw for said in seen}) == 1
    samples = [e for e in told if e["event"] == "samples"]
    assert [e["step"] for e in samples] == [0, 1, 2]
    assert samples[0]["samples"][0]["key"] == "d2:1"


def test_epochs_are_passes_over_the_prompts(rl_config: MakeConfig) -> None:
    # 10 prompts in rounds of 2 x 2, so 3 rounds a pass; 2 steps a round
    changes = {"max_steps": 0, "batch_size": 2, "gradient_accumulation": 2, "updates": 2}
    assert max_steps(rl_config(epochs=1.0, **changes), 10) == 6
    assert max_steps(rl_config(epochs=2.0, **changes), 10) == 10
    assert max_steps(rl_config(epochs=2.0, **{**changes, "processes": 2}), 10) == 6
    assert max_steps(rl_config(**{**changes, "max_steps": 7}), 10) == 7


def test_a_run_ends_at_its_last_step_within_a_round(rl_loop: MakeLoop) -> None:
    loop = rl_loop("ppo", max_steps=5, updates=2, gradient_accumulation=2)
    assert loop.run().step == 5
    assert [e["step"] for e in events(loop.config.output) if e["event"] == "log"] == [2, 4, 5]


@pytest.mark.parametrize("modality", ["text", "random"])
def test_a_prompt_that_leaves_no_room_is_refused_before_the_first_step(
    rl_loop: MakeLoop, modality: str
) -> None:
    """As with all media that may be drawn, whatever is drawn first."""
    loop = rl_loop(modality=modality)
    encode, load_clip = loop.setup.processor.encode, loop.setup.load_clip
    shown: Modality = "text" if modality == "text" else "av"
    lengths = {
        one.stimulus.key: len(encode(one.stimulus, None, shown, load_clip)["input_ids"])
        for one in loop.asked
    }
    longest = max(lengths, key=lambda key: lengths[key])
    room = loop.setup.model.config.max_position_embeddings - lengths[longest]
    assert rl_loop(modality=modality, max_new_tokens=room).asked == loop.asked
    with pytest.raises(ConfigError, match=rf"max_new_tokens: 1 of 3 prompts .*: {longest}\. Make"):
        rl_loop(modality=modality, max_new_tokens=room + 1)


def test_numbers_that_are_none_end_a_run_with_advice(rl_loop: MakeLoop) -> None:
    with pytest.raises(TrainingError, match="smaller learning rate"):
        rl_loop("ppo", learning_rate=1e30).run()
    with pytest.raises(TrainingError, match="grad_norm became infinite or not a number at step 1"):
        rl_loop("ppo", value_weight=1e300).run()
