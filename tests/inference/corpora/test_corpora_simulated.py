"""Conversations of seeker simulators, in our own form and in the one assumed of ES-VR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.corpora import CORPUS_INFO, READERS, CorpusError, DialogueRecord, esvr, simulated
from inference.corpora.conversations import (
    CONVERSATION_KEYS,
    PREFERENCE_KEYS,
    TURN_KEYS,
    Preferred,
    conversations,
)
from inference.corpora.stimuli import stimuli


@pytest.fixture
def ours(fixtures: Path) -> Path:
    return fixtures / "simulated" / "conversations.jsonl"


@pytest.fixture
def theirs(fixtures: Path) -> list[DialogueRecord]:
    return list(esvr.read([fixtures / "esvr" / "train.json"]))


# Our own form


def test_seeker_and_supporter_become_client_and_therapist(ours: Path) -> None:
    first = next(simulated.read([ours]))
    assert "".join(turn.speaker[0] for turn in first.turns) == "ctctc"
    assert [s.last for s in stimuli(first)] == [0, 2, 4]
    assert (first.licence, first.split, first.problem_type) == ("CC0-1.0", "train", "Moving house")
    assert first.extra["seeker_model"] == "seeker-sim"


def test_conversations_of_one_persona_share_a_session(ours: Path) -> None:
    one, two, three = simulated.read([ours])
    assert one.session == two.session
    assert three.session == "c3"


def test_labels_of_ours_get_our_spelling_and_others_stay(ours: Path) -> None:
    first = next(simulated.read([ours]))
    assert [turn.strategy for turn in first.turns if turn.speaker == "therapist"] == [
        *("open question", "Suggest options")
    ]
    assert (first.turns[0].emotion, first.turns[0].emotion_original) == ("sadness", "Sadness")


def test_what_could_have_been_said_stays_with_the_turn(ours: Path) -> None:
    first = next(simulated.read([ours]))
    assert first.turns[1].extra["preferred"] == 0
    assert first.turns[3].extra["chain"] == {"emotion": "She feels alone."}
    assert [len(turn.extra.get("alternatives", ())) for turn in first.turns] == [0, 2, 0, 1, 0]  # type: ignore[arg-type]


def test_preferences_name_replies_by_number(ours: Path) -> None:
    first = next(conversations([ours]))
    assert [reply.model for reply in first.turns[1].replies] == ["model-one"] * 2 + ["model-two"]
    assert first.turns[1].preferences == (Preferred(0, 1), Preferred(0, 2))
    assert first.turns[3].preferences == (
        Preferred(1, 0, False, "Value reinforcement", 2, "r-7", "person"),
        Preferred(0, 1, True, "", 1, "judge-1", "llm"),
    )


@pytest.mark.parametrize(
    ("good", "bad", "named"),
    [
        ('"id": "c1"', '"number": "c1"', "line 1, number: this key is not known"),
        ('"id": "c2"', '"id": "c1"', "line 2, id: 'c1' stands twice, first in"),
        ('"speaker": "seeker", "text": "The', '"speaker": "cat", "text": "The', "turn 1, speaker"),
        ('"text": "The flat', '"words": "The flat', "turn 1, words: this key is not known"),
        ('"values": ["belonging"]}, {"sp', '"values": "belonging"}, {"sp', "turn 1, values: a li"),
        ('"emotion": "Sadness"', '"preferred": 0', "turn 1, preferred: a seeker's turn has none"),
        ('"preferred": 0', '"preferred": 3', "turn 2, preferred: there is no reply 3 in this turn"),
        ('"preferred": 0', '"preferred": true', "turn 2, preferred: there is no reply True"),
        ('"preferred": 0', '"preferred": 0, "preferences": []', "preferences are there, too"),
        ('"better": 1, "worse": 0', '"better": 1, "worse": 1', "preferences 1, worse: both are re"),
        ('"strength": 2', '"strength": 3', "turn 4, preferences 1, strength: it is 1 (slightly)"),
        ('"tie": true', '"tie": 1', "turn 4, preferences 2, tie: true or false was expected"),
        ('"rater_kind": "person"', '"rater_kind": "cat"', "rater_kind: 'cat' is not known. Write"),
        ('{"text": "Cheer up.", ', '{"said": "Cheer up.", ', "alternatives 2, said: this key is"),
        ('"alternatives": [{"text": "You miss', '"alternatives": ["x", {"text": "You miss',
         "turn 4, alternatives 1: an object was expected"),
        ('"chain": {"emotion"', '"chain": {"motive"', "turn 4, chain, motive: this key is not kno"),
        ('"She feels alone."', "4", "turn 4, chain, emotion: a text was expected, not a int"),
        ('"turns": [{"speaker": "client"', '"turns": [], "extra": [{"speaker": "client"', "turns"),
    ],
)  # fmt: skip
def test_a_broken_conversation_is_refused_by_place_and_field(
    ours: Path, tmp_path: Path, good: str, bad: str, named: str
) -> None:
    text = ours.read_text()
    assert good in text
    path = tmp_path / "mine.jsonl"
    path.write_text(text.replace(good, bad, 1))
    with pytest.raises(CorpusError) as refusal:
        list(simulated.read([path]))
    assert named in str(refusal.value)
    assert refusal.value.remedy


def test_a_preference_needs_something_to_compare_with(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    turn = {"speaker": "supporter", "text": "Yes.", "preferred": 0}
    path.write_text(json.dumps({"id": "c", "turns": [turn]}))
    with pytest.raises(CorpusError, match="turn 1, preferred: there is no other reply to compare"):
        list(simulated.read([path]))


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(words, st.lists(words, max_size=3)), min_size=1, max_size=4), st.data())
def test_whatever_is_said_and_preferred_is_kept(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[tuple[str, list[str]]],
    data: st.DataObject,
) -> None:
    turns: list[dict[str, Any]] = []
    best: list[int | None] = []
    for text, others in said:
        turns.append({"speaker": "seeker", "text": text})
        turn: dict[str, Any] = {"speaker": "supporter", "text": text}
        turn["alternatives"] = [{"text": other} for other in others]
        best.append(data.draw(st.integers(0, len(others))) if others else None)
        turns.append(turn if best[-1] is None else turn | {"preferred": best[-1]})
    path = tmp_path_factory.getbasetemp() / "any-simulated.jsonl"
    path.write_text(json.dumps({"id": "c", "turns": turns}))
    (found,) = conversations([path])
    replies = [turn for turn in found.turns if turn.speaker == "therapist"]
    for (text, others), answered, number in zip(said, replies, best, strict=True):
        written = [each.strip() for each in (text, *others)]
        assert [reply.text for reply in answered.replies] == written
        assert {one.better for one in answered.preferences} <= {number}
        assert len(answered.preferences) == (0 if number is None else len(others))
    (dialogue,) = simulated.read([path])
    assert [one.text for one in dialogue.turns] == [turn["text"].strip() for turn in turns]


def test_the_page_about_files_shows_one_that_is_read(fixtures: Path, tmp_path: Path) -> None:
    page = (fixtures.parents[2] / "docs" / "corpus_format.md").read_text()
    example = page.split("## Conversations of seeker simulators")[1].split("```json")[1]
    path = tmp_path / "example.jsonl"
    path.write_text(json.dumps(json.loads(example.split("```")[0])))
    (conversation,) = conversations([path])
    assert [len(turn.preferences) for turn in conversation.turns] == [0, 2, 0, 1]
    for key in (*CONVERSATION_KEYS, *TURN_KEYS, *PREFERENCE_KEYS):
        assert f"`{key}`" in page, key


# ES-VR, as it is assumed to be


def test_the_assumed_layout_is_read_and_what_else_stands_there_is_kept(
    theirs: list[DialogueRecord],
) -> None:
    first, second, third = theirs
    assert (first.external_id, first.split, first.situation) == (
        *("esvr-3", "train", "Jo's partner left in May."),
    )
    assert first.turns[1].strategy == "Question"
    assert first.turns[1].extra == {"target_values": ["self-direction"]}
    assert first.extra["model"] == "supporter-sim"
    assert (second.problem_type, second.problem_type_original) == ("Breakup", "breakup")
    assert "".join(turn.speaker[0] for turn in second.turns) == "ct"
    assert (third.situation, third.problem_type) == ("", "")
    assert "assumed" in CORPUS_INFO["esvr"].note


def test_the_same_persona_is_one_session_and_ids_survive_reordering(
    theirs: list[DialogueRecord], fixtures: Path, tmp_path: Path
) -> None:
    source = fixtures / "esvr" / "train.json"
    rows = json.loads(source.read_text())
    rows[1]["persona"] = rows[0]["persona"]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in reversed(rows)))
    found = list(esvr.read([path]))
    assert found[1].session == found[2].session == theirs[0].session
    assert [found[0].external_id, found[2].external_id] == [
        *(theirs[2].external_id, theirs[0].external_id)
    ]


@pytest.mark.parametrize(
    ("good", "bad", "named"),
    [
        ('"dialogue": [', '"talk": [', "dialogue 1, dialogue: one of dialogue, dialog, convers"),
        ('"model": "sup', '"messages": [], "m": "sup', "and there is dialogue, messages"),
        ('"role": "seeker"', '"role": "system"', "dialogue 1, turn 1, role: 'system' is not a kn"),
        ('"role": "seeker", ', "", "dialogue 1, turn 1, role: one of role, speaker was expected"),
        ('"content": "Jo here.', '"said": "Jo here.', "turn 1, content: one of content, text, utt"),
        ('"problem": "Breakup"', '"problem": 3', "dialogue 1, problem: a text was expected"),
    ],
)  # fmt: skip
def test_another_layout_is_refused_by_place_and_field(
    fixtures: Path, tmp_path: Path, good: str, bad: str, named: str
) -> None:
    text = (fixtures / "esvr" / "train.json").read_text()
    assert good in text
    path = tmp_path / "train.json"
    path.write_text(text.replace(good, bad, 1))
    with pytest.raises(CorpusError) as refusal:
        list(esvr.read([path]))
    assert named in str(refusal.value)
    assert refusal.value.line == 2


@pytest.mark.parametrize("format", ["esvr", "simulated"])
@pytest.mark.parametrize("content", [b"", b" \n ", "[]".encode("utf-16"), b'{"id": "c"'])
def test_files_that_hold_no_conversation_are_refused(
    tmp_path: Path, format: str, content: bytes
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"train\.jsonl"):
        list(READERS[format]([path]))
