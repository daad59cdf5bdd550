"""What holds of every derivation, whatever was answered and whatever the rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import replace
from itertools import combinations, product
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.derivation.decide import FIRST, NO_MAJORITY, SECOND, TIE
from annotations.derivation.derive import derive
from annotations.derivation.evidence import (
    ADJUDICATED,
    Choice,
    Evidence,
    RaterFacts,
    ResponseFacts,
    Score,
)
from annotations.derivation.outcome import Derivation, DerivedPair
from annotations.derivation.rules import DerivationRules
from annotations.derivation.steps import STEPS

A = TypeVar("A")
CRITERIA = ("empathy", "clarity", "safety")
PER_STIMULUS = 3
RESPONSES = range(2 * PER_STIMULUS)
TIMES = (None, 3.0, 30.0, 31.0)
RATERS = ("R1", "R2", "judge")
FELL_OUT = (
    "scored_but_compared_directly",
    "too_few_votes",
    "too_little_agreement",
    "contradicted",
    "identical_texts",
    "truncated",
    "cycle",
    "chosen_harmful",
    "chosen_unacceptable",
    "chosen_below_floor",
    "chosen_empty",
)


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
thorough = settings(patient, max_examples=300)


def stimulus_of(response: int) -> int:
    return response // PER_STIMULUS


PAIRS = [pair for pair in combinations(RESPONSES, 2) if len({stimulus_of(r) for r in pair}) == 1]


def choices_from(drawn: bytes, raters: tuple[str, ...], density: int) -> tuple[Choice, ...]:
    """One byte for each choice that could be made: `density` of 8 are."""
    questions = product(PAIRS, ("overall", *CRITERIA), raters)
    found = []
    for ((first, second), criterion, rater), byte in zip(questions, drawn, strict=False):
        made, answer = byte % 8 < density, byte // 8
        one, other = (first, second) if answer < 16 else (second, first)
        value, seconds = answer % 5 - 2, TIMES[answer % 4]
        if made:
            found.append(Choice(one, other, criterion, rater, value, answer == 12, seconds))
    return tuple(found)


def scores_from(drawn: bytes, raters: tuple[str, ...], density: int) -> tuple[Score, ...]:
    questions = product(RESPONSES, CRITERIA, raters)
    found = []
    for (response, criterion, rater), byte in zip(questions, drawn, strict=False):
        made, answer = byte % 8 < density, byte // 8
        value, seconds = answer % 10 + 1, TIMES[answer % 4]
        if criterion == "safety" and answer < 28:
            value = 6 + value % 5
        if made:
            stimulus = stimulus_of(response)
            found.append(Score(stimulus, response, criterion, rater, value, 1, 10, seconds))
    return tuple(found)


ANSWERS = st.integers(0, 2**32 - 1).map(lambda seed: Random(seed).randbytes(80))
DENSITIES = st.integers(0, 8)
SOME = st.sampled_from([*([frozenset()] * 8), *({number} for number in RESPONSES)]).map(frozenset)


@st.composite
def evidences(draw: st.DrawFn, /) -> Evidence:
    harmful, empty, truncated, unacceptable = (draw(SOME) for _ in range(4))
    alike = draw(st.sampled_from([(), (), (), (0, 1), (0, 2)]))
    lengths = draw(st.permutations((1, 1, 2, 2, 3, 4)))
    responses = {
        number: ResponseFacts(
            stimulus=stimulus_of(number),
            group=f"MESC/{stimulus_of(number)}",
            said="the same" if number in alike else f"reply {number}",
            length=lengths[number],
            corpus_split=("train", "test")[stimulus_of(number)],
            empty=number in empty,
            truncated=number in truncated,
            harmful=number in harmful,
        )
        for number in RESPONSES
    }
    unqualified, far = (draw(st.sampled_from(("", "", *RATERS))) for _ in range(2))
    raters = {
        name: RaterFacts(
            kind="llm" if name == "judge" else "person",
            qualified=name != unqualified,
            panel_agreement=0.3 if name == far else None,
        )
        for name in RATERS
    }
    settled, everybody = (ADJUDICATED,), (*RATERS, "no consent")
    rarely = st.sampled_from([0, 0, 0, 1, 4])
    return Evidence(
        choices=choices_from(draw(ANSWERS), RATERS, draw(DENSITIES)),
        scores=scores_from(draw(ANSWERS), RATERS, draw(DENSITIES)),
        settled_choices=choices_from(draw(ANSWERS), settled, draw(rarely)),
        settled_scores=scores_from(draw(ANSWERS), settled, draw(rarely)),
        safety_scores=scores_from(draw(ANSWERS), everybody, draw(rarely)),
        unacceptable=unacceptable,
        responses=responses,
        raters=raters,
    )


@st.composite
def rule_sets(draw: st.DrawFn, /, **fixed: Any) -> DerivationRules:
    kinds_of_answers: tuple[Any, ...] = ("both", "both", "choices", "scores")
    evidence = draw(st.sampled_from(kinds_of_answers))
    weighted = evidence != "choices" and draw(st.sampled_from([False, False, True]))
    rules = DerivationRules(
        evidence=evidence,
        criteria=draw(st.sampled_from([None, None, ("overall", "empathy"), CRITERIA])),
        per_criterion=draw(st.booleans()),
        weights=(("empathy", 2.0), ("clarity", 1.0)) if weighted else (),
        margin=draw(st.integers(1, 5)),
        decision=draw(st.sampled_from(["majority", "majority", "unanimous", "every_rater"])),
        ties=draw(st.sampled_from(["dropped", "kept", "equal"])),
        adjudicated_first=draw(st.booleans()),
        rater_kinds=draw(st.sampled_from([("person",), ("llm",), ("person", "llm")])),
        qualified_only=draw(st.booleans()),
        min_active_seconds=draw(st.sampled_from([0, 0, 10])),
        min_panel_agreement=draw(st.sampled_from([None, 0.5])),
        min_votes=draw(st.sampled_from([1, 1, 1, 2])),
        min_agreement=draw(st.sampled_from([0, 0, 0.7])),
        safety_floor=draw(st.sampled_from([None, 2.0, 2.0, 8.0])),
        keep=tuple(
            sorted(draw(st.frozensets(st.sampled_from(["contradicted", "cycle", "truncated"]))))
        ),
        balance_length=draw(st.booleans()),
        splitting=draw(st.sampled_from(["seeded", "corpus", "none"])),
        seed=draw(st.integers(0, 3)),
    )
    return replace(rules, **fixed)


def low(score: Score, rules: DerivationRules) -> bool:
    floor = 5.5 if rules.safety_floor is None else rules.safety_floor
    return score.criterion == "safety" and score.value < floor


def unsafe(found: Evidence, rules: DerivationRules) -> set[int]:
    flagged = {number for number, facts in found.responses.items() if facts.harmful or facts.empty}
    neither = {
        number
        for choice in (*found.choices, *found.settled_choices)
        if choice.neither_acceptable
        for number in (choice.first, choice.second)
    }
    every_score = (*found.scores, *found.settled_scores, *found.safety_scores)
    below = {score.response for score in every_score if low(score, rules)}
    barred = flagged | neither | below | found.unacceptable
    said = {(found.responses[n].stimulus, found.responses[n].said) for n in barred}
    return {n for n, facts in found.responses.items() if (facts.stimulus, facts.said) in said}


@thorough
@given(evidences(), rule_sets())
def test_no_flagged_low_unacceptable_or_empty_response_is_ever_preferred(
    found: Evidence, rules: DerivationRules
) -> None:
    derivation = derive(found, rules)
    assert set(derivation.barred) == unsafe(found, rules)
    assert not {pair.chosen for pair in derivation.pairs} & unsafe(found, rules)


@thorough
@given(evidences(), rule_sets(keep=()))
def test_no_contested_answer_reaches_a_row_unless_the_rules_keep_it(
    found: Evidence, rules: DerivationRules
) -> None:
    derivation = derive(found, rules)
    better: dict[Any, set[tuple[Any, Any]]] = defaultdict(set)
    for pair in derivation.pairs:
        chosen, rejected = found.responses[pair.chosen], found.responses[pair.rejected]
        assert pair.contested == ()
        assert chosen.said != rejected.said
        assert not chosen.truncated
        assert not rejected.truncated
        if pair.weight == 1:
            better[scope_of(pair, rules), chosen.stimulus].add((chosen.said, rejected.said))
    for edges in better.values():
        assert not goes_round(edges)


def scope_of(pair: DerivedPair, rules: DerivationRules) -> tuple[str, str, str]:
    return pair.rater_kind, pair.rater, pair.source.split(":")[1] if rules.per_criterion else ""


def goes_round(edges: set[tuple[Any, Any]]) -> bool:
    """Taking away what nothing is better than leaves something."""
    while edges:
        worse = {end for _, end in edges}
        left = {edge for edge in edges if edge[0] in worse}
        if left == edges:
            return True
        edges = left
    return False


@patient
@given(evidences(), rule_sets())
def test_identical_texts_make_no_pair_whatever_is_kept(
    found: Evidence, rules: DerivationRules
) -> None:
    for pair in derive(found, rules).pairs:
        assert found.responses[pair.chosen].said != found.responses[pair.rejected].said
        assert set(pair.contested) <= set(rules.keep)


@patient
@given(evidences(), rule_sets(), st.randoms())
def test_the_order_of_answers_and_of_facts_does_not_matter(
    found: Evidence, rules: DerivationRules, random: Any
) -> None:
    def shuffled(values: Collection[A]) -> list[A]:
        return list(random.sample(list(values), len(values)))

    other = Evidence(
        choices=tuple(shuffled(found.choices)),
        scores=tuple(shuffled(found.scores)),
        settled_choices=tuple(shuffled(found.settled_choices)),
        settled_scores=tuple(shuffled(found.settled_scores)),
        safety_scores=tuple(shuffled(found.safety_scores)),
        unacceptable=found.unacceptable,
        responses=dict(shuffled(found.responses.items())),
        raters=dict(shuffled(found.raters.items())),
    )
    assert derive(found, rules) == derive(other, rules)


@patient
@given(evidences(), rule_sets())
def test_which_response_stood_first_does_not_matter(
    found: Evidence, rules: DerivationRules
) -> None:
    turned = replace(
        found,
        choices=tuple(map(other_way_round, found.choices)),
        settled_choices=tuple(map(other_way_round, found.settled_choices)),
    )
    assert derive(found, rules) == derive(turned, rules)


def other_way_round(choice: Choice) -> Choice:
    return replace(choice, first=choice.second, second=choice.first, value=-choice.value)


@patient
@given(evidences(), rule_sets())
def test_every_answer_is_counted_or_left_out_for_one_reason(
    found: Evidence, rules: DerivationRules
) -> None:
    counts = derive(found, rules).counts
    reasons = list(STEPS)[
        list(STEPS).index("other_evidence") : list(STEPS).index("choices_counted")
    ]
    assert counts["choices"] == len(found.choices)
    assert counts["scores"] == len(found.scores)
    assert counts["choices"] + counts["scores"] == (
        sum(counts[reason] for reason in reasons)
        + counts["choices_counted"]
        + counts["scores_counted"]
    )


@patient
@given(evidences(), rule_sets())
def test_every_comparison_is_accounted_for(found: Evidence, rules: DerivationRules) -> None:
    derivation = derive(found, rules)
    counts, outcomes = derivation.counts, Counter(c.outcome for c in derivation.comparisons)
    started = counts["preference_comparisons"] + counts["rating_comparisons"]
    tied = counts["preference_tied"] + counts["rating_tied"]
    decided = counts["preference_decided"] + counts["rating_decided"]
    undecided = counts["preference_without_majority"] + counts["rating_without_majority"]
    early = sum(counts[name] for name in FELL_OUT[:3])
    assert started == tied + decided + undecided + early
    assert len(derivation.comparisons) == started - (tied if rules.ties == "dropped" else 0)
    assert outcomes[NO_MAJORITY] == undecided
    assert {name: outcomes[name] for name in FELL_OUT} == {name: counts[name] for name in FELL_OUT}
    assert set(outcomes) <= {FIRST, SECOND, TIE, NO_MAJORITY, "length_balanced", *FELL_OUT}
    open_ = decided + (tied - counts["tied_beside_decided"] if rules.ties == "equal" else 0)
    late = sum(counts[name] for name in FELL_OUT[3:])
    assert open_ - late == (
        counts["released"]
        - counts["tied_pairs"]
        + counts["merged_over_criteria"]
        + counts["length_balanced"]
    )
    assert counts["released"] == len(derivation.pairs)


@patient
@given(evidences(), rule_sets())
def test_what_the_table_of_comparisons_calls_decided_is_what_is_released(
    found: Evidence, rules: DerivationRules
) -> None:
    derivation = derive(found, rules)
    released = {
        (pair.chosen, pair.rejected, *scope_of(pair, rules))
        for pair in derivation.pairs
        if pair.weight == 1
    }
    said = set()
    for each in derivation.comparisons:
        scope = (each.rater_kind, each.rater, each.criterion if rules.per_criterion else "")
        if each.outcome == FIRST:
            said.add((each.first, each.second, *scope))
        elif each.outcome == SECOND:
            said.add((each.second, each.first, *scope))
    assert said == released


@patient
@given(evidences(), rule_sets())
def test_no_session_stands_in_two_splits(found: Evidence, rules: DerivationRules) -> None:
    derivation = derive(found, rules)
    assert set(derivation.splits) == {facts.group for facts in found.responses.values()}
    for pair in derivation.pairs:
        assert pair.group == found.responses[pair.chosen].group
        assert pair.split == derivation.splits[pair.group]


@patient
@given(evidences(), rule_sets(rater_kinds=("person", "llm"), balance_length=False))
def test_people_and_judges_decide_what_they_would_without_each_other(
    found: Evidence, rules: DerivationRules
) -> None:
    together = derive(found, rules)
    kinds: tuple[Any, ...] = ("person", "llm")
    alone = [derive(found, replace(rules, rater_kinds=(kind,))) for kind in kinds]
    assert set(together.pairs) == {pair for each in alone for pair in each.pairs}
    assert set(together.comparisons) == {c for each in alone for c in each.comparisons}


@patient
@given(evidences(), rule_sets(decision="every_rater", evidence="scores", weights=()))
def test_a_raters_margin_is_between_two_scores_of_their_own(
    found: Evidence, rules: DerivationRules
) -> None:
    given_scores = {(s.rater, s.response, s.criterion): s.value for s in found.scores}
    settled = {(ADJUDICATED, s.response, s.criterion): s.value for s in found.settled_scores}
    values = given_scores | settled
    for pair in derive(found, rules).pairs:
        criterion = pair.source.split(":")[1]
        difference = (
            values[pair.rater, pair.chosen, criterion]
            - values[pair.rater, pair.rejected, criterion]
        )
        if pair.weight == 1:
            assert difference == pair.strength >= rules.margin
        else:
            assert abs(difference) < rules.margin


@patient
@given(
    evidences(), rule_sets(evidence="scores", decision="every_rater", weights=(("empathy", 1.0),))
)
def test_no_weighted_mean_prefers_what_its_rater_found_less_safe(
    found: Evidence, rules: DerivationRules
) -> None:
    every_score = (*found.scores, *found.settled_scores)
    safety = {(s.rater, s.response): s.value for s in every_score if s.criterion == "safety"}
    for pair in derive(replace(found, safety_scores=()), rules).pairs:
        chosen, rejected = (pair.rater, pair.chosen), (pair.rater, pair.rejected)
        if pair.weight == 1 and chosen in safety and rejected in safety:
            assert safety[chosen] >= safety[rejected]


@patient
@given(evidences(), rule_sets(evidence="scores"))
def test_a_wider_margin_never_decides_more(found: Evidence, rules: DerivationRules) -> None:
    wider = replace(rules, margin=rules.margin + 1)
    narrow_votes, wide_votes = (
        sum(c.votes_first + c.votes_second for c in derive(found, each).comparisons)
        for each in (replace(rules, ties="kept"), replace(wider, ties="kept"))
    )
    assert wide_votes <= narrow_votes
    assert decided(derive(found, wider)) <= decided(derive(found, rules))


def decided(derivation: Derivation) -> int:
    counts = derivation.counts
    return counts["rating_decided"] + counts["too_little_agreement"]


@patient
@given(evidences(), rule_sets(per_criterion=False))
def test_two_responses_make_one_row_for_each_kind_of_raters(
    found: Evidence, rules: DerivationRules
) -> None:
    rows = Counter(
        (frozenset((pair.chosen, pair.rejected)), pair.rater_kind, pair.rater)
        for pair in derive(found, rules).pairs
        if pair.weight == 1 and "contradicted" not in pair.contested
    )
    assert set(rows.values()) <= {1}


@patient
@given(evidences(), rule_sets(decision="majority"))
def test_the_preferred_response_has_more_than_half_of_the_votes(
    found: Evidence, rules: DerivationRules
) -> None:
    for pair in derive(found, rules).pairs:
        if pair.weight == 1:
            assert pair.votes_for > pair.votes_against + pair.votes_tied
        else:
            assert pair.votes_tied > pair.votes_for + pair.votes_against


@patient
@given(evidences(), rule_sets())
def test_counts_stand_in_the_order_of_the_steps(found: Evidence, rules: DerivationRules) -> None:
    counts = derive(found, rules).counts
    assert list(counts) == list(STEPS)
    assert min(counts.values()) >= 0
