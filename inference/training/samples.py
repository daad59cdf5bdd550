"""What the model in training answers to the same stimuli at every evaluation."""

from __future__ import annotations

from typing import Any

from accelerate import PartialState
from peft import PeftModel
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training.asking import Answered, Asking
from inference.training.config import TrainingConfig
from inference.training.held_out import HeldOut, held_out, spread
from inference.training.setup import Setup


def answer_samples(setup: Setup, model: nn.Module, step: int) -> None:
    """Answers the run's fixed stimuli as the model is now, adapters on, and tells the progress.

    model: the MultiMoodForConditionalGeneration in training, or peft's around it. Every process
    calls this; the first answers and the others wait. A model that is divided among processes
    answers nothing: none of them has it whole.
    """
    found = fixed_stimuli(setup.config)
    if not found or setup.config.sharding != "none":
        return
    state = PartialState()
    if state.is_main_process:
        asking = Asking(setup.config, setup.processor, setup.load_clip)
        fitting = asking.fitting(found)
        answers = asking.answers(answering(model), fitting)
        told = [sample(*both) for both in zip(fitting, answers, strict=True)]
        setup.progress.samples(step, told)
    state.wait_for_everyone()


def fixed_stimuli(config: TrainingConfig) -> list[HeldOut]:
    """The same in every run on the same data; none for what answers nothing."""
    if config.method == "reward" or not config.sample_stimuli:
        return []
    return spread(held_out(config), config.sample_stimuli)


def answering(model: nn.Module) -> MultiMoodForConditionalGeneration:
    """With adapters, the model whose layers hold them."""
    inside = model.get_base_model() if isinstance(model, PeftModel) else model
    if not isinstance(inside, MultiMoodForConditionalGeneration):
        raise TypeError(f"{type(inside).__name__} answers nothing")
    return inside


def sample(one: HeldOut, answered: Answered) -> dict[str, str | None]:
    reply = answered.said.reply
    return {
        "key": one.stimulus.key,
        "client": "\n".join(turn.text for turn in one.stimulus.client_turns),
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
