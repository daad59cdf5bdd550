"""As many pairs that prefer the longer response as pairs that prefer the shorter one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from annotations.derivation.evidence import ResponseFacts
from annotations.derivation.outcome import DerivedPair
from annotations.derivation.rules import DerivationRules
from annotations.derivation.splits import draw


def rows_to_drop(
    rows: Iterable[DerivedPair], responses: Mapping[int, ResponseFacts], rules: DerivationRules
) -> set[DerivedPair]:
    """Drawn with the seed, so that each split, kind of raters and (where rows are made for each)
    criterion is balanced in itself. Equal lengths stay, and so do ties: they stand both ways.
    """
    strata: dict[tuple[str, ...], dict[bool, list[DerivedPair]]] = defaultdict(
        lambda: {True: [], False: []}
    )
    for row in rows:
        chosen, rejected = responses[row.chosen].length, responses[row.rejected].length
        if row.weight == 1 and chosen != rejected:
            criterion = row.source.partition(":")[2] if rules.per_criterion else ""
            strata[row.split, row.rater_kind, criterion][chosen > rejected].append(row)
    dropped: set[DerivedPair] = set()
    for sides in strata.values():
        fewer, more = sorted(sides.values(), key=len)
        drawn = sorted(more, key=lambda row: (draw(rules.seed, _name(row)), _name(row)))
        dropped.update(drawn[: len(more) - len(fewer)])
    return dropped


def _name(row: DerivedPair) -> str:
    return f"{row.chosen}:{row.rejected}:{row.source}:{row.rater_kind}:{row.rater}"
