"""Formats made from scores: what each response got, and what a client turn's replies can reach."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from annotations.exports.formats.account import Account
from annotations.exports.formats.media import wanted
from annotations.exports.formats.messages import prompt_messages, reply_text
from annotations.exports.formats.options import ExportOptions, Row
from annotations.exports.formats.pairwise import clips_of
from annotations.exports.formats.quick import (
    ResponseFacts,
    criteria_scored,
    response_facts,
    stimulus_facts,
    text_of,
)
from annotations.exports.formats.release import Barred, Turn, by_turn
from annotations.exports.formats.source import KINDS, Kept, Openers, Records, Source, records
from annotations.exports.formats.unpaired import response_row
from annotations.exports.tables.columns import COLUMNS
from annotations.exports.tables.questions import read_codebook
from inference.preference_files import CODEBOOK_FILE, RESPONSES_FILE, STIMULI_FILE

SCORES = {"people": "scores", "judges": "judge_scores"}
"""Columns of people and of judges, who are never pooled."""


@dataclass(frozen=True)
class Criteria:
    """Criteria that somebody scored, by who did."""

    by_people: tuple[str, ...]
    by_judges: tuple[str, ...]
    reverse_scored: frozenset[str]
    """Those of which a low score is the better one, as the codebook says."""

    def of(self, who: str) -> tuple[str, ...]:
        return self.by_people if who == "people" else self.by_judges

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted({*self.by_people, *self.by_judges}))


def criteria_of(source: Source) -> Criteria:
    found: set[tuple[str, str]] = set()
    for _, _, scored in source.release.facts(RESPONSES_FILE, criteria_scored):
        found |= scored
    people, judges = (
        tuple(sorted(criterion for which, criterion in found if which == name))
        for name in SCORES.values()
    )
    asked = read_codebook(source.release.path(CODEBOOK_FILE), COLUMNS).asked
    turned = frozenset(slug for slug, criterion in asked.items() if criterion.reverse_scored)
    return Criteria(people, judges, turned)


def score_columns(response: Row, criteria: Criteria) -> Row:
    """Means as raters gave them: a reverse-scored criterion is not turned round, and
    `CRITERION_reversed` says that it is one. `CRITERION_low` and `CRITERION_high` are the ends of
    its scale."""
    row: Row = {}
    for who, name in SCORES.items():
        scores = response.get(name) or {}
        for criterion in criteria.of(who):
            got = scores.get(criterion) or {}
            row[f"{who}_{criterion}_mean"] = _number(got.get("mean"))
            row[f"{who}_{criterion}_n"] = got.get("n")
    for criterion in criteria.all:
        ends = _ends(response, criterion)
        row[f"{criterion}_low"] = _number(ends.get("low"))
        row[f"{criterion}_high"] = _number(ends.get("high"))
    return {**row, **reversed_columns(criteria)}


def reversed_columns(criteria: Criteria) -> Row:
    """Whoever learns from scores of a reverse-scored criterion would learn its opposite."""
    return {
        f"{criterion}_reversed": criterion in criteria.reverse_scored for criterion in criteria.all
    }


def _ends(response: Row, criterion: str) -> Mapping[str, float]:
    found = ((response.get(name) or {}).get(criterion) for name in SCORES.values())
    return next((scores for scores in found if scores), {})


def _number(value: float | None) -> float | None:
    """As a float also where it is whole, so that a column has one type."""
    return None if value is None else float(value)


def reward_regression(source: Source) -> Kept:
    criteria = criteria_of(source)
    stimuli = source.release.stimuli()
    account, first = Account(), Openers()

    def scored() -> Iterator[tuple[int, tuple[ResponseFacts, bytes]]]:
        for offset, line, response in source.release.facts(RESPONSES_FILE, response_facts):
            if not _why_unscored(response, source.options):
                yield offset, (response, line)

    for offset, line, response in source.release.facts(RESPONSES_FILE, response_facts):
        reason = _why_unscored(response, source.options)
        if reason:
            account.leave_out(reason)
            continue
        account.keep(response.split)
        columns = {f"{which} {criterion}": True for which, criterion in criteria_scored(line)}
        first.offer(offset, {"clips": stimuli.have_clips(response.turn) or None, **columns})

    def rows() -> Iterator[Row]:
        for response, line in first.before(scored):
            parsed = source.release.parsed(RESPONSES_FILE, line)
            about = {
                **score_columns(parsed, criteria),
                "barred": source.barred.holds(response, line),
                "truncated": bool(parsed["truncated"]),
            }
            yield response_row(parsed, stimuli.of(response.turn), about, source.options)

    return Kept(account, rows)


def _why_unscored(response: ResponseFacts, options: ExportOptions) -> str:
    if not wanted(response.split, options):
        return "other_splits"
    return "" if response.scored else "unscored"


def rl_prompts(source: Source) -> Kept:
    """Prompts to answer anew, with what the replies so far reached on each criterion."""
    criteria, found = criteria_of(source), records(source)
    replies: dict[Turn, array[int]] = {}
    for offset, _, response in source.release.facts(RESPONSES_FILE, response_facts):
        by_turn(replies, response.turn, offset)
    line_at = source.release.lines_at(RESPONSES_FILE)
    account, first = Account(), Openers()

    def prompts() -> Iterator[tuple[int, Row]]:
        for offset, line, facts in source.release.facts(STIMULI_FILE, stimulus_facts):
            stimulus = source.release.parsed(STIMULI_FILE, line)
            if wanted(stimulus["split"], source.options) and facts.turn in replies:
                lines = [line_at(place) for place in replies[facts.turn]]
                yield offset, _prompt_row(stimulus, lines, found, criteria, source)

    for _, line, facts in source.release.facts(STIMULI_FILE, stimulus_facts):
        split = text_of(line, "split")
        if not wanted(split, source.options):
            account.leave_out("other_splits")
        elif facts.turn not in replies:
            account.leave_out("unanswered")
        else:
            account.keep(split)
    for offset, row in prompts():
        first.offer(offset, row)
        if set(row) <= first.covered:
            break
    return Kept(account, lambda: first.before(prompts))


def _prompt_row(
    stimulus: Row, lines: Sequence[bytes], found: Records, criteria: Criteria, source: Source
) -> Row:
    responses = [source.release.parsed(RESPONSES_FILE, line) for line in lines]
    best, kind = _best(lines, found, source.barred)
    reference = None if best is None else responses[best]
    text = reply_text(reference["reply"], source.options.fields) if reference else None
    return {
        "prompt": prompt_messages(stimulus),
        "reference": text,
        "reference_response": str(reference["response_id"]) if reference else None,
        "reference_rater_kind": kind or None,
        **_targets(responses, reference, criteria),
        "responses": len(responses),
        "stimulus": stimulus["key"],
        "problem_type": stimulus.get("problem_type") or "",
        "corpus": stimulus["corpus"],
        "session": stimulus["session"],
        "group": stimulus["group"],
        "split": stimulus["split"],
        "clips": clips_of(stimulus),
    }


def _best(lines: Sequence[bytes], found: Records, barred: Barred) -> tuple[int | None, str]:
    """The place of the preferred reply with the most wins over losses, and who preferred it:
    people, or judges where people preferred none. Of equals, the one that won more, then the
    earlier."""
    allowed = [
        (place, facts.response)
        for place, line in enumerate(lines)
        if not barred.holds(facts := response_facts(line), line)
    ]
    for kind in KINDS:
        won = [(place, name) for place, name in allowed if name in found[kind].wins]
        if won:
            return max(won, key=lambda one: found[kind].rank(one[1]))[0], kind
    return None, ""


def _targets(responses: Sequence[Row], best: Row | None, criteria: Criteria) -> Row:
    """`WHO_CRITERION_mean` over the responses that have a score, `WHO_CRITERION_best` of the
    reference, both as given: `CRITERION_reversed` as in score_columns."""
    row: Row = {}
    for who, name in SCORES.items():
        for criterion in criteria.of(who):
            means = [
                float(scores[criterion]["mean"])
                for response in responses
                if (scores := response.get(name) or {}).get(criterion)
            ]
            got = ((best or {}).get(name) or {}).get(criterion) or {}
            row[f"{who}_{criterion}_mean"] = sum(means) / len(means) if means else None
            row[f"{who}_{criterion}_best"] = _number(got.get("mean"))
    return {**row, **reversed_columns(criteria)}
