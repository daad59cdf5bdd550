"""The published way of answering, written from its description, as the peer of the comparison.

Every answer stands alone: its clips are decoded and go through both towers, the history through
the compressor, the prompt through the LLM, and the reply is sampled token by token by
`model.generate` at batch 1. Nothing is kept for the next answer, also not of the same stimulus.
Weights, prompt, sampled frames and sound, number format and threads are the other side's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.generation_parts.sizes import Built
from benchmarks.generation_parts.stopwatch import Stopwatch, watch_towers
from inference.contracts import GenerationOptions, StimulusInput
from inference.multimood.parsing import parse_reply


class PublishedWay:
    def __init__(self, built: Built) -> None:
        self.model, self.processor = built.model, built.processor
        self.stopwatch = Stopwatch(self.model.device)
        watch_towers(self.stopwatch, self.model.model)
        self.stopwatch.watch(self.model.model, _stage_of_forward)
        self.take_stages = self.stopwatch.take_stages

    @torch.inference_mode()
    def answer(
        self, stimuli: Sequence[StimulusInput], options: GenerationOptions
    ) -> list[tuple[int, int]]:
        """(prompt positions, new tokens) of each answer."""
        seeds = iter(range(options.seed, options.seed + options.samples * len(stimuli)))
        return [
            self._sample(stimulus, options, next(seeds))
            for stimulus in stimuli
            for _ in range(options.samples)
        ]

    def _sample(
        self, stimulus: StimulusInput, options: GenerationOptions, seed: int
    ) -> tuple[int, int]:
        torch.manual_seed(seed)
        with self.stopwatch.stage("media"):
            sample = self.processor.encode(
                stimulus,
            )
            batch = self.processor.collate([sample])
            batch = {name: value.to(self.model.device) for name, value in batch.items()}
        prompt = batch["input_ids"].shape[1]
        with self.stopwatch.stage("decode"):
            generated = self.model.generate(
                **batch,
                max_new_tokens=options.max_new_tokens,
                do_sample=True,
                temperature=options.temperature,
                top_p=options.top_p,
                top_k=0,
                eos_token_id=self.processor.tokenizer.eos_token_id,
                pad_token_id=self.processor.tokenizer.pad_token_id,
            )
            new = generated[0, prompt:]
            parse_reply(self.processor.tokenizer.decode(new, skip_special_tokens=True))
        return prompt, len(new)


def _stage_of_forward(given: dict[str, Any]) -> str:
    """The first pass brings the whole prompt; what `generate` does between passes is decoding."""
    return "prefill" if given["input_ids"].shape[1] > 1 else "decode"
