"""Written answers: what is written is read back the same, and nothing else passes."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from annotations.answers import (
    LETTERS,
    MAX_WORDS,
    Answer,
    Asked,
    Choice,
    NoAnswer,
    Options,
    Ranks,
    Score,
    Span,
    Spans,
    UnreadableAnswerError,
    Words,
    read_answer,
    write_answer,
)
from annotations.stored_answers import (
    preference_fields,
    rating_fields,
    read_preference,
    read_rating,
)

REASONS = ("not_applicable", "cannot_tell", "outside_competence")
TIES = ("both_acceptable", "neither_acceptable")
SHOWN = "You miss her 🙂 and it is late. Naïve? Nein."
STORABLE = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    design = draw(st.sampled_from(["absolute", "pairwise", "best_of_n", "ranking"]))
    low = draw(st.integers(-5, 5))
    return Asked(
        design=design,
        kind=draw(st.sampled_from(["score", "choice", "multiple", "text", "spans"])),
        low=low,
        high=low + draw(st.integers(1, 100)),
        values=tuple(draw(st.lists(st.integers(-9, 99), min_size=1, max_size=6, unique=True))),
        letters=LETTERS[: 2 if design == "pairwise" else draw(st.integers(2, 8))],
        ties=draw(st.booleans()),
        strength=draw(st.booleans()) and design == "pairwise",
        tie_kinds=TIES if draw(st.booleans()) else (),
        reasons=REASONS,
        shown=SHOWN,
    )


@st.composite
def choices(draw: st.DrawFn, asked: Asked) -> Choice:
    if asked.ties and draw(st.booleans()):
        return Choice("", 0, draw(st.sampled_from(["", *asked.tie_kinds])))
    strength = draw(st.integers(1, 2)) if asked.strength else 1
    return Choice(draw(st.sampled_from(asked.letters)), strength)


@st.composite
def rankings(draw: st.DrawFn, asked: Asked) -> Ranks:
    order = draw(st.permutations(asked.letters))
    places: list[str] = []
    for letter in order:
        if places and asked.ties and draw(st.booleans()):
            places[-1] = "".join(sorted(places[-1] + letter))
        else:
            places.append(letter)
    return Ranks(tuple(places))


@st.composite
def spans(draw: st.DrawFn) -> Spans:
    ends = st.tuples(st.integers(0, len(SHOWN) - 1), st.integers(1, 9))
    bounds = {(at, min(at + length, len(SHOWN))) for at, length in draw(st.lists(ends, max_size=4))}
    notes = STORABLE.map(lambda note: note[:40])
    return Spans(tuple(Span(a, b, SHOWN[a:b], draw(notes)) for a, b in sorted(bounds)))


def answers_to(asked: Asked) -> st.SearchStrategy[Answer]:
    own: dict[str, st.SearchStrategy[Answer]] = {
        "score": st.integers(asked.low, asked.high).map(Score),
        "choice": st.sampled_from(asked.values).map(Score),
        "multiple": st.sets(st.sampled_from(asked.values)).map(
            lambda chosen: Options(tuple(v for v in asked.values if v in chosen))
        ),
        "text": STORABLE.filter(lambda text: bool(text.strip())).map(Words),
        "spans": spans(),
        "pairwise": choices(asked),
        "best_of_n": choices(asked),
        "ranking": rankings(asked),
    }
    return own[asked.form] | st.sampled_from(REASONS).map(NoAnswer)


# A busy machine may take its time.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(st.data())
def test_what_is_written_is_read_back_and_stored_and_read_back(data: st.DataObject) -> None:
    asked = data.draw(questions())
    answer = data.draw(answers_to(asked))
    assert read_answer(asked, write_answer(asked, answer)) == answer
    if asked.design == "absolute":
        stored = json.loads(json.dumps(rating_fields(answer)))
        assert read_rating(asked.kind, **stored) == answer
    else:
        responses = data.draw(st.permutations(range(11, 11 + len(asked.letters))))
        chosen = json.loads(json.dumps(preference_fields(answer, responses)))
        assert read_preference(chosen, responses) == answer


SCRAPS = st.sampled_from(
    [
        *(
            "opts:",
            "text:",
            "spans:",
            "rank:",
            "tie",
            "cannot:",
            *"ab127=>,:[]{}-",
            *REASONS,
            *TIES,
        ),
        *('{"start":0,"end":3,"note":""}', '"start":', "٣", "1e3", "true", "null", "[" * 2000),
    ]
)


@patient
@given(questions(), st.lists(SCRAPS | st.text(string.printable, max_size=3)).map("".join))
@example(Asked(kind="spans", shown=SHOWN), "spans:{}")
@example(Asked(kind="spans", shown=SHOWN), 'spans:[{"start": false, "end": true}]')
@example(Asked(kind="spans", shown=SHOWN), 'spans:[{"start": 0, "end": NaN}]')
@example(Asked(kind="spans", shown=""), 'spans:[{"start": 0, "end": 1}]')
@example(Asked(kind="multiple", values=(1,)), "opts:1,1")
@example(Asked(design="ranking", letters="ABC"), "rank:a>b")
@example(Asked(design="ranking", letters="ABC"), "rank:a=b>c")
@example(Asked(design="ranking", letters="ABC"), "rank:a>b>c>a")
@example(Asked(design="best_of_n", letters="ABC"), "d")
@example(Asked(design="best_of_n", letters="ABC"), "ab")
def test_whatever_else_comes_is_refused_or_means_what_it_says(asked: Asked, value: str) -> None:
    try:
        answer = read_answer(asked, value)
    except UnreadableAnswerError:
        return
    if answer is None:
        assert value == "" or (asked.form == "text" and not value.removeprefix("text:").strip())
        return
    written = write_answer(asked, answer)
    assert read_answer(asked, written) == answer
    if asked.form not in ("text", "spans", "ranking", "multiple"):
        assert written == value


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (Asked(), "0"),
        (Asked(), "11"),
        (Asked(), "07"),
        (Asked(), "٣"),
        (Asked(), "7.5"),
        (Asked(), "tie"),
        (Asked(reasons=REASONS), "cannot:"),
        (Asked(reasons=REASONS), "cannot:bored"),
        (Asked(kind="choice", values=(0, 2)), "1"),
        (Asked(kind="multiple", values=(0, 2)), "opts:1"),
        (Asked(kind="multiple", values=(0, 2)), "opts:0,"),
        (Asked(kind="multiple", values=(0, 2)), "0"),
        (Asked(kind="text"), "words"),
        (Asked(kind="text"), "text:" + "x" * (MAX_WORDS + 1)),
        (Asked(kind="spans", shown="abc"), 'spans:[{"start": 1, "end": 4, "note": ""}]'),
        (Asked(kind="spans", shown="abc"), 'spans:[{"start": 1, "end": 1, "note": ""}]'),
        (Asked(kind="spans", shown="abc"), 'spans:[{"start": -1, "end": 2, "note": ""}]'),
        (
            Asked(kind="spans", shown="abc"),
            'spans:[{"start": 0, "end": 2}, {"start": 0, "end": 2}]',
        ),
        (Asked(design="pairwise", letters="AB"), "a2"),
        (Asked(design="pairwise", letters="AB", strength=True), "a"),
        (Asked(design="pairwise", letters="AB"), "tie"),
        (Asked(design="pairwise", letters="AB", ties=True, tie_kinds=TIES), "tie:"),
        (Asked(design="pairwise", letters="AB", ties=True), "tie:both_acceptable"),
        (Asked(design="best_of_n", letters="ABC"), "tie"),
    ],
)
def test_what_is_not_an_answer_to_the_question_is_refused(asked: Asked, value: str) -> None:
    with pytest.raises(UnreadableAnswerError):
        read_answer(asked, value)


def test_ranks_count_from_the_best_and_ties_share_one() -> None:
    asked = Asked(design="ranking", letters="ABCD", ties=True)
    answer = read_answer(asked, "rank:b>c=a>d")
    assert answer == Ranks(("B", "AC", "D"))
    assert isinstance(answer, Ranks)
    assert answer.by_letter() == {"B": 1, "A": 2, "C": 2, "D": 3}
    assert preference_fields(answer, [7, 3, 9, 5])["ranks"] == {"3": 1, "7": 2, "9": 2, "5": 3}


def test_passages_are_counted_in_code_points_and_sorted() -> None:
    asked = Asked(kind="spans", shown="🙂 one two")
    written = [{"start": 6, "end": 9, "note": "b"}, {"start": 2, "end": 5, "note": "a"}]
    answer = read_answer(asked, "spans:" + json.dumps(written))
    assert answer == Spans((Span(2, 5, "one", "a"), Span(6, 9, "two", "b")))


@patient
@given(st.text())
def test_words_are_kept_as_postgresql_can_keep_them(text: str) -> None:
    assume(text.strip("\0").strip())
    answer = read_answer(Asked(kind="text"), "text:" + text + "\0\ud800\r\nend")
    assert isinstance(answer, Words)
    assert answer.text.encode().endswith(b"?\nend")
    assert "\0" not in answer.text
