"""How near a reply is to the human one for a text encoder: cosine of the texts, and BERTScore.

BERTScore (Zhang et al. 2020, arXiv 1904.09675), without idf weights and without rescaling: each
token of one text is matched with the nearest of the other, R over the reference's tokens, P over
the answer's, F = 2PR / (P + R). The encoder's own marks ([CLS], [SEP], <s>) are no tokens of a
text and are left out; as published they can be what a token is matched with, as in the package
bert_score. The figure is of an encoder and a layer, and is named so.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.benchmarks.contract import BenchmarkError, Options
from inference.benchmarks.measures import Measure, mean_measure
from inference.benchmarks.text_metrics import NO_REFERENCE, Pair, Pairs

if TYPE_CHECKING:
    from torch import Tensor

TITLES = {"embedding_similarity": "Embedding similarity", "bertscore": "BERTScore F1"}
NO_ENCODER = "no text encoder was named: give the folder of one"
BATCH = 32
DIGITS = 6
"""Of a score that are kept: the rest of a 32-bit number differs with the batch it was read in."""
LONGEST = 512
"""Tokens of a text that are read, at most."""


@dataclass(frozen=True, eq=False)
class Tokens:
    states: Tensor
    """(tokens, width), each of length 1."""
    own: Tensor
    """(tokens,) bool: of the text; False for the encoder's marks."""


@dataclass(frozen=True, eq=False)
class Encoder:
    model: Any
    tokenizer: Any
    name: str
    """Folder's name and the first digits of its weights' SHA-256."""
    layer: int
    layers: int

    @classmethod
    def load(cls, folder: Path, layer: int | None) -> Encoder:
        import torch
        from transformers import AutoModel, AutoTokenizer

        try:
            options = {"trust_remote_code": False, "local_files_only": True}
            model = AutoModel.from_pretrained(folder, use_safetensors=True, **options).eval()
            tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        except (OSError, ValueError) as error:
            raise BenchmarkError(
                f"encoder: {folder} holds no text encoder that transformers reads: {error}"
            ) from error
        layers = int(model.config.num_hidden_layers)
        chosen = default_layer(layers) if layer is None else layer
        if not 0 <= chosen <= layers:
            raise BenchmarkError(
                f"layer: {chosen} is not one of this encoder's. Choose from 0 (the embeddings) to "
                f"{layers}."
            )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        name = f"{folder.resolve().name} (sha256 {weights_digest(folder)})"
        return cls(model.to(device), tokenizer, name, chosen, layers)

    @property
    def described(self) -> str:
        return f"{self.name}, BERTScore from layer {self.layer} of {self.layers}"

    @property
    def longest(self) -> int:
        return min(LONGEST, int(self.tokenizer.model_max_length))

    def read(self, texts: Sequence[str]) -> tuple[Tensor, list[Tokens]]:
        """(N, width) of length 1, and the tokens of each text."""
        import torch

        batch = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
            return_special_tokens_mask=True,
        )
        own = ~batch.pop("special_tokens_mask").bool()
        there = batch["attention_mask"].bool()
        batch = batch.to(self.model.device)
        with torch.inference_mode():
            hidden = self.model(**batch, output_hidden_states=True).hidden_states
        mask = batch["attention_mask"][..., None].float()
        pooled = (hidden[-1].float() * mask).sum(1) / mask.sum(1).clamp(min=1)
        whole = torch.nn.functional.normalize(pooled, dim=-1).cpu()
        states = torch.nn.functional.normalize(hidden[self.layer].float(), dim=-1).cpu()
        return whole, [
            Tokens(row[kept], mine[kept])
            for row, kept, mine in zip(states, there, own, strict=True)
        ]


def default_layer(layers: int) -> int:
    """17 of 24, 9 of 12 and 5 of 6: what BERTScore's authors chose for RoBERTa-large, BERT-base
    and DistilBERT by their agreement with people; the same share for others."""
    return math.ceil(layers * 17 / 24)


def weights_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def bertscore_f1(answer: Tokens, reference: Tokens, *, match_marks: bool) -> float:
    """0 where one of the texts has no token."""
    if not answer.own.any() or not reference.own.any():
        return 0.0
    near = answer.states @ reference.states.T
    of_answer, of_reference = near[answer.own], near[:, reference.own]
    if not match_marks:
        of_answer, of_reference = of_answer[:, reference.own], of_reference[answer.own]
    precision, recall = float(of_answer.amax(1).mean()), float(of_reference.amax(0).mean())
    return 2 * precision * recall / (precision + recall) if min(precision, recall) > 0 else 0.0


def encoder_of(options: Options) -> Encoder | None:
    return Encoder.load(Path(options.encoder), options.layer) if options.encoder else None


def encoder_measures(
    pairs: Pairs, encoder: Encoder, *, as_published: bool
) -> tuple[Measure, Measure]:
    """Embedding similarity and BERTScore, from one reading of each text."""
    cosines: list[float | None] = [None if pair is None else 0.0 for pair in pairs]
    scores = list(cosines)
    for batch in _batches(pairs):
        places, chosen = zip(*batch, strict=True)
        answers, answer_tokens = encoder.read([pair.response for pair in chosen])
        wanted, wanted_tokens = encoder.read([pair.reference for pair in chosen])
        near = (answers * wanted).sum(1).tolist()
        for row, place in enumerate(places):
            cosines[place] = round(near[row], DIGITS)
            found = bertscore_f1(answer_tokens[row], wanted_tokens[row], match_marks=as_published)
            scores[place] = round(found, DIGITS)
    return (
        mean_measure(
            "text.embedding_similarity",
            f"{TITLES['embedding_similarity']} ({encoder.name})",
            cosines,
            setting="mean cosine of the mean-pooled last layer, from -1 to 1; an empty reply has 0",
            undefined_because=NO_REFERENCE,
        ),
        mean_measure(
            "text.bertscore",
            f"{TITLES['bertscore']} ({encoder.name}, layer {encoder.layer})",
            scores,
            setting="mean F over replies, no idf weights, not rescaled"
            + (", marks can be matched with" if as_published else ""),
            undefined_because=NO_REFERENCE,
        ),
    )


def _batches(pairs: Pairs) -> list[list[tuple[int, Pair]]]:
    """Pairs of similar length together; an empty reply needs no encoder."""
    both = [
        (place, pair)
        for place, pair in enumerate(pairs)
        if pair is not None and pair.response.strip()
    ]
    both.sort(key=lambda entry: len(entry[1].response) + len(entry[1].reference))
    return [both[start : start + BATCH] for start in range(0, len(both), BATCH)]
