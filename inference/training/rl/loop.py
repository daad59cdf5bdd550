"""Sample, score, learn: the loop that PPO and GRPO share, on one process or many.

A round answers `batch_size` prompts a process (times `gradient_accumulation`) and makes `updates`
optimiser steps from these answers, each over all of them; `minibatch_size` only bounds how many
answers a forward pass holds, and changes no result. With `epochs`, a run ends after that many
passes over the prompts: rounds times `updates` steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from inference.training.callbacks import COMPLETE, TrainingError, any_process
from inference.training.rewards.contract import Asked, Scored
from inference.training.rl.advantages import equal_groups
from inference.training.rl.evaluation import Evaluation
from inference.training.rl.learner import Learner
from inference.training.rl.measures import Means, Stopwatch, check_finite
from inference.training.rl.methods import MakeRewards, Method
from inference.training.rl.pieces import Piece, pieces_of
from inference.training.rl.prompts import PromptOrder, held_out_prompts, load_prompts
from inference.training.rl.rollout import Answers, Drawn, Sampler
from inference.training.rl.saving import (
    Position,
    complete_checkpoint,
    read_checkpoint,
    read_random_state,
    write_checkpoint,
    write_random_state,
)
from inference.training.rl.steps import max_steps, prompts_a_round
from inference.training.samples import answer_samples
from inference.training.setup import Outcome, Setup

SAMPLED_TOGETHER = 64
"""Answers at least, also where fewer are learned from at a time."""


def learn(setup: Setup, method: Method, make_rewards: MakeRewards) -> Outcome:
    return Loop(setup, method, make_rewards).run()


class Loop:
    def __init__(self, setup: Setup, method: Method, make_rewards: MakeRewards) -> None:
        config = setup.config
        self.setup, self.config, self.method = setup, config, method
        self.asked = load_prompts(config)
        self.order = PromptOrder(len(self.asked), config.seed)
        self.max_steps = max_steps(config, len(self.asked))
        self.means, self.stopwatch = Means(), Stopwatch()
        self.learner = Learner(setup.model, config, method, self.max_steps, self.means)
        self.rewards = make_rewards(
            config.rewards, modality=config.modality, device=str(self.learner.device)
        )
        self.sampler = Sampler(setup.model, setup.processor, setup.load_clip, config)
        self.sampler.check_room(self.asked)
        held_out = held_out_prompts(config, self.asked)
        self.evaluation = Evaluation(
            held_out, self.sampler, self.rewards, self.learner, config.batch_size
        )
        self.position = Position()
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
            self.position = read_checkpoint(checkpoint, self.learner.trained)
            read_random_state(checkpoint, self.learner.rank)

    def _round(self) -> None:
        """Answers, and the steps that are learned from them."""
        before, began = self.position.step, time.perf_counter()
        tokens, pieces = 0.0, []
        for drawn in self.drawn():
            answers, of_answers = self.sampled(drawn)
            tokens += answers.tokens
            pieces += of_answers
        with self.stopwatch.measured("scoring"):
            self.learner.score(pieces)
        learned = self.learner.total(sum(float(piece.learned.sum()) for piece in pieces))
        if not learned:
            self._save()
            raise TrainingError(
                f"No reward could score any answer after step {before}. See whether the judge can "
                "be reached and the data have references; the run then goes on from its checkpoint."
            )
        updates = min(self.config.updates, self.max_steps - before)
        with self.stopwatch.measured("learning"):
            for number in range(updates):
                step = before + number + 1
                self.learner.update(pieces, step, learned, first=number == 0)
        prompts = prompts_a_round(self.config, self.learner.world)
        self.position = Position(before + updates, self.position.prompts + prompts)
        self.means.add("tokens_per_s", [self.learner.total(tokens) / (time.perf_counter() - began)])

    def drawn(self) -> Iterator[list[Drawn]]:
        """This process' own prompts of the next round, as many at a time as are sampled together:
        that takes less memory than learning from them."""
        count = prompts_a_round(self.config, 1)
        first = self.position.prompts + self.learner.rank * count
        places = (self.order.at(place) for place in range(first, first + count))
        drawn = [Drawn(self.asked[row], number) for number, row in places]
        together = max(self.config.batch_size, SAMPLED_TOGETHER // self.method.answers_each)
        for start in range(0, count, together):
            yield drawn[start : start + together]

    def sampled(self, drawn: Sequence[Drawn]) -> tuple[Answers, list[Piece]]:
        with self.stopwatch.measured("rollout"):
            answers = self.sampler.sample(drawn, self.method.answers_each)
        with self.stopwatch.measured("rewards"):
            scored = self.rewards.score(repeated(answers.asked, answers.each), answers.said)
        self.means.add_answers(answers, scored, tuple(self.setup.processor.template.names))
        rewards = self._with_penalty(answers, scored)
        if answers.each > 1:
            self.means.add("zero_groups", equal_groups(rewards))
        size = self.config.minibatch_size or self.config.batch_size * answers.each
        credit = self.method.credit(rewards)
        return answers, list(pieces_of(answers, credit, size, self.sampler.batch))

    def _with_penalty(self, answers: Answers, scored: Scored) -> torch.Tensor:
        """(n, k); NaN where no term could tell."""
        penalty = self.config.missing_end_penalty
        rewards = [
            math.nan if total is None else total - penalty * (not said.ended)
            for total, said in zip(scored.total, answers.said, strict=True)
        ]
        return torch.tensor(rewards).view(-1, answers.each)

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
        values = self.means.taken(self.learner.reduced)
        values["epoch"] = self.position.prompts / len(self.asked)
        check_finite(self.position.step, values)
        self.setup.progress.log(self.position.step, self.max_steps, values)

    def _evaluate(self) -> None:
        """Answers to what is held out, always the same and by the same random numbers."""
        progress, step = self.setup.progress, self.position.step
        progress.stage("evaluating")
        self.evaluated, self.measured = step, self.evaluation.values()
        if self.measured:
            progress.log(step, self.max_steps, self.measured)
        if self.config.sample_stimuli:
            answer_samples(self.setup, self.setup.model, step)
        if step < self.max_steps:
            progress.stage("training")

    def _save(self) -> None:
        folder = self.config.output / f"checkpoint-{self.position.step}"
        if (folder / COMPLETE).is_file():
            return
        accelerator = self.learner.accelerator
        main = accelerator.is_main_process
        folder.mkdir(exist_ok=True)
        if main:
            write_checkpoint(folder, self.learner.trained, self.position)
        write_random_state(folder, self.learner.rank)
        accelerator.wait_for_everyone()
        if main:
            complete_checkpoint(folder, self.config.keep_checkpoints)
        accelerator.wait_for_everyone()
        self.setup.progress.save(self.position.step)

    def _save_trained(self, folder: Path) -> None:
        if not self.learner.accelerator.is_main_process:
            return
        model = self.learner.reference.merged() if self.config.lora else self.setup.model
        model.save_pretrained(folder)
        self.setup.processor.save_pretrained(folder)


def repeated(asked: Sequence[Asked], times: int) -> list[Asked]:
    return [one for one in asked for _ in range(times)]
