from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.corpora import CorpusError, DialogueRecord, esconv


@pytest.fixture
def good(fixtures: Path) -> list[DialogueRecord]:
    return list(esconv.read([fixtures / "esconv" / "ESConv.json"]))


@pytest.fixture
def failed(fixtures: Path) -> list[DialogueRecord]:
    return list(esconv.read([fixtures / "esconv" / "FailedESConv.json"]))


def test_seeker_and_supporter_become_client_and_therapist(good: list[DialogueRecord]) -> None:
    assert "".join(t.speaker[0] for t in good[0].turns) == "ctcctt"
    assert good[0].licence == "CC BY-NC 4.0"


def test_speaker_and_listener_become_client_and_therapist(failed: list[DialogueRecord]) -> None:
    assert "".join(t.speaker[0] for t in failed[0].turns) == "cttttttc"


def test_stray_white_space_is_stripped_and_line_breaks_inside_stay(
    failed: list[DialogueRecord],
) -> None:
    texts = [t.text for t in failed[0].turns]
    assert texts[:2] == ["hey", "reply 0"]
    assert texts[-1] == "first line\nsecond line"


def test_strategy_variants_become_the_eight_of_the_paper(failed: list[DialogueRecord]) -> None:
    assert [(t.strategy_original, t.strategy) for t in failed[0].turns[1:-1]] == [
        ("Questions", "Question"),
        ("Other", "Others"),
        ("Restatement", "Restatement or Paraphrasing"),
        ("Direct Guidance", "Providing Suggestions"),
        ("Approval and Reassurance", "Affirmation and Reassurance"),
        ("Self-disclosure", "Self-disclosure"),
    ]


def test_multimood_strategy_stands_only_where_both_schemes_agree(
    good: list[DialogueRecord], failed: list[DialogueRecord]
) -> None:
    mapped = [t.extra.get("multimood_strategy") for t in failed[0].turns[1:-1]]
    assert mapped == [None, "others", "restatement", "advisement", "approval", "self-disclosure"]
    assert "multimood_strategy" not in good[0].turns[4].extra


def test_survey_scores_and_feedback_become_numbers(good: list[DialogueRecord]) -> None:
    assert good[0].extra["survey_score"] == {
        "seeker": {
            "initial_emotion_intensity": 5,
            "empathy": 4,
            "relevance": 5,
            "final_emotion_intensity": 2,
        },
        "supporter": {"relevance": 5},
    }
    assert good[0].extra["emotion_type"] == "anxiety"
    assert good[0].turns[3].extra["feedback"] == 5


def test_problem_types_get_one_spelling(good: list[DialogueRecord]) -> None:
    assert [(d.problem_type, d.problem_type_original) for d in good] == [
        ("job crisis", "job crisis"),
        ("job crisis", "Job  Crisis"),
    ]


def test_dialogues_about_one_situation_share_a_session(failed: list[DialogueRecord]) -> None:
    assert failed[0].session == failed[1].session
    assert failed[0].external_id != failed[1].external_id


def test_ids_survive_a_renamed_and_reordered_file(fixtures: Path, tmp_path: Path) -> None:
    source = fixtures / "esconv" / "ESConv.json"
    other = tmp_path / "copy.json"
    other.write_text(json.dumps(json.loads(source.read_text())[::-1]))
    ids = [d.external_id for d in esconv.read([source])]
    assert [d.external_id for d in esconv.read([other])] == ids[::-1]


def test_a_dialogue_that_stands_twice_is_refused(fixtures: Path, tmp_path: Path) -> None:
    dialogues = json.loads((fixtures / "esconv" / "ESConv.json").read_text())
    path = tmp_path / "ESConv.json"
    path.write_text(json.dumps([*dialogues, dialogues[0]], indent=1))
    with pytest.raises(CorpusError, match=r"dialogue 3, dialog: 'esconv-.*' stands twice"):
        list(esconv.read([path]))


@pytest.mark.parametrize(
    ("good_text", "bad_text", "named"),
    [
        ('"Information"', '"Sermon"', "dialogue 1, turn 6, strategy"),
        ('"speaker": "seeker"', '"speaker": "cat"', "dialogue 1, turn 1, speaker"),
        ('"content": "Hello"', '"content": " \\n"', "dialogue 1, turn 1, content"),
        ('"content": "Hello"', '"text": "Hello"', "dialogue 1, turn 1, content"),
        ('"empathy": "4"', '"empathy": "very"', "survey_score.seeker.empathy"),
        ('"feedback": "5"', '"feedback": "9"', "dialogue 1, turn 4, feedback"),
        ('"situation": "My shop', '"story": "My shop', "dialogue 2, situation"),
    ],
)
def test_broken_dialogue_is_refused_by_name(
    fixtures: Path, tmp_path: Path, good_text: str, bad_text: str, named: str
) -> None:
    text = (fixtures / "esconv" / "ESConv.json").read_text()
    assert good_text in text
    path = tmp_path / "ESConv.json"
    path.write_text(text.replace(good_text, bad_text, 1))
    with pytest.raises(CorpusError) as refusal:
        list(esconv.read([path]))
    assert named in str(refusal.value)
    assert refusal.value.line in {2, 61}
