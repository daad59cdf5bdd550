"""The rows of a release folder from what was imported: the same files as a study's release has.

Numbers of responses follow their contents, so that equal files give equal bytes whatever their
names and order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from annotations.derivation.evidence import Score
from annotations.derivation.outcome import Comparison, Derivation, DerivedPair
from annotations.derivation.rules import DerivationRules
from annotations.exports.release_rows import (
    comparison_votes,
    pair_meta,
    row_id,
    split_sizes,
)
from annotations.imports.answers import ImportedAnswers, ImportedResponse, ImportedStimulus
from inference.contracts import PreferencePair, StimulusInput
from inference.preference_files import pair_row, reply_row, stimulus_row

Row = dict[str, Any]


@dataclass(frozen=True)
class ImportContents:
    answers: ImportedAnswers
    rules: DerivationRules
    derivation: Derivation

    @cached_property
    def ids(self) -> Mapping[int, int]:
        """Response that somebody judged -> its number in the files, from 1."""
        evidence = self.answers.evidence
        judged = {score.response for score in evidence.scores}
        judged.update(r for choice in evidence.choices for r in (choice.first, choice.second))
        ordered = sorted(judged, key=lambda number: self.answers.responses[number].key)
        return {number: place for place, number in enumerate(ordered, 1)}

    @cached_property
    def stimuli(self) -> list[int]:
        """Those of judged responses, by their keys."""
        judged = {self.answers.responses[number].stimulus for number in self.ids}
        return sorted(judged, key=lambda number: self.answers.stimuli[number].key)

    @cached_property
    def items(self) -> Mapping[int, int]:
        return {number: place for place, number in enumerate(self.stimuli, 1)}

    def split(self, stimulus: ImportedStimulus) -> str:
        if self.rules.splitting == "corpus":
            return stimulus.split
        return self.derivation.splits.get(stimulus.group, "")

    def of(self, response: int) -> tuple[ImportedResponse, ImportedStimulus]:
        found = self.answers.responses[response]
        return found, self.answers.stimuli[found.stimulus]

    def stimulus_rows(self) -> Iterator[Row]:
        for number in self.stimuli:
            stimulus = self.answers.stimuli[number]
            yield {
                **stimulus_row(_input(stimulus), {}),
                "corpus": stimulus.corpus,
                "session": stimulus.session,
                "client": "",
                "group": stimulus.group,
                "split": self.split(stimulus),
                "problem_type": "",
                "licence": "",
            }

    def response_rows(self) -> Iterator[Row]:
        people, judges = self._scores("person"), self._scores("llm")
        for number, own_id in self.ids.items():
            response, stimulus = self.of(number)
            yield {
                "response_id": own_id,
                "stimulus": stimulus.key,
                "model": response.model,
                "reply": reply_row(response.reply),
                "scores": people.get(number, {}),
                "judge_scores": judges.get(number, {}),
                "barred_by": sorted(self.derivation.barred.get(number, ())),
                "truncated": response.truncated,
                "group": stimulus.group,
                "split": self.split(stimulus),
            }

    def _scores(self, kind: str) -> dict[int, dict[str, dict[str, float]]]:
        raters, given = (
            self.answers.evidence.raters,
            defaultdict[tuple[int, str], list[Score]](list),
        )
        for score in self.answers.evidence.scores:
            if raters[score.rater].kind == kind:
                given[score.response, score.criterion].append(score)
        found: dict[int, dict[str, dict[str, float]]] = defaultdict(dict)
        for (response, criterion), scores in sorted(given.items()):
            values = sorted(score.value for score in scores)
            found[response][criterion] = {
                "mean": fmean(values),
                "n": len(values),
                "min": values[0],
                "max": values[-1],
                "low": scores[0].low,
                "high": scores[0].high,
            }
        return found

    def pairs(self) -> Iterator[Row]:
        made = (self._pair(pair) for pair in self.derivation.pairs)
        for pair in sorted(made, key=lambda pair: pair.pair_id):
            yield pair_row(pair, {})

    def _pair(self, pair: DerivedPair) -> PreferencePair:
        chosen, stimulus = self.of(pair.chosen)
        rejected, _ = self.of(pair.rejected)
        meta = {
            "corpus": stimulus.corpus,
            "session": stimulus.session,
            "corpus_split": stimulus.split,
            "chosen_response": str(self.ids[pair.chosen]),
            "rejected_response": str(self.ids[pair.rejected]),
            "chosen_model": chosen.model,
            "rejected_model": rejected.model,
            **pair_meta(pair, self.rules),
        }
        return PreferencePair(
            pair_id=row_id(*(chosen.key, rejected.key, pair.source, pair.rater_kind, pair.rater)),
            stimulus=_input(stimulus),
            chosen=chosen.reply,
            rejected=rejected.reply,
            source=pair.source,
            strength=pair.strength,
            meta=meta,
            split=pair.split,
            group=pair.group,
            weight=pair.weight,
        )

    def comparisons(self) -> Iterator[Row]:
        rows = (self._comparison(found) for found in self.derivation.comparisons)
        return iter(sorted(rows, key=lambda row: str(row["comparison_id"])))

    def _comparison(self, found: Comparison) -> Row:
        (first, stimulus), (second, _) = self.of(found.first), self.of(found.second)
        orders = self.answers.display_orders.get((found.first, found.second), ())
        return {
            "comparison_id": row_id(
                *(first.key, second.key, found.criterion),
                *(found.evidence, found.rater_kind, found.rater),
            ),
            "stimulus": stimulus.key,
            "first": self.ids[found.first],
            "second": self.ids[found.second],
            "first_model": first.model,
            "second_model": second.model,
            **comparison_votes(found),
            "display_orders": [[self.ids[one] for one in order] for order in orders],
            "group": stimulus.group,
            "split": self.split(stimulus),
        }

    def answer_rows(self, columns: tuple[str, ...]) -> Iterator[Row]:
        """The long table; of whatever the files did not tell, nothing stands in it."""
        evidence = self.answers.evidence
        rows = [self._choice(number) for number in range(len(evidence.choices))]
        rows += [self._score(score) for score in evidence.scores]
        rows += self._words()
        rows.sort(key=lambda row: (row["item"], row["rater"], row["question"], _order(row)))
        for row in rows:
            yield {**dict.fromkeys(columns), **row}

    def _about(self, stimulus: int, rater: str, question: str) -> Row:
        known = self.answers.stimuli[stimulus]
        facts = self.answers.evidence.raters.get(rater)
        return {
            "item": self.items[stimulus],
            "pool": "study",
            "stimulus": known.key,
            "corpus": known.corpus,
            "session": known.session,
            "rater": rater,
            "rater_kind": facts.kind if facts else "person",
            "role": "independent",
            "state": "submitted",
            "question": question,
            "missing": "",
        }

    def _choice(self, number: int) -> Row:
        choice = self.answers.evidence.choices[number]
        shown = self.answers.display_orders.get((choice.first, choice.second), ())
        order = shown[0] if len(shown) == 1 else (choice.first, choice.second)
        preferred = choice.first if choice.value < 0 else choice.second
        said = {} if choice.value == 0 else {
            "preferred": self.ids[preferred],
            "preferred_model": self.answers.responses[preferred].model,
        }  # fmt: skip
        return {
            **self._about(
                self.answers.responses[choice.first].stimulus, choice.rater, choice.criterion
            ),
            "design": "pairwise",
            **said,
            "strength": abs(choice.value),
            "tie_kind": "neither_acceptable" if choice.neither_acceptable else None,
            "display_order": [self.ids[one] for one in order],
            "active_seconds": choice.seconds,
        }

    def _score(self, score: Score) -> Row:
        return {
            **self._about(score.stimulus, score.rater, score.criterion),
            "design": "absolute",
            "response": self.ids[score.response],
            "model": self.answers.responses[score.response].model,
            "score": int(score.value) if score.value.is_integer() else score.value,
            "active_seconds": score.seconds,
        }

    def _words(self) -> list[Row]:
        return [
            {
                **self._about(words.stimulus, words.rater, words.question),
                "content": words.text,
            }
            for words in (self.answers.words if self.rules.with_words else ())
            if words.stimulus in self.items
        ]

    def splits(self) -> dict[str, dict[str, int]]:
        stimuli = (self.of(number)[1] for number in self.ids)
        placed = ((self.split(stimulus), stimulus.group) for stimulus in stimuli)
        return split_sizes(self.derivation, self.rules, placed)

    def leakage(self, title: str) -> list[dict[str, Any]]:
        """Of each corpus whose own splits divide sessions or conversations, as a release of a
        study tells it. Which dialogues were held one after the other files do not say, so that
        `splits` is empty. title: stands where the files name no corpus."""
        if self.rules.splitting != "corpus":
            return []
        splits, groups = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        for stimulus in map(self.answers.stimuli.__getitem__, self.stimuli):
            splits[stimulus.group] |= {stimulus.split} - {""}
            groups[stimulus.corpus or title].add(stimulus.group)
        divided = {group for group, named in splits.items() if len(named) > 1}
        return [
            {
                "corpus": corpus,
                "sessions": len(its),
                "divided_sessions": len(its & divided),
                "splits": [],
            }
            for corpus, its in sorted(groups.items())
            if its & divided
        ]


def _input(stimulus: ImportedStimulus) -> StimulusInput:
    prompt = stimulus.prompt
    return StimulusInput(
        key=stimulus.key,
        situation=prompt.situation,
        history=prompt.history,
        client_turns=prompt.client_turns,
    )


def _order(row: Row) -> tuple[int, list[int]]:
    return row.get("response") or 0, row.get("display_order") or []
