"""What the rows and the manifest of a release say of a derivation, whatever it was derived from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from annotations.derivation.outcome import Comparison, Derivation, DerivedPair
from annotations.derivation.rules import DerivationRules
from annotations.derivation.safety import REASONS

Placed = tuple[str, str]
"""Split and group (session or client) of a response."""


def row_id(*parts: object) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:24]


def pair_meta(pair: DerivedPair, rules: DerivationRules) -> dict[str, str]:
    found = {
        "rater_kind": pair.rater_kind,
        "votes_for": str(pair.votes_for),
        "votes_against": str(pair.votes_against),
        "votes_tied": str(pair.votes_tied),
        "agreeing_sources": ",".join(pair.agreeing),
        "contested": ",".join(pair.contested),
    }
    return {**found, "rater": pair.rater} if rules.decision == "every_rater" else found


def comparison_votes(comparison: Comparison) -> dict[str, Any]:
    return {
        "criterion": comparison.criterion,
        "evidence": comparison.evidence,
        "rater_kind": comparison.rater_kind,
        "rater": comparison.rater,
        "votes_first": comparison.votes_first,
        "votes_second": comparison.votes_second,
        "votes_tied": comparison.votes_tied,
        "strength": comparison.strength,
        "adjudicated": comparison.adjudicated,
        "outcome": comparison.outcome,
    }


def barred_counts(derivation: Derivation, responses: Iterable[int]) -> dict[str, int]:
    """Reason -> how many of the responses are never preferred for it."""
    found = Counter(reason for pk in responses for reason in derivation.barred.get(pk, ()))
    return {reason: found[reason] for reason in REASONS}


def split_sizes(
    derivation: Derivation, rules: DerivationRules, responses: Iterable[Placed]
) -> dict[str, dict[str, int]]:
    """Split -> how many sessions (or clients), responses and pairs it has; none without splits."""
    if rules.splitting == "none":
        return {}
    named = [name for name, _ in rules.shares] if rules.splitting == "seeded" else []
    groups: dict[str, set[str]] = {name: set() for name in named}
    count: Counter[str] = Counter()
    for split, group in responses:
        groups.setdefault(split, set()).add(group)
        count[split] += 1
    pairs = Counter(pair.split for pair in derivation.pairs)
    return {
        name: {"groups": len(its), "responses": count[name], "pairs": pairs[name]}
        for name, its in sorted(groups.items())
    }
