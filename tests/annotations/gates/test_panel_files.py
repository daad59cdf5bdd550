"""A panel's answers as a table: the blank form, what can be written, and what is refused."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from annotations.models import Item, ReferenceAnswer, StudyPart
from annotations.selectors.panel_material import form_rows
from annotations.services.panel_files import PanelFileError
from annotations.services.reference_panel import PanelAdded, add_panel_from_file
from inference.errors import WrongStateError
from inference.models import Response, Stimulus
from tests.annotations.gates.worlds import draft, gated, team_with_runs
from tests.answered_studies import make_instrument

pytestmark = pytest.mark.django_db
HEADER = "stimulus,dialogue,turn,replies,criterion,answer,explanation,use"


def upload(part: StudyPart, *lines: str, header: str = HEADER) -> PanelAdded:
    content = "\n".join((header, *lines)).encode()
    return add_panel_from_file(part=part, name="panel.csv", content=content)


def refused(part: StudyPart, *lines: str, header: str = HEADER) -> list[str]:
    with pytest.raises(PanelFileError) as caught:
        upload(part, *lines, header=header)
    assert not part.items.exists(), "nothing changes where any row is wrong"
    return caught.value.lines


def a_part(design: str = "absolute", runs: int = 2, **options: Any) -> StudyPart:
    team, made = team_with_runs(runs)
    return draft(team, made, design, **options)


def first_stimulus() -> int:
    return Stimulus.objects.order_by("pk")[0].pk


def filled_in(part: StudyPart, answer: str, **cells: str) -> bytes:
    header, *rows = form_rows(part, 5)
    places = {name: header.index(name) for name in ("answer", "explanation", "use")}
    for row in rows:
        row[places["answer"]] = answer
        for name, value in cells.items():
            row[places[name]] = value
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows([header, *rows])
    return ("\ufeff" + out.getvalue()).encode()


# The blank form


def test_the_blank_form_lists_client_turns_with_replies_and_what_can_be_answered() -> None:
    header, *rows = form_rows(a_part(), 5)
    assert len(rows) == 5
    row = dict(zip(header, rows[0], strict=True))
    assert row["dialogue"].startswith("dialogue-")
    assert row["criterion"] == "empathy"
    assert row["possible answers"] == "1 to 10"
    assert row["reply A"] in ("one words", "two words")
    assert (row["answer"], row["explanation"]) == ("", "")


def test_the_blank_form_names_no_model_and_shows_models_evenly() -> None:
    header, *rows = form_rows(a_part(), 10)
    texts = [row[header.index("reply A")] for row in rows]
    assert texts.count("one words") == texts.count("two words") == 5
    assert not any("hush" in cell for row in rows for cell in row)
    assert {row[header.index("replies")] for row in rows} == {"1", "2"}


def test_the_blank_form_leaves_out_what_the_panel_has_answered() -> None:
    part = a_part()
    before = {row[0] for row in list(form_rows(part, 500))[1:]}
    add_panel_from_file(part=part, name="f.csv", content=filled_in(part, "4"))
    after = {row[0] for row in list(form_rows(part, 500))[1:]}
    assert len(before) - len(after) == 5


@pytest.mark.parametrize(
    ("design", "runs", "answer"),
    [
        ("absolute", 2, "7"),
        ("pairwise", 2, "A clearly"),
        ("best_of_n", 3, "C"),
        ("ranking", 3, "B > A = C"),
    ],
)
def test_a_filled_in_form_becomes_panel_items(design: str, runs: int, answer: str) -> None:
    part = a_part(design, runs)
    content = filled_in(part, answer, explanation="It asks back.")
    added = add_panel_from_file(part=part, name="panel.csv", content=content)
    assert (added.items, added.answers, added.replaced) == (5, 5, 0)
    kept = ReferenceAnswer.objects.filter(item__part=part)
    assert {row.explanation for row in kept} == {"It asks back."}
    assert {row.source for row in kept} == {"File panel.csv"}
    assert {item.pool for item in part.items.all()} == {Item.Pool.REFERENCE}


def test_letters_follow_the_replies_as_the_form_lists_them() -> None:
    part = a_part("pairwise")
    header, *rows = form_rows(part, 6)
    texts = {int(row[0]): row[header.index("reply A")] for row in rows}
    add_panel_from_file(part=part, name="p.csv", content=filled_in(part, "A slightly"))
    for row in ReferenceAnswer.objects.select_related("preferred__response", "item"):
        assert row.preferred is not None
        assert row.preferred.response.text == texts[row.item.stimulus_id]
        assert row.strength == 1


def test_a_form_uploaded_again_replaces_the_answers() -> None:
    part = a_part()
    add_panel_from_file(part=part, name="p.csv", content=filled_in(part, "4"))
    first = part.items.order_by("position")[0]
    response = first.candidates.get().response
    added = upload(part, f"{first.stimulus_id},,,run {response.run_id},empathy,9,,training")
    assert (added.items, added.replaced) == (0, 1)
    first.refresh_from_db()
    assert first.pool == Item.Pool.TRAINING
    assert ReferenceAnswer.objects.get(item=first).score == 9


# How rows name what they are about


def test_a_dialogue_and_any_of_its_client_turns_name_a_stimulus() -> None:
    part = a_part()
    upload(part, ",dialogue-003,4,1,empathy,7,,")
    stimulus = part.items.get().stimulus
    assert (stimulus.dialogue.external_id, stimulus.first_position) == ("dialogue-003", 2)


def test_a_reply_can_be_named_by_its_run() -> None:
    part = a_part("pairwise")
    one, two = [link.run for link in part.study.study_runs.all()]
    upload(part, f"{first_stimulus()},,,run {two.pk} run {one.pk},Empathy,a clearly,,")
    preferred = ReferenceAnswer.objects.get().preferred
    assert preferred is not None
    assert preferred.response.run_id == two.pk


def test_where_all_replies_are_shown_they_need_not_be_named() -> None:
    part = a_part("best_of_n", 3)
    upload(part, f"{first_stimulus()},,,,empathy,b,,")
    assert part.items.get().candidates.count() == 3


def test_rows_without_an_answer_are_left_out_and_counted() -> None:
    part = a_part()
    key = first_stimulus()
    added = upload(part, f"{key},,,1,empathy,7,,", f"{key + 1},,,1,empathy,,,")
    assert added.items == 1
    assert added.left == ["1 rows without an answer"]


def test_answers_can_be_written_as_the_options_say() -> None:
    instrument = make_instrument()
    instrument.criteria.update(
        kind="choice",
        level="nominal",
        options=[{"value": 0, "label": "No"}, {"value": 1, "label": "Yes"}],
    )
    team, runs = team_with_runs()
    part = draft(team, runs, instrument=instrument)
    upload(part, f"{first_stimulus()},,,1,empathy,yes,,")
    assert ReferenceAnswer.objects.get().score == 1


# What is refused, with line, column and remedy


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("9999999,,,1,empathy,7,,", "Line 2, column stimulus: “9999999” is no client turn"),
        (",nowhere,1,1,empathy,7,,", "Line 2, column dialogue: There is no dialogue “nowhere”"),
        (",dialogue-000,2,1,empathy,7,,", "Line 2, column turn: “2” is no client turn of"),
        ("{key},,,3,empathy,7,,", "Line 2, column replies: “3” does not name one reply"),
        ("{key},,,1 2,empathy,7,,", "Line 2, column replies: “1 2” does not name one reply"),
        ("{key},,,first,empathy,7,,", "Line 2, column replies: “first” does not name"),
        ("{key},,,run 999,empathy,7,,", "Line 2, column replies: Generation run 999 of your team"),
        ("{key},,,1,warmth,7,,", "column criterion: There is no criterion “warmth” here. There"),
        (
            "{key},,,1,empathy,11,,",
            "column answer: “11” is no answer to Empathy. It can be: 1 to",
        ),
        ("{key},,,1,empathy,good,,", "column answer: “good” is no answer to Empathy."),
        ("{key},,,1,empathy,7,,maybe", "column use: “maybe” is no use of an item. Write training"),
    ],
)
def test_a_wrong_cell_is_named_with_the_remedy(row: str, said: str) -> None:
    part = a_part()
    lines = refused(part, row.format(key=first_stimulus()))
    assert said in lines[0]


def test_all_problems_are_said_at_once_and_no_row_is_taken() -> None:
    part = a_part()
    key = first_stimulus()
    lines = refused(
        part,
        f"{key},,,1,empathy,7,,",
        f"{key + 1},,,1,empathy,0,,",
        f"{key + 2},,,9,empathy,5,,",
    )
    assert [line.split(":")[0] for line in lines] == [
        "Line 3, column answer",
        "Line 4, column replies",
    ]


def test_one_question_answered_twice_for_one_item_is_refused() -> None:
    key = first_stimulus_of(part := a_part())
    lines = refused(part, f"{key},,,1,empathy,7,,", f"{key},,,1,Empathy,8,,")
    assert "answered twice" in lines[0]


def test_one_item_named_in_two_ways_is_refused() -> None:
    key = first_stimulus_of(part := a_part())
    lines = refused(part, f"{key},,,1,empathy,7,,", ",dialogue-000,1,1,empathy,8,,")
    assert "stands in the file already" in lines[0]


def test_two_uses_of_one_item_are_refused() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs, instrument=make_instrument("two", ("empathy", "warmth")))
    key = first_stimulus()
    lines = refused(part, f"{key},,,1,empathy,7,,training", f"{key},,,1,warmth,7,,qualification")
    assert "two uses" in lines[0]


def first_stimulus_of(part: StudyPart) -> int:
    return first_stimulus()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"stimulus,replies,criterion\n1,1,empathy\n", "The header has no column answer"),
        (b"criterion,answer\nempathy,4\n", "The header has no column stimulus"),
        (HEADER.encode() + b"\n1,,,1,empathy,,,\n", "No row has an answer"),
        (HEADER.encode() + b"\n1,,,1,emp\xe9thy,4,,\n", "not UTF-8"),
        (HEADER.encode() + b'\n1,,,1,empathy,4,"open,\n', "quotation marks"),
        (b"PK\x03\x04\0\0", "no table of text"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(content: bytes, said: str) -> None:
    part = a_part()
    with pytest.raises(PanelFileError, match=said):
        add_panel_from_file(part=part, name="panel.csv", content=content)


def test_marked_passages_cannot_be_given_in_a_table() -> None:
    team, runs = team_with_runs()
    instrument = make_instrument()
    instrument.criteria.update(kind="spans")
    part = draft(team, runs, instrument=instrument)
    assert "Leave the row out" in refused(part, f"{first_stimulus()},,,1,empathy,x,,")[0]


def test_another_teams_run_is_unknown() -> None:
    _, other_runs = team_with_runs(1, name="Elsewhere")
    stimulus = Response.objects.filter(run=other_runs[0])[0].stimulus_id
    part = a_part()
    lines = refused(part, f"{stimulus},,,run {other_runs[0].pk},empathy,7,,")
    assert "is no client turn" in lines[0]


def test_the_launch_freezes_the_panel() -> None:
    part = gated().parts.get()
    with pytest.raises(WrongStateError):
        add_panel_from_file(part=part, name="p.csv", content=b"x")
