"""The dataset card: what a person must know before training on a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotations.preferences import STEPS

FIELDS_SHOWN = {
    "hidden": "Raters saw the text of the replies only; emotion and strategy labels in the rows "
    "were not judged.",
    "after": "Raters saw emotion and strategy labels only after they had scored the text.",
    "beside": "Raters saw emotion and strategy labels beside the text.",
}


def dataset_card(manifest: Mapping[str, Any]) -> str:
    study = manifest["study"]
    sections = [
        f"# Preference pairs from “{study['name']}”",
        f"{manifest['counts']['released']} pairs of replies to the same client turn, one preferred "
        f"to the other by {len(manifest['raters'])} raters. "
        f"{FIELDS_SHOWN[study['response_fields']]}",
        "## How the pairs came about",
        manifest["rules"],
        f"Margin: {manifest['filters']['margin']} points. "
        f"Criteria: {_criteria(manifest['filters']['criteria'])}.",
        "## What fell out",
        _table(
            ("step", "pairs"),
            [(label, manifest["counts"][name]) for name, label in STEPS.items()],
        ),
        "## Agreement between the raters at release",
        _table(
            ("part", "criterion", "alpha (ordinal)", "identical answers", "items in common"),
            [_agreement_row(row) for row in manifest["agreement"]],
        ),
        "## Instruments",
        "\n".join(
            f"- Part {part['position']} ({part['design']}): {part['instrument']['name']}, version "
            f"{part['instrument']['version']}. {part['instrument']['citation']}".rstrip()
            for part in manifest["parts"]
        ),
        "## Models",
        "\n".join(
            f"- {model['name']} ({model['kind']}), weights sha256 "
            f"{model['weights_sha256'] or 'none'}"
            for model in manifest["models"]
        ),
        "## Sources and licences",
        "\n".join(
            f"- {corpus['name']}: {', '.join(corpus['licences']) or 'no licence stated'}. "
            f"{corpus['citation']}".rstrip()
            for corpus in manifest["corpora"]
        ),
        "The licences of the sources apply to the dialogues in the rows. Clips are named by hash "
        "and not contained.",
        "## Files",
        "`pairs.jsonl` holds one pair a line; `manifest.json` holds everything above and the "
        "sha256 of the other files.",
    ]
    return "\n\n".join(sections) + "\n"


def _criteria(criteria: list[str] | None) -> str:
    if criteria is None:
        return "the overall choice where it was asked, otherwise all"
    return ", ".join(criteria)


def _agreement_row(row: Mapping[str, Any]) -> tuple[object, ...]:
    alpha, exact = row["alpha"], row["percent_exact"]
    return (
        row["part"],
        row["criterion"],
        f"undefined because {row['undefined_because']}" if alpha is None else f"{alpha:.3f}",
        "undefined" if exact is None else f"{exact:.0f} %",
        row["pairable_items"],
    )


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
