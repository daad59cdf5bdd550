"""Splits that no session (or client) is divided between, or the corpus's own."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

from annotations.derivation.evidence import ResponseFacts
from annotations.derivation.rules import DerivationRules


def split_of(facts: ResponseFacts, rules: DerivationRules) -> str:
    """Of a response and its stimulus; "" without splits."""
    if rules.splitting == "corpus":
        return facts.corpus_split
    return seeded_split(facts.group, rules) if rules.splitting == "seeded" else ""


def seeded_split(group: str, rules: DerivationRules) -> str:
    """Depends on the group, the seed and the shares alone: it is the same in every release."""
    drawn = draw(rules.seed, group)
    ends = accumulate(share for _, share in rules.shares)
    for (name, _), end in zip(rules.shares, ends, strict=True):
        if drawn < end:
            return name
    return rules.shares[-1][0]


def draw(seed: int, name: str) -> float:
    """In [0, 1): 53 bits of a sha256, as many as a float holds."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def splits_of_groups(responses: Iterable[ResponseFacts], rules: DerivationRules) -> dict[str, str]:
    """Every group; one that the corpus divides has the names of all its splits."""
    if rules.splitting == "corpus":
        named: dict[str, set[str]] = defaultdict(set)
        for facts in responses:
            named[facts.group] |= {facts.corpus_split} - {""}
        return {group: ",".join(sorted(names)) for group, names in sorted(named.items())}
    groups = sorted({facts.group for facts in responses})
    seeded = rules.splitting == "seeded"
    return {group: seeded_split(group, rules) if seeded else "" for group in groups}
