"""Answers sampled from the model in training, freely and as any text: labels are not constrained.

By the project's own decoder: a prompt is read once for all its answers, and every answer has
random numbers of its own, so that what is sampled depends on weights, prompt and seed alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from inference.multimood.audio import audio_token_count
from inference.multimood.decoding import FIRST_ROOM, Manner, decode
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.parsing import parse_reply
from inference.multimood.processing import ClipTensors, LoadClip, MultiMoodProcessor, Sample
from inference.multimood.replies import ReplyWriter
from inference.multimood.sampling import Draws
from inference.multimood.timings import Timings
from inference.training.callbacks import TrainingError
from inference.training.config import ConfigError, TrainingConfig
from inference.training.held_out import shown_modality
from inference.training.modality import choose_modality, draw
from inference.training.rewards.contract import Asked, Said
from inference.training.shapes import MEL_FRAMES_A_SECOND

SEEDS = 2**62
ALL_OF_THE_NUCLEUS = 1.0
NAMED = 3
"""Stimuli at most in a refusal."""


@dataclass(frozen=True)
class Drawn:
    """A prompt, in the pass over the data in which it is answered."""

    asked: Asked
    number: int


@dataclass(frozen=True)
class Answers:
    """Of n prompts, k to each; R tokens at most, the end of sequence included."""

    asked: list[Asked]
    """(n,)"""
    said: list[Said]
    """(n * k,), prompt by prompt."""
    prompts: list[Sample]
    """(n,)"""
    ids: torch.Tensor
    """(n, k, R), padded on the right; on the CPU."""
    mask: torch.Tensor
    """(n, k, R), 1 where there is a token."""

    @property
    def each(self) -> int:
        """k"""
        return self.ids.shape[1]

    @property
    def tokens(self) -> int:
        """Of prompts, each counted once, and answers."""
        return sum(len(one["input_ids"]) for one in self.prompts) + int(self.mask.sum())


class Sampler:
    def __init__(
        self,
        model: MultiMoodForConditionalGeneration,
        processor: MultiMoodProcessor,
        load_clip: LoadClip,
        config: TrainingConfig,
    ) -> None:
        """model: not wrapped for several processes; adapters may be in its layers."""
        self.model, self.processor, self.load_clip = model, processor, load_clip
        self.config = config
        self.writer = ReplyWriter(model, processor, Timings())

    def check_room(self, asked: Sequence[Asked]) -> None:
        """Raises ConfigError where a prompt with all media that it may be shown with leaves no room
        for an answer. Clips are read only where the longest that there can be would not fit."""
        config = self.config
        room = self.writer.context - config.max_new_tokens
        widest = longest_clip(self.processor)
        too_long = [
            one.stimulus.key
            for one in asked
            if self._length(one, lambda path: widest) > room
            and self._length(one, self.load_clip) > room
        ]
        if too_long:
            more = ", ..." if len(too_long) > NAMED else ""
            raise ConfigError(
                f"max_new_tokens: {len(too_long)} of {len(asked)} prompts leave no room for an "
                f"answer of {config.max_new_tokens} tokens in the model's {self.writer.context}: "
                f"{', '.join(too_long[:NAMED])}{more}. Make max_new_tokens smaller, or take these "
                "stimuli out of the dataset."
            )

    def sample(self, drawn: Sequence[Drawn], answers_each: int) -> Answers:
        with answering(self.model):
            prompts = self._encoded(drawn)
            rows = self._written(prompts, self._draws(drawn, answers_each), answers_each)
        said = [self._said(tokens) for tokens in rows]
        ids, mask = _padded(rows, int(self.processor.tokenizer.pad_token_id))
        shape = len(drawn), answers_each, ids.shape[1]
        asked = [one.asked for one in drawn]
        return Answers(asked, said, prompts, ids.view(shape), mask.view(shape))

    def batch(self, prompts: Sequence[Sample]) -> dict[str, torch.Tensor]:
        """Padded on the right, on the model's device."""
        batch: dict[str, torch.Tensor] = self.processor.collate(prompts)
        return {name: value.to(self.model.device) for name, value in batch.items()}

    def _encoded(self, drawn: Sequence[Drawn]) -> list[Sample]:
        samples = []
        for one in drawn:
            stimulus, seed = one.asked.stimulus, self.config.seed
            modality = choose_modality(self.config.modality, seed, one.number, stimulus.key)
            sample = self.processor.encode(stimulus, None, modality, self.load_clip)
            length = len(sample["input_ids"])
            if length + self.config.max_new_tokens > self.writer.context:
                raise TrainingError(
                    f"The prompt of {stimulus.key} has {length} tokens; with max_new_tokens "
                    f"({self.config.max_new_tokens}) that is more than the model's "
                    f"{self.writer.context}. Make max_new_tokens smaller."
                )
            samples.append(sample)
        return samples

    def _length(self, one: Asked, load_clip: LoadClip) -> int:
        modality = shown_modality(self.config)
        return len(self.processor.encode(one.stimulus, None, modality, load_clip)["input_ids"])

    def _draws(self, drawn: Sequence[Drawn], answers_each: int) -> list[Draws]:
        count = self.config.max_new_tokens
        return [
            Draws(
                draw(self.config.seed, one.number, one.asked.stimulus.key, k).randrange(SEEDS),
                count,
            )
            for one in drawn
            for k in range(answers_each)
        ]

    def _written(
        self, prompts: Sequence[Sample], draws: Sequence[Draws], answers_each: int
    ) -> list[list[int]]:
        """Tokens of each answer, with the one that ended it."""
        backbone, ends = self.writer.backbone, self.writer.ends
        batch = self.batch(prompts)
        lengths: list[int] = batch.pop("attention_mask").sum(1).tolist()
        embeds = self.model.model.embed_inputs(**batch)
        backbone.reserve(max(lengths) + self.config.max_new_tokens + 1)
        cache = backbone.new_cache(lengths)
        first = []
        for number, length in enumerate(lengths):
            last = backbone.prefill(embeds[number, :length], cache, number, last=True)
            assert last is not None  # noqa: S101  (asked for with last=True)
            first.append(backbone.logits(last))
        place = [number for number in range(len(lengths)) for _ in range(answers_each)]
        cache.start_rows(place, FIRST_ROOM)
        manner = Manner(self.config.temperature, ALL_OF_THE_NUCLEUS, self.config.max_new_tokens)
        logits = torch.cat(first)[place]
        if logits.isnan().any():
            raise TrainingError(
                "The model's outputs are not numbers any more; a smaller learning rate helps."
            )
        return decode(backbone, cache, logits, manner, draws, lambda _, tokens: tokens[-1] in ends)

    def _said(self, tokens: list[int]) -> Said:
        raw = self.processor.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        reply = parse_reply(raw, self.processor.template.names)
        return Said(raw, reply, ended=tokens[-1] in self.writer.ends)


def longest_clip(processor: MultiMoodProcessor) -> ClipTensors:
    """In the shape of features of the most frames and sound that a clip is read for."""
    config = processor.config
    vision, audio = config.vision_config, config.audio_config
    patches = (vision.image_size // vision.patch_size) ** 2
    window = audio_token_count(audio, math.ceil(config.max_audio_seconds * MEL_FRAMES_A_SECOND))
    return ClipTensors(
        torch.zeros(config.num_frames, patches, 1),
        torch.zeros(window * config.max_audio_windows, 1),
        from_towers=True,
    )


def readable(said: Said, names: Sequence[str]) -> bool:
    """Whether every field of the template could be read."""
    return all(getattr(said.reply, name) for name in names)


@contextmanager
def answering(model: MultiMoodForConditionalGeneration) -> Iterator[None]:
    """Without gradients and dropout; afterwards the model is in its mode again."""
    trained = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(trained)


def _padded(rows: Sequence[list[int]], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([row + [fill] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask
