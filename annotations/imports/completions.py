"""Rows with one reply each: TRL's KTO data (a label), and rewards (scores per criterion)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.derivation.evidence import OVERALL, Choice, Score
from annotations.imports.answers import IMPORTED, IMPORTED_JUDGE
from annotations.imports.collecting import Collector
from annotations.imports.messages import read_prompt, read_reply
from annotations.imports.pairs import (
    PROMPT_FIELDS,
    SEVERAL_MESSAGES,
    SYSTEM_FIELDS,
    about_of,
    slug_of,
)
from annotations.imports.rows import Row, is_number, number_of, optional_text, rows_of, truth_of
from annotations.imports.scales import Scales, read_scales
from inference.corpora.errors import Place
from inference.preference_files import CODEBOOK_FILE

REPLY_FIELDS = ("completion", "response", "output")
DESIRABLE = "desirable"
"""Criterion of KTO's labels, scored 0 or 1."""
MOST_PAIRS_OF_A_PROMPT = 2_000
NOT_SCORES = frozenset(
    (*PROMPT_FIELDS, *REPLY_FIELDS, *SYSTEM_FIELDS, "label", "criterion", "rater", "rater_kind")
) | {"group", "session", "conversation_id", "split", "corpus", "model", "weight", "id", "n"}
OWN_COLUMN = re.compile(r"(people|judges)_.+_mean")
NOT_SCORED = "replies without a score"


def read_labels(paths: Sequence[Path], collector: Collector) -> None:
    """Every reply keeps a score of 0 or 1; where a prompt has both, each pair is a choice."""
    by_label: dict[tuple[int, str], tuple[set[int], set[int]]] = {}
    for path in paths:
        for place, row in rows_of(path):
            found = _reply_of(row, place, collector)
            if found is None:
                continue
            stimulus, response = found
            label = _label(row, place)
            rater = _rater(row, collector)
            collector.score(Score(stimulus, response, DESIRABLE, rater, float(label), 0, 1))
            good_and_bad = by_label.setdefault((stimulus, rater), (set(), set()))
            good_and_bad[not label].add(response)
            if len(good_and_bad[0]) * len(good_and_bad[1]) > MOST_PAIRS_OF_A_PROMPT:
                raise place.error(
                    "prompt",
                    f"its replies make more than {MOST_PAIRS_OF_A_PROMPT:,} pairs",
                    "Keep fewer replies to one prompt",
                )
    for (_, rater), (good, bad) in by_label.items():
        for better in sorted(good - bad):
            for worse in sorted(bad - good):
                collector.choose(Choice(better, worse, OVERALL, rater, -1))


def _rater(row: Row, collector: Collector) -> str:
    if optional_text(row, "rater_kind") == "llm":
        return collector.rater(IMPORTED_JUDGE, "llm")
    return collector.rater(optional_text(row, "rater") or IMPORTED)


def read_rewards(paths: Sequence[Path], collector: Collector) -> None:
    """Every numeric column that is none of the known ones is a criterion.

    Among `paths` may be the codebook of the release that our own export was made from.
    """
    scales = read_scales(next((path for path in paths if path.name == CODEBOOK_FILE), None))
    for path in (path for path in paths if path.name != CODEBOOK_FILE):
        for place, row in rows_of(path):
            found = _reply_of(row, place, collector)
            if found is None:
                continue
            scores = list(_scores(row, place, scales))
            collector.leave_out(NOT_SCORED, not scores)
            for one in scores:
                rater = (
                    collector.rater(IMPORTED_JUDGE, "llm")
                    if one.by_judges
                    else _rater(row, collector)
                )
                collector.score(Score(*found, one.criterion, rater, one.value, one.low, one.high))


def _reply_of(row: Row, place: Place, collector: Collector) -> tuple[int, int] | None:
    name = next((name for name in PROMPT_FIELDS if row.get(name) is not None), "prompt")
    prompt = read_prompt(row.get(name), name, place, optional_text(row, *SYSTEM_FIELDS))
    field = next((name for name in REPLY_FIELDS if row.get(name) is not None), "completion")
    reply = read_reply(row.get(field), field, place)
    if reply is None:
        collector.leave_out(SEVERAL_MESSAGES)
        return None
    stimulus = collector.stimulus(prompt, about_of(row))
    return stimulus, collector.response(
        stimulus,
        reply,
        model=optional_text(row, "model"),
        barred=bool(truth_of(row, "barred", place)),
        truncated=bool(truth_of(row, "truncated", place)),
    )


def _label(row: Row, place: Place) -> bool:
    label = truth_of(row, "label", place)
    if label is None:
        raise place.error("label", "it is missing", "Write true or false")
    return label


@dataclass(frozen=True)
class _Scored:
    criterion: str
    value: float
    low: float = math.nan
    high: float = math.nan
    by_judges: bool = False


def _scores(row: Row, place: Place, scales: Scales) -> Iterator[_Scored]:
    """A criterion a column; or one named by the row; or as our own export writes them."""
    criterion = slug_of(optional_text(row, "criterion"))
    if criterion and "score" in row:
        yield _Scored(criterion, number_of(row["score"], "score", place))
        return
    own = [name for name in row if OWN_COLUMN.fullmatch(name)]
    if own:
        yield from (_own(row, name, place, scales) for name in own if is_number(row[name]))
        return
    for name, value in row.items():
        if name not in NOT_SCORES and is_number(value) and (slug := slug_of(name)):
            yield _Scored(slug, number_of(value, name, place))


def _own(row: Row, name: str, place: Place, scales: Scales) -> _Scored:
    """Our export writes scores as they were given: those of reverse-scored criteria are turned
    round here. Before it had a column for that, only the codebook in its archive said which."""
    who, criterion = name.removesuffix("_mean").split("_", 1)
    value = number_of(row[name], name, place)
    low, high = (
        number_of(row[end], end, place) if is_number(row.get(end)) else from_codebook
        for end, from_codebook in zip(
            (f"{criterion}_low", f"{criterion}_high"),
            scales.ends.get(criterion, (math.nan, math.nan)),
            strict=True,
        )
    )
    turned = truth_of(row, f"{criterion}_reversed", place)
    if criterion in scales.reversed if turned is None else turned:
        if math.isnan(low + high):
            raise place.error(
                name,
                f"{criterion} is reverse-scored, and nothing says how far its scale reaches",
                f"Add {criterion}_low and {criterion}_high to every row",
            )
        value = low + high - value
    return _Scored(slug_of(criterion), value, low, high, who == "judges")
