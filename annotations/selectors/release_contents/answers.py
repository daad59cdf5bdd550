"""The long table of a release: an answer a row, of raters who allow training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from annotations.derivation.rules import DerivationRules
from annotations.models import Study
from annotations.selectors.answer_table import answer_rows
from inference.models import Stimulus


def released_answers(study: Study, rules: DerivationRules) -> Iterator[dict[str, Any]]:
    """Client turns go by their key, as in the other files of a release."""
    keys = _stimulus_keys(study)
    for row in answer_rows(study, training_only=True, with_words=rules.with_words):
        row["stimulus"] = keys[row["stimulus"]]
        yield row


def _stimulus_keys(study: Study) -> dict[int, str]:
    rows = Stimulus.objects.filter(items__part__study=study).distinct()
    return {
        pk: f"{dialogue}:{position}"
        for pk, dialogue, position in rows.values_list(
            "pk", "dialogue__external_id", "first_position"
        )
    }
