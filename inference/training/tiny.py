"""multimood-tiny: a small MultiMood trained from nothing on the demo corpus.

`python -m inference.training.tiny [--corpus CORPUS.jsonl] [--out FOLDER]`: tokenizer, towers,
supervised fine-tuning, measurement on sessions held out, card.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from inference.corpora import generic
from inference.corpora.records import DialogueRecord
from inference.labels import EMOTIONS, STRATEGIES
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.multimood.prompt_file import shipped
from inference.multimood.tiny import tiny_config, tiny_tokenizer
from inference.training.card import Facts, file_sha256, metrics_of, write_card
from inference.training.config import TrainingConfig
from inference.training.evaluate import CONDITIONS, held_out_lessons, majority_share, measure
from inference.training.progress import FINAL, Progress, StopRequest
from inference.training.run import run
from inference.training.sft import dialogue_lessons
from inference.training.towers import LabelledClip, TowerTraining, pretrain_towers

TEMPLATE = shipped("brief")
FORMAT_TEXTS = (
    *EMOTIONS,
    *STRATEGIES,
    f"Situation: My sister and I have not spoken for a year.\nClient: {TEMPLATE.masked}",
    "Client's emotion: sadness\nTherapist's emotion: neutral",
    "Therapist's strategy: open question\nTherapist's response: I am here. What happened then?",
)
VOCABULARY = 2048
SMALL_VOCABULARY = 400
HISTORY_TOKENS = 96
"""Without its kernels Mamba's backward pass takes time that grows with the square of this."""
MANIFEST = "manifest.jsonl"
KEPT_FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)


@dataclass(frozen=True)
class Recipe:
    seed: int = 7
    extra_clips: int = 420
    """Rendered for the towers: sixty people, each with every emotion."""
    tuning_clips: int = 210
    """Of those, shown again in fine-tuning."""
    towers: TowerTraining = TowerTraining(steps=500)  # noqa: RUF009  (frozen)
    steps: int = 1000
    batch_size: int = 16
    learning_rate: float = 2e-3
    text_dropout: float = 0.4
    threads: int = 2


def random_tiny_checkpoint(folder: Path, seed: int = 0) -> Path:
    """An untrained checkpoint with a working processor: for tests of all that is not learned."""
    tokenizer = tiny_tokenizer(FORMAT_TEXTS, vocab_size=SMALL_VOCABULARY)
    config = tiny_config(vocab_size=len(tokenizer))
    torch.manual_seed(seed)
    MultiMoodForConditionalGeneration(config).save_pretrained(folder)
    MultiMoodProcessor(tokenizer, config).save_pretrained(folder)
    return folder


def make_tiny(corpus: Path, out: Path, work: Path, recipe: Recipe) -> Facts:
    began = time.monotonic()
    torch.set_num_threads(recipe.threads)
    work.mkdir(parents=True, exist_ok=True)
    folder = work / "extra"
    manifest = render_extra(folder, recipe)
    dialogues = [d for d in generic.read([corpus]) if d.split == "train"]
    for_towers = list(dialogues)
    for_tuning = None
    if manifest:
        for_towers += generic.read([write_extra_corpus(folder, manifest, "towers.jsonl")])
        for_tuning = write_extra_corpus(folder, manifest[: recipe.tuning_clips], "tuning.jsonl")
    base = work / "base"
    told = make_base(base, dialogues, for_towers, recipe)
    shutil.rmtree(work / "sft", ignore_errors=True)
    final = fine_tune(base, corpus, for_tuning, work / "sft", recipe)
    copy_checkpoint(final, out)
    return measure_and_describe(corpus, out, recipe, len(manifest), told, began)


def render_extra(folder: Path, recipe: Recipe) -> list[str]:
    """Lines of the manifest beside the clips; none without espeak-ng."""
    if not recipe.extra_clips:
        return []
    if shutil.which("espeak-ng") is None:
        _say("espeak-ng is not installed: the towers see the corpus' own clips only")
        return []
    manifest = folder / MANIFEST
    if not manifest.is_file() or len(_lines(manifest)) < recipe.extra_clips:
        _say(f"rendering {recipe.extra_clips} clips into {folder}")
        command = [sys.executable, "-m", "demo.build", "--out", str(folder)]
        command += ["--extra", str(recipe.extra_clips), "--jobs", str(recipe.threads)]
        subprocess.run(command, check=True)  # noqa: S603
    return _lines(manifest)[: recipe.extra_clips]


def write_extra_corpus(folder: Path, manifest: Sequence[str], name: str) -> Path:
    """One dialogue a clip, nobody answers."""
    corpus = folder / name
    with corpus.open("w", encoding="utf-8") as file:
        for number, row in enumerate(map(json.loads, manifest)):
            turn = {"speaker": "client", "text": row["text"], "emotion": row["emotion"]}
            turn["clip"] = row["clip"]
            dialogue = {"id": f"x{number}", "session": f"x{row['person']}", "turns": [turn]}
            file.write(json.dumps(dialogue) + "\n")
    return corpus


def make_base(
    folder: Path,
    dialogues: Sequence[DialogueRecord],
    for_towers: Sequence[DialogueRecord],
    recipe: Recipe,
) -> dict[str, float]:
    """Tokenizer of the training words, towers pre-trained, the rest random."""
    tokenizer = tiny_tokenizer(training_texts(dialogues), vocab_size=VOCABULARY)
    config = tiny_config(vocab_size=len(tokenizer))
    config.max_history_tokens = HISTORY_TOKENS
    torch.manual_seed(recipe.seed)
    model = MultiMoodForConditionalGeneration(config)
    processor = MultiMoodProcessor(tokenizer, config)
    clips = list(labelled_clips(for_towers, processor))
    _say(f"pre-training the towers on {len(clips)} clips")
    told = pretrain_towers(model.model, clips, recipe.towers, recipe.seed)
    _say(json.dumps(told))
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return told | {"tower_clips": float(len(clips))}


def training_texts(dialogues: Sequence[DialogueRecord]) -> Iterator[str]:
    yield from FORMAT_TEXTS
    for dialogue in dialogues:
        yield f"Situation: {dialogue.situation}"
        yield from (f"{turn.speaker.title()}: {turn.text}" for turn in dialogue.turns)
        yield from (TEMPLATE.reply_lines(lesson.reply) for lesson in dialogue_lessons(dialogue))


def labelled_clips(
    dialogues: Sequence[DialogueRecord], processor: MultiMoodProcessor
) -> Iterator[LabelledClip]:
    for dialogue in dialogues:
        for turn in dialogue.turns:
            if turn.clip_path is None or turn.emotion is None:
                continue
            clip = processor.load_clip(turn.clip_path)
            if clip.video is not None and clip.audio is not None:
                emotion = EMOTIONS.index(turn.emotion)
                # The first window is enough to learn voices from.
                yield LabelledClip(clip.video.half(), clip.audio[0].half(), emotion)


def fine_tune(base: Path, corpus: Path, extra: Path | None, output: Path, recipe: Recipe) -> Path:
    config = TrainingConfig(
        method="sft",
        base=base,
        dataset=corpus,
        emotion_dataset=extra,
        output=output,
        seed=recipe.seed,
        max_steps=recipe.steps,
        learning_rate=recipe.learning_rate,
        warmup_ratio=0.05,
        weight_decay=0.01,
        batch_size=recipe.batch_size,
        logging_steps=25,
        save_steps=recipe.steps,
        modality="random",
        text_dropout=recipe.text_dropout,
        device="cpu",
    )
    output.mkdir(parents=True)
    run(config, Progress(output), StopRequest())
    return output / FINAL


def copy_checkpoint(final: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in KEPT_FILES:
        shutil.copyfile(final / name, out / name)


def measure_and_describe(
    corpus: Path, out: Path, recipe: Recipe, rendered: int, told: dict[str, float], began: float
) -> Facts:
    generator = MultiMoodGenerator.load(out, device="cpu")
    lessons = held_out_lessons(corpus)
    measured = {}
    for condition in CONDITIONS:
        measured[condition] = measure(generator, lessons, condition)
        _say(f"{condition.name}: {measured[condition].emotion}")
    facts = Facts(
        seed=recipe.seed,
        corpus=corpus.name,
        corpus_sha256=file_sha256(corpus),
        parameters=sum(p.numel() for p in generator.model.parameters()),
        towers=told,
        steps=recipe.steps,
        extra_clips=rendered,
        seconds=time.monotonic() - began,
        majority=majority_share(lessons),
        measured=measured,
    )
    (out / "metrics.json").write_text(json.dumps(metrics_of(facts), indent=1) + "\n")
    write_card(out / "README.md", facts)
    return facts


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m inference.training.tiny", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("demo/corpus/dialogues.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("demo/models/multimood-tiny"))
    parser.add_argument("--work", type=Path, default=Path("var/tiny"), help="clips and steps")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="of fine-tuning")
    parser.add_argument("--extra", type=int, default=Recipe.extra_clips, help="rendered clips")
    given = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"
    recipe = Recipe(seed=given.seed, steps=given.steps, extra_clips=given.extra)
    make_tiny(given.corpus, given.out, given.work, recipe)
    return 0


if __name__ == "__main__":
    sys.exit(main())
