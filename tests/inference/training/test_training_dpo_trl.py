"""Our losses and metrics, and the gradients they leave, are those of TRL's own trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import set_seed

from benchmarks.training_parts.stock import stock_trainer
from inference.training.config import TrainingConfig
from inference.training.dpo import dpo_trainer
from inference.training.dpo_pairs import load_pairs
from inference.training.pair_rows import PairEncoder, PairRows
from inference.training.progress import Progress, StopRequest
from inference.training.setup import Setup
from inference.training.trainers import trainer_arguments

MakeConfig = Callable[..., TrainingConfig]
SHOWN = {
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "accuracy",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
}


def one_step(config: TrainingConfig, build: Callable[..., Any]) -> tuple[dict[str, float], Any]:
    """Loss and metrics of the first pairs by a policy that has moved from its reference, and the
    gradients."""
    setup = Setup.load(config, Progress(config.output), StopRequest(), None)
    set_seed(0)
    trainer = build(setup, trainer_arguments(config), [])
    generator = torch.Generator().manual_seed(1)
    trained = [(n, p) for n, p in trainer.model.named_parameters() if p.requires_grad]
    with torch.no_grad():
        for _, parameter in trained:
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    trainer.model.train()
    batch = trainer.data_collator([trainer.train_dataset[number] for number in range(6)])
    loss = trainer.compute_loss(trainer.model, batch)
    torch.autograd.backward(loss)
    logs = {"loss": loss.item()}
    trainer.log(logs)
    return logs, {n: p.grad for n, p in trained if p.grad is not None}


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize(
    ("loss", "length_normalised"), [("sigmoid", False), ("sigmoid", True), ("ipo", True)]
)
def test_loss_metrics_and_gradients_are_those_of_trl(
    dpo_config: MakeConfig, loss: str, length_normalised: bool, lora: bool
) -> None:
    config = dpo_config(
        loss=loss,
        length_normalised=length_normalised,
        lora=lora,
        precompute_reference=False,
        beta=0.3,
    )
    pairs = load_pairs(config)
    theirs, their_gradients = one_step(
        config, lambda setup, *rest: stock_trainer(setup, pairs, *rest)
    )

    def ours_of(setup: Setup, *rest: Any) -> Any:
        encoder = PairEncoder(setup.processor, setup.load_clip, config)
        return dpo_trainer(PairRows(pairs, encoder, None), None, setup, *rest)

    ours, our_gradients = one_step(config, ours_of)
    assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-4)
    assert abs(ours["reward_margin"]) > 1e-4
    # TRL's rewards are of sums whatever the loss averages; ours are what the loss sees.
    if not length_normalised:
        for trl_name, name in SHOWN.items():
            assert ours[name] == pytest.approx(theirs[trl_name], abs=1e-3), name
    assert our_gradients.keys() == their_gradients.keys()
    for name, gradient in their_gradients.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(
            our_gradients[name], gradient, atol=1e-5 + 1e-3 * scale, rtol=1e-2, msg=name
        )
