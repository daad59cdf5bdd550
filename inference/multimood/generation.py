"""Answers to stimuli from a MultiMood checkpoint.

An answer depends on the model, the stimulus, the options and its own seed, and on nothing that is
answered beside it: prompts are read one by one, and rows are added up alike in every batch. On a
CPU in float32 the numbers are bit-identical. On a GPU products are rounded differently for
different numbers of rows, so there two tokens within that rounding may change places.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

import torch

from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.errors import CheckpointError, ClipError, DomainError
from inference.multimood.batch import Sample
from inference.multimood.features import FeatureCache, TowerCache
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.parsing import parse_reply, read_emotion
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.replies import ReplyWriter, Wanted, Written, decides_only
from inference.multimood.sampling import Draws
from inference.multimood.timings import Timings

Asked = Sequence[tuple[int, int]]
"""(place of the prompt, seed) of answers."""


class MultiMoodGenerator:
    def __init__(
        self,
        model: MultiMoodForConditionalGeneration,
        processor: MultiMoodProcessor,
        features: FeatureCache | None = None,
        *,
        compiled: bool = False,
    ) -> None:
        self.model = model.eval()
        self.processor = processor
        self.clips = TowerCache(model.model, processor, features)
        self.timings = Timings()
        self.timings.watch(model.model)
        self.writer = ReplyWriter(model, processor, self.timings, compiled=compiled)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        device: str = "auto",
        *,
        features: FeatureCache | None = None,
        prompt: str = "",
        compiled: bool = False,
    ) -> Self:
        """`prompt` (TOML) replaces the folder's own template; `features` keeps what the towers
        make of clips on disk; `compiled` lets torch.compile fuse the layers."""
        path = Path(folder)
        if not (path / "config.json").is_file():
            raise CheckpointError(f"{path} is not a model folder: it has no config.json")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
        model = MultiMoodForConditionalGeneration.from_pretrained(path, dtype=dtype)
        processor = MultiMoodProcessor.from_pretrained(path, prompt=prompt)
        return cls(model.to(device), processor, features, compiled=compiled)

    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int] | None = None,
    ) -> list[Answer]:
        """`options.samples` answers a stimulus, stimulus by stimulus. `seeds` are by answer; else
        options.seed + place. With constrained labels `max_new_tokens` bounds the response, else
        the whole reply."""
        samples = options.samples
        count = len(stimuli) * samples
        if seeds is None:
            seeds = [options.seed + i for i in range(count)]
        if len(seeds) != count:
            raise ValueError(f"{len(seeds)} seeds for {len(stimuli)} stimuli x {samples} samples")
        answers: list[Answer] = []
        for start in range(0, len(stimuli), options.batch_size):
            part = stimuli[start : start + options.batch_size]
            answers.extend(self._batch(part, options, seeds[start * samples :]))
        return answers

    @torch.inference_mode()
    def _batch(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions, seeds: Sequence[int]
    ) -> list[Answer]:
        started = time.perf_counter()
        prompts: list[Sample] = []
        places: dict[StimulusInput, int] = {}
        faults: dict[StimulusInput, str] = {}
        for stimulus in dict.fromkeys(stimuli):
            try:
                prompts.append(self._encoded(stimulus, options))
                places[stimulus] = len(prompts) - 1
            except (ClipError, TooLongError) as error:
                faults[stimulus] = str(error)
        each = [stimulus for stimulus in stimuli for _ in range(options.samples)]
        asked = [
            (places[stimulus], seed)
            for stimulus, seed in zip(each, seeds, strict=False)
            if stimulus in places
        ]
        written = iter(self._written(prompts, asked, options))
        seconds = (time.perf_counter() - started) / len(each)
        answers = []
        for stimulus in each:
            if stimulus in faults:
                answers.append(Answer.failed(faults[stimulus]))
            else:
                length = len(prompts[places[stimulus]]["input_ids"])
                answers.append(self._answer(next(written), options, length, seconds))
        return answers

    def _encoded(self, stimulus: StimulusInput, options: GenerationOptions) -> Sample:
        with self.timings.measured("media"):
            sample = self.processor.encode(
                stimulus,
                modality=options.modality,
                load_clip=partial(self.clips.load, as_published=options.as_published),
                clips=options.clips,
                history=options.history,
                as_published=options.as_published,
                task=options.task,
                emotions=options.emotions,
            )
        length = len(sample["input_ids"])
        decoded = 0 if decides_only(options) else options.max_new_tokens
        if length + self.writer.fixed_tokens(options) + decoded > self.writer.context:
            raise TooLongError(
                f"The prompt has {length} tokens; with an answer of up to {decoded} that is more "
                f"than the model's {self.writer.context}. Give it fewer clips or a shorter answer."
            )
        return sample

    def _written(
        self,
        prompts: Sequence[Sample],
        asked: Asked,
        options: GenerationOptions,
    ) -> list[Written]:
        """One for each (prompt, seed); those that cannot differ are written once."""
        if not asked:
            return []
        if not options.temperature:
            asked = [(prompt, 0) for prompt, _ in asked]
        distinct = list(dict.fromkeys(asked))
        written = dict(zip(distinct, self._fitting(prompts, distinct, options), strict=True))
        return [written[pair] for pair in asked]

    def _fitting(
        self,
        prompts: Sequence[Sample],
        asked: Asked,
        options: GenerationOptions,
    ) -> list[Written]:
        """In two halves where the memory is too small for all."""
        try:
            return self._write(prompts, asked, options)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if len(asked) == 1:
                raise DomainError(
                    "The memory is too small for even one answer. Take fewer clips, a shorter "
                    "answer, or a smaller model."
                ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(asked) // 2
        return [
            *self._fitting(prompts, asked[:half], options),
            *self._fitting(prompts, asked[half:], options),
        ]

    def _write(
        self,
        prompts: Sequence[Sample],
        asked: Asked,
        options: GenerationOptions,
    ) -> list[Written]:
        used = list(dict.fromkeys(prompt for prompt, _ in asked))
        count = options.max_new_tokens + len(self.writer.lines(options))
        wanted = [Wanted(used.index(prompt), Draws(seed, count)) for prompt, seed in asked]
        return self.writer.write([prompts[prompt] for prompt in used], wanted, options)

    def _answer(
        self, written: Written, options: GenerationOptions, prompt_tokens: int, seconds: float
    ) -> Answer:
        labels: dict[str, str | None] = dict(written.labels)
        text = written.response
        if not options.constrain_labels:
            labels, text = self._read(written.raw, options)
        self.timings.answers += 1
        self.timings.new_tokens += written.new_tokens
        return Answer(
            client_emotion=labels.get("client_emotion"),
            therapist_emotion=labels.get("therapist_emotion"),
            strategy=labels.get("strategy"),
            text=text,
            raw=written.raw,
            seconds=seconds,
            prompt_tokens=prompt_tokens,
            new_tokens=written.new_tokens,
            label_probabilities=written.probabilities,
        )

    def _read(self, raw: str, options: GenerationOptions) -> tuple[dict[str, str | None], str]:
        """The fields of a reply that was decoded freely."""
        names = self.processor.template.names
        if options.task == "emotion":
            [(name, labels)] = self.writer.lines(options)
            return {name: read_emotion(raw, labels, names)}, ""
        reply = parse_reply(raw, names)
        found = {
            "client_emotion": reply.client_emotion,
            "therapist_emotion": reply.therapist_emotion,
            "strategy": reply.strategy,
        }
        return found, reply.text


class TooLongError(DomainError):
    """A prompt that leaves no room for an answer in what the model takes."""


def _is_out_of_memory(error: BaseException) -> bool:
    """PyTorch says so of the CPU's memory in words only."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)
