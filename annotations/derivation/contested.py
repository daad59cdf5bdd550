"""Pairs that no single preference speaks for: contradictions, identical and cut-off texts, cycles.

All are found among everything that was decided, before any of it falls out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping

from annotations.derivation.decide import RowKey, Tally
from annotations.derivation.evidence import ResponseFacts
from annotations.derivation.rules import DerivationRules

IDENTICAL = "identical_texts"
"""Never kept: nothing can be learned from two texts that are one."""


def leave_out_contested(
    tallies: list[Tally],
    responses: Mapping[int, ResponseFacts],
    rules: DerivationRules,
    counts: Counter[str],
) -> list[Tally]:
    """The tallies of one stimulus that stay; those kept in spite of it say why."""
    contradicted = _contradicted(tallies)
    cyclic = _cyclic(tallies, contradicted, responses)
    staying = []
    for tally in tallies:
        key = tally.row_key
        first, second = responses[tally.ballot.first], responses[tally.ballot.second]
        found = {
            "contradicted": key in contradicted,
            IDENTICAL: first.trained_on == second.trained_on,
            "truncated": first.truncated or second.truncated,
            "cycle": key in cyclic,
        }
        reasons = tuple(name for name, holds in found.items() if holds)
        falls_out = next((name for name in reasons if name not in rules.keep), None)
        if falls_out:
            tally.outcome = falls_out
            counts[falls_out] += 1
            continue
        counts["contested_kept"] += bool(reasons)
        tally.contested = reasons
        staying.append(tally)
    return staying


def _contradicted(tallies: Iterable[Tally]) -> set[RowKey]:
    """With a row for each criterion the key has it, and nothing is set against another."""
    chosen: dict[RowKey, set[int]] = defaultdict(set)
    for tally in tallies:
        if tally.decided:
            chosen[tally.row_key].add(tally.chosen)
    return {key for key, responses in chosen.items() if len(responses) > 1}


def _cyclic(
    tallies: Iterable[Tally],
    contradicted: set[RowKey],
    responses: Mapping[int, ResponseFacts],
) -> set[RowKey]:
    """A > B > C > A. Responses with the same words are one node: A > B > A' is a cycle too."""
    edges: dict[Hashable, dict[RowKey, tuple[Hashable, Hashable]]] = defaultdict(dict)
    for tally in tallies:
        key = tally.row_key
        first, second = responses[key[0]].trained_on, responses[key[1]].trained_on
        if tally.decided and key not in contradicted and first != second:
            better_first = tally.chosen == key[0]
            edges[key[2:]][key] = (first, second) if better_first else (second, first)
    return {key for scope in edges.values() if len(scope) > 1 for key in _strongly_connected(scope)}


def _strongly_connected(
    edges: Mapping[RowKey, tuple[Hashable, Hashable]],
) -> list[RowKey]:
    """Edges whose end leads back to their beginning."""
    onward: dict[Hashable, set[Hashable]] = defaultdict(set)
    for better, worse in edges.values():
        onward[better].add(worse)
    reached = {node: _reachable(node, onward) for node in list(onward)}
    return [key for key, (better, worse) in edges.items() if better in reached.get(worse, ())]


def _reachable(node: Hashable, onward: Mapping[Hashable, set[Hashable]]) -> set[Hashable]:
    found: set[Hashable] = set()
    waiting = [node]
    while waiting:
        for following in onward.get(waiting.pop(), set()) - found:
            found.add(following)
            waiting.append(following)
    return found
