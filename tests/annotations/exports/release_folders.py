"""Release folders written by hand, as the format says, for tests of what is made from them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.preference_files import json_text, sha256_file

Row = dict[str, Any]
SPLITS = {"Session1": "train", "Session2": "train", "Session3": "validation", "Session4": "test"}
CARD = """---
license: cc-by-4.0
configs:
- config_name: default
  data_files: pairs.jsonl
tags:
- preference
---
# Preference pairs from “First study”

Read this before training.
"""


@dataclass
class WrittenRelease:
    """Rows by file; `write` sorts and hashes them."""

    stimuli: list[Row] = field(default_factory=list)
    responses: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    answers: list[Row] = field(default_factory=list)
    fields_shown: str = "hidden"
    media_rights: str = ""
    card: str = CARD
    reverse_scored: Sequence[str] = ()
    """Criteria that the codebook calls so."""

    def stimulus(
        self, key: str, session: str = "Session1", *, clips: Sequence[str] = (), **fields: Any
    ) -> Row:
        row = {
            "key": key,
            "corpus": "mesc",
            "session": session,
            "client": "",
            "group": f"mesc/{session}",
            "split": SPLITS.get(session, ""),
            "problem_type": "grief",
            "licence": "CC BY 4.0",
            "situation": "",
            "history": [],
            "client_turns": [{"speaker": "client", "text": f"I cannot sleep ({key})."}],
            "clips": [{"path": path, "sha256": clip_sha256(path)} for path in clips],
            **fields,
        }
        self.stimuli.append(row)
        return row

    def response(
        self,
        number: int,
        stimulus: Row,
        text: str = "",
        *,
        scores: Mapping[str, float] | None = None,
        judge_scores: Mapping[str, float] | None = None,
        barred_by: Sequence[str] = (),
    ) -> Row:
        row = {
            "response_id": str(number),
            "stimulus": stimulus["key"],
            "model": f"model-{number % 3}",
            "reply": reply(text or f"Tell me more, says {number}."),
            "scores": _scores(scores or {}),
            "judge_scores": _scores(judge_scores or {}),
            "barred_by": list(barred_by),
            "truncated": False,
            "group": stimulus["group"],
            "split": stimulus["split"],
        }
        self.responses.append(row)
        return row

    def pair(self, chosen: Row, rejected: Row, *, weight: float = 1.0, kind: str = "person") -> Row:
        stimulus = next(
            one
            for one in self.stimuli
            if (one["group"], one["key"]) == (chosen["group"], chosen["stimulus"])
        )
        row = {
            "pair_id": f"{len(self.pairs):024d}",
            "stimulus": {
                name: stimulus[name]
                for name in ("key", "situation", "history", "client_turns", "clips")
            },
            "chosen": chosen["reply"],
            "rejected": rejected["reply"],
            "source": "preference:overall",
            "strength": 1.5,
            "weight": weight,
            "group": stimulus["group"],
            "split": stimulus["split"],
            "meta": {
                "study": "3",
                "corpus": stimulus["corpus"],
                "session": stimulus["session"],
                "chosen_response": chosen["response_id"],
                "rejected_response": rejected["response_id"],
                "chosen_model": chosen["model"],
                "rejected_model": rejected["model"],
                "votes_for": "2",
                "votes_against": "1",
                "votes_tied": "0",
                "agreeing_sources": "",
                "rater_kind": kind,
                "contested": "",
            },
        }
        self.pairs.append(row)
        self._compare(stimulus, chosen, rejected, kind)
        return row

    def _compare(self, stimulus: Row, first: Row, second: Row, kind: str) -> None:
        number = len(self.comparisons)
        about = {"stimulus": stimulus["key"], "rater_kind": kind, "rater": ""}
        self.comparisons.append(
            {
                **about,
                "comparison_id": f"{number:024d}",
                "first": first["response_id"],
                "second": second["response_id"],
                "first_model": first["model"],
                "second_model": second["model"],
                "criterion": "overall",
                "evidence": "preference",
                "votes_first": 2,
                "votes_second": 1,
                "votes_tied": 0,
                "strength": -1.0,
                "adjudicated": False,
                "outcome": "first",
                "display_orders": [[first["response_id"], second["response_id"]]],
                "group": stimulus["group"],
                "split": stimulus["split"],
            }
        )
        self.answers.append(
            {
                **about,
                "part": 1,
                "question": "overall",
                "response": None,
                "score": None,
                "submitted_at": "2026-11-26T04:00:00.125000+00:00",
                "content": {"because": "warm"} if number else None,
                "preferred": first["response_id"],
                "strength": -1,
                "active_seconds": 12.5,
                "corpus": stimulus["corpus"],
                "session": stimulus["session"],
            }
        )

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows, key in (
            ("pairs.jsonl", self.pairs, "pair_id"),
            ("comparisons.jsonl", self.comparisons, "comparison_id"),
            ("responses.jsonl", self.responses, "response_id"),
            ("stimuli.jsonl", self.stimuli, "key"),
            ("answers.jsonl", self.answers, ""),
        ):
            ordered = sorted(rows, key=lambda row: row[key]) if key else rows
            text = "".join(json_text(row) + "\n" for row in ordered)
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        (folder / "README.md").write_text(self.card, encoding="utf-8")
        with (folder / "codebook.csv").open("w", newline="") as file:
            csv.writer(file).writerows(
                [
                    ("variable", "file", "reverse_scored"),
                    ("score", "answers.jsonl", ""),
                    *((criterion, "answers.jsonl", "yes") for criterion in self.reverse_scored),
                ]
            )
        manifest = {
            "format": "moodeval-preferences/2",
            "study": {"id": 3, "name": "First study"},
            "fields_shown": self.fields_shown,
            "corpora": [{"name": "mesc", "media_rights": self.media_rights}],
            "files": {path.name: sha256_file(path) for path in sorted(folder.iterdir())},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True))
        return folder


def reply(text: str) -> Row:
    return {
        "client_emotion": "sadness",
        "therapist_emotion": "neutral",
        "strategy": "open question",
        "text": text,
    }


def _scores(means: Mapping[str, float]) -> Row:
    return {
        criterion: {"mean": mean, "n": 2, "min": mean, "max": mean, "low": 1, "high": 10}
        for criterion, mean in means.items()
    }


def clip_bytes(path: str) -> bytes:
    return f"film of {path}".encode() * 40


def clip_sha256(path: str) -> str:
    return hashlib.sha256(clip_bytes(path)).hexdigest()


def write_clips(root: Path, release: WrittenRelease) -> Path:
    for stimulus in release.stimuli:
        for clip in stimulus["clips"]:
            path = root / clip["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(clip_bytes(clip["path"]))
    return root


def said(speaker: str, text: str) -> dict[str, str]:
    return {"speaker": speaker, "text": text}


def small_release(**fields: Any) -> WrittenRelease:
    """Four sessions in three splits: four client turns, the first two with clips.

    | turn | replies | comparisons |
    |---|---|---|
    | a1 (train) | 1, 2, 3 | 1 over 2, 1 over 3, 2 over 3 |
    | a2 (train) | 4, 5, and 6 that is barred | 4 over 6, 4 over 5, and by judges 5 over 4 |
    | b1 (validation) | 7, 8 | 7 over 8; a tie, half each way |
    | c1 (test) | 9, 10 | 10 over 9 |
    """
    release = WrittenRelease(**fields)
    a1 = release.stimulus(
        "a1",
        "Session1",
        situation="A friend died.",
        history=[
            said("therapist", "Good morning."),
            said("client", "Good morning."),
            said("therapist", "How are you?"),
            said("therapist", "Take your time."),
        ],
        client_turns=[said("client", "Badly."), said("client", "I cannot sleep.")],
        clips=("clips/a1.mp4", "clips/a2.mp4"),
    )
    a2 = release.stimulus("a2", "Session2", clips=("clips/b1.mp4",))
    b1 = release.stimulus("b1", "Session3", history=[said("client", "Well.")])
    c1 = release.stimulus("c1", "Session4")
    one = release.response(1, a1, scores={"empathy": 8, "safety": 9}, judge_scores={"empathy": 6})
    two = release.response(2, a1, scores={"empathy": 5, "safety": 9})
    three = release.response(3, a1, scores={"empathy": 2})
    four, five = release.response(4, a2, scores={"clarity": 7.5}), release.response(5, a2)
    six = release.response(6, a2, barred_by=("harmful",))
    seven, eight = release.response(7, b1), release.response(8, b1)
    nine, ten = release.response(9, c1), release.response(10, c1)
    release.pair(one, two)
    release.pair(one, three)
    release.pair(two, three)
    release.pair(four, six)
    release.pair(four, five)
    release.pair(five, four, kind="llm")
    release.pair(seven, eight)
    release.pair(seven, eight, weight=0.5)
    release.pair(eight, seven, weight=0.5)
    release.pair(ten, nine)
    return release
