"""A page without scripts sends plain fields; they mean the same answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from annotations.answer_fields import value_in_form
from annotations.answers import Asked, Span, Spans, UnreadableAnswerError, read_answer

OPTIONS = Asked(kind="multiple", values=(1, 2, 3))
WORDS = Asked(kind="text")
PASSAGES = Asked(kind="spans", shown="You miss her, and it is late.")
OVERALL = Asked(design="pairwise", letters="AB", ties=True, tie_kinds=("both_acceptable",))
ORDER = Asked(design="ranking", letters="ABC", ties=True)


def value(asked: Asked, **fields: str | list[str]) -> str | None:
    def field(name: str) -> Sequence[str]:
        found = fields.get(name.replace("-", "_"), [])
        return [found] if isinstance(found, str) else found

    return value_in_form(asked, "q", field)


@pytest.mark.parametrize(
    ("asked", "fields", "written"),
    [
        (Asked(), {}, None),
        (Asked(), {"q": "7"}, "7"),
        (Asked(), {"q": "cannot"}, None),
        (Asked(), {"q": "cannot", "q_reason": "cannot_tell"}, "cannot:cannot_tell"),
        (OVERALL, {"q": "tie"}, "tie"),
        (OVERALL, {"q": "tie", "q_tie": "both_acceptable"}, "tie:both_acceptable"),
        (OVERALL, {"q": "a", "q_tie": "both_acceptable"}, "a"),
        (OPTIONS, {}, None),
        (OPTIONS, {"q_option": ["1", "3"]}, "opts:1,3"),
        (OPTIONS, {"q": "none"}, "opts:"),
        (OPTIONS, {"q": "none", "q_option": ["2"]}, "opts:2"),
        (
            OPTIONS,
            {"q": "cannot", "q_reason": "cannot_tell", "q_option": ["2"]},
            "cannot:cannot_tell",
        ),
        (WORDS, {"q_words": "It helps."}, "text:It helps."),
        (WORDS, {"q_words": "  "}, ""),
        (WORDS, {}, None),
        (PASSAGES, {"q": "none", "q_passages": ""}, "spans:[]"),
        (PASSAGES, {"q_passages": ""}, ""),
        (ORDER, {"q_place_a": "2", "q_place_b": "1", "q_place_c": "2"}, "rank:b>a=c"),
        (ORDER, {"q_place_a": "", "q_place_b": "", "q_place_c": ""}, ""),
        (ORDER, {}, None),
    ],
)
def test_plain_fields_say_what_a_script_would_write(
    asked: Asked, fields: dict[str, str | list[str]], written: str | None
) -> None:
    assert value(asked, **fields) == written


@pytest.mark.parametrize("written", ["opts:1,3", "text:q", "spans:[]", "rank:b>a", "tie:x", "7"])
def test_what_a_script_wrote_is_taken_as_it_is(written: str) -> None:
    assert value(Asked(kind="multiple") if ":" in written else Asked(), q=written) == written


def test_copied_lines_are_found_in_the_response_with_their_notes() -> None:
    written = value(PASSAGES, q_passages="miss her | warm\r\n\r\nit is late.")
    assert written is not None
    assert read_answer(PASSAGES, written) == Spans(
        (Span(4, 12, "miss her", "warm"), Span(18, 29, "it is late.", ""))
    )


def test_a_line_that_is_not_in_the_response_is_named() -> None:
    with pytest.raises(UnreadableAnswerError, match="“never said” does not stand in the response"):
        value(PASSAGES, q_passages="never said | why")


def test_an_order_with_a_gap_is_refused() -> None:
    with pytest.raises(UnreadableAnswerError, match="each response needs one place"):
        value(ORDER, q_place_a="1", q_place_b="", q_place_c="2")
