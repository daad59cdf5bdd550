"""Any causal language model of transformers, asked as a chat or, where it has no chat template,
in a plain layout:

    (the system's words)

    (the user's words)

    Answer:

Never with code that comes with the weights, and never from pickles.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import jinja2
import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    GgufConfig,
    LogitsProcessor,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    StoppingCriteria,
)

from inference.backends.memory import is_out_of_memory
from inference.backends.text_sources import TextSource
from inference.errors import CheckpointError
from inference.multimood.prompt import neutral
from inference.multimood.sampling import Draws, choose_tokens

PLAIN_END = "Answer:"
AFTER_PLAIN = re.compile(r"\S[\s\S]*?\n[ \t]*\n(?=[\s\S]*\S)")
"""Nothing teaches a model without a template to stop: its answer ends at the first empty line."""
NO_LIMIT = 10**9
UNREADABLE = (
    *(ValueError, KeyError, ImportError, AttributeError, OSError, RuntimeError),
    SafetensorError,
)


@dataclass(frozen=True)
class Continuation:
    text: str
    tokens: int
    ended: bool
    """By the model; else its room was used up."""


class TextModel:
    """Safe to be used by several threads, one after the other."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.is_chat = tokenizer.chat_template is not None
        self.reserved = _reserved(tokenizer)
        self.context = _context(model, tokenizer)
        self.ends = _end_tokens(model, tokenizer)
        self.padding = _padding(tokenizer, self.ends)
        # Its own habits (a penalty, a temperature) would speak beside the options of the run.
        model.generation_config = GenerationConfig()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, source: TextSource, device: str, dtype: torch.dtype) -> Self:
        options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
        if source.gguf:
            options["gguf_file"] = source.gguf
        try:
            tokenizer = AutoTokenizer.from_pretrained(source.folder, **options)
            if source.gguf:
                options["quantization_config"] = GgufConfig(dequantize=True)
            model, report = AutoModelForCausalLM.from_pretrained(
                source.folder,
                dtype=dtype,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
        except UNREADABLE as error:
            if is_out_of_memory(error):
                raise
            raise _unreadable(source, error) from error
        if report["missing_keys"]:
            missing = ", ".join(sorted(report["missing_keys"])[:3])
            raise CheckpointError(
                f"{source.file} is not a whole language model: it lacks {missing}. Choose a model "
                "that writes text, and copy all of its files."
            )
        return cls(model.to(device), tokenizer)

    def encode(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """The prompt's tokens. What somebody said cannot end a turn or begin another."""
        said = [
            {"role": one["role"], "content": neutral(one["content"], self.reserved)}
            for one in messages
        ]
        if not self.is_chat:
            text = "\n\n".join([*(one["content"] for one in said if one["content"]), PLAIN_END])
            return self._tokens(text, marked=True)
        said = [one for one in said if one["role"] != "system" or one["content"]]
        try:
            text = self._templated(said)
        except jinja2.TemplateError:
            text = self._templated(_without_system(said))
        return self._tokens(text, marked=False)

    def _tokens(self, text: str, *, marked: bool) -> list[int]:
        """`marked`: with the tokens that open or close any text; chat templates write theirs."""
        with self._lock:  # a fast tokenizer cannot be borrowed by two threads
            ids: list[int] = self.tokenizer(text, add_special_tokens=marked)["input_ids"]
        return ids

    def _templated(self, messages: Sequence[Mapping[str, str]]) -> str:
        # Templates that know no `enable_thinking` pass over it.
        text: str = self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        return text

    @torch.inference_mode()
    def write(
        self,
        prompts: Sequence[Sequence[int]],
        seeds: Sequence[int],
        *,
        max_new_tokens: int,
        temperature: float,
        top_p: float,
    ) -> list[Continuation]:
        """One continuation a prompt; each draws from random numbers of its own."""
        width = max(map(len, prompts))
        ids = [[self.padding] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        draws = [Draws(seed, max_new_tokens) for seed in seeds]
        with self._lock:
            output = self.model.generate(
                input_ids=torch.tensor(ids, device=self.model.device),
                attention_mask=torch.tensor(mask, device=self.model.device),
                generation_config=GenerationConfig(
                    max_new_tokens=max_new_tokens,
                    do_sample=False,
                    eos_token_id=sorted(self.ends),
                    pad_token_id=self.padding,
                ),
                logits_processor=[_Chosen(temperature, top_p, draws)],
                stopping_criteria=[] if self.is_chat else [_Paragraphs(self.tokenizer, width)],
            )
        return [self._continuation(row) for row in output[:, width:].tolist()]

    def _continuation(self, tokens: list[int]) -> Continuation:
        end = next((place for place, token in enumerate(tokens) if token in self.ends), None)
        kept = tokens if end is None else tokens[:end]
        text: str = self.tokenizer.decode(kept, skip_special_tokens=True)
        over = None if self.is_chat else AFTER_PLAIN.match(text)
        text = over[0] if over else text
        count = len(tokens) if end is None else end + 1
        return Continuation(text.strip(), count, end is not None or over is not None)


class _Chosen(LogitsProcessor):  # type: ignore[misc]
    """Leaves one token possible: the likeliest, or the one that the row's own numbers draw."""

    def __init__(self, temperature: float, top_p: float, draws: Sequence[Draws]) -> None:
        self.temperature, self.top_p, self.draws = temperature, top_p, draws

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if not self.temperature:
            return scores
        scores = scores.float()
        chosen = choose_tokens(scores, self.temperature, self.top_p, self.draws)
        only = torch.full_like(scores, -torch.inf)
        rows = torch.arange(len(chosen), device=scores.device)
        only[rows, torch.tensor(chosen, device=scores.device)] = 0
        return only


class _Paragraphs(StoppingCriteria):  # type: ignore[misc]
    def __init__(self, tokenizer: PreTrainedTokenizerBase, start: int) -> None:
        self.tokenizer, self.start = tokenizer, start

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        texts = self.tokenizer.batch_decode(input_ids[:, self.start :], skip_special_tokens=True)
        over = [AFTER_PLAIN.match(text) is not None for text in texts]
        return torch.tensor(over, device=input_ids.device)


def _without_system(messages: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """For templates that know no such role: its words open the first message."""
    system = "\n\n".join(one["content"] for one in messages if one["role"] == "system")
    first, *others = [one for one in messages if one["role"] != "system"]
    return [{**first, "content": f"{system}\n\n{first['content']}".strip()}, *others]


def _reserved(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    added = (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
    return sorted({*tokenizer.all_special_tokens, *added}, key=len, reverse=True)


def _context(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    config = model.config.get_text_config()
    known = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(known, NO_LIMIT))


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    found: set[int] = set()
    for told in (
        getattr(model.generation_config, "eos_token_id", None),
        getattr(model.config, "eos_token_id", None),
        tokenizer.eos_token_id,
    ):
        found |= set(told) if isinstance(told, list) else set() if told is None else {int(told)}
    return found


def _padding(tokenizer: PreTrainedTokenizerBase, ends: set[int]) -> int:
    """Any token will do: it is masked."""
    if tokenizer.pad_token_id is not None:
        return int(tokenizer.pad_token_id)
    return min(ends, default=0)


def _unreadable(source: TextSource, error: Exception) -> CheckpointError:
    reason = str(error).partition("\n")[0].rstrip(".")
    return CheckpointError(
        f"{source.file} cannot be read as a language model ({reason}). It must be one that "
        "transformers knows by itself: code that comes with weights is never run."
    )
