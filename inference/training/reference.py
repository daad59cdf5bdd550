"""What the reference thinks of every pair, computed once before the first step and kept.

The replies to one prompt are scored together, each once, however many pairs they are in. The file
in the run's folder is whole or absent, and belongs to one base, dataset and way of showing it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

from inference.contracts import Modality, PreferencePair, ReplyFields, StimulusInput
from inference.preference_files import json_text, sha256_file
from inference.training.callbacks import any_process
from inference.training.config import TrainingConfig
from inference.training.dpo_pairs import pairs_file
from inference.training.pair_rows import PairEncoder
from inference.training.setup import Setup
from inference.training.shared_prompts import collate_rows, score
from inference.training.trainers import uses_bfloat16, uses_gpu

LogProbabilities = Mapping[str, tuple[float, float]]
"""pair_id -> of its chosen and its rejected reply, in nats, summed over the learned tokens."""
REPLIES_A_ROW = 8
SHOWN_TIMES = 50
"""How often at most progress is told."""


def reference_log_probabilities(
    setup: Setup, encoder: PairEncoder, pairs: Sequence[PreferencePair]
) -> LogProbabilities | None:
    """By the base, which must not be trained yet; None when asked to stop before the end.

    Processes divide the prompts. The first reads and writes the file.
    """
    main = PartialState(cpu=not uses_gpu(setup.config)).is_main_process
    key = reference_key(setup.config) if main else ""
    file = setup.config.output / f"reference-{key[:16]}.json"
    kept = [_read(file, key, pairs) if main else None]
    broadcast_object_list(kept)
    if kept[0] is not None:
        return kept[0]
    requests = list(_requests(pairs, encoder))
    scored = _score_all(setup, encoder, requests)
    if scored is None:
        return None
    found = {
        pair.pair_id: (scored[prompt, pair.chosen], scored[prompt, pair.rejected])
        for pair in pairs
        for prompt in [encoder.prompt_of(pair)]
    }
    if main:
        _write(file, key, found)
    return found


Prompt = tuple[StimulusInput, Modality]


@dataclass(frozen=True)
class _Request:
    prompt: Prompt
    replies: tuple[ReplyFields, ...]

    @property
    def characters(self) -> int:
        stimulus, _ = self.prompt
        heard = sum(len(turn.text) for turn in (*stimulus.history, *stimulus.client_turns))
        return heard + sum(len(reply.text) for reply in self.replies)


def _requests(pairs: Sequence[PreferencePair], encoder: PairEncoder) -> Iterator[_Request]:
    """The distinct replies to each distinct prompt, in the order of the pairs."""
    by_prompt: dict[Prompt, dict[ReplyFields, None]] = {}
    for pair in pairs:
        replies = by_prompt.setdefault(encoder.prompt_of(pair), {})
        replies.update(dict.fromkeys((pair.chosen, pair.rejected)))
    for prompt, found in by_prompt.items():
        distinct = tuple(found)
        for start in range(0, len(distinct), REPLIES_A_ROW):
            yield _Request(prompt, distinct[start : start + REPLIES_A_ROW])


def _score_all(
    setup: Setup, encoder: PairEncoder, requests: Sequence[_Request]
) -> dict[tuple[Prompt, ReplyFields], float] | None:
    state, config = PartialState(), setup.config
    # Rows of about one length waste little on padding; every process takes part in every batch.
    ordered = sorted(requests, key=lambda request: request.characters)
    each = config.batch_size * state.num_processes
    first = state.process_index * config.batch_size
    model = setup.model.to(state.device).eval()
    told = 0
    scored: list[tuple[Prompt, ReplyFields, float]] = []
    for start in range(0, len(ordered), each):
        if any_process(setup.stop.asked):
            return None
        if start >= told * len(ordered) / SHOWN_TIMES:
            told += 1
            setup.progress.stage("reference", start, len(ordered))
        mine = ordered[start + first : start + first + config.batch_size]
        if mine:
            values = _score_batch(setup, encoder, mine)
            asked = [(request.prompt, reply) for request in mine for reply in request.replies]
            scored += [(*one, value) for one, value in zip(asked, values, strict=True)]
    if config.sharding != "none":
        model.to("cpu")  # sharding starts from there
    return {(prompt, reply): value for prompt, reply, value in gather_object(scored)}


def _score_batch(setup: Setup, encoder: PairEncoder, requests: Sequence[_Request]) -> list[float]:
    device = setup.model.device
    rows = [encoder.row(*request.prompt, request.replies) for request in requests]
    batch = collate_rows(rows, setup.processor.tokenizer.pad_token_id)
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    rounded = torch.autocast(
        device.type,
        torch.bfloat16,
        enabled=uses_bfloat16(setup.config),
        cache_enabled=False,  # or a rounded copy of every weight is kept for a second use
    )
    with torch.no_grad(), rounded:
        values: list[float] = score(setup.model, batch).tolist()
    return values


def reference_key(config: TrainingConfig) -> str:
    """Of everything that the log-probabilities depend on."""
    files = sorted(path for path in config.base.iterdir() if path.is_file())
    said = {
        "base": {path.name: sha256_file(path) for path in files},
        "dataset": sha256_file(pairs_file(config)),
        "prompt": config.prompt,
        "modality": config.modality,
        "seed": config.seed,
        "trains": config.trains,
        "bfloat16": uses_bfloat16(config),
    }
    return hashlib.sha256(json_text(said).encode()).hexdigest()


def _read(file: Path, key: str, pairs: Sequence[PreferencePair]) -> LogProbabilities | None:
    if not file.is_file():
        return None
    kept = json.loads(file.read_text(encoding="utf-8"))
    wanted = {pair.pair_id for pair in pairs}
    if kept["key"] != key or not wanted <= kept["log_probabilities"].keys():
        return None
    return {pair_id: (c, r) for pair_id, (c, r) in kept["log_probabilities"].items()}


def _write(file: Path, key: str, found: LogProbabilities) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps({"key": key, "log_probabilities": found}), encoding="utf-8")
    part.replace(file)
