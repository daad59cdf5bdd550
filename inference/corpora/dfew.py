"""DFEW (Jiang et al. 2020): clips cut from films, each with one of seven emotions, in five folds.

A clip is in the test part of exactly one set and in the training part of the four others. The
test files make the dialogues; training files are only held against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.corpora.csv_text import CsvFile
from inference.corpora.dfew_clips import ClipFolder
from inference.corpora.errors import Place
from inference.corpora.fields import Once
from inference.corpora.records import CorpusInfo, DialogueRecord, TurnRecord

INFO = CorpusInfo(
    name="DFEW",
    licence="non-commercial research and education only, under the agreement with DFEW's authors",
    citation=(
        "Jiang et al. 2020, DFEW: A Large-Scale Database for Recognizing Dynamic Facial "
        "Expressions in the Wild, ACM Multimedia, arXiv 2008.05924"
    ),
    note=(
        "Clips of actors in films, each with the emotion that most annotators named: a label of "
        "what is shown, not of what somebody feels. There are no words and no dialogue. The files "
        "do not say which film a clip is from, so clips of one film and face can stand in several "
        "folds, and intervals take the clips as independent."
    ),
    has_clips=True,
)
NAMES = {1: "happy", 2: "sad", 3: "neutral", 4: "angry", 5: "surprise", 6: "disgust", 7: "fear"}
CANONICAL = {"happy": "joy", "sad": "sadness", "angry": "anger"}
"""MultiMood's word where it differs; it has none for surprise, which keeps its own."""
EMOTIONS = tuple(CANONICAL.get(name, name) for name in NAMES.values())
"""The label set of a recognition run, in DFEW's order."""
SETS = range(1, 6)
_COLUMNS = {
    "video_name": ("video_name", "video", "clip_name", "clip"),
    "label": ("label", "annotation", "emotion"),
}
_SET = re.compile(r"(?:set|fd|fold)[ _-]?([0-9]+)", re.IGNORECASE)
_NAME = re.compile(r"([0-9]{1,5})(\.mp4)?", re.IGNORECASE)


@dataclass(frozen=True)
class SetFile:
    path: Path
    number: int
    training: bool


@dataclass(frozen=True)
class LabelledClip:
    place: Place
    number: str
    """Five digits."""
    label: int


def read(paths: Sequence[Path]) -> Iterator[DialogueRecord]:
    files = _set_files(paths)
    tests = {file.number: _clips(file) for file in files if not file.training}
    if not tests:
        raise Place(paths[0] if paths else Path("set_1.csv")).error(
            None,
            "no test file was given",
            "Give the test files as well, such as test(single-labeled)/set_1.csv: they say which "
            "clips a fold is tested on",
        )
    tested = _by_number(tests)
    for file in files:
        if file.training:
            _confirm(file, tested, complete=len(tests) == len(SETS))
    folders: dict[Path, ClipFolder] = {}
    for number, clips in sorted(tests.items()):
        folder = clips[0].place.file.parent
        media = folders.setdefault(folder, ClipFolder(folder))
        media.check([(clip.number, clip.place) for clip in clips])
        for clip in clips:
            yield _record(clip, number, media.path_of(clip.number, clip.place))


def _set_files(paths: Sequence[Path]) -> list[SetFile]:
    files = [SetFile(path, _set_number(path), _is_training(path)) for path in paths]
    first: dict[tuple[int, bool], SetFile] = {}
    for file in files:
        same = first.setdefault((file.number, file.training), file)
        if same is not file:
            part = "training" if file.training else "test"
            raise Place(file.path).error(
                None,
                f"the {part} part of set {file.number} was given twice, first as {same.path}",
                "Give it once; training files are told by a folder or a name that says “train”",
            )
    return files


def _set_number(path: Path) -> int:
    found = _SET.findall(path.stem)
    if path.suffix.lower() == ".csv" and len(found) == 1 and int(found[0]) in SETS:
        return int(found[0])
    raise Place(path).error(
        None,
        "the file's name does not say which of the five sets it holds",
        "Name it set_1.csv to set_5.csv, as DFEW does",
    )


def _is_training(path: Path) -> bool:
    """As the name says, else the folder's; a file that says neither holds test clips."""
    for name in (path.stem, path.absolute().parent.name):
        words = re.split(r"[^a-z]+", name.lower())
        training, test = "train" in words or "training" in words, "test" in words
        if training and test:
            raise Place(path).error(
                None,
                f"{name!r} says both “train” and “test”",
                "Keep DFEW's folders: train(single-labeled) and test(single-labeled)",
            )
        if training or test:
            return training
    return False


def _clips(file: SetFile) -> list[LabelledClip]:
    table = CsvFile(file.path, ())
    columns = {field: _column(table, field) for field in _COLUMNS}
    once = Once("video_name")
    clips = []
    for row in table.rows():
        number = _number(row.values[columns["video_name"]], row.place)
        once.check(number, row.place)
        clips.append(
            LabelledClip(row.place, number, _label(row.values[columns["label"]], row.place))
        )
    if not clips:
        raise Place(file.path).error(None, "the file has a header and no rows", "Download it again")
    return clips


def _column(table: CsvFile, field: str) -> str:
    by_name = {name.strip(" \"'").casefold().replace(" ", "_"): name for name in table.header}
    for name in _COLUMNS[field]:
        if name in by_name:
            return by_name[name]
    raise Place(table.path, 1).error(
        field,
        f"the column is missing; the file has: {', '.join(table.header)[:200]}",
        "The first line must name the columns video_name and label",
    )


def _number(value: str, place: Place) -> str:
    found = _NAME.fullmatch(value.strip())
    if not found or not int(found[1]):
        raise place.error(
            "video_name",
            f"{value[:60]!r} is not the number of a clip",
            "Write the clip's number, such as 123 or 00123",
        )
    return f"{int(found[1]):05d}"


def _label(value: str, place: Place) -> int:
    written = value.strip()
    if written == "0":
        raise place.error(
            "label",
            "0 marks a clip whose annotators did not agree on one emotion",
            "Use the single-labelled set files, which leave such clips out",
        )
    if written not in {str(label) for label in NAMES}:
        known = ", ".join(f"{label} {name}" for label, name in NAMES.items())
        raise place.error("label", f"{value[:60]!r} is not one of DFEW's labels", f"Use {known}")
    return int(written)


def _by_number(tests: dict[int, list[LabelledClip]]) -> dict[str, tuple[int, LabelledClip]]:
    found: dict[str, tuple[int, LabelledClip]] = {}
    for number, clips in tests.items():
        for clip in clips:
            fold, other = found.setdefault(clip.number, (number, clip))
            if other is clip:
                continue
            _same_label(clip, other)
            raise clip.place.error(
                "video_name",
                f"clip {clip.number} is tested in set {fold} already ({_where(other)})",
                "Each clip belongs to the test part of one set; if this is a training file, name "
                "it or its folder so",
            )
    return found


def _confirm(file: SetFile, tested: dict[str, tuple[int, LabelledClip]], *, complete: bool) -> None:
    """A training file holds what the other sets test, with the same labels, and nothing else."""
    trained = set()
    for clip in _clips(file):
        trained.add(clip.number)
        if clip.number not in tested:
            if complete:
                raise clip.place.error(
                    "video_name",
                    f"clip {clip.number} is in no set's test part",
                    "Use the training and test files of the same release",
                )
            continue
        fold, other = tested[clip.number]
        _same_label(clip, other)
        if fold == file.number:
            raise clip.place.error(
                "video_name",
                f"clip {clip.number} is trained on and tested in set {fold} ({_where(other)})",
                "Use the training and test files of the same release",
            )
    for number, (fold, clip) in tested.items():
        if fold != file.number and number not in trained:
            raise clip.place.error(
                "video_name",
                f"clip {number} is tested in set {fold} and missing from the training part of "
                f"set {file.number}",
                "Use the training and test files of the same release",
            )


def _same_label(clip: LabelledClip, other: LabelledClip) -> None:
    if clip.label != other.label:
        raise clip.place.error(
            "label",
            f"clip {clip.number} is {clip.label} ({NAMES[clip.label]}) here and {other.label} "
            f"({NAMES[other.label]}) in {_where(other)}",
            "Use files of the same release",
        )


def _where(clip: LabelledClip) -> str:
    return f"{clip.place.file.parent.name}/{clip.place.file.name}, line {clip.place.line}"


def _record(clip: LabelledClip, fold: int, path: Path) -> DialogueRecord:
    name = NAMES[clip.label]
    turn = TurnRecord(
        index=0,
        external_id="0",
        speaker="client",
        text="",
        emotion=CANONICAL.get(name, name),
        emotion_original=name,
        clip_path=path,
    )
    return DialogueRecord(
        external_id=clip.number,
        session=clip.number,
        split=f"fold-{fold}",
        problem_type="",
        problem_type_original="",
        situation="",
        licence=INFO.licence,
        turns=(turn,),
        # By the design of the folds, not by the files given: the same clip stays the same record.
        extra={"test_fold": fold, "training_folds": [n for n in SETS if n != fold]},
    )
