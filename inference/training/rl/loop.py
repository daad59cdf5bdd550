"""Sample, score, learn: the loop that PPO and GRPO share, on one process or many.

A round answers `batch_size` prompts a process (times `gradient_accumulation`) and makes `updates`
optimiser steps from these answers, each over all of them; `minibatch_size` only bounds how many
answers a forward pass holds, and changes no result. With `epochs`, a run ends after that many
passes over the prompts: rounds times `updates` steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from transformers import get_scheduler

from inference.training.callbacks import COMPLETE, TrainingError, any_process
from inference.training.config import ConfigError, ModalityChoice, RewardTerm, TrainingConfig
from inference.training.rewards.contract import Asked, Said, Scored
from inference.training.rl.advantages import equal_groups
from inference.training.rl.losses import k3, outside, ratio
from inference.training.rl.measures import Means, Stopwatch, check_finite
from inference.training.rl.methods import Method
from inference.training.rl.pieces import Piece, pieces_of
from inference.training.rl.policy import Policy, Reference, Scores
from inference.training.rl.prompts import PromptOrder, held_out_prompts, load_prompts
from inference.training.rl.rollout import Answers, Drawn, Sampler
from inference.training.rl.saving import (
    Position,
    Trained,
    complete_checkpoint,
    read_checkpoint,
    read_random_state,
    write_checkpoint,
    write_random_state,
)
from inference.training.samples import answer_samples
from inference.training.setup import Outcome, Setup
from inference.training.trainers import uses_bfloat16, uses_gpu

HELD_OUT_PROMPTS = 64
"""That are answered at an evaluation, spread over what is held out."""
HELD_OUT_PASS = -1
"""Takes the place of the number of a pass, so that held-out answers are drawn alike every time."""


class ScoresAnswers(Protocol):
    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> Scored: ...


class MakeRewards(Protocol):
    def __call__(
        self, terms: Sequence[RewardTerm], *, modality: ModalityChoice, device: str
    ) -> ScoresAnswers: ...


def learn(setup: Setup, method: Method, make_rewards: MakeRewards) -> Outcome:
    return Loop(setup, method, make_rewards).run()


class Loop:
    def __init__(self, setup: Setup, method: Method, make_rewards: MakeRewards) -> None:
        config = setup.config
        check_config(config)
        self.setup, self.config, self.method = setup, config, method
        self.asked = load_prompts(config)
        self.held_out = held_out_prompts(config, self.asked)
        self.order = PromptOrder(len(self.asked), config.seed)
        self.accelerator = Accelerator(
            cpu=not uses_gpu(config),
            mixed_precision="bf16" if uses_bfloat16(config) else "no",
            kwargs_handlers=[
                # A round without sound, say, gives the projector of sounds no gradient.
                DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
            ],
        )
        device: torch.device = self.accelerator.device
        self.rewards = make_rewards(config.rewards, modality=config.modality, device=str(device))
        self.policy = Policy(setup.model, config.temperature, values=method.has_values)
        self.reference = Reference(self.policy, config)
        if device.type == "cuda":
            setup.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.module = self.accelerator.prepare(self.policy)
        self.reference.to(device)
        self.max_steps = max_steps(config, len(self.asked))
        optimiser = optimiser_of(self.policy, config)
        self.trained = Trained(
            self.policy, optimiser, scheduler_of(optimiser, config, self.max_steps)
        )
        self.sampler = Sampler(setup.model, setup.processor, setup.load_clip, config)
        self.position = Position()
        self.means, self.stopwatch = Means(), Stopwatch()
        self.measured: dict[str, float] = {}
        self.evaluated = -1

    def run(self) -> Outcome:
        self._resume()
        progress, stop = self.setup.progress, self.setup.stop
        progress.begin(self.position.step, self.max_steps)
        progress.stage("training")
        if not self.position.step:
            self._evaluate()
        stopped = False
        while self.position.step < self.max_steps and not stopped:
            before = self.position.step
            self._round()
            stopped = any_process(stop.asked) and self.position.step < self.max_steps
            self._after_steps(before, stopped)
        if not stopped and self.evaluated != self.position.step:
            self._evaluate()  # killed after its last checkpoint
        return Outcome(self.position.step, stopped, self._save_trained, self.measured)

    def _resume(self) -> None:
        checkpoint = self.setup.checkpoint
        if checkpoint is not None:
            self.position = read_checkpoint(checkpoint, self.trained)
            read_random_state(checkpoint, self.accelerator.process_index)

    def _round(self) -> None:
        """Answers, and the steps that are learned from them."""
        before, began = self.position.step, time.perf_counter()
        parts = [self.sampled(part) for part in range(self.config.gradient_accumulation)]
        pieces = [piece for _, of_part in parts for piece in of_part]
        self.score(pieces)
        learned = self._total(sum(float(piece.learned.sum()) for piece in pieces))
        if not learned:
            self._save()
            raise TrainingError(
                f"No reward could score any answer after step {before}. See whether the judge can "
                "be reached and the data have references; the run then goes on from its checkpoint."
            )
        updates = min(self.config.updates, self.max_steps - before)
        for number in range(updates):
            self.update(pieces, learned, first=number == 0)
        prompts = self._prompts_a_round()
        self.position = Position(before + updates, self.position.prompts + prompts)
        tokens = self._total(float(sum(answers.tokens for answers, _ in parts)))
        self.means.add("tokens_per_s", [tokens / (time.perf_counter() - began)])

    def sampled(self, part: int) -> tuple[Answers, list[Piece]]:
        with self.stopwatch.measured("rollout"):
            answers = self.sampler.sample(self._drawn(part), self.method.answers_each)
        with self.stopwatch.measured("rewards"):
            scored = self.rewards.score(repeated(answers.asked, answers.each), answers.said)
        names = tuple(self.setup.processor.template.names)
        self.means.add_answers(answers, scored, names)
        rewards = self._with_penalty(answers, scored)
        if answers.each > 1:
            self.means.add("zero_groups", equal_groups(rewards))
        size, credit = self.config.minibatch_size, self.method.credit(rewards)
        return answers, list(pieces_of(answers, credit, size, self.sampler.batch))

    def _drawn(self, part: int) -> list[Drawn]:
        """This process' own prompts."""
        each = self.config.batch_size
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        first = self.position.prompts + (part * world + rank) * each
        places = (self.order.at(place) for place in range(first, first + each))
        return [Drawn(self.asked[row], number) for number, row in places]

    def _prompts_a_round(self) -> int:
        return prompts_a_round(self.config, self.accelerator.num_processes)

    def _with_penalty(self, answers: Answers, scored: Scored) -> torch.Tensor:
        """(n, k); NaN where no term could tell."""
        penalty = self.config.missing_end_penalty
        rewards = [
            math.nan if total is None else total - penalty * (not said.ended)
            for total, said in zip(scored.total, answers.said, strict=True)
        ]
        return torch.tensor(rewards).view(-1, answers.each)

    def score(self, pieces: Sequence[Piece]) -> None:
        with self.stopwatch.measured("scoring"):
            self.policy.eval()
            for piece in pieces:
                piece.reference = self.of_reference(piece)
                if self.method.scores_before:
                    piece.old = self.of_policy(piece)
            self.method.advantages(pieces, self._reduced)

    def update(self, pieces: Sequence[Piece], learned: float, first: bool) -> None:
        """One optimiser step over all answers. learned: tokens of all processes."""
        world = self.accelerator.num_processes
        with self.stopwatch.measured("learning"):
            self.policy.train()
            for piece in pieces:
                with self._in_step(last=piece is pieces[-1]):
                    loss = self._loss(piece, first) / learned
                    # Several processes average their gradients, and each has a part of the mean.
                    self.accelerator.backward(loss * world)
            parameters = [p for p in self.policy.parameters() if p.requires_grad]
            norm = float(self.accelerator.clip_grad_norm_(parameters, self.config.max_grad_norm))
            check_finite(self.position.step + 1, {"grad_norm": norm})
            self.means.add("grad_norm", [norm])
            self.means.add("learning_rate", [float(self.trained.scheduler.get_last_lr()[0])])
            self.trained.optimiser.step()
            self.trained.scheduler.step()
            self.trained.optimiser.zero_grad()

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

    def of_reference(self, piece: Piece) -> torch.Tensor:
        with self.accelerator.autocast():
            return self.reference.logps(piece.prompts, piece.ids, piece.mask)

    def of_policy(self, piece: Piece) -> Scores:
        with torch.no_grad(), self.accelerator.autocast():
            scores: Scores = self.policy(piece.prompts, piece.ids, piece.mask)
        return scores

    def _after_steps(self, before: int, stopped: bool) -> None:
        """What is due after the round that began at step `before`."""
        config, step = self.config, self.position.step
        over = step == self.max_steps

        def due(every: int) -> bool:
            return over or (every > 0 and step // every > before // every)

        if due(config.logging_steps):
            self._log()
        if due(config.save_steps) or stopped:
            self._save()
        if due(config.eval_steps) and not stopped:
            self._evaluate()

    def _log(self) -> None:
        values = self.means.taken(self._reduced)
        values["epoch"] = self.position.prompts / len(self.asked)
        check_finite(self.position.step, values)
        self.setup.progress.log(self.position.step, self.max_steps, values)

    def _evaluate(self) -> None:
        """Answers to what is held out, always the same and by the same random numbers."""
        progress, step = self.setup.progress, self.position.step
        progress.stage("evaluating")
        self.evaluated, self.measured = step, self._held_out_values()
        if self.measured:
            progress.log(step, self.max_steps, self.measured)
        if self.config.sample_stimuli:
            answer_samples(self.setup, self.setup.model, step)
        if step < self.max_steps:
            progress.stage("training")

    def _held_out_values(self) -> dict[str, float]:
        if not self.held_out:
            return {}
        self.policy.eval()
        means = Means()
        for drawn in self._held_out_batches():
            answers = self.sampler.sample(drawn, 1)
            scored = self.rewards.score(answers.asked, answers.said)
            means.add_answers(answers, scored, tuple(self.setup.processor.template.names))
            nothing = torch.zeros(len(drawn), 1)
            for piece in pieces_of(
                answers, nothing, self.config.minibatch_size, self.sampler.batch
            ):
                distance = k3(self.of_policy(piece).logps, self.of_reference(piece))
                means.add("kl", distance[piece.mask.bool()])
        return {f"eval_{name}": value for name, value in means.taken(self._reduced).items()}

    def _held_out_batches(self) -> list[list[Drawn]]:
        """This process' part, never empty: all processes measure under the same names."""
        step = max(1, len(self.held_out) // HELD_OUT_PROMPTS)
        chosen = self.held_out[::step][:HELD_OUT_PROMPTS]
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        own = chosen[rank::world] or chosen[:1]
        drawn = [Drawn(asked, HELD_OUT_PASS) for asked in own]
        size = self.config.batch_size
        return [drawn[start : start + size] for start in range(0, len(drawn), size)]

    def _save(self) -> None:
        folder = self.config.output / f"checkpoint-{self.position.step}"
        if (folder / COMPLETE).is_file():
            return
        main = self.accelerator.is_main_process
        folder.mkdir(exist_ok=True)
        if main:
            write_checkpoint(folder, self.trained, self.position)
        write_random_state(folder, self.accelerator.process_index)
        self.accelerator.wait_for_everyone()
        if main:
            complete_checkpoint(folder, self.config.keep_checkpoints)
        self.accelerator.wait_for_everyone()
        self.setup.progress.save(self.position.step)

    def _save_trained(self, folder: Path) -> None:
        if not self.accelerator.is_main_process:
            return
        model = self.reference.merged() if self.config.lora else self.setup.model
        model.save_pretrained(folder)
        self.setup.processor.save_pretrained(folder)

    def _total(self, number: float) -> float:
        return float(self._reduced(torch.tensor(number, dtype=torch.float64)))

    def _reduced(self, sums: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = self.accelerator.reduce(sums.to(self.accelerator.device), "sum")
        return total


def check_config(config: TrainingConfig) -> None:
    if config.sharding != "none":
        raise ConfigError(
            f"sharding: {config.method} samples with whole weights on every device, so they cannot "
            "be divided among devices. Set it to none, and lora to true where memory is short."
        )


def prompts_a_round(config: TrainingConfig, world: int) -> int:
    return config.batch_size * config.gradient_accumulation * world


def max_steps(config: TrainingConfig, prompts: int) -> int:
    if config.max_steps:
        return config.max_steps
    rounds = math.ceil(config.epochs * prompts / prompts_a_round(config, config.world_size))
    return rounds * config.updates


def optimiser_of(policy: Policy, config: TrainingConfig) -> torch.optim.AdamW:
    """Biases and norms do not decay."""
    trained = [p for p in policy.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def scheduler_of(
    optimiser: torch.optim.Optimizer, config: TrainingConfig, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    warmup = math.ceil(config.warmup_ratio * steps)
    scheduler: torch.optim.lr_scheduler.LRScheduler = get_scheduler(
        config.schedule, optimiser, num_warmup_steps=warmup, num_training_steps=steps
    )
    return scheduler


def repeated(asked: Sequence[Asked], times: int) -> list[Asked]:
    return [one for one in asked for _ in range(times)]
