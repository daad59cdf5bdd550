"""Local language models that read words only: the dialogue as text, four lines as the answer.

Clips are not looked at, and there is no compressor: whatever a run says of them, the history goes
in as text, or not at all with `history="none"`. Labels are written freely and then read. An answer
depends on its prompt, the options and its own seed; what is answered beside it only changes how
products are rounded.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import torch

from inference.backends.base import Backend, Machine
from inference.backends.kept import KeptModels
from inference.backends.memory import (
    WORKING_SHARE,
    ModelDoesNotFitError,
    free_memory,
    is_out_of_memory,
)
from inference.backends.multimood import chosen_device, dtype_on, scarcest, unload_multimood
from inference.backends.text_model import Continuation, TextModel
from inference.backends.text_sources import (
    TextSource,
    find_text_source,
    text_bytes,
    text_weights_sha256,
)
from inference.backends.thoughts import after_thoughts
from inference.contracts import Answer, GenerationOptions, StimulusInput
from inference.errors import DomainError, InvalidOptionsError
from inference.multimood.parsing import parse_reply
from inference.multimood.prompt import PromptTemplate
from inference.multimood.prompt_file import parse_template, shipped

ROOM_FOR_LABELS = 64
"""Tokens beyond the longest reply for the label lines, as models behind addresses have them; where
labels are not to be chosen the bound is of the whole answer, as for MultiMood."""
KEPT: KeptModels[Hashable, TextModel] = KeptModels()


@dataclass(frozen=True)
class _Prompt:
    tokens: list[int]
    left_out: int = 0
    """Turns, from the oldest on, for which the model's context had no room."""
    fault: str = ""


class TextBackend:
    def __init__(self, model: TextModel, template: PromptTemplate) -> None:
        self.model = model
        self.template = template

    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int],
    ) -> list[Answer]:
        if options.task == "emotion":
            raise InvalidOptionsError(
                "The emotion is told from the clip alone, and this model reads words only. Ask it "
                "for replies: they name the emotion too."
            )
        prompts = [self._prompt(stimulus, options) for stimulus in stimuli]
        each = [prompt for prompt in prompts for _ in range(options.samples)]
        asked = [
            (place, seed)
            for place, (prompt, seed) in enumerate(zip(each, seeds, strict=True))
            if not prompt.fault
        ]
        answers = {place: Answer.failed(prompt.fault) for place, prompt in enumerate(each)}
        for start in range(0, len(asked), options.batch_size):
            part = asked[start : start + options.batch_size]
            started = time.perf_counter()
            written = self._written([(each[place], seed) for place, seed in part], options)
            seconds = (time.perf_counter() - started) / len(part)
            for (place, _), one in zip(part, written, strict=True):
                answers[place] = self._read(each[place], one, seconds)
        return [answers[place] for place in range(len(each))]

    def _prompt(self, stimulus: StimulusInput, options: GenerationOptions) -> _Prompt:
        if options.history == "none":
            stimulus = replace(stimulus, history=())
        room = self.model.context - longest_answer(options)
        fewest, most = 0, len(stimulus.history)
        tokens = self._tokens(stimulus, 0)
        if len(tokens) > room:
            while fewest < most:  # the least that must go
                middle = (fewest + most) // 2
                if len(self._tokens(stimulus, middle)) <= room:
                    most = middle
                else:
                    fewest = middle + 1
            tokens = self._tokens(stimulus, fewest)
        if len(tokens) > room:
            return _Prompt([], fault=self._too_long(len(tokens), options))
        return _Prompt(tokens, fewest)

    def _tokens(self, stimulus: StimulusInput, left_out: int) -> list[int]:
        given = replace(stimulus, history=stimulus.history[left_out:])
        user = self.template.user(given, (), memory=False)
        return self.model.encode(
            [
                {"role": "system", "content": self.template.system},
                {"role": "user", "content": user},
            ]
        )

    def _too_long(self, length: int, options: GenerationOptions) -> str:
        return (
            f"Without any dialogue before, the prompt has {length:,} tokens; with an answer of up "
            f"to {longest_answer(options):,} that is more than the model's {self.model.context:,}. "
            "Ask for a shorter answer, or choose a model that reads more."
        )

    def _written(
        self, asked: Sequence[tuple[_Prompt, int]], options: GenerationOptions
    ) -> list[Continuation]:
        """In two halves where the memory is too small for all."""
        try:
            return self.model.write(
                [prompt.tokens for prompt, _ in asked],
                [seed for _, seed in asked],
                max_new_tokens=longest_answer(options),
                temperature=options.temperature,
                top_p=options.top_p,
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(asked) == 1:
                raise DomainError(
                    "The memory is too small for even one answer. Take a shorter answer, no "
                    "dialogue before, or a smaller model."
                ) from error
        free_memory()
        half = len(asked) // 2
        return [*self._written(asked[:half], options), *self._written(asked[half:], options)]

    def _read(self, prompt: _Prompt, written: Continuation, seconds: float) -> Answer:
        reply = parse_reply(after_thoughts(written.text), self.template.names)
        return Answer(
            client_emotion=reply.client_emotion,
            therapist_emotion=reply.therapist_emotion,
            strategy=reply.strategy,
            text=reply.text,
            raw="\n\n".join(filter(None, [written.text, self._note(prompt)])),
            seconds=seconds,
            prompt_tokens=len(prompt.tokens),
            new_tokens=written.tokens,
        )

    def _note(self, prompt: _Prompt) -> str:
        if not prompt.left_out:
            return ""
        turns = (
            "oldest turn was" if prompt.left_out == 1 else f"{prompt.left_out} oldest turns were"
        )
        return (
            f"[The {turns} left out: with the whole dialogue before, the prompt is longer than the "
            f"model's {self.model.context:,} tokens.]"
        )


def longest_answer(options: GenerationOptions) -> int:
    """In tokens."""
    return options.max_new_tokens + ROOM_FOR_LABELS * options.constrain_labels


def load_text(source: str, *, machine: Machine, prompt: str) -> Backend:
    """`source` as in `find_text_source`; `prompt` (TOML) replaces the shipped template."""
    template = parse_template(prompt, "the model's prompt") if prompt else shipped("full")
    return TextBackend(load_text_model(source, machine), template)


def load_text_model(source: str, machine: Machine) -> TextModel:
    """Once a process, as long as there is room for it."""
    found = find_text_source(source)
    device = chosen_device(machine.device)
    dtype = dtype_on(device)
    needed = _needed_bytes(found, dtype)
    key = (found, text_weights_sha256(found), device)

    def fits() -> bool:
        return needed <= scarcest(device)[1]

    def load() -> TextModel:
        if fits():
            try:
                return TextModel.load(found, device, dtype)
            except (RuntimeError, MemoryError, OSError) as error:
                if not is_out_of_memory(error):
                    raise
            free_memory()  # here no traceback holds what was half loaded
        place, free = scarcest(device)
        raise ModelDoesNotFitError(found.file, needed, free, place)

    loaded = KEPT.keys()
    if key not in loaded and (machine.models_in_memory <= 1 or not fits()):
        unload_multimood()
    return KEPT.get(key, machine.models_in_memory, fits, load)


def unload_text() -> None:
    KEPT.drop_all()


def _needed_bytes(source: TextSource, dtype: torch.dtype) -> int:
    total, largest = text_bytes(source, dtype.itemsize)
    if source.gguf:
        # Every tensor is unpacked as float32 before the first goes into the model.
        total += text_bytes(source, torch.float32.itemsize)[0]
    return int(total * WORKING_SHARE) + largest
