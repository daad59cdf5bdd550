"""From encoded prompts to replies: prefill once a prompt, labels, then the response."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from inference.contracts import GenerationOptions
from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.backbone import Backbone
from inference.multimood.batch import Sample
from inference.multimood.decoding import FIRST_ROOM, Manner, decode
from inference.multimood.kv_cache import SharedCache
from inference.multimood.label_lines import LabelLines
from inference.multimood.label_tree import ReplyPlan
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.sampling import Draws
from inference.multimood.timings import Timings


@dataclass(frozen=True)
class Wanted:
    """An answer to be written: to which of the prompts, and its random numbers."""

    prompt: int
    draws: Draws


@dataclass
class Written:
    raw: str
    new_tokens: int
    labels: dict[str, str] = field(default_factory=dict)
    probabilities: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """Of each field whose label was chosen among alternatives."""
    response: str = ""


class ReplyWriter:
    def __init__(
        self,
        model: MultiMoodForConditionalGeneration,
        processor: MultiMoodProcessor,
        timings: Timings,
        *,
        compiled: bool = False,
    ) -> None:
        self.backbone = Backbone(model, compiled=compiled)
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.plan = ReplyPlan(self.tokenizer, processor.template)
        self.timings = timings
        self.context = int(model.config.max_position_embeddings)
        self.ends = _end_tokens(model, self.tokenizer.eos_token_id)
        self.colons = {id for text, id in self.tokenizer.get_vocab().items() if ":" in text}
        names = "|".join(re.escape(name) for name in self.plan.names)
        self.next_line = re.compile(rf"\n\s*(?:{names})")

    def lines(self, options: GenerationOptions) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The fields that are decided, with their labels, in the order of the template."""
        if options.task == "emotion":
            return ((self.plan.fields[0], tuple(dict.fromkeys(options.emotions or EMOTIONS))),)
        labels = {"client_emotion": EMOTIONS, "therapist_emotion": EMOTIONS, "strategy": STRATEGIES}
        return tuple((name, labels[name]) for name in self.plan.fields if name in labels)

    def fixed_tokens(self, options: GenerationOptions) -> int:
        """At most, before what is decoded freely."""
        if not options.constrain_labels:
            return 0
        chosen: tuple[str, ...] = ()
        for _, labels in self.lines(options):
            tree = self.plan.tree(chosen, labels)
            chosen += (labels[max(range(len(labels)), key=lambda i: len(tree.paths[i]))],)
        if options.task == "emotion":
            return len(tree.stem) + len(tree.tokens)
        return len(self.plan.opening(chosen))

    def write(
        self, samples: Sequence[Sample], wanted: Sequence[Wanted], options: GenerationOptions
    ) -> list[Written]:
        lengths = [len(sample["input_ids"]) for sample in samples]
        self.backbone.reserve(
            max(lengths) + self.fixed_tokens(options) + options.max_new_tokens + 1
        )
        cache = self.backbone.new_cache(lengths)
        self.timings.prompts += len(lengths)
        self.timings.prompt_tokens += sum(lengths)
        first = []
        with self.timings.measured("prefill"):
            for prompt, sample in enumerate(samples):
                embeds = self._embeds(sample)
                last = self.backbone.prefill(
                    embeds, cache, prompt, last=not options.constrain_labels
                )
                if last is not None:
                    first.append(self.backbone.logits(last))
        if not options.constrain_labels:
            logits = torch.cat(first)[[answer.prompt for answer in wanted]]
            return self._freely(cache, wanted, logits, options)
        with self.timings.measured("labels"):
            lines = LabelLines(self.backbone, cache, self.plan, [a.prompt for a in wanted])
            replies = self._labelled(lines, wanted, options)
            if decides_only(options):
                return replies
            logits = lines.open_response()
            lines.spread(min(options.max_new_tokens, FIRST_ROOM))
        self._respond(cache, wanted, replies, logits, options)
        return replies

    def _embeds(self, sample: Sample) -> torch.Tensor:
        batch: dict[str, Any] = self.processor.collate([sample])
        del batch["attention_mask"]
        device = self.backbone.device
        batch = {name: value.to(device) for name, value in batch.items()}
        embeds: torch.Tensor = self.backbone.model.embed_inputs(**batch)
        return embeds[0]

    def _labelled(
        self, lines: LabelLines, wanted: Sequence[Wanted], options: GenerationOptions
    ) -> list[Written]:
        replies = [Written("", 0) for _ in wanted]
        draws = [answer.draws for answer in wanted]
        for name, labels in self.lines(options):
            decided = lines.decide(labels, options.temperature, draws)
            for reply, (label, shares) in zip(replies, decided, strict=True):
                reply.labels[name] = labels[label]
                reply.probabilities[name] = dict(zip(labels, shares.tolist(), strict=True))
        for reply, branch in zip(replies, lines.branch_of, strict=True):
            ids = lines.branches[branch].ids
            reply.new_tokens = len(ids)
            reply.raw = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return replies

    def _freely(
        self,
        cache: SharedCache,
        wanted: Sequence[Wanted],
        logits: torch.Tensor,
        options: GenerationOptions,
    ) -> list[Written]:
        cache.start_rows([answer.prompt for answer in wanted], FIRST_ROOM)

        def ended(_: int, tokens: list[int]) -> bool:
            if tokens[-1] in self.ends:
                return True
            return options.task == "emotion" and "\n" in self._text(tokens).lstrip()

        rows = self._decoded(cache, wanted, logits, options, ended)
        return [Written(self._text(tokens).strip(), len(tokens)) for tokens in rows]

    def _respond(
        self,
        cache: SharedCache,
        wanted: Sequence[Wanted],
        replies: Sequence[Written],
        logits: torch.Tensor,
        options: GenerationOptions,
    ) -> None:
        """Until the end, or until the model begins a line of the reply anew."""
        openings = [self.plan.opening(tuple(reply.labels.values())) for reply in replies]
        starts = [len(self._text(opening)) for opening in openings]

        def ended(answer: int, tokens: list[int]) -> bool:
            if tokens[-1] in self.ends:
                return True
            if tokens[-1] not in self.colons:
                return False
            text = self._text([*openings[answer], *tokens])
            return self.next_line.search(text, starts[answer]) is not None

        rows = self._decoded(cache, wanted, logits, options, ended)
        for reply, opening, start, tokens in zip(replies, openings, starts, rows, strict=True):
            text = self._text([*opening, *tokens])
            again = self.next_line.search(text, start)
            text = text[: again.start()] if again else text
            reply.raw, reply.response = text.strip(), text[start:].strip()
            reply.new_tokens = len(opening) + len(tokens)

    def _decoded(
        self,
        cache: SharedCache,
        wanted: Sequence[Wanted],
        logits: torch.Tensor,
        options: GenerationOptions,
        ended: Any,
    ) -> list[list[int]]:
        manner = Manner(options.temperature, options.top_p, options.max_new_tokens)
        with self.timings.measured("decode"):
            draws = [answer.draws for answer in wanted]
            return decode(self.backbone, cache, logits, manner, draws, ended)

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text


def decides_only(options: GenerationOptions) -> bool:
    """Whether labels are chosen and nothing is decoded."""
    return options.task == "emotion" and options.constrain_labels


def _end_tokens(model: MultiMoodForConditionalGeneration, own: int) -> set[int]:
    configured = getattr(model.generation_config, "eos_token_id", None)
    if configured is None:
        return {own}
    return {own, *([configured] if isinstance(configured, int) else configured)}
