"""What the votes on one question decide."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean

from annotations.derivation.outcome import Comparison
from annotations.derivation.rules import DerivationRules, RaterKind
from annotations.derivation.votes import Ballot

FIRST, SECOND, TIE, NO_MAJORITY = "first", "second", "tie", "no_majority"
_COUNTED_AS = {
    FIRST: "decided",
    SECOND: "decided",
    TIE: "tied",
    NO_MAJORITY: "without_majority",
}

Divided = tuple[int, int, int]
"""Votes for the first response, for the second, ties."""
RowKey = tuple[int, int, RaterKind, str, str]
"""Comparisons that can make one row: two responses, kind of raters, rater and criterion where
each of them makes a row of its own."""


@dataclass(slots=True)
class Tally:
    """A comparison on its way: `outcome` changes where it falls out."""

    ballot: Ballot
    row_key: RowKey
    rater: str
    votes_first: int
    votes_second: int
    votes_tied: int
    strength: float
    """Mean over the votes, signed."""
    strength_for: float
    """Mean over the votes for the preferred response, without a sign; 0 for a tie."""
    outcome: str
    contested: tuple[str, ...] = ()

    @property
    def chosen(self) -> int:
        return self.ballot.second if self.outcome == SECOND else self.ballot.first

    @property
    def decided(self) -> bool:
        return self.outcome in (FIRST, SECOND)

    @property
    def source(self) -> str:
        name = "adjudicated" if self.ballot.adjudicated else self.ballot.evidence
        return f"{name}:{self.ballot.criterion}"

    def comparison(self) -> Comparison:
        ballot = self.ballot
        return Comparison(
            first=ballot.first,
            second=ballot.second,
            criterion=ballot.criterion,
            evidence=ballot.evidence,
            rater_kind=ballot.kind,
            votes_first=self.votes_first,
            votes_second=self.votes_second,
            votes_tied=self.votes_tied,
            strength=self.strength,
            adjudicated=ballot.adjudicated,
            outcome=self.outcome,
            rater=self.rater,
        )


def decide(ballot: Ballot, rules: DerivationRules, counts: Counter[str]) -> list[Tally]:
    """One tally, or one for each rater where every rater makes a row."""
    everybody = list(ballot.votes.values())
    split = _divided(everybody)
    if rules.decision == "every_rater":
        tallies = [
            _tally(ballot, [vote], _divided([vote]), split, rules, rater)
            for rater, vote in ballot.votes.items()
        ]
    else:
        tallies = [_tally(ballot, everybody, split, split, rules)]
    for tally in tallies:
        outcome = _COUNTED_AS.get(tally.outcome)
        counts[f"{ballot.evidence}_{outcome}" if outcome else tally.outcome] += 1
    counts[f"{ballot.evidence}_comparisons"] += len(tallies)
    counts["adjudicated"] += len(tallies) if ballot.adjudicated else 0
    return tallies


def _divided(votes: list[float]) -> Divided:
    first = sum(vote < 0 for vote in votes)
    second = sum(vote > 0 for vote in votes)
    return first, second, len(votes) - first - second


def _tally(
    ballot: Ballot,
    votes: list[float],
    divided: Divided,
    everybody: Divided,
    rules: DerivationRules,
    rater: str = "",
) -> Tally:
    outcome = _outcome(ballot, divided, everybody, rules)
    sign = {FIRST: -1, SECOND: 1}.get(outcome, 0)
    votes_for = [vote * sign for vote in votes if vote * sign > 0]
    criterion = ballot.criterion if rules.per_criterion else ""
    return Tally(
        ballot,
        (ballot.first, ballot.second, ballot.kind, rater, criterion),
        rater,
        *divided,
        strength=round(fmean(votes), 6),
        strength_for=round(fmean(votes_for), 6) if votes_for else 0.0,
        outcome=outcome,
    )


def _outcome(ballot: Ballot, votes: Divided, everybody: Divided, rules: DerivationRules) -> str:
    """What was settled needs neither further votes nor agreement."""
    if ballot.superseded:
        return "scored_but_compared_directly"
    total = len(ballot.votes)
    if not ballot.adjudicated and total < rules.min_votes:
        return "too_few_votes"
    winner = _winner(votes, unanimous=rules.decision == "unanimous")
    if winner in (FIRST, SECOND) and not ballot.adjudicated:
        agreeing = everybody[0] if winner == FIRST else everybody[1]
        if agreeing < rules.min_agreement * total - 1e-9:
            return "too_little_agreement"
    return winner


def _winner(votes: Divided, *, unanimous: bool) -> str:
    """More than half of the votes, ties among them, or every one."""
    total, most = sum(votes), max(votes)
    wins = most == total if unanimous else 2 * most > total
    return (FIRST, SECOND, TIE)[votes.index(most)] if wins else NO_MAJORITY


def candidates(tallies: list[Tally], rules: DerivationRules, counts: Counter[str]) -> list[Tally]:
    """What can become a row: what was decided, and with `equal` ties what nothing else decided."""
    decided = [tally for tally in tallies if tally.decided]
    if rules.ties != "equal":
        return decided
    keys = {tally.row_key for tally in decided}
    tied = [tally for tally in tallies if tally.outcome == TIE]
    alone = [tally for tally in tied if tally.row_key not in keys]
    counts["tied_beside_decided"] += len(tied) - len(alone)
    return decided + alone
