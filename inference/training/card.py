"""The card and the figures that travel with multimood-tiny."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from inference.labels import EMOTIONS
from inference.preference_files import sha256_file as file_sha256
from inference.training.evaluate import HEADLINE, Condition, Measured

__all__ = ["Facts", "file_sha256", "metrics_of", "write_card"]
COMMAND = "make tiny-model"
"""The same as `python -m inference.training.tiny`."""


@dataclass(frozen=True)
class Facts:
    seed: int
    corpus: str
    corpus_sha256: str
    parameters: int
    towers: Mapping[str, float]
    steps: int
    extra_clips: int
    seconds: float
    majority: tuple[str, float]
    measured: Mapping[Condition, Measured]


def metrics_of(facts: Facts) -> dict[str, Any]:
    return {
        "model": "multimood-tiny",
        "fit_for": "demonstration and tests; nothing clinical",
        "command": COMMAND,
        "seed": facts.seed,
        "corpus": facts.corpus,
        "corpus_sha256": facts.corpus_sha256,
        "parameters": facts.parameters,
        "sft_steps": facts.steps,
        "extra_clips": facts.extra_clips,
        "towers_on_their_training_clips": {k: round(v, 4) for k, v in facts.towers.items()},
        "seconds": round(facts.seconds),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "chance": round(1 / len(EMOTIONS), 4),
        "majority": {"emotion": facts.majority[0], "share": round(facts.majority[1], 4)},
        "held_out": {
            condition.name: {
                "client_emotion": measured.emotion.as_json(),
                "four_lines": measured.four_lines.as_json(),
            }
            for condition, measured in facts.measured.items()
        },
        "predictions": {HEADLINE.name: facts.measured[HEADLINE].predictions},
    }


def write_card(path: Path, facts: Facts) -> None:
    path.write_text(_card(facts), encoding="utf-8")


def _card(facts: Facts) -> str:
    headline = facts.measured[HEADLINE].emotion
    rows = "\n".join(_row(*item) for item in facts.measured.items())
    emotion, share = facts.majority
    return f"""# multimood-tiny

**A demo model, fit for nothing clinical.** It has {facts.parameters / 1e6:.2f} million parameters
and was trained in {facts.seconds / 60:.0f} minutes on drawn faces, synthesised voices and invented
dialogues. It exists so that tests and the first demo run a real model of the MultiMood class (Le et
al., arXiv 2511.10011) on two CPU cores. Its replies are for the most part recalled or pieced
together from the training replies and often do not fit what was said. Show it to nobody who needs
help.

## What it was trained on

The `train` sessions of the demo corpus (`{facts.corpus}`, sha256 `{facts.corpus_sha256}`), and
{facts.extra_clips} further clips from the same drawing and voice programs, of people who are not in
the corpus, saying sentences that are drawn apart from the emotion. First the vision and the audio
tower learned to tell the emotion of a clip; then, with the towers frozen, everything else was
fine-tuned for {facts.steps} steps on the therapists' replies, with the media (video and sound, one
of them, none) drawn at random and the words hidden in a share of the examples. Nothing was
downloaded. Licence: that of the project; the corpus' own licence for what comes from it.

    {COMMAND}    # seed {facts.seed}

## What it can do

Client emotion on sessions that no training saw (splits `rate` and `fresh`, people and sentences
new, but drawn by the same program, so this says nothing about real people). The figure that
shows that it reads the clip is the first: with the client's words, the situation and the history
hidden it names the right one of seven emotions in **{headline.share:.1%}** of {headline.n} stimuli
(95 % interval {headline.low:.1%} to {headline.high:.1%}; chance {1 / len(EMOTIONS):.1%};
always saying "{emotion}" {share:.1%}).

| shown | n | emotion right | 95 % interval | all four lines readable |
| --- | --- | --- | --- | --- |
{rows}

Intervals are Wilson's and take the stimuli as independent, although several come from one session.
Machine-readable figures, with the answer to every stimulus of the first row: `metrics.json`.
"""


def _row(condition: Condition, measured: Measured) -> str:
    emotion = measured.emotion
    return (
        f"| {condition.name} | {emotion.n} | {emotion.share:.1%} | "
        f"{emotion.low:.1%} to {emotion.high:.1%} | {measured.four_lines.share:.1%} |"
    )
