"""Supervised fine-tuning on a corpus' own therapist replies, of the whole model or of adapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import get_peft_model
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from inference.contracts import ReplyFields, StimulusInput
from inference.corpora import generic
from inference.corpora.errors import CorpusError
from inference.corpora.records import DialogueRecord
from inference.corpora.stimuli import stimuli, stimulus_input
from inference.multimood.processing import LoadClip, MultiMoodProcessor, Sample
from inference.training.config import ConfigError, TrainingConfig
from inference.training.modality import choose_modality, draw
from inference.training.passes import EpochCallback
from inference.training.setup import Outcome, Setup
from inference.training.targets import without_end
from inference.training.trainable import lora_config
from inference.training.trainers import run_trainer


@dataclass(frozen=True)
class Lesson:
    stimulus: StimulusInput
    reply: ReplyFields
    whole: bool = True
    """False: nobody answered, and only the client's emotion is known."""


class Lessons(Dataset[Sample]):
    """Encoded anew in every pass, with other media shown."""

    def __init__(
        self,
        lessons: Sequence[Lesson],
        processor: MultiMoodProcessor,
        load_clip: LoadClip,
        config: TrainingConfig,
    ) -> None:
        self.lessons, self.processor, self.load_clip = lessons, processor, load_clip
        self.config = config
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lessons)

    def __getitem__(self, row: int) -> Sample:
        lesson = self.lessons[row]
        template = self.processor.template
        stimulus, seed = lesson.stimulus, (self.config.seed, self.epoch, lesson.stimulus.key)
        modality = choose_modality(self.config.modality, *seed)
        if self.config.modality == "random" and modality == "text" and not lesson.whole:
            modality = "av"  # a clip that nobody answers is there to be watched
        hides_words = draw(*seed, "words").random() < self.config.text_dropout
        if hides_words and modality != "text" and stimulus.clip_paths:
            stimulus = template.without_words(stimulus)
        if lesson.whole:
            target = template.reply_lines(lesson.reply)
            return self.processor.encode(stimulus, target, modality, self.load_clip)
        target = template.emotion_line(str(lesson.reply.client_emotion))
        return without_end(self.processor.encode(stimulus, target, modality, self.load_clip))


def train(setup: Setup) -> Outcome:
    return run_trainer(setup, sft_trainer)


def sft_trainer(setup: Setup, arguments: Mapping[str, Any], callbacks: Sequence[Any]) -> Trainer:
    config, processor = setup.config, setup.processor
    lessons = [*corpus_lessons(config.dataset, config.split)]
    if config.emotion_dataset is not None:
        lessons += corpus_lessons(config.emotion_dataset, "")
    if not lessons:
        raise ConfigError(f"dataset: {config.dataset} has nothing to learn in {config.split!r}.")
    held_out = evaluation_lessons(config)
    rows = Lessons(lessons, processor, setup.load_clip, config)
    return Trainer(
        # The adapters go into the layers of setup.model itself.
        model=get_peft_model(setup.model, lora_config(config)) if config.lora else setup.model,
        args=TrainingArguments(**arguments),
        data_collator=processor.collate,
        train_dataset=rows,
        # Always of pass 0: the same media and words at every evaluation.
        eval_dataset=Lessons(held_out, processor, setup.load_clip, config) if held_out else None,
        processing_class=processor.tokenizer,
        callbacks=[*callbacks, EpochCallback(rows)],
    )


def evaluation_lessons(config: TrainingConfig) -> list[Lesson]:
    """Whose loss is measured at evaluations; none where `eval_split` is trained on."""
    if not config.eval_split or config.split in ("", config.eval_split):
        return []
    return corpus_lessons(config.dataset, config.eval_split)


def corpus_lessons(file: Path, split: str) -> list[Lesson]:
    try:
        dialogues = [d for d in generic.read([file]) if not split or d.split == split]
    except CorpusError as error:
        raise ConfigError(f"dataset: {error}") from error
    return [lesson for dialogue in dialogues for lesson in dialogue_lessons(dialogue)]


def dialogue_lessons(dialogue: DialogueRecord) -> Iterator[Lesson]:
    for stimulus in stimuli(dialogue):
        client = dialogue.turns[stimulus.last]
        if stimulus.followed:
            reply = dialogue.turns[stimulus.last + 1]
            fields = ReplyFields(client.emotion, reply.emotion, reply.strategy, reply.text)
            yield Lesson(stimulus_input(dialogue, stimulus), fields)
        elif client.emotion is not None:
            fields = ReplyFields(client.emotion, None, None, "")
            yield Lesson(stimulus_input(dialogue, stimulus), fields, whole=False)
