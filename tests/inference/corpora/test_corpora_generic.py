from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from inference.corpora import CorpusError, generic


@pytest.fixture
def corpus(fixtures: Path, tmp_path: Path) -> Path:
    shutil.copytree(fixtures / "jsonl", tmp_path / "corpus")
    return tmp_path / "corpus" / "dialogues.jsonl"


def refusal_for(path: Path, **turn: object) -> CorpusError:
    """What is said about a second line whose only turn has these values."""
    turns = [{"speaker": "client", "text": "Hello."} | turn]
    line = json.dumps({"id": "new", "session": "s", "turns": turns})
    path.write_text(path.read_text().splitlines()[0] + "\n" + line + "\n")
    with pytest.raises(CorpusError) as refusal:
        list(generic.read([path]))
    assert refusal.value.line == 2
    return refusal.value


def test_dialogues_come_with_labels_clips_and_extra(corpus: Path) -> None:
    first, second = generic.read([corpus])
    assert (first.external_id, first.session, first.split) == ("d1", "s01", "train")
    assert first.licence == "CC0-1.0"
    assert first.turns[0].clip_path == corpus.resolve().parent / "clips" / "quiet.mp4"
    assert first.turns[2].strategy == "open question"
    assert first.turns[2].strategy_original == "Open  Question"
    assert first.turns[3].extra == {"voice": "low"}
    assert (second.split, second.turns[1].external_id) == (None, "1")
    assert second.problem_type == first.problem_type == "Moving house"


def test_unknown_label_names_line_field_and_choices(corpus: Path) -> None:
    error = refusal_for(corpus, emotion="wistful")
    assert error.field == "turn 1, emotion"
    assert "anger, sadness, disgust, depression, neutral, joy, fear" in error.remedy


def test_misspelt_key_is_refused(corpus: Path) -> None:
    assert refusal_for(corpus, emotoin="joy").field == "turn 1, emotoin"


def test_client_turn_with_a_strategy_is_refused(corpus: Path) -> None:
    assert refusal_for(corpus, strategy="approval").field == "turn 1, strategy"


def test_clip_must_stay_inside_the_folder(corpus: Path, tmp_path: Path) -> None:
    outside = tmp_path / "private.mp4"
    outside.write_bytes(b"secret")
    (corpus.parent / "link.mp4").symlink_to(outside)
    (corpus.parent / "linked").symlink_to(tmp_path)
    first = corpus.read_text()
    for clip in (
        "../private.mp4",
        "clips/../../private.mp4",
        str(outside),
        "link.mp4",
        "linked/private.mp4",
        "..\\private.mp4",
    ):
        corpus.write_text(first)
        error = refusal_for(corpus, clip=clip)
        assert error.field == "turn 1, clip"
        assert "does not stay inside" in error.problem


def test_clip_must_be_there(corpus: Path) -> None:
    (corpus.parent / "empty.mp4").touch()
    (corpus.parent / "round.mp4").symlink_to("round.mp4")
    first = corpus.read_text()
    for clip in ("clips/none.mp4", "clips", "empty.mp4", "round.mp4", "n" * 900 + ".mp4"):
        corpus.write_text(first)
        assert refusal_for(corpus, clip=clip).field == "turn 1, clip"


def test_duplicate_dialogue_id_names_both_lines(corpus: Path) -> None:
    lines = corpus.read_text().splitlines()
    corpus.write_text("\n".join([*lines, "", lines[0]]))
    with pytest.raises(CorpusError, match=r"line 4, id: 'd1' stands twice, first in .*, line 1"):
        list(generic.read([corpus]))


def test_turn_id_that_meets_an_implicit_one_is_refused(corpus: Path) -> None:
    turns = [{"speaker": "client", "text": "a", "id": "1"}, {"speaker": "client", "text": "b"}]
    corpus.write_text(json.dumps({"id": "d", "session": "s", "turns": turns}))
    with pytest.raises(CorpusError, match=r"turn 2, id: '1' stands twice"):
        list(generic.read([corpus]))


def test_fingerprint_follows_the_content_and_the_clip_but_not_its_name(corpus: Path) -> None:
    before = [d.fingerprint() for d in generic.read([corpus])]
    clips = corpus.parent / "clips"
    (clips / "quiet.mp4").rename(clips / "renamed.mp4")
    corpus.write_text(corpus.read_text().replace("quiet.mp4", "renamed.mp4"))
    assert [d.fingerprint() for d in generic.read([corpus])] == before
    (clips / "renamed.mp4").write_bytes((clips / "kettle.mp4").read_bytes())
    first, second = (d.fingerprint() for d in generic.read([corpus]))
    assert first != before[0]
    assert second == before[1]
    corpus.write_text(corpus.read_text().replace("I did.", "I did!"))
    assert [d.fingerprint() for d in generic.read([corpus])][1] != second
