"""One answer out of both orders and several repetitions, and what they say of the judge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.answers import read_answer, write_answer
from annotations.judging.combining import (
    FLIPPED,
    NO_ANSWER,
    ONE_ORDER,
    combine,
    reversed_back,
)
from annotations.judging.consistency import Share, Told, consistency
from annotations.judging.contract import (
    COMPARISONS,
    Combined,
    Judgement,
    JudgeOptions,
    Telling,
)
from annotations.judging.messages import in_order
from annotations.judging.reading import read
from tests.annotations.judging.judged import (
    TEXTS,
    answers_to,
    as_json,
    question,
    said,
    score_questions,
    shown_of,
    telling,
)

SWAP, NO_SWAP = JudgeOptions(), JudgeOptions(swap=False)


def of_both(design: str, one: str, other: str, letters: str = "AB", **fields: Any) -> Combined:
    """other: as the judge wrote it for the replies in reverse."""
    tellings = [telling({"empathy": one}), telling({"empathy": other}, order=1)]
    return combine(tellings, [question(**fields)], design, letters, SWAP)


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("a2", "b2", "a2"),
        ("a2", "b1", "a1"),
        ("a1", "b1", "a1"),
        ("b2", "a1", "b1"),
        ("a2", "tie", "a1"),
        ("a1", "tie", "tie"),
        ("a2", "a2", "tie"),
        ("a2", "a1", "tie"),
        ("tie", "tie", "tie"),
        ("cannot:cannot_tell", "cannot:cannot_tell", "cannot:cannot_tell"),
    ],
)
def test_two_responses_get_the_mean_of_both_orders(one: str, other: str, answer: str) -> None:
    assert of_both("pairwise", one, other, ties=True, strength=True).values == {"empathy": answer}


@pytest.mark.parametrize(
    ("one", "other", "steady"),
    [("a2", "b1", True), ("tie", "tie", True), ("a1", "a1", False), ("a2", "tie", False)],
)
def test_a_choice_that_moves_with_the_position_is_counted(
    one: str, other: str, steady: bool
) -> None:
    found = of_both("pairwise", one, other, ties=True, strength=True)
    assert found.inconsistent == (() if steady else ("empathy",))


def test_a_flipped_choice_is_missing_where_ties_are_not_allowed() -> None:
    found = of_both("pairwise", "a", "a")
    assert found == Combined({}, {"empathy": FLIPPED}, ("empathy",))


def test_the_kind_of_a_tie_is_kept_where_both_orders_name_it() -> None:
    kinds = ("both_acceptable", "neither_acceptable")
    one = question("overall", ties=True, tie_kinds=kinds)

    def overall(first: str, second: str) -> str:
        tellings = [telling({"overall": first}), telling({"overall": second}, order=1)]
        return combine(tellings, [one], "pairwise", "AB", SWAP).values["overall"]

    assert overall("tie:both_acceptable", "tie:both_acceptable") == "tie:both_acceptable"
    assert overall("tie:both_acceptable", "tie:neither_acceptable") == "tie"
    assert overall("a", "a") == "tie"


def test_the_best_of_several_is_missing_unless_both_orders_choose_it() -> None:
    assert of_both("best_of_n", "a", "c", "ABC").values == {"empathy": "a"}
    flipped = of_both("best_of_n", "a", "a", "ABC", ties=True)
    assert flipped == Combined({}, {"empathy": FLIPPED}, ("empathy",))


@pytest.mark.parametrize(
    ("one", "other", "ties", "answer"),
    [
        ("rank:a>b>c", "rank:c>b>a", False, "rank:a>b>c"),
        ("rank:a>b>c", "rank:c>a>b", True, "rank:a>b=c"),
        ("rank:a>b>c", "rank:c>a>b", False, None),
        ("rank:a>b>c", "rank:a=b=c", True, "rank:a>b>c"),
        ("rank:a=b>c", "rank:a>b>c", True, "rank:b>c>a"),
    ],
)
def test_an_order_is_made_of_the_mean_places(
    one: str, other: str, ties: bool, answer: str | None
) -> None:
    found = of_both("ranking", one, other, "ABC", ties=ties)
    assert found.values == ({"empathy": answer} if answer else {})
    assert found.unread == ({} if answer else {"empathy": FLIPPED})


def test_an_answer_read_in_one_order_only_is_missing() -> None:
    unread = Telling(0, 1, Judgement(unread={"empathy": "no answer is given"}))
    one = [question(ties=True)]
    found = combine([telling({"empathy": "a"}), unread], one, "pairwise", "AB", SWAP)
    assert found == Combined({}, {"empathy": f"{ONE_ORDER}: no answer is given"})
    alone = combine([telling({"empathy": "a"})], one, "pairwise", "AB", SWAP)
    assert alone.unread == {"empathy": f"{ONE_ORDER}: {NO_ANSWER}"}
    assert combine([], one, "pairwise", "AB", SWAP).unread == {"empathy": NO_ANSWER}


def test_a_reason_in_one_order_and_a_choice_in_the_other_is_missing() -> None:
    found = of_both("pairwise", "a", "cannot:cannot_tell", ties=True)
    assert found == Combined({}, {"empathy": FLIPPED}, ("empathy",))


def test_scores_and_choices_without_swap_are_those_of_the_first_repetition() -> None:
    tellings = [telling({"empathy": "7"}, 1), telling({"empathy": "3"}, 0)]
    scores = combine(tellings, score_questions("empathy"), "absolute", "A", SWAP)
    assert scores == Combined({"empathy": "3"})
    pair = combine([telling({"empathy": "a"})], [question()], "pairwise", "AB", NO_SWAP)
    assert pair == Combined({"empathy": "a"})


def test_a_first_repetition_that_was_not_read_is_not_replaced_by_a_later_one() -> None:
    first = Telling(0, 0, Judgement(unread={"empathy": "no answer is given"}))
    tellings = [first, telling({"empathy": "7"}, 1)]
    found = combine(tellings, score_questions("empathy"), "absolute", "A", SWAP)
    assert found == Combined({}, {"empathy": "no answer is given"})


@settings(deadline=None)
@given(st.sampled_from(COMPARISONS), st.booleans(), st.integers(2, 6), st.data())
def test_reversed_twice_is_as_before(
    design: str, ties: bool, size: int, data: st.DataObject
) -> None:
    letters = "ABCDEFGH"[: 2 if design == "pairwise" else size]
    one = question(ties=ties, strength=design == "pairwise")
    asked = one.asked(design, letters)
    before = Judgement({"empathy": write_answer(asked, data.draw(answers_to(asked)))})
    turned = reversed_back(before, [one], design, letters)
    assert reversed_back(turned, [one], design, letters) == before


@settings(deadline=None)
@given(st.sampled_from(COMPARISONS), st.booleans(), st.data())
def test_a_judge_who_looks_at_the_texts_alone_is_taken_at_its_word(
    design: str, ties: bool, data: st.DataObject
) -> None:
    """Through the prompt's order, the reading and the combining: the answer of order 0."""
    texts = (TEXTS * 2)[: 2 if design == "pairwise" else 4]
    one, shown = question(ties=ties), shown_of(design, *texts)
    asked = one.asked(design, shown.letters)
    answer = data.draw(answers_to(asked))
    in_reverse = reversed_back(
        Judgement({"empathy": write_answer(asked, answer)}), [one], design, shown.letters
    )
    read_back = read_answer(asked, in_reverse.values["empathy"])
    tellings = [
        Telling(0, 0, read(said({"empathy": as_json(asked, answer)}), [one], shown)),
        Telling(
            0, 1, read(said({"empathy": as_json(asked, read_back)}), [one], in_order(shown, 1))
        ),
    ]
    found = combine(tellings, [one], design, shown.letters, SWAP)
    assert found == Combined({"empathy": write_answer(asked, answer)})


def test_the_replies_change_places_and_letters_together() -> None:
    turned = in_order(shown_of("best_of_n", *TEXTS), 1)
    assert [(r.letter, r.text) for r in turned.replies] == list(
        zip("ABC", TEXTS[::-1], strict=True)
    )
    assert in_order(turned, 1) == shown_of("best_of_n", *TEXTS) == in_order(in_order(turned, 1), 0)


def test_equal_repeats_are_counted_against_the_first() -> None:
    items = [
        Told([telling({"empathy": score}, n) for n, score in enumerate(scores)], "A")
        for scores in (("7", "7", "5"), ("2", "2", "2"), ("4",))
    ]
    found = consistency(items, score_questions("empathy"), "absolute")["empathy"]
    assert found.repeats == Share(3, 4)
    assert found.difference == 0.5
    assert found.read == Share(7, 7)
    assert found.orders == Share(0, 0)
    assert found.orders.value is None


def test_what_could_not_be_read_is_counted_by_reason() -> None:
    silent = Telling(1, 0, Judgement(unread={"empathy": "cut off"}))
    items = [Told([telling({"empathy": "7"}), silent], "A")] * 2
    found = consistency(items, score_questions("empathy"), "absolute")["empathy"]
    assert found.read == Share(2, 4)
    assert found.unread == {"cut off": 2}
    assert found.repeats.n == 0


def test_reasons_are_counted_without_what_was_said_instead() -> None:
    one = score_questions("empathy")
    tellings = [
        Telling(n, 0, read(said({"empathy": wrong}), one, shown_of()))
        for n, wrong in enumerate((11, "10 or “11”", 9.5, "9" * 1000, [7], {"cannot": "x” “y"}))
    ]
    found = consistency([Told(tellings, "A")], one, "absolute")["empathy"]
    assert found.unread == {
        "“…” is not a score from 1 to 10": 3,
        "“…” is not a whole number": 2,
        "“…” is not one of the reasons": 1,
    }
    combined = combine(tellings[:1], one, "absolute", "A", SWAP)
    assert combined.unread == {"empathy": "“…” is not a score from 1 to 10"}


def test_passages_are_the_same_whatever_is_noted() -> None:
    marks = [[{"start": 0, "end": 3, "note": note}] for note in ("warm", "kind")]
    written = [f"spans:{json.dumps(mark)}" for mark in marks]
    told = Told([telling({"empathy": w}, n) for n, w in enumerate(written)], "A", TEXTS[0])
    found = consistency([told], [question(kind="spans")], "absolute")["empathy"]
    assert found.repeats == Share(1, 1)


def test_a_judge_who_always_takes_the_first_is_seen() -> None:
    first = Told([telling({"empathy": "a"}), telling({"empathy": "a"}, order=1)], "AB")
    steady = Told([telling({"empathy": "b"}), telling({"empathy": "a"}, order=1)], "AB")
    tied = Told([telling({"empathy": "tie"}), telling({"empathy": "tie"}, order=1)], "AB")
    one = question(ties=True)
    biased = consistency([first, first, tied], [one], "pairwise")["empathy"]
    assert (biased.orders, biased.first) == (Share(1, 3), Share(4, 4))
    fair = consistency([steady, steady], [one], "pairwise")["empathy"]
    assert (fair.orders, fair.first) == (Share(2, 2), Share(2, 4))


def test_of_three_the_first_place_is_expected_in_a_third() -> None:
    items = [
        Told([telling({"empathy": a}), telling({"empathy": b}, order=1)], "ABC")
        for a, b in (("a", "c"), ("b", "b"), ("c", "a"))
    ]
    found = consistency(items, [question()], "best_of_n")["empathy"]
    assert (found.orders, found.first) == (Share(3, 3), Share(2, 6))
    places = ("rank:a>b>c", "rank:c>b>a")
    ranked = Told([telling({"empathy": p}, order=n) for n, p in enumerate(places)], "ABC")
    shared = Told([telling({"empathy": "rank:a=b>c"}, order=n) for n in (0, 1)], "ABC")
    ordered = consistency([ranked, shared], [question(ties=True)], "ranking")["empathy"]
    assert (ordered.orders, ordered.first) == (Share(1, 2), Share(1, 2))
