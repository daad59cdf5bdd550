"""Scores answers and makes optimiser steps from them, on one process or many."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.config import TrainingConfig
from inference.training.rl.losses import k3, outside, ratio
from inference.training.rl.measures import Means, check_finite
from inference.training.rl.methods import Method
from inference.training.rl.pieces import Piece
from inference.training.rl.policy import Policy, Reference, Scores
from inference.training.rl.saving import Trained
from inference.training.rl.steps import optimiser_of, scheduler_of
from inference.training.trainers import uses_bfloat16, uses_gpu


class Learner:
    def __init__(
        self,
        model: MultiMoodForConditionalGeneration,
        config: TrainingConfig,
        method: Method,
        max_steps: int,
        means: Means,
    ) -> None:
        """model: the base; it goes to this process' device and, with LoRA, is given adapters.
        means: is told what is measured on the way."""
        self.config, self.method, self.means = config, method, means
        self.accelerator = Accelerator(
            cpu=not uses_gpu(config),
            mixed_precision="bf16" if uses_bfloat16(config) else "no",
            kwargs_handlers=[
                # A round without sound, say, gives the projector of sounds no gradient.
                DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
            ],
        )
        self.policy = Policy(model, config.temperature, values=method.has_values)
        self.reference = Reference(self.policy, config)
        if self.device.type == "cuda":
            model.gradient_checkpointing_enable({"use_reentrant": False})
        self.module = self.accelerator.prepare(self.policy)
        self.reference.to(self.device)
        optimiser = optimiser_of(self.policy, config)
        scheduler = scheduler_of(optimiser, config, max_steps)
        self.trained = Trained(self.policy, optimiser, scheduler)

    @property
    def device(self) -> torch.device:
        device: torch.device = self.accelerator.device
        return device

    @property
    def world(self) -> int:
        return int(self.accelerator.num_processes)

    @property
    def rank(self) -> int:
        return int(self.accelerator.process_index)

    def score(self, pieces: Sequence[Piece]) -> None:
        """Sets what is learned from: the scores before any update, and the advantages."""
        self.policy.eval()
        for piece in pieces:
            piece.reference = self.of_reference(piece)
            if self.method.scores_before:
                piece.old = self.of_policy(piece)
        self.method.advantages(pieces, self.reduced)

    def update(self, pieces: Sequence[Piece], step: int, learned: float, first: bool) -> None:
        """Optimiser step number `step`, over all answers. learned: their tokens, of all processes.
        Raises TrainingError where the gradient is no number."""
        self.policy.train()
        for piece in pieces:
            with self._in_step(last=piece is pieces[-1]):
                loss = self._loss(piece, first) / learned
                # Several processes average their gradients, and each has a part of the mean.
                self.accelerator.backward(loss * self.world)
        parameters = [p for p in self.policy.parameters() if p.requires_grad]
        norm = float(self.accelerator.clip_grad_norm_(parameters, self.config.max_grad_norm))
        check_finite(step, {"grad_norm": norm})
        self.means.add("grad_norm", [norm])
        self.means.add("learning_rate", [float(self.trained.scheduler.get_last_lr()[0])])
        self.trained.optimiser.step()
        self.trained.scheduler.step()
        self.trained.optimiser.zero_grad()

    def of_reference(self, piece: Piece) -> torch.Tensor:
        with self.accelerator.autocast():
            return self.reference.logps(piece.prompts, piece.ids, piece.mask)

    def of_policy(self, piece: Piece) -> Scores:
        with torch.no_grad(), self.accelerator.autocast():
            scores: Scores = self.policy(piece.prompts, piece.ids, piece.mask)
        return scores

    def total(self, number: float) -> float:
        """Of all processes."""
        return float(self.reduced(torch.tensor(number, dtype=torch.float64)))

    def reduced(self, sums: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        total: torch.Tensor = self.accelerator.reduce(sums.to(self.device), "sum")
        return total

    def _loss(self, piece: Piece, first: bool) -> torch.Tensor:
        """The sum over the tokens of one piece."""
        now: Scores = self.module(piece.prompts, piece.ids, piece.mask)
        old = piece.old
        if old is None:
            old = Scores(*(scores.detach() for scores in now))
        losses = self.method.losses(piece, now, old)
        there = piece.learned.bool()
        with torch.no_grad():
            ratios = ratio(now.logps, old.logps)
            self.means.add("clipped", outside(ratios, self.config.clip_range)[there])
            self.means.add("loss", losses.total[there])
            for name, values in losses.parts.items():
                self.means.add(name, values[there])
            if first:
                said = piece.mask.bool()
                self.means.add("kl", k3(now.logps, piece.reference)[said])
                self.means.add("entropy", now.entropy[said])
        return (losses.total * piece.learned).sum()

    def _in_step(self, last: bool) -> AbstractContextManager[Any]:
        """Processes add up their gradients once a step."""
        if last:
            return nullcontext()
        context: AbstractContextManager[Any] = self.accelerator.no_sync(self.module)
        return context
