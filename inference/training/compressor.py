"""Pre-training of the history compressor (Le et al., arXiv 2511.10011, ConvCompressor).

The LLM, which does not change, is to write down a history of which it sees only what the
compressor made of it, one embedding an utterance. What it gets wrong teaches the compressor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import EvalLoopOutput

from inference.contracts import StimulusInput, TurnText
from inference.corpora import generic
from inference.corpora.errors import CorpusError
from inference.corpora.records import DialogueRecord
from inference.corpora.stimuli import stimuli, stimulus_input
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor, Sample
from inference.multimood.prompt import Pattern, PromptTemplate
from inference.training.config import ConfigError, TrainingConfig
from inference.training.modality import draw
from inference.training.passes import EpochCallback
from inference.training.setup import Outcome, Setup
from inference.training.targets import without_end
from inference.training.trainers import run_trainer

INSTRUCTION = "Write down this conversation word for word."
OTHER_HISTORY = "other_history"
"""`eval_other_history_loss`: with the compressed history of another dialogue in its place. What it
lies above `eval_loss` is what the embeddings say about their own history."""


@dataclass(frozen=True)
class Reading:
    """A history, oldest utterance first."""

    dialogue: str
    session: str
    turns: tuple[TurnText, ...]


class Readings(Dataset[Sample]):
    """In training, the newest utterances of each history, as many as are drawn in every pass; in
    evaluation, all that the compressor takes."""

    def __init__(
        self,
        readings: Sequence[Reading],
        processor: MultiMoodProcessor,
        seed: int | None = None,
        shown: Sequence[Reading] | None = None,
    ) -> None:
        """seed: of the draws; None: no draws. shown: what the compressor reads in place of each."""
        self.readings, self.seed = readings, seed
        self.shown = readings if shown is None else shown
        self.processor = reconstruction_processor(processor)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.readings)

    def __getitem__(self, row: int) -> Sample:
        turns = fitting(self.processor, self.readings[row].turns)
        if self.seed is not None:
            turns = turns[-draw(self.seed, self.epoch, row).randint(1, len(turns)) :]
        shown = fitting(self.processor, self.shown[row].turns)[-len(turns) :]
        target = self.processor.template.user(
            asked(turns), [], memory=False, reserved=self.processor.reserved
        ).removesuffix(f"\n{INSTRUCTION}")
        return without_end(self.processor.encode(asked(shown), target, "text"))


def asked(turns: tuple[TurnText, ...]) -> StimulusInput:
    return StimulusInput(key="", situation="", history=turns, client_turns=())


def reconstruction_processor(processor: MultiMoodProcessor) -> MultiMoodProcessor:
    """Its prompt is the compressed history and the instruction; the utterances are worded as
    everywhere."""
    lines = (Pattern((("", "history"),)), Pattern(((INSTRUCTION, None),)))
    template: PromptTemplate = replace(processor.template, user_lines=lines)
    return MultiMoodProcessor(processor.tokenizer, processor.config, template)


def fitting(processor: MultiMoodProcessor, turns: tuple[TurnText, ...]) -> tuple[TurnText, ...]:
    """The newest utterances that the compressor takes whole."""
    config = processor.config
    left = config.max_history_tokens
    for count, turn in enumerate(reversed(turns)):
        # One more than it has alone: a token may divide otherwise behind another utterance.
        size = len(processor.history_ids(asked((turn,)))) + 1
        left -= size
        if left < 0 or size > config.max_text_tokens:
            return turns[len(turns) - count :]
    return turns


class CompressorTrainer(Trainer):
    other_histories: Readings | None = None
    """The held-out readings, each with the history of another dialogue."""

    def evaluation_loop(
        self,
        dataloader: DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Both losses are one evaluation, so that they are told together."""
        options = description, prediction_loss_only, ignore_keys
        output = super().evaluation_loop(dataloader, *options, metric_key_prefix)
        if self.other_histories is not None:
            others = self.get_eval_dataloader(self.other_histories)
            prefix = f"{metric_key_prefix}_{OTHER_HISTORY}"
            output.metrics.update(super().evaluation_loop(others, *options, prefix).metrics)
        return output


def train(setup: Setup) -> Outcome:
    return run_trainer(setup, compressor_trainer)


def compressor_trainer(
    setup: Setup, arguments: Mapping[str, Any], callbacks: Sequence[Any]
) -> CompressorTrainer:
    config, processor = setup.config, setup.processor
    if processor.config.mem_token_id is None:
        raise ConfigError(f"base: {config.base} has no mem_token_id, so it compresses no history.")
    learned = corpus_readings(config, config.split, processor)
    if not learned:
        raise ConfigError(
            f"dataset: {config.dataset} has no history to learn from in {config.split!r}: no "
            "client answers anything there, or every utterance is longer than the base's "
            f"max_history_tokens ({processor.config.max_history_tokens})."
        )
    rows = Readings(learned, processor, config.seed)
    held_out = evaluation_readings(config, processor)
    train_compressor_only(setup.model)
    trainer = CompressorTrainer(
        model=setup.model,
        args=TrainingArguments(**arguments),
        data_collator=processor.collate,
        train_dataset=rows,
        eval_dataset=Readings(held_out, processor) if held_out else None,
        processing_class=processor.tokenizer,
        callbacks=[*callbacks, EpochCallback(rows)],
    )
    if len({reading.dialogue for reading in held_out}) > 1:
        shown = from_other_dialogues(held_out)
        trainer.other_histories = Readings(held_out, processor, shown=shown)
    return trainer


def train_compressor_only(model: MultiMoodForConditionalGeneration) -> None:
    model.requires_grad_(False)
    model.model.mamba_compressor.requires_grad_(True)


def evaluation_readings(config: TrainingConfig, processor: MultiMoodProcessor) -> list[Reading]:
    """None where `eval_split` is trained on."""
    if not config.eval_split or config.split in ("", config.eval_split):
        return []
    return corpus_readings(config, config.eval_split, processor)


def corpus_readings(
    config: TrainingConfig, split: str, processor: MultiMoodProcessor
) -> list[Reading]:
    """The history of each stimulus that has one, where at least its newest utterance fits."""
    try:
        dialogues = [d for d in generic.read([config.dataset]) if not split or d.split == split]
    except CorpusError as error:
        raise ConfigError(f"dataset: {error}") from error
    return [
        reading
        for dialogue in dialogues
        for reading in dialogue_readings(dialogue)
        if fitting(processor, reading.turns[-1:])
    ]


def dialogue_readings(dialogue: DialogueRecord) -> Iterator[Reading]:
    for stimulus in stimuli(dialogue):
        history = stimulus_input(dialogue, stimulus).history
        if history:
            yield Reading(dialogue.external_id, dialogue.session, history)


def from_other_dialogues(readings: Sequence[Reading]) -> list[Reading]:
    """For each the next reading of another dialogue, if possible one with as many utterances: how
    many there are is no secret of their words."""
    others = []
    for row, reading in enumerate(readings):
        strange = [
            other
            for other in (*readings[row:], *readings[:row])
            if other.dialogue != reading.dialogue
        ]
        long = (other for other in strange if len(other.turns) >= len(reading.turns))
        others.append(next(long, strange[0]))
    return others
