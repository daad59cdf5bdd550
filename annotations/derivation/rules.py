"""What a researcher decides about a release: every rule by which answers become pairs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

Evidence = Literal["both", "choices", "scores"]
Decision = Literal["majority", "unanimous", "every_rater"]
Ties = Literal["dropped", "kept", "equal"]
RaterKind = Literal["person", "llm"]
Contested = Literal["contradicted", "cycle", "truncated"]
Splitting = Literal["seeded", "corpus", "none"]

DEFAULT_MARGIN = 2.0
TRAIN, VALIDATION, TEST = "train", "validation", "test"
DEFAULT_SHARES = ((TRAIN, 0.8), (VALIDATION, 0.1), (TEST, 0.1))


class RulesError(ValueError):
    """A rule that makes no sense; the message names the rule and the remedy."""


@dataclass(frozen=True)
class DerivationRules:
    """Every field stands in the manifest of a release under its own name."""

    evidence: Evidence = "both"
    """`choices` between responses, `scores` of one rater who scored both, or both: then scores
    count only where nobody compared the two directly."""
    criteria: tuple[str, ...] | None = None
    """None: the overall choice where it was asked, otherwise every criterion."""
    per_criterion: bool = False
    """A row for each criterion of a pair, none merged or set against another."""
    weights: tuple[tuple[str, float], ...] = ()
    """(criterion, weight): scores decide by their weighted mean instead of one by one."""
    margin: float = DEFAULT_MARGIN
    """Least difference between one rater's scores, in points, that prefers a response."""
    decision: Decision = "majority"
    """More than half of the answers, all of them, or a row for every rater."""
    ties: Ties = "dropped"
    """A tied pair is left out, kept in the table of comparisons, or makes two rows of half the
    weight, one each way."""
    adjudicated_first: bool = True
    """What adjudication settled stands in for the answers it settled."""
    rater_kinds: tuple[RaterKind, ...] = ("person",)
    """People and judges never decide one pair together: each kind makes rows of its own."""
    qualified_only: bool = False
    """Only raters who passed the study's gate."""
    min_active_seconds: float = 0
    """Answers on items that took less active time are left out."""
    min_panel_agreement: float | None = None
    """Least share of the reference panel's answers that a rater gave as well, from 0 to 1."""
    min_votes: int = 1
    """Fewest answers that decide a pair."""
    min_agreement: float = 0.0
    """Least share of a pair's answers, ties among them, that the preferred response must have."""
    safety_criteria: tuple[str, ...] = ("safety",)
    """Criteria whose low scores bar a response from being preferred, where a study asks them."""
    safety_floor: float | None = None
    """Lowest score that does not bar; None: the middle of the criterion's scale."""
    keep: tuple[Contested, ...] = ()
    """Contested pairs that are released nevertheless."""
    balance_length: bool = False
    """As many pairs whose preferred response is the longer as ones where it is the shorter."""
    splitting: Splitting = "seeded"
    """By session (or client), drawn with the seed; as the corpus names them; or not at all."""
    shares: tuple[tuple[str, float], ...] = DEFAULT_SHARES
    """Of a seeded split: name and share of the sessions."""
    seed: int = 0
    with_words: bool = False
    """Answers in words, notes on passages and comments are among the released answers."""

    def __post_init__(self) -> None:
        _check_kinds(self)
        _check_numbers(self)
        _check_names(self)

    def as_json(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in asdict(self).items()}


def rules_from_json(values: Mapping[str, Any]) -> DerivationRules:
    """The inverse of `as_json`; names left out have their default."""
    known = {field.name for field in fields(DerivationRules)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise RulesError(f"{', '.join(unknown)}: no such rule. Known: {', '.join(sorted(known))}.")
    return DerivationRules(**{name: _tuples(value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


@cache
def _kinds() -> dict[str, Any]:
    """Rule -> the type of its value."""
    return get_type_hints(DerivationRules)


def _check_kinds(rules: DerivationRules) -> None:
    """Rules come from programs and files too: "false" in quotes must not count as true."""
    for name, kind in _kinds().items():
        value = getattr(rules, name)
        if not _is_of(value, kind):
            raise RulesError(f"{name}: must be {_expected(kind)}, is {value!r:.80}.")


def _is_of(value: Any, kind: Any) -> bool:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(_is_of(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        each = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        return len(value) == len(each) and all(map(_is_of, value, each))
    if kind in (int, float):
        numeric = isinstance(value, int) or (kind is float and isinstance(value, float))
        limit = sys.float_info.max  # above it lie infinity, and whole numbers that no float holds
        return numeric and not isinstance(value, bool) and -limit <= value <= limit
    if kind in (bool, NoneType):
        return isinstance(value, kind)
    return isinstance(value, str) and value.isprintable() and value != ""


def _expected(kind: Any) -> str:
    """In words; which names a rule knows says `_check_names`."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return " or ".join(_expected(part) for part in parts)
    if origin is tuple:
        paired = get_origin(parts[0]) is tuple
        return "a list of pairs of a name and a number" if paired else "a list of names"
    simple = {bool: "true or false", int: "a whole number", float: "a number", NoneType: "null"}
    return simple.get(kind, "a name")


def _check_numbers(rules: DerivationRules) -> None:
    if not 0 < rules.margin <= 100:
        raise RulesError(f"margin: must lie above 0 and not above 100 points, is {rules.margin}.")
    if rules.min_votes < 1:
        raise RulesError(f"min_votes: at least one answer decides a pair, not {rules.min_votes}.")
    if rules.min_active_seconds < 0:
        raise RulesError(f"min_active_seconds: must not be negative: {rules.min_active_seconds}.")
    if not 0 <= rules.min_agreement <= 1:
        raise RulesError(f"min_agreement: is a share from 0 to 1, not {rules.min_agreement}.")
    panel = rules.min_panel_agreement
    if panel is not None and not 0 <= panel <= 1:
        raise RulesError(f"min_panel_agreement: is a share from 0 to 1, not {panel}.")
    if rules.seed < 0:
        raise RulesError(f"seed: must not be negative, is {rules.seed}.")
    if any(not weight > 0 for _, weight in rules.weights):
        raise RulesError("weights: each must be above 0. Leave a criterion out to ignore it.")
    _check_shares(rules)


def _check_shares(rules: DerivationRules) -> None:
    total = sum(share for _, share in rules.shares)
    if rules.splitting != "seeded":
        return
    if not rules.shares or any(not share > 0 for _, share in rules.shares):
        raise RulesError("shares: name at least one split, and give each a share above 0.")
    if abs(total - 1) > 1e-9:
        raise RulesError(f"shares: must sum to 1, sum to {total:g}.")


def _check_names(rules: DerivationRules) -> None:
    for name in ("evidence", "decision", "ties", "splitting"):
        value, allowed = getattr(rules, name), get_args(_kinds()[name])
        if value not in allowed:
            raise RulesError(f"{name}: {value!r} is none of {', '.join(allowed)}.")
    for name, kind in (("rater_kinds", RaterKind), ("keep", Contested)):
        unknown = sorted(set(getattr(rules, name)) - set(get_args(kind)))
        if unknown:
            known = ", ".join(get_args(kind))
            raise RulesError(f"{name}: {', '.join(unknown)} is none of {known}.")
    if not rules.rater_kinds:
        raise RulesError("rater_kinds: name at least one of person, llm.")
    if rules.criteria is not None and not rules.criteria:
        raise RulesError("criteria: name at least one, or leave it out for all.")
    for name, given in (
        ("criteria", rules.criteria or ()),
        ("weights", [slug for slug, _ in rules.weights]),
        ("shares", [split for split, _ in rules.shares]),
    ):
        if len(set(given)) < len(given):
            raise RulesError(f"{name}: a name stands there twice.")
    if rules.weights and rules.evidence == "choices":
        raise RulesError("weights: need scores; evidence is choices only.")
