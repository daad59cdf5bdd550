"""Which formats there are, how files are recognised as one, and the reading of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.imports import (
    completions,
    esvr,
    label_studio,
    llama_factory,
    long_table,
    pairs,
    potato,
    release,
    simulator,
)
from annotations.imports.answers import ImportedAnswers, ReadOptions
from annotations.imports.collecting import Collector
from annotations.imports.rows import Row, first_row, is_number
from inference.corpora.errors import Place
from inference.errors import NothingSelectedError, UnknownNameError
from inference.preference_files import (
    CODEBOOK_FILE,
    MANIFEST_FILE,
    PAIRS_FILE,
    RESPONSES_FILE,
    STIMULI_FILE,
)

Read = Callable[[Sequence[Path], Collector, ReadOptions], None]


@dataclass(frozen=True)
class ImportFormat:
    label: str
    """For people."""
    tool: str
    read: Read


def _plain(read: Callable[[Sequence[Path], Collector], None]) -> Read:
    return lambda paths, collector, _: read(paths, collector)


FORMATS: Mapping[str, ImportFormat] = {
    "release": ImportFormat("A release of this software", "MoodEval", _plain(release.read)),
    "answers": ImportFormat(
        "Long table of answers, with the stimuli and responses of its release",
        "MoodEval",
        long_table.read,
    ),
    "trl-preference": ImportFormat(
        "TRL preference pairs: prompt, chosen, rejected", "TRL", _plain(pairs.read_explicit)
    ),
    "trl-implicit": ImportFormat(
        "TRL preference pairs without a prompt of their own: chosen, rejected",
        "TRL",
        _plain(pairs.read_implicit),
    ),
    "trl-kto": ImportFormat(
        "TRL KTO: prompt, completion, label", "TRL", _plain(completions.read_labels)
    ),
    "reward": ImportFormat(
        "Rewards: prompt, completion, and a column of scores for each criterion",
        "reward regression",
        _plain(completions.read_rewards),
    ),
    "openrlhf": ImportFormat("OpenRLHF preference pairs", "OpenRLHF", _plain(pairs.read_either)),
    "llama-factory": ImportFormat(
        "LLaMA-Factory ranking data (alpaca or sharegpt)",
        "LLaMA-Factory",
        _plain(llama_factory.read),
    ),
    "es-vr": ImportFormat(
        "ES-VR preference pairs: history, chosen, rejected", "ES-VR", _plain(esvr.read)
    ),
    "simulator": ImportFormat(
        "Conversations with a seeker simulator, with preferences turn by turn",
        "seeker simulator",
        _plain(simulator.read),
    ),
    "label-studio": ImportFormat(
        "Label Studio export (JSON, JSON_MIN or CSV)", "Label Studio", label_studio.read
    ),
    "potato": ImportFormat("Potato: states, items and configuration", "Potato", potato.read),
}
ASIDE = ("readme.md", "license", "license.txt", ".gitattributes")
"""Files that often lie beside, and hold no answers."""
OF_RELEASES = (MANIFEST_FILE, CODEBOOK_FILE)
"""Our own exports add these of the release that they were made from."""
ACCOUNT_OF_EXPORT = "export.json"
PREFERENCES = "preferences"
"""Folder of our Parquet export that holds pairs; others hold what they were made from."""


@dataclass(frozen=True)
class Recognised:
    format: str
    reason: str
    """A sentence: how the format was told."""


def read_answers(
    paths: Sequence[Path], format: str, options: ReadOptions | None = None
) -> ImportedAnswers:
    """Every refusal names file, line or row, field and remedy."""
    if format not in FORMATS:
        raise UnknownNameError(f"There is no format “{format}”. Formats: {', '.join(FORMATS)}.")
    own = format in ("release", "answers")
    kept = list(paths) if own else with_answers(paths)
    if not kept:
        raise NothingSelectedError("There is no file to read. Hand in at least one.")
    if format == "reward":
        kept += [path for path in paths if path.name == CODEBOOK_FILE]
    collector = Collector()
    FORMATS[format].read(kept, collector, options or ReadOptions())
    return collector.finish()


def with_answers(paths: Sequence[Path]) -> list[Path]:
    """Without what only describes, and of a dataset folder of ours the pairs alone."""
    aside = {*ASIDE, *OF_RELEASES}
    if any(path.name == MANIFEST_FILE for path in paths):
        aside.add(ACCOUNT_OF_EXPORT)
    kept = [path for path in paths if path.name.lower() not in aside]
    pairs_alone = [path for path in kept if path.parent.name == PREFERENCES]
    return pairs_alone or kept


def recognise(paths: Sequence[Path]) -> Recognised:
    """By the names of files first, then by the fields of their first rows."""
    names = {path.name for path in paths}
    by_name = _by_names(names)
    if by_name is not None:
        return by_name
    if any(potato.is_state(path) for path in paths):
        return Recognised("potato", f"A file has the answers of a rater under {potato.LABELS}.")
    found = {path.name: _by_row(path, *first_row(path)) for path in with_answers(paths)}
    if not found:
        raise NothingSelectedError("There is no file to read. Hand in at least one.")
    formats = {recognised.format for recognised in found.values()}
    if len(formats) > 1:
        told = "; ".join(f"{name} is {one.format}" for name, one in sorted(found.items()))
        raise Place(paths[0]).error(
            None,
            f"the files are of different formats: {told}",
            "Import them one after the other",
        )
    return next(iter(found.values()))


def _by_names(names: set[str]) -> Recognised | None:
    if {MANIFEST_FILE, PAIRS_FILE} <= names:
        return Recognised("release", f"There are a {MANIFEST_FILE} and a {PAIRS_FILE}.")
    if llama_factory.INFO_FILE in names:
        return Recognised("llama-factory", f"There is a {llama_factory.INFO_FILE}.")
    if {STIMULI_FILE, RESPONSES_FILE} <= names:
        return Recognised(
            "answers", f"There are a {STIMULI_FILE} and a {RESPONSES_FILE} beside a table."
        )
    return None


def _by_row(path: Path, place: Place, row: Row) -> Recognised:
    fields = {str(name) for name, value in row.items() if value is not None}
    for format, reason in _candidates(fields, row):
        return Recognised(format, reason)
    if {"pair_id", "stimulus", "chosen"} <= fields:
        raise place.error(
            None,
            f"this is the {PAIRS_FILE} of a release without its {MANIFEST_FILE}, so nobody can "
            "check that it is unchanged",
            "Hand in all files of the release, or its folder as a zip",
        )
    raise place.error(
        None,
        f"no known format has the fields {', '.join(sorted(fields))[:200] or '(none)'}",
        f"Choose the format yourself: {', '.join(FORMATS)}",
    )


def _candidates(fields: set[str], row: Row) -> list[tuple[str, str]]:
    """The most particular ones first."""
    has_pair = {"chosen", "rejected"} <= fields and "stimulus" not in _objects(row)
    has_reply = bool(fields & set(completions.REPLY_FIELDS))
    prompt = next((name for name in pairs.PROMPT_FIELDS if name in fields), "")
    numbers = sorted(
        name
        for name in fields - completions.NOT_SCORES
        if is_number(row[name]) or (name == "score" and "criterion" in fields)
    )
    history = next((name for name in esvr.HISTORY_FIELDS if name in fields), "")
    rules = (
        ("simulator", isinstance(row.get("turns"), list),
         "A line is a conversation with its turns."),
        ("label-studio", isinstance(row.get("annotations"), list) and "data" in fields,
         "A task has data and annotations."),
        ("label-studio", {"annotation_id", "annotator"} <= fields,
         "Rows have annotator and annotation_id."),
        ("answers", set(row) >= long_table.NEEDED, "The table has our own columns."),
        ("llama-factory", has_pair and bool(fields & {"conversations", "instruction"}),
         "Rows have chosen and rejected beside conversations or instruction."),
        ("openrlhf", has_pair and bool(fields & {"context_messages", "margin"}),
         "Rows have chosen and rejected beside context_messages or margin."),
        ("trl-preference", has_pair and bool(prompt), f"Rows have {prompt}, chosen and rejected."),
        ("es-vr", has_pair and bool(history), f"Rows have {history}, chosen and rejected."),
        ("trl-implicit", has_pair, "Rows have chosen and rejected, and no prompt."),
        ("trl-kto", has_reply and bool(prompt) and "label" in fields,
         f"Rows have {prompt}, one reply and a label."),
        ("reward", has_reply and bool(prompt) and bool(numbers),
         f"Rows have {prompt}, one reply and numbers: {', '.join(numbers)[:120]}."),
    )  # fmt: skip
    return [(format, reason) for format, holds, reason in rules if holds]


def _objects(row: Row) -> set[str]:
    return {name for name, value in row.items() if isinstance(value, dict)}
