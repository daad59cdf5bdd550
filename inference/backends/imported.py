from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inference.contracts import Answer, GenerationOptions, HumanReply, StimulusInput
from inference.errors import DomainError

Lookup = Callable[[Sequence[str]], Mapping[str, HumanReply]]


class ImportedBackend:
    """Replies that people wrote: no model, the options change nothing."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    def answer(
        self,
        stimuli: Sequence[StimulusInput],
        options: GenerationOptions,
        seeds: Sequence[int],
    ) -> list[Answer]:
        replies = self.lookup([stimulus.key for stimulus in stimuli])
        missing = [stimulus.key for stimulus in stimuli if stimulus.key not in replies]
        if missing:
            raise DomainError(f"The corpus has no therapist reply to {', '.join(missing)}.")
        return [_answer(replies[stimulus.key]) for stimulus in stimuli]


def _answer(reply: HumanReply) -> Answer:
    return Answer(
        client_emotion=reply.client_emotion,
        therapist_emotion=reply.therapist_emotion,
        strategy=reply.strategy,
        text=reply.text,
        raw=reply.text,
        seconds=0.0,
        prompt_tokens=0,
        new_tokens=0,
        chain=reply.chain,
    )
