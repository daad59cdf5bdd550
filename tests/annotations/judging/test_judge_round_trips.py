"""Every valid answer that a judge writes is read as it is, and nothing else ever gives a value."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.answers import read_answer, write_answer
from annotations.branching import follow_ups
from annotations.instruments import PartTemplate
from annotations.judging.contract import Judgement, Question, Shown
from annotations.judging.reading import BROKEN, read
from annotations.judging.schema import schema
from tests.annotations.judging.judged import (
    OPTIONS,
    TEXTS,
    all_parts,
    answers_to,
    as_json,
    letters_for,
    question,
    questions_in,
    said,
    score_questions,
    shown_of,
)

KINDS: dict[str, tuple[str, Question]] = {
    "score": ("absolute", question()),
    "score from -2": ("absolute", question(low=-2, high=2)),
    "long scale": ("absolute", question(low=0, high=100)),
    "choice": ("absolute", question(kind="choice", options=OPTIONS)),
    "multiple": ("absolute", question(kind="multiple", options=OPTIONS)),
    "text": ("absolute", question(kind="text")),
    "spans": ("absolute", question(kind="spans")),
    "pairwise": ("pairwise", question()),
    "pairwise with ties": ("pairwise", question(ties=True)),
    "pairwise with strength": ("pairwise", question(strength=True)),
    "overall": (
        "pairwise",
        question(ties=True, strength=True, tie_kinds=("both_acceptable", "neither_acceptable")),
    ),
    "best of n": ("best_of_n", question()),
    "best of n with ties": ("best_of_n", question(ties=True)),
    "ranking": ("ranking", question()),
    "ranking with ties": ("ranking", question(ties=True)),
}
AROUND = ("{}", "```json\n{}\n```", "Here is my answer:\n\n{}\n\nI hope this helps.")


def shown_for(design: str, marked: str = TEXTS[2]) -> Shown:
    return shown_of(design, *((marked,) if design == "absolute" else (TEXTS * 2)[:2]))


@pytest.mark.parametrize("name", KINDS)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_valid_answer_is_read_as_it_is(name: str, data: st.DataObject) -> None:
    design, one = KINDS[name]
    texts = st.one_of(st.just(TEXTS[2]), st.text("ab \n", min_size=2, max_size=12))
    shown = shown_for(design, data.draw(texts))
    if design in ("best_of_n", "ranking"):
        shown = shown_of(design, *(TEXTS * 2)[: data.draw(st.integers(2, 6))])
    asked = one.asked(design, shown.letters, shown.replies[0].text)
    answer = data.draw(answers_to(asked))
    written = said({one.slug: as_json(asked, answer)})
    jsonschema.validate(json.loads(written), schema([one], design, shown.letters))
    text = data.draw(st.sampled_from(AROUND)).replace("{}", written)
    judgement = read(text, [one], shown)
    assert judgement == Judgement(
        {one.slug: write_answer(asked, answer)}, {}, "Because of the words."
    )


@pytest.mark.parametrize("part", all_parts(), ids=lambda p: f"{p.instrument}, {p.design}")
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_whole_answer_to_a_shipped_part_is_read(part: PartTemplate, data: st.DataObject) -> None:
    questions = questions_in(part)
    shown = shown_of(part.design, *(TEXTS * 3)[: len(letters_for(part))])
    form = {q.slug: q.asked(part.design, shown.letters, shown.replies[0].text) for q in questions}
    answers = {slug: data.draw(answers_to(asked), label=slug) for slug, asked in form.items()}
    text = said({slug: as_json(form[slug], answer) for slug, answer in answers.items()})
    jsonschema.validate(json.loads(text), schema(questions, part.design, shown.letters))
    asked = follow_ups(questions, answers)
    expected = {slug: write_answer(form[slug], a) for slug, a in answers.items() if slug in asked}
    assert read(text, questions, shown) == Judgement(expected, {}, "Because of the words.")


@settings(deadline=None)
@given(st.text())
def test_words_alone_never_give_a_value(text: str) -> None:
    judgement = read(text, score_questions("empathy", "safety"), shown_of())
    assert not judgement.values
    assert set(judgement.unread) == {"empathy", "safety"}


def is_score(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().partition("/")[0].strip().isdigit()
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 10


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers().filter(lambda n: not 1 <= n <= 10),
    st.floats(allow_nan=True).filter(lambda f: not (1 <= f <= 10 and f == int(f))),
    st.text().filter(lambda text: not is_score(text)),
    st.lists(st.integers(1, 10)),
    st.dictionaries(st.sampled_from(["a", "why"]), st.integers(1, 10)),
)


@settings(deadline=None)
@given(WRONG)
def test_what_is_no_score_is_missing_and_never_a_number(value: Any) -> None:
    text = json.dumps({"answers": {"empathy": value, "safety": 7}})
    judgement = read(text, score_questions("empathy", "safety"), shown_of())
    assert "empathy" not in judgement.values
    assert judgement.values.get("safety") == "7" or judgement.unread["safety"] == BROKEN
    assert "empathy" in judgement.unread


WORDS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["A", "b1", "tie", "tie:x", "a>b", "7", "7/10", "yes", TEXTS[2][:9]]),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 120) | st.floats() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["answer", "score", "cannot", "passage", "occurrence", "note", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", KINDS)
@settings(deadline=None, max_examples=150)
@given(value=ANYTHING)
def test_any_value_is_an_answer_to_the_question_or_missing(name: str, value: Any) -> None:
    design, one = KINDS[name]
    shown = shown_for(design)
    judgement = read(said({"empathy": value}), [one], shown)
    assert set(judgement.values) | set(judgement.unread) == {"empathy"}
    if written := judgement.values.get("empathy"):
        asked = one.asked(design, shown.letters, shown.replies[0].text)
        assert write_answer(asked, read_answer(asked, written)) == written


@settings(deadline=None)
@given(st.data())
def test_an_answer_that_was_cut_off_gives_nothing(data: st.DataObject) -> None:
    whole = said({"empathy": 7, "safety": 10}, rationale='As in {"empathy": "…"}')
    cut = data.draw(st.integers(0, len(whole) - 1))
    judgement = read(whole[:cut], score_questions("empathy", "safety"), shown_of())
    assert not judgement.values
    assert set(judgement.unread) == {"empathy", "safety"}
