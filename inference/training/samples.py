"""What the model in training answers to the same stimuli at every evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import PartialState
from peft import PeftModel
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from inference.contracts import GenerationOptions, ReplyFields, StimulusInput
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.parsing import parse_reply
from inference.multimood.replies import ReplyWriter, Wanted
from inference.multimood.sampling import Draws
from inference.multimood.timings import Timings
from inference.training.config import TrainingConfig
from inference.training.held_out import held_out, shown_modality, spread
from inference.training.setup import Setup

OPTIONS = GenerationOptions(max_new_tokens=160, constrain_labels=False)
"""Greedily and freely: with constrained labels every answer would have its four lines."""
TOGETHER = 16


def answer_samples(setup: Setup, model: nn.Module, step: int) -> None:
    """Answers the run's fixed stimuli as the model is now, adapters on, and tells the progress.

    model: the MultiMoodForConditionalGeneration in training, or peft's around it. Every process
    calls this; the first answers and the others wait. A model that is divided among processes
    answers nothing: none of them has it whole.
    """
    stimuli = fixed_stimuli(setup.config)
    if not stimuli or setup.config.sharding != "none":
        return
    state = PartialState()
    if state.is_main_process:
        replies = answer(setup, model, stimuli)
        told = [sample(*both) for both in zip(stimuli, replies, strict=True)]
        setup.progress.samples(step, told)
    state.wait_for_everyone()


def fixed_stimuli(config: TrainingConfig) -> list[StimulusInput]:
    """The same in every run on the same data; none for what answers nothing."""
    if config.method == "reward" or not config.sample_stimuli:
        return []
    return [one.stimulus for one in spread(held_out(config), config.sample_stimuli)]


def answer(setup: Setup, model: nn.Module, stimuli: Sequence[StimulusInput]) -> list[ReplyFields]:
    """Empty where a prompt leaves no room for an answer. Takes no random number."""
    answering = model.get_base_model() if isinstance(model, PeftModel) else model
    if not isinstance(answering, MultiMoodForConditionalGeneration):
        raise TypeError(f"{type(answering).__name__} answers nothing")
    template, modality = setup.processor.template, shown_modality(setup.config)
    replies = [ReplyFields(None, None, None, "")] * len(stimuli)
    with evaluating(answering):
        writer = ReplyWriter(answering, setup.processor, Timings())
        room = writer.context - OPTIONS.max_new_tokens
        encoded = [
            setup.processor.encode(stimulus, None, modality, setup.load_clip)
            for stimulus in stimuli
        ]
        fitting = [row for row, prompt in enumerate(encoded) if len(prompt["input_ids"]) <= room]
        for start in range(0, len(fitting), TOGETHER):
            rows = fitting[start : start + TOGETHER]
            wanted = [Wanted(place, Draws(0, 0)) for place in range(len(rows))]
            written = writer.write([encoded[row] for row in rows], wanted, OPTIONS)
            for row, one in zip(rows, written, strict=True):
                replies[row] = parse_reply(one.raw, template.names)
    return replies


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Without gradients and dropout; then as it was."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def sample(stimulus: StimulusInput, reply: ReplyFields) -> dict[str, str | None]:
    return {
        "key": stimulus.key,
        "client": "\n".join(turn.text for turn in stimulus.client_turns),
        "client_emotion": reply.client_emotion,
        "therapist_emotion": reply.therapist_emotion,
        "strategy": reply.strategy,
        "text": reply.text,
    }


class SampleCallback(TrainerCallback):
    """Before the first step, every `eval_steps`, and at the end."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step == 0:
            self._answer(state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        every = self.setup.config.eval_steps
        due = bool(every) and state.global_step % every == 0 and not control.should_training_stop
        if due or state.global_step >= state.max_steps:
            self._answer(state)

    def _answer(self, state: TrainerState) -> None:
        # The trainer changes the model in place: adapters are in its own layers.
        answer_samples(self.setup, self.setup.model, state.global_step)
