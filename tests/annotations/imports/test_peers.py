"""Label Studio and Potato, with what they really export where the samples are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.rules import DerivationRules
from annotations.imports import ImportedAnswers, ReadOptions, read_answers, recognise
from inference.errors import DomainError

PEERS = Path(__file__).resolve().parents[4] / "shared" / "data" / "peers"
with_samples = pytest.mark.skipif(
    not PEERS.is_dir(), reason="the samples of other tools' exports are not on this machine"
)
POTATO = ("potato_user_state.json", "potato_items.jsonl", "potato_config.yaml")
FIRST, SECOND = "That sounds exhausting.", "You should try to relax."


def said(answers: ImportedAnswers) -> list[tuple[str, str]]:
    rules = DerivationRules(splitting="none")
    return [
        (answers.responses[pair.chosen].reply.text, answers.responses[pair.rejected].reply.text)
        for pair in derive(answers.evidence, rules).pairs
    ]


def recognised(*paths: Path, **options: Any) -> ImportedAnswers:
    return read_answers(paths, recognise(paths).format, ReadOptions(**options))


@with_samples
@pytest.mark.parametrize("ending", ["export.json", "export_min.json", "export.csv"])
def test_every_export_of_label_studio_tells_the_same_choices(ending: str) -> None:
    path = PEERS / f"label_studio_{ending}"
    assert recognise([path]).format == "label-studio"
    answers = recognised(path)
    pairs = said(answers)
    assert len(pairs) == 25
    assert all(a.startswith(FIRST) and b.startswith(SECOND) for a, b in pairs)
    assert answers.left_out["answers in words"] == 25
    assert {choice.seconds for choice in answers.evidence.choices} == {12.3}


@with_samples
def test_only_json_says_which_response_stars_are_about() -> None:
    answers = recognised(PEERS / "label_studio_export.json")
    scores = answers.evidence.scores
    assert len(scores) == 25 * 7
    assert {score.criterion for score in scores} == {f"c{n}" for n in range(1, 8)}
    about = {answers.responses[score.response].reply.text[: len(FIRST)] for score in scores}
    assert about == {FIRST}
    of_one = sorted((s.criterion, s.value) for s in scores if s.stimulus == 0)
    assert of_one == list(zip([f"c{n}" for n in range(1, 8)], [2, 3, 4, 5, 1, 2, 3], strict=True))
    other = recognised(PEERS / "label_studio_export_min.json")
    assert other.evidence.scores == ()
    assert 175 in other.left_out.values()


@with_samples
def test_potatos_letter_is_read_through_the_order_that_the_rater_saw() -> None:
    state = json.loads((PEERS / POTATO[0]).read_text())
    orders = state["instance_id_to_presentation_order"]
    assert {tuple(order["pref"]) for order in orders.values()} == {(0, 1), (1, 0)}
    answers = recognised(*(PEERS / name for name in POTATO))
    pairs = said(answers)
    swapped = sum(order["pref"] == [1, 0] for order in orders.values())
    assert len(pairs) == 25
    assert sum(chosen.startswith(SECOND) for chosen, _ in pairs) == swapped
    assert sum(chosen.startswith(FIRST) for chosen, _ in pairs) == 25 - swapped


@with_samples
def test_a_state_of_potato_without_the_order_is_refused(tmp_path: Path) -> None:
    state = json.loads((PEERS / POTATO[0]).read_text())
    del state["instance_id_to_presentation_order"]["t459"]
    path = tmp_path / "user_state.json"
    path.write_text(json.dumps(state))
    with pytest.raises(DomainError, match=r"user_state.json, item t459, .*presentation_order.pref"):
        recognised(path, *(PEERS / name for name in POTATO[1:]))


# Potato, written for these tests.

CONFIG = """
item_properties: {id_key: id, text_key: text}
annotation_schemes:
  - {annotation_type: pairwise, name: pref, description: d, items_key: responses}
  - {annotation_type: pairwise, name: much, description: d, mode: scale, scale: {min: -3, max: 3}}
  - {annotation_type: pairwise, name: parts, description: d, mode: multi_dimension}
  - {annotation_type: likert, name: warmth, description: d, size: 5}
  - {annotation_type: text, name: why, description: d}
  - {annotation_type: radio, name: tone, description: d}
"""
ITEMS = [
    {"id": "i1", "text": "I lost my job.", "responses": ["How do you feel?", "Find another."]},
    {"id": "i2", "text": "I won.", "responses": ["Well done."]},
]


def potato(
    folder: Path, answers: dict[str, Any], orders: dict[str, Any] | None = None, user: str = "ada"
) -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    state = {
        "user_id": user,
        "instance_id_to_label_to_value": answers,
        "instance_id_to_presentation_order": orders or {},
    }
    paths = (folder / f"{user}.json", folder / "items.jsonl", folder / "config.yaml")
    for path, text in zip(
        paths,
        (json.dumps(state), "".join(json.dumps(item) + "\n" for item in ITEMS), CONFIG),
        strict=True,
    ):
        path.write_text(text)
    return paths


def label(schema: str, value: str, name: str = "selection") -> list[Any]:
    return [{"schema": schema, "name": name}, value]


@pytest.mark.parametrize(
    ("value", "order", "expected"),
    [
        ("A", [0, 1], -1),
        ("A", [1, 0], 1),
        ("B", [0, 1], 1),
        ("B", [1, 0], -1),
        ("tie", [1, 0], 0),
    ],
)
def test_a_letter_names_a_place_not_a_response(
    tmp_path: Path, value: str, order: list[int], expected: int
) -> None:
    paths = potato(tmp_path, {"i1": [label("pref", value)]}, {"i1": {"pref": order}})
    (choice,) = recognised(*paths).evidence.choices
    assert choice.value == expected
    assert choice.criterion == "overall"


@pytest.mark.parametrize(
    ("value", "order", "expected"),
    [("-3", [0, 1], -2), ("-1", [0, 1], -1), ("2", [1, 0], -2), ("1", [0, 1], 1), ("0", [0, 1], 0)],
)
def test_a_scale_between_two_is_read_through_the_order_too(
    tmp_path: Path, value: str, order: list[int], expected: int
) -> None:
    paths = potato(tmp_path, {"i1": [label("much", value, "scale_value")]}, {"i1": {"much": order}})
    (choice,) = recognised(*paths).evidence.choices
    assert choice.value == expected


def test_dimensions_are_criteria_and_reasons_are_words(tmp_path: Path) -> None:
    given = [
        label("parts", "B", "Being heard"),
        label("parts", '{"rationale": "warm"}', "justification"),
        label("why", "because", "text_box"),
        label("tone", "calm", "calm"),
    ]
    paths = potato(tmp_path, {"i1": given}, {"i1": {"parts": [1, 0]}})
    answers = recognised(*paths)
    (choice,) = answers.evidence.choices
    assert (choice.criterion, choice.value) == ("being-heard", -1)
    assert sum(answers.left_out.values()) == 3


def test_ratings_of_one_response_are_scores_on_the_schemes_scale(tmp_path: Path) -> None:
    paths = potato(tmp_path, {"i2": [label("warmth", "4", "4")], "i1": [label("warmth", "2", "2")]})
    answers = recognised(*paths)
    (score,) = answers.evidence.scores
    assert (score.criterion, score.value, score.low, score.high) == ("warmth", 4, 1, 5)
    assert sum(answers.left_out.values()) == 1


def test_several_raters_of_potato_are_told_apart_and_named_by_nothing(tmp_path: Path) -> None:
    given = {"i1": [label("pref", "A")]}
    first = potato(tmp_path, given, {"i1": {"pref": [0, 1]}}, user="ada@example.org")
    second = potato(tmp_path, given, {"i1": {"pref": [1, 0]}}, user="rui@example.org")
    answers = recognised(first[0], *second)
    assert {choice.rater: choice.value for choice in answers.evidence.choices} == {
        "rater-1": -1,
        "rater-2": 1,
    }
    copy = tmp_path / "again.json"
    copy.write_bytes(first[0].read_bytes())
    with pytest.raises(DomainError, match="another file holds answers of the same rater"):
        recognised(first[0], copy, *second[1:])


@pytest.mark.parametrize(
    ("which", "text", "match"),
    [
        (0, '{"instance_id_to_label_to_value": {}}', "user_id"),
        (1, '{"id": "i1", "text": "x", "responses": []}\n', "items.jsonl, line 1, responses"),
        (1, '{"text": "x", "responses": ["a", "b"]}\n', "items.jsonl, line 1, id"),
        (1, json.dumps(ITEMS[0]) + "\n" + json.dumps(ITEMS[0]) + "\n", "line 2, id: .* twice"),
        (2, "annotation_schemes: []", "annotation_schemes"),
        (2, "a: [", "config.yaml, line 1"),
        (2, "annotation_schemes: [{name: other}]", "no scheme of this name"),
    ],
)
def test_what_is_wrong_with_potatos_files_is_said(
    tmp_path: Path, which: int, text: str, match: str
) -> None:
    paths = potato(tmp_path, {"i1": [label("pref", "A")]}, {"i1": {"pref": [0, 1]}})
    paths[which].write_text(text)
    with pytest.raises(DomainError, match=match):
        read_answers(paths, "potato")


def test_configuration_and_items_are_asked_for(tmp_path: Path) -> None:
    paths = potato(tmp_path, {"i1": []})
    with pytest.raises(DomainError, match="one configuration is needed, 0 are there"):
        recognised(*paths[:2])
    with pytest.raises(DomainError, match="file of items is missing"):
        recognised(paths[0], paths[2])


# Label Studio, written for these tests.


def task(number: int, *annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"prompt": f"It is {number} o'clock.", "answer1": "So late?", "answer2": "Go to bed."}
    return {"id": number, "data": data, "annotations": list(annotations), **more}


def annotation(by: Any, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"completed_by": by, "was_cancelled": False, "result": list(results), **more}


def choices(name: str, *values: str, about: str = "txt") -> dict[str, Any]:
    return {
        "from_name": name,
        "to_name": about,
        "type": "choices",
        "value": {"choices": list(values)},
    }


def stars(name: str, number: Any, about: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": about, "type": "rating", "value": {"rating": number}}


def written(path: Path, *tasks: Any) -> Path:
    path.write_text(json.dumps(list(tasks)))
    return path


@pytest.mark.parametrize(
    ("word", "value", "neither"),
    [
        ("left", -1, False),
        ("A", -1, False),
        ("Answer 2", 1, False),
        ("answer2", 1, False),
        ("Response B is better", 1, False),
        ("Tie", 0, False),
        ("No preference", 0, False),
        ("neither acceptable", 0, True),
    ],
)
def test_options_that_compare_are_choices(
    tmp_path: Path, word: str, value: int, neither: bool
) -> None:
    path = written(tmp_path / "e.json", task(1, annotation(3, choices("which", word))))
    answers = recognised(path)
    (choice,) = answers.evidence.choices
    assert (choice.value, choice.neither_acceptable) == (value, neither)
    assert bool(answers.evidence.unacceptable) == neither


def test_options_that_compare_nothing_are_left_out_whole(tmp_path: Path) -> None:
    given = [annotation(n, choices("tone", word)) for n, word in enumerate(("left", "warm"))]
    answers = recognised(written(tmp_path / "e.json", task(1, *given)))
    assert answers.evidence.choices == ()
    assert sum(answers.left_out.values()) == 2


def test_cancelled_answers_drafts_and_predictions_are_counted_and_left_out(
    tmp_path: Path,
) -> None:
    given = task(
        1,
        annotation(1, choices("which", "left")),
        annotation(2, choices("which", "right"), was_cancelled=True),
        drafts=[{"result": []}],
        predictions=[{}, {}],
    )
    answers = recognised(written(tmp_path / "e.json", given, task(2)))
    assert len(answers.evidence.choices) == 1
    assert answers.left_out == {
        "answers that raters cancelled or skipped": 1,
        "drafts": 1,
        "predictions of models": 2,
        "tasks that nobody answered": 1,
    }


def test_several_raters_of_a_task_vote_together(tmp_path: Path) -> None:
    given = [annotation(by, choices("which", side)) for by, side in ((1, "A"), (2, "A"), (3, "B"))]
    answers = recognised(written(tmp_path / "e.json", task(1, *given)))
    assert said(answers) == [("So late?", "Go to bed.")]
    (pair,) = derive(answers.evidence, DerivationRules(splitting="none")).pairs
    assert (pair.votes_for, pair.votes_against) == (2, 1)


def test_a_rating_goes_to_the_response_that_its_text_or_its_own_name_tells(
    tmp_path: Path,
) -> None:
    given = annotation(
        1,
        stars("warmth", 5, "answer2"),
        stars("clarity_b", 4, "dialogue"),
        stars("clarity_a", 2, ""),
        stars("depth", 3, "answer1,answer2"),
        stars("safety", 1, "1"),
    )
    answers = recognised(written(tmp_path / "e.json", task(1, given)))
    found = {
        (s.criterion, answers.responses[s.response].reply.text): s.value
        for s in answers.evidence.scores
    }
    assert found == {
        ("warmth", "Go to bed."): 5,
        ("clarity", "So late?"): 2,
        ("safety", "So late?"): 1,
    }
    assert sum(answers.left_out.values()) == 2


def test_fields_of_other_names_can_be_named(tmp_path: Path) -> None:
    one = task(1, annotation(1, choices("which", "B")))
    one["data"] = {"who": "I am tired.", "model_x": "Rest.", "model_y": "Why is that?"}
    path = written(tmp_path / "e.json", one)
    with pytest.raises(DomainError, match=r"no fields such as response_a .* who"):
        recognised(path)
    answers = recognised(path, context="who", first="model_x", second="model_y")
    assert said(answers) == [("Why is that?", "Rest.")]
    with pytest.raises(DomainError, match="the task has no such field"):
        recognised(path, context="who", first="model_z", second="model_y")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"data": None}, "e.json, line 1, row 1, data"),
        ({"annotations": [3]}, "annotation 1"),
        ({"annotations": [{"completed_by": None, "result": [{}]}]}, "completed_by"),
        ({"annotations": [{"completed_by": 1, "result": "x"}]}, "result"),
    ],
)
def test_what_is_wrong_with_a_task_is_said(
    tmp_path: Path, change: dict[str, Any], match: str
) -> None:
    path = written(tmp_path / "e.json", {**task(1), **change})
    with pytest.raises(DomainError, match=match):
        read_answers([path], "label-studio")


def test_a_task_that_stands_twice_is_refused(tmp_path: Path) -> None:
    given = task(1, annotation(1, choices("which", "A")))
    with pytest.raises(DomainError, match=r"task 1 stands twice, first in e\.json"):
        recognised(written(tmp_path / "e.json", given, given))


def test_numbers_of_a_control_per_response_come_from_flat_exports_too(tmp_path: Path) -> None:
    path = tmp_path / "min.json"
    row = {
        **task(1)["data"],
        "id": 1,
        "annotator": "rui@example.org",
        "annotation_id": 9,
        "warmth_1": 4,
        "warmth_2": [{"rating": 2}],
        "which": "left",
        "note": "He seems tired.",
        "lead_time": 3.5,
    }
    path.write_text(json.dumps([row]))
    answers = recognised(path, ratings=("warmth_1",))
    values = {answers.responses[s.response].reply.text: s.value for s in answers.evidence.scores}
    assert values == {"So late?": 4, "Go to bed.": 2}
    assert {s.criterion for s in answers.evidence.scores} == {"warmth"}
    assert len(answers.evidence.choices) == 1
    assert answers.left_out == {"answers in words": 1}
    assert set(answers.evidence.raters) == {"rater-1"}
