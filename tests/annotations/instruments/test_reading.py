"""What is wrong with a file is said in words: where, what, and the remedy; all of it at once."""

from __future__ import annotations

import pytest

from annotations.instruments import (
    InstrumentFileError,
    instrument_from_toml,
    instrument_to_toml,
)
from annotations.instruments.schema import KINDS, LEVELS, WIDGETS
from annotations.models import Criterion, Gate, StudyPart
from tests.annotations.instruments.written import SMALL, changed


def lines_of(content: str) -> list[str]:
    with pytest.raises(InstrumentFileError) as caught:
        instrument_from_toml(content, file="mine.toml")
    return str(caught.value).splitlines()


def test_a_file_reads_with_the_scale_of_the_whole_and_what_follows_from_the_kind() -> None:
    text = instrument_from_toml(SMALL)
    warmth, advice, which = text.criteria
    assert (warmth.scale_min, warmth.scale_max, warmth.anchor_high) == (1, 5, "good")
    assert (warmth.level, warmth.kind, warmth.required) == ("ordinal", "score", True)
    assert (advice.scale_min, advice.scale_max, advice.level) == (0, 1, "nominal")
    assert which.only_if == {"criterion": "advice", "values": [1]}
    assert not which.required


def test_a_criterion_with_a_scale_of_its_own_takes_over_no_words_of_the_other() -> None:
    own = changed(
        (
            'good_example = "“I am',
            'scale_min = 0\nscale_max = 2\nanchors = { 0 = "none", 2 = "strong" }\n'
            'good_example = "“I am',
        )
    )
    warmth = instrument_from_toml(own).criteria[0]
    assert (warmth.scale_min, warmth.scale_max) == (0, 2)
    assert (warmth.anchor_low, warmth.anchor_high) == ("none", "strong")


def test_a_file_that_is_no_toml_is_refused_with_its_line() -> None:
    (line,) = lines_of(changed(('name = "Warmth"', "name = Warmth")))
    assert line.startswith("mine.toml: ")
    assert "line 13" in line
    assert "quotation marks" in line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('name = "Warmth"', 'nmae = "Warmth"'), "nmae: a criterion has no such field. Did you"),
        (('name = "Small', 'title = "Small'), "title: an instrument has no such field."),
        (('definition = "The response is kind."\n', ""), "“warmth”, definition: is missing. Add"),
        (('definition = "The response is kind."', 'definition = " "'), "definition: is empty."),
        (('"How warm is it?"', '""'), "“warmth”, guiding_question: is empty."),
        (('"How warm is it?"', '"Warm."'), "has to be a question that ends with “?”"),
        (("good_example = \"“I am glad you came.”\"\n", ""), "“warmth”, good_example: is empty."),
        (('"“Next.”"', '"“I am glad you came.”"'), "poor_example: is the same as the good"),
        (("scale_max = 5", "scale_max = 1"), "scale_max: 1 is not above scale_min = 1."),
        (("scale_max = 5", 'scale_max = "5"'), "scale_max: has to be a whole number, as 5."),
        (("scale_max = 5\n", ""), "“warmth”, scale_max: is missing. Add scale_max = 1 here, or"),
        (("scale_max = 5", "scale_max = 50"), 'widget: 50 buttons do not fit into a row.'),
        (('anchor_low = "poor"\n', ""), "anchor_low: nothing says what 1 means."),
        (('anchor_low = "poor"', 'anchors = { 1 = "poor", 9 = "x" }'), "anchors: “9” is not on"),
        (("value = 1, label", "value = 0, label"), "options: the value “0” stands 2 times."),
        (('label = "Yes"', 'label = "No"'), "options: the label “No” stands 2 times."),
        (('value = 1, label = "Yes"', "value = 1"), "options: each needs a whole number and a lab"),
        ((', { value = 1, label = "Yes" }', ""), "options: there have to be at least two answers"),
        (('{ criterion = "advice"', '{ criterion = "later"'), "only_if: “later” is not asked"),
        (("values = [1] }", "values = [7] }"), "“advice” cannot be answered with 7, only with 0"),
        (("values = [1] }", 'value = 1 }'), "only_if: has to be as { criterion"),
        (('slug = "advice"', 'slug = "warmth"'), "slug: an earlier criterion is called “warmth”"),
        (('slug = "warmth"', 'slug = "Warm th"'), "slug: has to be small letters, digits"),
        (('slug = "warmth"', 'slug = "overall"'), "slug: “overall” is kept for the page itself."),
        (('slug = "warmth"', 'slug = "warmth-reason"'), "the ending “-reason” is kept"),
        (('kind = "spans"', 'kind = "span"'), "kind: “span” is not one of score, choice, multiple"),
        (('kind = "spans"', 'kind = "spans"\nscale_max = 5'), "scale_max: a marking of passages"),
        (('kind = "choice"\n', ""), "“advice”, options: a score has none. Remove it"),
        (('kind = "spans"', 'kind = "spans"\nreverse_scored = true'), "reverse_scored: a marking"),
        (("version = 1", "version = 0"), "mine.toml, version: has to be 1 or more."),
        (('citation = "Ada (2026), of our own."', 'citation = ""'), "citation: is empty. Say"),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_place_and_a_remedy(
    change: tuple[str, str], expected: str
) -> None:
    found = [line for line in lines_of(changed(change)) if expected in line]
    assert found, lines_of(changed(change))
    assert all(line.startswith("mine.toml, ") for line in found)


def test_all_faults_are_named_at_once_and_each_once() -> None:
    lines = lines_of(
        changed(
            ('name = "Small instrument"\n', ""),
            ('"How warm is it?"', '""'),
            ('"“Next.”"', '""'),
            ("value = 1, label", "value = 0, label"),
            ("values = [1] }", "values = [7] }"),
        )
    )
    assert [line.split(": ")[0] for line in lines] == [
        "mine.toml, name",
        "mine.toml, criterion “warmth”, guiding_question",
        "mine.toml, criterion “warmth”, poor_example",
        "mine.toml, criterion “advice”, options",
        "mine.toml, criterion “which”, only_if",
    ]


def test_a_file_without_criteria_says_how_they_begin() -> None:
    head = SMALL.split("[[criteria]]")[0]
    assert any("[[criteria]]" in line for line in lines_of(head))
    assert any("[[criteria]]" in line for line in lines_of(head + "criteria = 3\n"))


def test_a_question_about_the_text_does_not_wait_for_one_about_labels() -> None:
    late = changed(('kind = "choice"', 'kind = "choice"\nabout_labels = true'))
    assert "is about labels" in lines_of(late)[0]
    instrument_from_toml(
        changed(('kind = "spans"', 'kind = "spans"\nabout_labels = true'), text=late)
    )


def test_a_question_about_the_text_does_not_wait_for_one_about_the_reasoning() -> None:
    late = changed(('kind = "choice"', 'kind = "choice"\nabout_chain = "appraisal"'))
    (line,) = lines_of(late)
    assert "“advice” is about reasoning, which may come after" in line


def test_what_can_be_asked_about_reasoning_is_a_link_of_it() -> None:
    unknown = changed(('name = "Warmth"', 'name = "Warmth"\nabout_chain = "motive"'))
    assert lines_of(unknown) == [
        "mine.toml, criterion “warmth”, about_chain: “motive” is not one of emotion, "
        "stimulus, appraisal, strategy_reason."
    ]
    both = changed(
        ('name = "Warmth"', 'name = "Warmth"\nabout_labels = true\nabout_chain = "emotion"')
    )
    assert "exclude each other" in lines_of(both)[0]
    marked = changed(('kind = "spans"', 'kind = "spans"\nabout_chain = "emotion"'))
    assert "passages are marked in the response" in lines_of(marked)[0]


def test_an_instrument_is_written_as_a_file_that_reads_back_the_same() -> None:
    odd = changed(
        ("“I am glad you came.”", '\\"Glad\\"\\nyou \\\\ came\\u007f ≥ 1'),
        ('kind = "choice"', 'kind = "choice"\nreverse_scored = true\nlevel = "ordinal"'),
        (
            'anchor_high = "good"',
            'anchor_high = "good"\nanchors = { 3 = "so, so" }\nwidget="slider"',
        ),
    )
    text = instrument_from_toml(odd)
    assert instrument_from_toml(instrument_to_toml(text)) == text
    assert text.criteria[0].good_example == '"Glad"\nyou \\ came\x7f ≥ 1'


def test_the_words_of_files_are_those_of_the_tables() -> None:
    assert list(KINDS) == Criterion.Kind.values
    assert list(WIDGETS) == Criterion.Widget.values
    assert list(LEVELS) == Criterion.Level.values
    from annotations.instruments import schema

    assert list(schema.DESIGNS) == StudyPart.Design.values
    assert list(schema.UNITS) == StudyPart.Unit.values
    assert list(schema.RESOLUTIONS) == StudyPart.Resolution.values
    assert list(schema.GATE_STATISTICS) == Gate.Statistic.values
