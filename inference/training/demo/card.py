"""The card and the figures that travel with multimood-135m."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from inference.demo_checkpoint import NAME
from inference.labels import EMOTIONS
from inference.training.demo.figures import FRESH, SHOWN, Example, Figures
from inference.training.evaluate import Condition, Measured

COMMAND = "make demo-model"
METRICS, CARD = "metrics.json", "README.md"
TEMPLATE = Path(__file__).with_name("card.md")


@dataclass(frozen=True)
class Facts:
    base: str
    base_sha256: str
    corpus: str
    corpus_sha256: str
    recipe: Mapping[str, Any]
    precision: str
    parameters: int
    extra_clips: int
    aligned: Mapping[str, float]
    """The connectors on the clips that they learned from."""
    right_history: float | None
    """The compressor's loss on held-out histories, where the corpus has some."""
    other_history: float | None
    """The same with the history of another dialogue."""
    seconds: float
    majority: tuple[str, float]
    figures: Figures


def write_card(folder: Path, facts: Facts) -> None:
    """README.md and metrics.json."""
    told = json.dumps(metrics_of(facts), indent=1, ensure_ascii=False)
    (folder / METRICS).write_text(told + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(facts), encoding="utf-8")


def metrics_of(facts: Facts) -> dict[str, Any]:
    measured = facts.figures.measured
    return {
        "model": NAME,
        "fit_for": "demonstration and tests; nothing clinical",
        "command": COMMAND,
        "base": facts.base,
        "base_sha256": facts.base_sha256,
        "corpus": facts.corpus,
        "corpus_sha256": facts.corpus_sha256,
        "recipe": dict(facts.recipe),
        "precision": facts.precision,
        "parameters": facts.parameters,
        "extra_clips": facts.extra_clips,
        "connectors_on_their_training_clips": {
            name: _rounded(value) for name, value in facts.aligned.items()
        },
        "compressor_loss_on_held_out_histories": {
            "right_history": _rounded(facts.right_history),
            "other_history": _rounded(facts.other_history),
        },
        "seconds": round(facts.seconds),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "chance": round(1 / len(EMOTIONS), 4),
        "majority": {"emotion": facts.majority[0], "share": round(facts.majority[1], 4)},
        "held_out_split": FRESH,
        "held_out": {
            condition.name: {
                "client_emotion": one.emotion.as_json(),
                "four_lines": one.four_lines.as_json(),
            }
            for condition, one in measured.items()
        },
        "predictions": {condition.name: one.predictions for condition, one in measured.items()},
        "examples": [asdict(example) for example in facts.figures.examples],
    }


def card(facts: Facts) -> str:
    measured, recipe = facts.figures.measured, facts.recipe
    return TEMPLATE.read_text(encoding="utf-8").format(
        name=NAME,
        command=COMMAND,
        millions=f"{facts.parameters / 1e6:.0f}",
        minutes=f"{facts.seconds / 60:.0f}",
        base=facts.base,
        base_sha256=facts.base_sha256,
        corpus=facts.corpus,
        corpus_sha256=facts.corpus_sha256,
        extra_clips=facts.extra_clips,
        lora_rank=recipe["lora_rank"],
        compressor_steps=recipe["compressor_steps"],
        steps=recipe["steps"],
        batch_size=recipe["batch_size"],
        text_dropout=f"{recipe['text_dropout']:.0%}",
        seed=recipe["seed"],
        precision=facts.precision,
        split=FRESH,
        n=measured[SHOWN[0]].emotion.n,
        chance=f"{1 / len(EMOTIONS):.1%}",
        majority=facts.majority[0],
        majority_share=f"{facts.majority[1]:.1%}",
        rows="\n".join(_row(*item) for item in measured.items()),
        right_history=_loss(facts.right_history),
        other_history=_loss(facts.other_history),
        examples_count=len(facts.figures.examples),
        examples=_examples(facts.figures.examples),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _loss(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def _row(condition: Condition, measured: Measured) -> str:
    emotion, lines = measured.emotion, measured.four_lines
    return (
        f"| {condition.name} | {emotion.n} | {emotion.share:.1%} | "
        f"{emotion.low:.1%} to {emotion.high:.1%} | {lines.share:.1%} |"
    )


def _examples(examples: Sequence[Example]) -> str:
    return "\n\n".join(
        f"**{one.stimulus}** (label of the corpus: {one.labelled})\n\n> {one.client}\n\n"
        + "\n".join(f"    {line}" for line in one.answer.splitlines())
        for one in examples
    )
