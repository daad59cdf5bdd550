"""A release folder of this software, format 1 or 2: its pairs, as they were decided there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotations.derivation.evidence import Choice
from annotations.imports.answers import IMPORTED, IMPORTED_JUDGE, Prompt
from annotations.imports.collecting import About, Collector
from annotations.imports.pairs import CLEARLY, CLIPS, criterion_of
from annotations.imports.rows import Row, rows_of, shown
from inference.contracts import PreferencePair, StimulusInput
from inference.corpora.errors import CorpusError, Place
from inference.preference_files import (
    MANIFEST_FILE,
    PAIRS_FILE,
    RESPONSES_FILE,
    PreferenceFileError,
    read_pairs,
    verify_release,
)

SAID_OF_ITSELF = ("format", "study", "title", "corpora", "consent", "fields_shown")


def read(paths: Sequence[Path], collector: Collector) -> None:
    """One folder; every file must have the hash that its manifest states."""
    folder = folder_of(paths)
    try:
        manifest = verify_release(folder)
        barred = _barred(folder)
        for pair in read_pairs(folder / PAIRS_FILE):
            _decide(collector, pair, barred)
    except PreferenceFileError as error:
        raise _refused(error, folder) from error
    collector.origin.update({name: manifest[name] for name in SAID_OF_ITSELF if name in manifest})
    collector.origin["sha256"] = manifest["files"][PAIRS_FILE]


def folder_of(paths: Sequence[Path]) -> Path:
    manifests = [path for path in paths if path.name == MANIFEST_FILE]
    if len(manifests) != 1:
        raise Place(paths[0]).error(
            None,
            f"a release has one {MANIFEST_FILE}, and {len(manifests)} are there",
            "Hand in the files of one release, all of them, or its folder as a zip",
        )
    return manifests[0].parent


def _refused(error: PreferenceFileError, folder: Path) -> CorpusError:
    """Without the path of our own working folder, which means nothing to anybody."""
    text = str(error).replace(f"{folder}/", "").replace(str(folder), "The folder").rstrip(".")
    return Place(folder / MANIFEST_FILE).error(
        None, text, "Hand in all files of the release as they were downloaded"
    )


def _barred(folder: Path) -> frozenset[str]:
    """Ids of responses that are never preferred."""
    path = folder / RESPONSES_FILE
    if not path.is_file() or not path.stat().st_size:
        return frozenset()
    return frozenset(
        str(row.get("response_id")) for place, row in rows_of(path) if _bars(row, place)
    )


def _bars(row: Row, place: Place) -> bool:
    reasons = row.get("barred_by")
    if not isinstance(reasons, list):
        raise place.error(
            "barred_by", f"a list of reasons was expected, not {shown(reasons)}", "Release again"
        )
    return bool(reasons)


def _decide(collector: Collector, pair: PreferencePair, barred: frozenset[str]) -> None:
    meta = pair.meta
    stimulus = collector.stimulus(
        prompt_of(pair.stimulus),
        About(
            key=pair.stimulus.key,
            group=pair.group or meta.get("session", ""),
            split=pair.split,
            session=meta.get("session", ""),
            corpus=meta.get("corpus", ""),
        ),
    )
    collector.leave_out(CLIPS, len(pair.stimulus.clip_paths))
    better, worse = (
        collector.response(
            stimulus,
            reply,
            model=meta.get(f"{side}_model", ""),
            barred=meta.get(f"{side}_response", "") in barred,
        )
        for side, reply in (("chosen", pair.chosen), ("rejected", pair.rejected))
    )
    judged = meta.get("rater_kind") == "llm"
    rater = collector.rater(
        meta.get("rater") or (IMPORTED_JUDGE if judged else IMPORTED),
        "llm" if judged else "person",
    )
    clearly = not pair.source.startswith("rating:") and pair.strength >= CLEARLY
    collector.choose(Choice(better, worse, criterion_of(_row(pair)), rater, -2 if clearly else -1))


def prompt_of(stimulus: StimulusInput) -> Prompt:
    return Prompt(stimulus.situation, stimulus.history, stimulus.client_turns)


def _row(pair: PreferencePair) -> dict[str, Any]:
    return {"source": pair.source}
