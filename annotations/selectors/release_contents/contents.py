"""The rows of a release, each file's made as it is written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from annotations.derivation.evidence import Evidence
from annotations.derivation.outcome import Comparison, Derivation, DerivedPair
from annotations.derivation.rules import DerivationRules
from annotations.exports.release_rows import comparison_votes, pair_meta, row_id
from annotations.models import Study
from annotations.selectors.release_contents.material import (
    Material,
    ReleasedResponse,
    read_material,
)
from annotations.selectors.release_contents.orders import Orders, orders_of, orders_shown
from annotations.selectors.release_contents.scores import scores_of_responses
from inference.contracts import PreferencePair
from inference.preference_files import pair_row, reply_row

Row = dict[str, Any]


@dataclass(frozen=True)
class ReleaseContents:
    study: Study
    rules: DerivationRules
    evidence: Evidence
    derivation: Derivation
    material: Material
    orders: Orders

    @property
    def responses(self) -> Collection[int]:
        """Every response that somebody judged whose answers are released, by id."""
        return self.material.responses

    def placed(self) -> Iterator[tuple[str, str]]:
        """Split and group of each response."""
        for pk in self.responses:
            stimulus = self.material.about(pk)
            yield stimulus.split, stimulus.group

    def pairs(self) -> Iterator[Row]:
        named = sorted((self._pair_id(pair), pair) for pair in self.derivation.pairs)
        for identity, pair in named:
            yield pair_row(self._pair(identity, pair), self.material.clip_sha256)

    def comparisons(self) -> Iterator[Row]:
        for identity, comparison in sorted(
            (self._comparison_id(comparison), comparison)
            for comparison in self.derivation.comparisons
        ):
            yield self._comparison(identity, comparison)

    def response_rows(self) -> Iterator[Row]:
        people, judges = (
            scores_of_responses(self.study, self.rules, self.evidence.raters, kind)
            for kind in ("person", "llm")
        )
        for pk in self.responses:
            response, stimulus = self.material.responses[pk], self.material.about(pk)
            yield {
                "response_id": pk,
                "stimulus": stimulus.input.key,
                "model": response.model,
                "reply": reply_row(response.reply),
                "scores": people.get(pk, {}),
                "judge_scores": judges.get(pk, {}),
                "barred_by": sorted(self.derivation.barred.get(pk, ())),
                "truncated": self.evidence.responses[pk].truncated,
                "group": stimulus.group,
                "split": stimulus.split,
            }

    def stimulus_rows(self) -> Iterator[Row]:
        for stimulus in sorted(
            self.material.stimuli.values(), key=lambda known: (known.input.key, known.corpus)
        ):
            yield stimulus.row(self.material.clip_sha256)

    def _pair_id(self, pair: DerivedPair) -> str:
        key = self.material.about(pair.chosen).input.key
        return row_id(
            *(self.study.pk, key, pair.chosen, pair.rejected),
            *(pair.source, pair.rater_kind, pair.rater),
        )

    def _pair(self, identity: str, pair: DerivedPair) -> PreferencePair:
        chosen = self.material.responses[pair.chosen]
        rejected = self.material.responses[pair.rejected]
        stimulus = self.material.about(pair.chosen)
        orders = orders_of(self.orders, (pair.chosen, pair.rejected), pair.rater_kind, pair.rater)
        meta = {
            "study": str(self.study.pk),
            "corpus": stimulus.corpus,
            "session": stimulus.session,
            "corpus_split": stimulus.corpus_split,
            "chosen_response": str(pair.chosen),
            "rejected_response": str(pair.rejected),
            "chosen_model": chosen.model,
            "rejected_model": rejected.model,
            **pair_meta(pair, self.rules),
            "display_orders": json.dumps(orders) if orders else "",
            "chosen_label_probabilities": _probabilities(chosen),
            "rejected_label_probabilities": _probabilities(rejected),
        }
        return PreferencePair(
            pair_id=identity,
            stimulus=stimulus.input,
            chosen=chosen.reply,
            rejected=rejected.reply,
            source=pair.source,
            strength=pair.strength,
            meta=meta,
            split=pair.split,
            group=pair.group,
            weight=pair.weight,
        )

    def _comparison_id(self, comparison: Comparison) -> str:
        key = self.material.about(comparison.first).input.key
        return row_id(
            *(self.study.pk, key, comparison.first, comparison.second, comparison.criterion),
            *(comparison.evidence, comparison.rater_kind, comparison.rater),
        )

    def _comparison(self, identity: str, comparison: Comparison) -> Row:
        first, second = comparison.first, comparison.second
        stimulus = self.material.about(first)
        return {
            "comparison_id": identity,
            "stimulus": stimulus.input.key,
            "first": first,
            "second": second,
            "first_model": self.material.responses[first].model,
            "second_model": self.material.responses[second].model,
            **comparison_votes(comparison),
            "display_orders": orders_of(
                self.orders, (first, second), comparison.rater_kind, comparison.rater
            ),
            "group": stimulus.group,
            "split": stimulus.split,
        }


def release_contents(
    study: Study, rules: DerivationRules, evidence: Evidence, derivation: Derivation
) -> ReleaseContents:
    material = read_material(judged_responses(evidence, derivation), derivation, rules)
    return ReleaseContents(study, rules, evidence, derivation, material, orders_shown(study))


def judged_responses(evidence: Evidence, derivation: Derivation) -> set[int]:
    """What only bars a response (answers of whoever allows no training) does not release it."""
    judged = {score.response for score in (*evidence.scores, *evidence.settled_scores)}
    for choice in (*evidence.choices, *evidence.settled_choices):
        judged |= {choice.first, choice.second}
    for comparison in derivation.comparisons:
        judged |= {comparison.first, comparison.second}
    return judged


def _probabilities(response: ReleasedResponse) -> str:
    """As JSON; nothing where the model was not asked."""
    if not response.label_probabilities:
        return ""
    return json.dumps(response.label_probabilities, sort_keys=True, ensure_ascii=False)
