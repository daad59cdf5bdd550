"""What leaves in a format comes back from it as the same pairs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, load_dataset
from trl.data_utils import extract_prompt, unpair_preference_dataset

from annotations.derivation.derive import derive
from annotations.derivation.rules import DerivationRules
from annotations.exports.formats import ExportOptions, open_export
from annotations.imports import ImportedAnswers, hand_in, read_answers, recognise
from inference.errors import DomainError
from tests.annotations.exports.release_folders import WrittenRelease

Said = tuple[str, str, str, str]
"""Situation, everything said before the reply, preferred, not preferred."""
KEPT = DerivationRules(
    splitting="corpus", keep=("contradicted", "cycle", "truncated"), rater_kinds=("person", "llm")
)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    written = WrittenRelease()
    talk = [
        {"speaker": "client", "text": "Hello."},
        {"speaker": "therapist", "text": "Welcome. What brings you?"},
    ]
    turns = (
        written.stimulus("t1", "Session1"),
        written.stimulus("t2", "Session2", situation="After a move", history=talk),
        written.stimulus("t3", "Session3", history=talk, clips=("t3.mp4",)),
    )
    for number, turn in enumerate(turns):
        scores = {"empathy": 8.0, "safety": 9.0}
        best, middle, worst = (
            written.response(10 * number + n, turn, scores={**scores, "empathy": 8.0 - 3 * n})
            for n in range(3)
        )
        written.pair(best, middle)
        written.pair(middle, worst)
        written.pair(best, worst, kind="llm")
    return written.write(tmp_path / "release")


def said(answers: ImportedAnswers, rules: DerivationRules = KEPT) -> set[Said]:
    found = set()
    for pair in derive(answers.evidence, rules).pairs:
        chosen, rejected = answers.responses[pair.chosen], answers.responses[pair.rejected]
        prompt = answers.stimuli[chosen.stimulus].prompt
        before = "\n".join(
            f"{turn.speaker}: {turn.text}" for turn in (*prompt.history, *prompt.client_turns)
        )
        found.add((prompt.situation, before, chosen.reply.text, rejected.reply.text))
    return found


def read(folder: Path, *paths: Path) -> tuple[str, ImportedAnswers]:
    handed_in = hand_in(paths, folder / "unpacked")
    recognised = recognise(handed_in.paths)
    return recognised.format, read_answers(handed_in.paths, recognised.format)


def downloaded(release: Path, name: str, folder: Path, **options: Any) -> Path:
    download = open_export(release, name, ExportOptions(**options))
    path = folder / download.file_name
    path.write_bytes(b"".join(download.chunks))
    return path


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
    return path


@pytest.fixture
def expected(release: Path, tmp_path: Path) -> set[Said]:
    _, answers = read(tmp_path / "expected", release)
    found = said(answers)
    assert len(found) == 9
    return found


def test_a_release_comes_back_from_its_folder_and_from_its_zip(
    release: Path, tmp_path: Path
) -> None:
    name, from_folder = read(tmp_path, release)
    other, from_zip = read(tmp_path, zipped(release))
    assert (name, other) == ("release", "release")
    assert said(from_folder) == said(from_zip)
    assert {s.key for s in from_folder.stimuli.values()} == {"t1", "t2", "t3"}
    assert {s.split for s in from_folder.stimuli.values()} == {"train", "validation"}
    assert from_folder.left_out == {"clips named beside the text": 3}
    first = next(r for r in from_folder.responses.values() if "says 0" in r.reply.text)
    assert first.reply.strategy == "open question"


@pytest.mark.parametrize("fields", ["response", "all"])
@pytest.mark.parametrize(
    ("export", "format"),
    [
        ("trl-preference", "trl-preference"),
        ("trl-preference-implicit", "trl-implicit"),
        ("openrlhf", "openrlhf"),
        ("llama-factory", "llama-factory"),
        ("parquet", "trl-preference"),
    ],
)
def test_pairs_come_back_from_every_pairwise_format(
    tmp_path: Path, expected: set[Said], export: str, format: str, fields: str
) -> None:
    release = tmp_path / "release"
    if fields == "all":
        manifest = release / "manifest.json"
        manifest.chmod(0o644)
        told = json.loads(manifest.read_text()) | {"fields_shown": "beside"}
        manifest.write_text(json.dumps(told, sort_keys=True))
    name, answers = read(tmp_path, downloaded(release, export, tmp_path, fields=fields))
    assert name == format
    assert said(answers) == expected
    labels = {response.reply.strategy for response in answers.responses.values()}
    assert labels == ({None} if fields == "response" else {"open question"})
    kinds = {facts.kind for facts in answers.evidence.raters.values()}
    assert kinds == {"person", "llm"}


def test_pairs_come_back_from_the_parquet_files_that_datasets_writes(
    tmp_path: Path, release: Path, expected: set[Said]
) -> None:
    lines = downloaded(release, "trl-preference", tmp_path)
    path = tmp_path / "again" / "train.parquet"
    path.parent.mkdir()
    loaded = load_dataset("json", data_files=str(lines), cache_dir=str(tmp_path), split="train")
    loaded.to_parquet(str(path))
    name, answers = read(tmp_path, path)
    assert name == "trl-preference"
    assert said(answers) == expected


def test_prompts_are_found_where_trl_finds_them() -> None:
    talk = [
        {"role": "user", "content": "I cannot sleep."},
        {"role": "assistant", "content": "Since when?"},
        {"role": "user", "content": "Since the summer."},
    ]
    row = {
        "chosen": [*talk, {"role": "assistant", "content": "That is long."}],
        "rejected": [*talk, {"role": "assistant", "content": "Sleep more."}],
    }
    told = extract_prompt(row)
    assert told["prompt"] == talk
    assert (
        said_of_rows([row])
        == said_of_rows([told])
        == {
            (
                "",
                "client: I cannot sleep.\ntherapist: Since when?\nclient: Since the summer.",
                "That is long.",
                "Sleep more.",
            )
        }
    )


def test_what_trl_unpairs_is_paired_again() -> None:
    rows = [
        {"prompt": f"It is about {what}.", "chosen": "Tell me more.", "rejected": "Never mind."}
        for what in ("sleep", "work", "home")
    ]
    unpaired = unpair_preference_dataset(Dataset.from_list(rows))
    assert said_of_rows(list(unpaired)) == said_of_rows(rows)


def said_of_rows(rows: list[Any]) -> set[Said]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        _, answers = read(Path(folder), path)
        return said(answers, DerivationRules(splitting="none"))


def test_labels_of_kto_come_back_as_pairs_of_one_prompt(release: Path, tmp_path: Path) -> None:
    name, answers = read(tmp_path, downloaded(release, "trl-kto", tmp_path))
    assert name == "trl-kto"
    found = said(answers)
    # The response in the middle won once and lost once: it is neither.
    assert {(s[2], s[3]) for s in found} == {
        (f"Tell me more, says {n}.", f"Tell me more, says {n + 2}.") for n in (0, 10, 20)
    }
    assert {score.criterion for score in answers.evidence.scores} == {"desirable"}


def test_scores_come_back_with_the_ends_of_their_scales(release: Path, tmp_path: Path) -> None:
    name, answers = read(tmp_path, downloaded(release, "reward-regression", tmp_path))
    assert name == "reward"
    scores = answers.evidence.scores
    assert {(s.criterion, s.low, s.high) for s in scores} == {("empathy", 1, 10), ("safety", 1, 10)}
    by_text = {
        answers.responses[s.response].reply.text: s.value
        for s in scores
        if s.criterion == "empathy"
    }
    assert by_text["Tell me more, says 0."] == 8
    assert by_text["Tell me more, says 2."] == 2


def test_a_changed_release_is_refused(release: Path, tmp_path: Path) -> None:
    pairs = release / "pairs.jsonl"
    pairs.write_text(pairs.read_text().replace("I cannot sleep", "I can sleep"))
    with pytest.raises(DomainError, match=r"manifest.json: pairs.jsonl was changed") as refused:
        read(tmp_path, release)
    assert str(tmp_path) not in str(refused.value)


def test_pairs_without_their_manifest_are_refused(release: Path, tmp_path: Path) -> None:
    with pytest.raises(DomainError, match=r"without its manifest\.json"):
        read(tmp_path, release / "pairs.jsonl")
