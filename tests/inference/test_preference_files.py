from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.contracts import PreferencePair, ReplyFields, StimulusInput, TurnText
from inference.preference_files import (
    PreferenceFileError,
    clip_hashes,
    read_pairs,
    read_rows,
    sha256_file,
    verify_release,
    write_pairs,
    write_rows,
)

CLIP = "clips/ab.mp4"
HASHES = {CLIP: "ab" * 32}
words = st.text(max_size=30)
replies = st.builds(
    ReplyFields,
    client_emotion=st.none() | words,
    therapist_emotion=st.none() | words,
    strategy=st.none() | words,
    text=words,
)


def make_pair(pair_id: str = "p1", text: str = "I hear you.") -> PreferencePair:
    return PreferencePair(
        pair_id=pair_id,
        stimulus=StimulusInput(
            key="7",
            situation="A lost job",
            history=(TurnText("therapist", "How are you?"),),
            client_turns=(TurnText("client", "I cannot sleep."),),
            clip_paths=(Path(CLIP),),
        ),
        chosen=ReplyFields("sadness", "neutral", "restatement", text),
        rejected=ReplyFields(None, None, None, "Get over it."),
        source="preference:overall",
        strength=1.5,
        meta={"study": "3"},
    )


def broken(tmp_path: Path, change: dict[str, Any]) -> Path:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [make_pair("a"), make_pair("b")], HASHES)
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + json.dumps(json.loads(second) | change) + "\n")
    return path


@given(chosen=replies, rejected=replies, strength=st.floats(0, 9))
def test_pairs_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory,
    chosen: ReplyFields,
    rejected: ReplyFields,
    strength: float,
) -> None:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    pair = PreferencePair(
        *("x", make_pair().stimulus, chosen, rejected, "rating:empathy", strength),
        split="train",
        group="MESC/S01E01",
        weight=0.5,
    )
    write_pairs(path, [pair], HASHES)
    if chosen == rejected:
        with pytest.raises(PreferenceFileError, match="rejected"):
            list(read_pairs(path))
    else:
        assert list(read_pairs(path)) == [pair]


def test_order_of_writing_does_not_change_the_bytes(tmp_path: Path) -> None:
    pairs = [make_pair("b"), make_pair("a", "Tell me more.")]
    write_pairs(tmp_path / "one", pairs, HASHES)
    write_pairs(tmp_path / "two", reversed(pairs), HASHES)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_rows_of_the_first_format_have_no_split_group_or_weight(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [make_pair()], HASHES)
    row = json.loads(path.read_text())
    for name in ("split", "group", "weight"):
        del row[name]
    path.write_text(json.dumps(row) + "\n")
    assert list(read_pairs(path)) == [make_pair()]


def test_rows_come_back_one_by_one_in_the_order_written(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    rows: list[dict[str, Any]] = [{"b": [1, None], "a": "Grüße"}, {"a": 2.5}]
    written = write_rows(path, iter(rows))
    assert written == 2
    assert path.read_text(encoding="utf-8") == '{"a":"Grüße","b":[1,null]}\n{"a":2.5}\n'
    reading = read_rows(path)
    assert next(reading) == rows[0]
    assert list(reading) == rows[1:]
    assert write_rows(path, []) == 0
    assert list(read_rows(path)) == []


def test_clips_are_found_below_the_media_root_with_their_hashes(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [make_pair()], HASHES)
    (pair,) = read_pairs(path, tmp_path / "media")
    assert pair.stimulus.clip_paths == (tmp_path / "media" / CLIP,)
    assert clip_hashes(path) == HASHES


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strength": "high"}, "line 2, field strength: expected a number"),
        ({"chosen": {"text": "Hm."}}, "line 2, field chosen.client_emotion: missing"),
        ({"chosen": "Hm."}, "line 2, field chosen: expected an object"),
        ({"pair_id": "a"}, "line 2, field pair_id: 'a' stands on an earlier line"),
        ({"meta": {"votes": 2}}, "line 2, field meta.votes: expected text"),
        ({"split": None}, "line 2, field split: expected text"),
        ({"weight": "half"}, "line 2, field weight: expected a number"),
        (
            {"stimulus": {"key": "1", "situation": "", "history": [{"speaker": "user"}]}},
            r"line 2, field stimulus.history\[0\].speaker: 'user' is neither",
        ),
    ],
)
def test_broken_row_is_refused_with_line_and_field(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = broken(tmp_path, change)
    with pytest.raises(PreferenceFileError, match=words) as refusal:
        list(read_pairs(path))
    assert str(path) in str(refusal.value)


def test_clip_path_may_not_leave_the_media_root(tmp_path: Path) -> None:
    stimulus = {
        "key": "1",
        "situation": "",
        "history": [],
        "client_turns": [],
        "clips": [{"path": "../secret", "sha256": ""}],
    }
    with pytest.raises(PreferenceFileError, match=r"stimulus.clips\[0\].path: must lead below"):
        list(read_pairs(broken(tmp_path, {"stimulus": stimulus})))


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe"])
def test_line_that_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(content)
    with pytest.raises(PreferenceFileError, match="line 1: not"):
        list(read_pairs(path))


def test_release_with_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [make_pair()], HASHES)
    manifest = {"files": {"pairs.jsonl": sha256_file(path)}, "margin": 2}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert verify_release(tmp_path) == manifest
    path.write_text(path.read_text().replace("hear", "here"))
    with pytest.raises(PreferenceFileError, match="changed after its release"):
        verify_release(tmp_path)


def test_folder_without_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(PreferenceFileError, match="not a released dataset"):
        verify_release(tmp_path)


def test_manifest_may_not_name_files_elsewhere(tmp_path: Path) -> None:
    manifest = {"files": {"pairs.jsonl": "0", "../other": "0"}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    write_pairs(tmp_path / "pairs.jsonl", [make_pair()], HASHES)
    manifest["files"]["pairs.jsonl"] = sha256_file(tmp_path / "pairs.jsonl")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PreferenceFileError, match="file elsewhere"):
        verify_release(tmp_path)
