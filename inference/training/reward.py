"""A reward model from what raters preferred (Bradley-Terry over pairs, as Ouyang et al.,
arXiv 2203.02155) or from what they scored (a regression head a criterion)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import get_peft_model
from torch.utils.data import Dataset, Sampler
from transformers import EvalPrediction, Trainer, TrainingArguments

from inference.contracts import PreferencePair, ReplyFields, StimulusInput
from inference.multimood.processing import LoadClip, MultiMoodProcessor, Sample
from inference.multimood.reward_model import MultiMoodForReward
from inference.preference_files import MANIFEST_FILE, fields_shown, verify_release
from inference.reward_files import Reads
from inference.training.callbacks import told
from inference.training.config import TrainingConfig
from inference.training.dpo_pairs import load_held_out, load_pairs
from inference.training.modality import choose_modality
from inference.training.passes import EpochCallback, TiesInTurn, whole_and_tied, without_ties
from inference.training.rated_replies import RatedReply, load_rated
from inference.training.reward_objectives import LENGTHS, TARGETS, Criteria, Objective, Pairs
from inference.training.rewards.model import reply_as_read
from inference.training.setup import Outcome, Setup
from inference.training.trainable import lora_config
from inference.training.trainers import run_trainer

MEASURED = 256
"""Training examples that the finished model is measured on."""
HEAD = "score"


@dataclass(frozen=True)
class Encoder:
    """A stimulus with a reply that has been given to it -> the model's inputs."""

    processor: MultiMoodProcessor
    load_clip: LoadClip
    config: TrainingConfig
    reads: Reads

    def sample(self, stimulus: StimulusInput, reply: ReplyFields, drawn_for: str) -> Sample:
        """drawn_for: examples of one name are shown the same media."""
        modality = choose_modality(self.config.modality, self.config.seed, drawn_for)
        target = reply_as_read(self.processor, reply, self.reads)
        return self.processor.encode(stimulus, target, modality, self.load_clip)

    def batch(self, samples: Sequence[Sample], replies: Sequence[ReplyFields]) -> dict[str, Any]:
        batch = self.processor.collate(samples)
        del batch["labels"]
        words = [len(reply.text.split()) for reply in replies]
        return batch | {LENGTHS: torch.tensor(words, dtype=torch.float32)}


@dataclass(frozen=True)
class PairCollator:
    """Pairs -> (2 * pairs, S), the chosen replies above the rejected ones, media given once."""

    encoder: Encoder

    def __call__(self, pairs: Sequence[PreferencePair]) -> dict[str, Any]:
        chosen = [self._sample(pair, pair.chosen) for pair in pairs]
        rejected = [_without_media(self._sample(pair, pair.rejected)) for pair in pairs]
        replies = [*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)]
        return self.encoder.batch([*chosen, *rejected], replies)

    def _sample(self, pair: PreferencePair, reply: ReplyFields) -> Sample:
        return self.encoder.sample(pair.stimulus, reply, pair.pair_id)


@dataclass(frozen=True)
class RatedCollator:
    """Rated replies -> (B, S), with targets (B, criteria) that are NaN where nobody scored."""

    encoder: Encoder
    criteria: Sequence[str]

    def __call__(self, rated: Sequence[RatedReply]) -> dict[str, Any]:
        samples = [self.encoder.sample(r.stimulus, r.reply, r.response_id) for r in rated]
        targets = [[r.scores.get(name, np.nan) for name in self.criteria] for r in rated]
        batch = self.encoder.batch(samples, [r.reply for r in rated])
        return batch | {TARGETS: torch.tensor(targets, dtype=torch.float32)}


class Examples(Dataset[Any]):
    def __init__(self, examples: Sequence[Any]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, row: int) -> Any:
        return self.examples[row]


@dataclass(frozen=True)
class Lesson:
    """What is learned from, in either of the two ways."""

    objective: Objective
    criteria: tuple[str, ...]
    trained: Sequence[Any]
    held_out: Sequence[Any]
    collator: Callable[[Encoder], Any]
    ties: TiesInTurn | None = None


class RewardTrainer(Trainer):
    def __init__(self, objective: Objective, ties: TiesInTurn | None, **options: Any) -> None:
        """ties: what a pass shows, where the dataset has ties."""
        self.objective, self.ties = objective, ties
        self.means: dict[str, list[float]] = defaultdict(list)
        super().__init__(**options, compute_metrics=self._figures)
        self.model_accepts_loss_kwargs = False  # the loss is a mean over the batch
        if ties is not None:
            self.add_callback(EpochCallback(ties))

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        usual: Sampler[int] | None = super()._get_train_sampler(train_dataset)
        return usual if self.ties is None else self.ties

    def compute_loss(self, model: Any, inputs: dict[str, Any], **_: Any) -> torch.Tensor:
        scores, known = _scored(model, inputs)
        for name, values in self.objective.logged(scores.detach()).items():
            self.means[name].append(self.accelerator.gather(values).mean().item())
        return self.objective.loss(scores, known)

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        with torch.no_grad(), self.compute_loss_context_manager():
            scores, known = _scored(model, self._prepare_inputs(inputs))
            loss = self.objective.loss(scores, known)
        return loss, *self.objective.measured(scores.float(), known)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "loss" in logs:
            logs |= {name: sum(values) / len(values) for name, values in self.means.items()}
            self.means.clear()
        super().log(logs, *args, **kwargs)

    def _figures(self, found: EvalPrediction) -> dict[str, float]:
        return self.objective.figures(found.predictions, found.label_ids)


def train(setup: Setup) -> Outcome:
    return run_trainer(setup, reward_trainer, finish)


def reward_trainer(
    setup: Setup, arguments: Mapping[str, Any], callbacks: Sequence[Any]
) -> RewardTrainer:
    config = setup.config
    lesson = pairs_lesson(config) if config.reward_target == "pairs" else rated_lesson(config)
    model = MultiMoodForReward.from_generating(
        setup.model, lesson.criteria, reads_of(config.dataset)
    )
    encoder = Encoder(setup.processor, setup.load_clip, config, model.reads)
    return RewardTrainer(
        objective=lesson.objective,
        ties=lesson.ties,
        model=with_adapters(model, config) if config.lora else model,
        args=TrainingArguments(**arguments),
        data_collator=lesson.collator(encoder),
        train_dataset=Examples(lesson.trained),
        eval_dataset=Examples(lesson.held_out) if lesson.held_out else None,
        processing_class=setup.processor.tokenizer,
        callbacks=list(callbacks),
    )


def pairs_lesson(config: TrainingConfig) -> Lesson:
    pairs = load_pairs(config)
    whole, ties = whole_and_tied(pairs)
    in_turn = TiesInTurn(whole, ties, config.seed) if ties else None
    return Lesson(Pairs(), (), pairs, load_held_out(config), PairCollator, in_turn)


def rated_lesson(config: TrainingConfig) -> Lesson:
    rated = load_rated(config)
    names = rated.criteria
    return Lesson(
        Criteria(names), names, rated.trained, rated.held_out, lambda e: RatedCollator(e, names)
    )


def reads_of(dataset: Path) -> Reads:
    """All four lines where raters saw them beside the text, else the response alone: what was
    rated is what is scored."""
    folder = dataset if dataset.is_dir() else dataset.parent
    if not (folder / MANIFEST_FILE).is_file():
        return "response"
    return "all" if fields_shown(verify_release(folder)) == "beside" else "response"


def with_adapters(model: MultiMoodForReward, config: TrainingConfig) -> Any:
    """Adapters in the LLM's layers; the head is trained and saved whole."""
    adapters = lora_config(config)
    adapters.task_type = None  # it scores, and generates nothing
    adapters.modules_to_save = [*(adapters.modules_to_save or ()), HEAD]
    return get_peft_model(model, adapters)


def finish(trainer: Any) -> dict[str, float]:
    """Sets the zero of a score, then measures on training examples and on what is held out."""
    examples = [*trainer.train_dataset]
    if isinstance(trainer.objective, Pairs):
        examples = without_ties(examples)
    shown = Examples(examples[:MEASURED])
    if isinstance(trainer.objective, Pairs):
        centre(trainer, shown)
    trained = told(trainer.evaluate(shown))
    measured = {name.removeprefix("eval_"): value for name, value in trained.items()}
    if trainer.eval_dataset is not None:
        measured |= told(trainer.evaluate())
    measured.pop("epoch", None)
    return measured


def centre(trainer: Any, shown: Examples) -> None:
    """Preferences tell differences only, so zero is where it is put: at the mean score of the
    training pairs' replies (Stiennon et al., arXiv 2009.01325)."""
    found = trainer.predict(shown)
    model = trainer.accelerator.unwrap_model(trainer.model)
    with torch.no_grad():
        model.get_submodule(_head_name(model)).bias -= float(found.predictions.mean())


def _head_name(model: Any) -> str:
    """Where adapters are, the trained copy of the head."""
    if hasattr(model, "peft_config"):
        return f"base_model.model.{HEAD}.modules_to_save.default"
    return HEAD


def _scored(model: Any, inputs: Mapping[str, Any]) -> tuple[torch.Tensor, dict[str, Any]]:
    known = {name: inputs[name] for name in (TARGETS, LENGTHS) if name in inputs}
    given = {name: value for name, value in inputs.items() if name not in known}
    return model(**given).scores, known


def _without_media(sample: Sample) -> Sample:
    return {
        "input_ids": sample["input_ids"],
        "labels": sample["labels"],
        "history_input_ids": torch.zeros(0, dtype=torch.long),
    }
