from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inference.contracts import Answer, GenerationOptions, StimulusInput

Lookup = Callable[[Sequence[str]], Mapping[str, Mapping[int, Answer]]]
"""Keys of stimuli -> key -> sample -> what the file holds."""


class ResponsesBackend:
    """What a model that ran elsewhere answered: the options change nothing."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int],
    ) -> list[Answer]:
        found = self.lookup([stimulus.key for stimulus in stimuli])
        return [
            found.get(stimulus.key, {}).get(sample) or _missing(sample)
            for stimulus in stimuli
            for sample in range(options.samples)
        ]


def _missing(sample: int) -> Answer:
    return Answer.failed(
        f"The imported file holds no response number {sample + 1} to this client turn."
    )
