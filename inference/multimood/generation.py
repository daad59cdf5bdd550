"""Answers to stimuli from a MultiMood checkpoint: batched, with a cache, seeded by stimulus."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.errors import CheckpointError
from inference.multimood.features import TowerCache
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.parsing import parse_reply
from inference.multimood.processing import MultiMoodProcessor


class SeededNoise(LogitsProcessor):
    """Gumbel noise from one generator a row: the largest noisy logit is a sample, and a row's
    sample does not depend on which rows stand beside it (Gumbel-max trick)."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        width = scores.shape[-1]
        noise = torch.stack([torch.rand(width, generator=own) for own in self.generators])
        gumbel = -torch.log(-torch.log(noise.clamp(1e-20, 1 - 1e-7)))
        return scores.float() + gumbel.to(scores.device)


class MultiMoodGenerator:
    def __init__(
        self, model: MultiMoodForConditionalGeneration, processor: MultiMoodProcessor
    ) -> None:
        self.model = model.eval()
        self.processor = processor
        self.clips = TowerCache(model.model, processor)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "auto") -> Self:
        path = Path(folder)
        if not (path / "config.json").is_file():
            raise CheckpointError(f"{path} is not a model folder: it has no config.json")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
        model = MultiMoodForConditionalGeneration.from_pretrained(path, dtype=dtype)
        return cls(model.to(device), MultiMoodProcessor.from_pretrained(path))

    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int] | None = None,
    ) -> list[Answer]:
        """One answer a stimulus, in order. `seeds` are by stimulus; else options.seed + place."""
        if seeds is None:
            seeds = [options.seed + i for i in range(len(stimuli))]
        if len(seeds) != len(stimuli):
            raise ValueError(f"{len(seeds)} seeds for {len(stimuli)} stimuli")
        answers: list[Answer] = []
        for start in range(0, len(stimuli), options.batch_size):
            part = slice(start, start + options.batch_size)
            answers.extend(self._answer_batch(stimuli[part], options, seeds[part]))
        return answers

    @torch.inference_mode()
    def _answer_batch(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions, seeds: Sequence[int]
    ) -> Iterator[Answer]:
        started = time.perf_counter()
        batch = self._batch(stimuli, options)
        generated = self.model.generate(
            **batch,
            max_new_tokens=options.max_new_tokens,
            do_sample=False,
            eos_token_id=self.processor.tokenizer.eos_token_id,
            pad_token_id=self.processor.tokenizer.pad_token_id,
            logits_processor=_sampling(options, seeds),
        )
        new = generated[:, batch["input_ids"].shape[1] :].tolist()
        prompt_tokens = batch["attention_mask"].sum(1).tolist()
        seconds = (time.perf_counter() - started) / len(stimuli)
        return (
            self._read(ids, seconds, count) for ids, count in zip(new, prompt_tokens, strict=True)
        )

    def _batch(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions
    ) -> dict[str, Any]:
        samples = [
            self.processor.encode(stimulus, modality=options.modality, load_clip=self.clips.load)
            for stimulus in stimuli
        ]
        batch = self.processor.collate(samples, padding_side="left")
        return {name: value.to(self.model.device) for name, value in batch.items()}

    def _read(self, ids: list[int], seconds: float, prompt_tokens: int) -> Answer:
        end = self.processor.tokenizer.eos_token_id
        length = ids.index(end) + 1 if end in ids else len(ids)
        raw = self.processor.tokenizer.decode(ids[:length], skip_special_tokens=True).strip()
        reply = parse_reply(raw)
        return Answer(
            client_emotion=reply.client_emotion,
            therapist_emotion=reply.therapist_emotion,
            strategy=reply.strategy,
            text=reply.text,
            raw=raw,
            seconds=seconds,
            prompt_tokens=prompt_tokens,
            new_tokens=length,
        )


def _sampling(options: GenerationOptions, seeds: Sequence[int]) -> LogitsProcessorList:
    if not options.temperature:
        return LogitsProcessorList()
    processors = [TemperatureLogitsWarper(options.temperature)]
    if options.top_p < 1:
        processors.append(TopPLogitsWarper(options.top_p))
    return LogitsProcessorList([*processors, SeededNoise(seeds)])
