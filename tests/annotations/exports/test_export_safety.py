"""Whatever a release holds, nothing barred is ever taught as good."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.exports.formats import FORMATS, ExportOptions, ExportRefusedError, open_export
from tests.annotations.exports.downloads import content, json_rows
from tests.annotations.exports.release_folders import WrittenRelease

SESSIONS = ("Session1", "Session2", "Session3", "Session4")


@st.composite
def releases(draw: st.DrawFn) -> WrittenRelease:
    """Also ones that no rule would make: barred replies preferred, ties, contradictions."""
    release = WrittenRelease(fields_shown="beside", media_rights="Ada")
    number = 0
    for session in draw(st.lists(st.sampled_from(SESSIONS), min_size=1, max_size=3)):
        turn = release.stimulus(f"turn{len(release.stimuli)}", session)
        replies = []
        for _ in range(draw(st.integers(2, 4))):
            barred = draw(st.sampled_from([(), (), ("harmful",), ("below_floor", "empty")]))
            scores = draw(st.dictionaries(st.sampled_from(["empathy"]), st.floats(1, 10)))
            # Some say what another says: whoever says it, it is barred with the other.
            text = f"reply number {draw(st.integers(0, number))} to {turn['key']}."
            replies.append(release.response(number, turn, text, scores=scores, barred_by=barred))
            number += 1
        for _ in range(draw(st.integers(0, 4))):
            chosen, rejected = draw(st.permutations(replies))[:2]
            weight = draw(st.sampled_from([1.0, 1.0, 0.5]))
            release.pair(chosen, rejected, weight=weight, kind=draw(st.sampled_from(KINDS)))
    return release


KINDS = ("person", "llm")


@settings(max_examples=40, deadline=None)
@given(releases(), st.sampled_from(["response", "all"]))
def test_no_barred_reply_is_chosen_desirable_or_a_target(
    release: WrittenRelease, fields: Any
) -> None:
    barred = {row["reply"]["text"] for row in release.responses if row["barred_by"]}
    with tempfile.TemporaryDirectory() as place:
        folder = release.write(Path(place))
        for name in FORMATS:
            options = ExportOptions(fields=fields, media_root=folder)
            for text in taught(folder, name, options):
                assert not [words for words in barred if words in text], name


def taught(folder: Path, name: str, options: ExportOptions) -> list[str]:
    """Every text that a format teaches as good."""
    try:
        data = content(open_export(folder, name, options))
    except ExportRefusedError:
        return []
    return [text for row in rows_in(name, data) for text in good_texts(name, row)]


def rows_in(name: str, data: bytes) -> list[dict[str, Any]]:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return json_rows(data)
    archive, rows = zipfile.ZipFile(io.BytesIO(data)), []
    for file in archive.namelist():
        if file.startswith("data/preferences/"):
            import pyarrow.parquet as pq

            rows += pq.read_table(io.BytesIO(archive.read(file))).to_pylist()
        elif file.startswith("data/") and file.endswith(".jsonl"):
            rows += json_rows(archive.read(file))
        elif file.startswith("moodeval_"):
            rows += json.loads(archive.read(file))
        elif file.endswith(".tar"):
            with tarfile.open(fileobj=io.BytesIO(archive.read(file))) as shard:
                rows += [json.loads(shard.extractfile(m).read()) for m in shard]  # type: ignore[union-attr]
    return rows


def good_texts(name: str, row: dict[str, Any]) -> list[str]:
    if name == "webdataset":
        return [pair["chosen"] for pair in row["pairs"]]
    if name == "llama-factory":
        return [row["chosen"]["value"]]
    if name == "trl-kto":
        return [row["completion"][0]["content"]] if row["label"] else []
    if name == "sft":
        return [row["completion"][0]["content"]]
    if name == "rl-prompts":
        return [row["reference"] or ""]
    if name == "reward-regression":
        return [] if row["barred"] else [row["completion"][0]["content"]]
    return [row["chosen"][-1]["content"]]
