"""The published files are read completely, with the counts they are known to have."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from inference.corpora import READERS, esconv, stimuli
from inference.labels import EMOTIONS, STRATEGIES


def test_mesc_csv(real_data: Path) -> None:
    turns: Counter[str] = Counter()
    timing: Counter[object] = Counter()
    tagged = count = 0
    sessions = set()
    for dialogue in READERS["mesc"]([real_data / "mesc" / "MESC.csv"]):
        count += 1
        sessions.add(dialogue.session)
        for turn in dialogue.turns:
            turns[turn.speaker] += 1
            timing[turn.extra.get("timing")] += 1
            tagged += "<" in str(turn.extra.get("text_original"))
            assert "<" not in turn.text
            assert turn.emotion in EMOTIONS
            assert (turn.strategy in STRATEGIES) == (turn.speaker == "therapist")
    assert (count, len(sessions), turns.total()) == (1_019, 72, 28_762)
    assert timing["overlaps the turn before"] == 1_027
    assert timing["runs backwards"] == 7
    assert tagged == 36


def test_mesc_test_split_joined(real_data: Path) -> None:
    folder = real_data / "mesc"
    dialogues = list(READERS["mesc"]([folder / "test.json", folder / "MESC.csv"]))
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    assert (len(dialogues), len(turns)) == (102, 2_922)
    assert Counter(t.speaker for t in turns) == {"client": 1_849, "therapist": 1_073}
    assert sum(s.followed for d in dialogues for s in stimuli(d)) == 454
    assert {d.split for d in dialogues} == {"test"}
    assert all(turn.cue[0].isupper() for turn in turns)
    assert not any("The speaker" in turn.text for turn in turns)
    assert Counter(d.problem_type for d in dialogues)["Childhood Shadow"] == 4
    assert len({d.problem_type for d in dialogues}) == 17
    assert all(d.problem_type == d.problem_type.strip() for d in dialogues)


def test_failed_esconv(real_data: Path) -> None:
    dialogues = list(READERS["esconv"]([real_data / "esconv" / "FailedESConv.json"]))
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    assert (len(dialogues), len(turns)) == (196, 5_230)
    assert Counter(t.speaker for t in turns) == {"client": 2_853, "therapist": 2_377}
    assert {t.strategy for t in turns if t.strategy} == set(esconv.STRATEGIES)
    assert len({t.strategy_original for t in turns if t.strategy_original}) == 12
    assert all(t.text == t.text.strip() for t in turns)
    assert sum("feedback" in t.extra for t in turns) == 987
    assert len({d.session for d in dialogues}) == 189
