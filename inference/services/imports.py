"""Corpus files into the database: everything or nothing, and the same files only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from django.db import connection, transaction

from inference.corpora import (
    CORPUS_INFO,
    READERS,
    CorpusError,
    DialogueRecord,
    TurnRecord,
    content_sha256,
    stimuli,
)
from inference.corpora.clients import ClientOfSession
from inference.corpora.files import open_corpus_file
from inference.errors import DomainError, InvalidOptionsError
from inference.models import Clip, Corpus, CorpusImport, Dialogue, Session, Stimulus, Turn
from inference.services.clips import ClipStore, UnusableClipError
from inference.services.corpora import state_media_rights
from mood_eval.models import Team, User

BATCH = 100
"""Dialogues written together; what is held in memory at once."""


class ChangedDialogueError(DomainError):
    """Answers and ratings refer to the stored dialogue: it cannot become another."""


@dataclass(frozen=True)
class ImportReport:
    corpus: Corpus
    changed: bool
    counts: Mapping[str, int]
    """What was added: dialogues, sessions, turns, client_turns, therapist_turns, stimuli,
    followed_stimuli, clips; and `unchanged_dialogues`, which were there already."""


def default_corpus_name(format: str, paths: Sequence[Path]) -> str:
    """Formats of the project's own hold any corpus, which its file names."""
    return paths[0].stem if format in ("jsonl", "simulated") else CORPUS_INFO[format].name


def import_dialogues(
    *,
    team: Team,
    format: str,
    paths: Sequence[Path],
    corpus_name: str = "",
    media_rights: str = "",
    user: User | None = None,
) -> ImportReport:
    """media_rights: as in state_media_rights; empty leaves what the corpus says."""
    if format not in READERS:
        raise InvalidOptionsError(
            f"There is no corpus format “{format}”. Formats: {', '.join(READERS)}."
        )
    if not paths:
        raise InvalidOptionsError("No file was named.")
    for path in paths:
        open_corpus_file(path).close()
    name = corpus_name or default_corpus_name(format, paths)
    if len(name) > 120:
        raise InvalidOptionsError("A corpus' name has at most 120 characters.")
    with transaction.atomic():
        corpus = _corpus(team, format, name)
        with ClipStore(corpus) as clips:
            report = _import_into(corpus, paths, user, clips)
            if media_rights.strip():
                state_media_rights(corpus, media_rights)
            # What the commit would refuse is refused while files can still be removed.
            connection.check_constraints()
        return report


def _corpus(team: Team, format: str, name: str) -> Corpus:
    """The corpus, locked: two imports into it run one after the other."""
    info = CORPUS_INFO[format]
    corpus, _ = Corpus.objects.select_for_update().get_or_create(
        team=team,
        name=name,
        defaults={
            "format": format,
            "licence": info.licence,
            "citation": info.citation,
            "note": info.note,
        },
    )
    if corpus.format != format:
        raise InvalidOptionsError(
            f"“{name}” holds {corpus.format} files. Give the {format} files another corpus name."
        )
    return corpus


def _import_into(
    corpus: Corpus, paths: Sequence[Path], user: User | None, clips: ClipStore
) -> ImportReport:
    sha256 = content_sha256(paths)
    before = CorpusImport.objects.filter(corpus=corpus, sha256=sha256).first()
    # The files' bytes say nothing about the clips they name: those are compared one by one.
    if before is not None and not CORPUS_INFO[corpus.format].has_clips:
        unchanged = before.counts["dialogues"] + before.counts["unchanged_dialogues"]
        return ImportReport(corpus, False, _all_counts(unchanged_dialogues=unchanged))
    writer = _Writer(corpus, clips)
    for batch in _batches(READERS[corpus.format](paths), clips):
        writer.write(batch)
    if writer.counts["dialogues"]:
        writer.name_licences()
    report = ImportReport(corpus, writer.counts["dialogues"] > 0, _all_counts(**writer.counts))
    if before is None:
        CorpusImport.objects.create(
            corpus=corpus,
            sha256=sha256,
            files=[
                {"name": path.name, "bytes": path.stat().st_size, "sha256": content_sha256([path])}
                for path in paths
            ],
            counts=report.counts,
            imported_by=user,
        )
    return report


def _all_counts(**counts: int) -> dict[str, int]:
    names = (
        "dialogues",
        "unchanged_dialogues",
        "sessions",
        "turns",
        "client_turns",
        "therapist_turns",
        "stimuli",
        "followed_stimuli",
        "clips",
    )
    return {name: counts.get(name, 0) for name in names}


def _batches(
    records: Iterable[DialogueRecord], clips: ClipStore
) -> Iterator[list[tuple[DialogueRecord, str]]]:
    rest = iter(records)
    while batch := list(islice(rest, BATCH)):
        yield [(record, _fingerprint(record, clips)) for record in batch]


def _fingerprint(record: DialogueRecord, clips: ClipStore) -> str:
    for turn in record.turns:
        if turn.clip_path is not None:
            with _naming_the_turn(record.external_id, turn, turn.clip_path):
                clips.sha256(turn.clip_path)
    return record.fingerprint(clips.sha256)


@contextmanager
def _naming_the_turn(dialogue: str, turn: TurnRecord, path: Path) -> Iterator[None]:
    try:
        yield
    except UnusableClipError as error:
        raise CorpusError(
            file=path,
            line=None,
            field=f"dialogue {dialogue}, turn {turn.index + 1}",
            problem=f"the clip cannot be used: {error.problem}",
            remedy=error.remedy,
        ) from error


@dataclass
class _Writer:
    corpus: Corpus
    clips: ClipStore
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._sessions = {row.label: row for row in Session.objects.filter(corpus=self.corpus)}
        stored = {label: row.client for label, row in self._sessions.items()}
        self._clients = ClientOfSession(stored)

    def write(self, batch: Sequence[tuple[DialogueRecord, str]]) -> None:
        for record, _ in batch:
            self._clients.check(record)
        new = self._without_known(batch)
        self.counts["unchanged_dialogues"] += len(batch) - len(new)
        self._add_sessions({record.session: record.client for record, _ in new})
        dialogues = Dialogue.objects.bulk_create(
            self._dialogue(record, fingerprint) for record, fingerprint in new
        )
        pairs = [(row, record) for row, (record, _) in zip(dialogues, new, strict=True)]
        turns = [self._turn(row, turn) for row, record in pairs for turn in record.turns]
        Turn.objects.bulk_create(turns)
        answerable = [
            Stimulus(
                dialogue=row,
                first_position=run.first,
                last_position=run.last,
                followed=run.followed,
            )
            for row, record in pairs
            for run in stimuli(record)
        ]
        Stimulus.objects.bulk_create(answerable)
        self.counts["dialogues"] += len(dialogues)
        self.counts["turns"] += len(turns)
        self.counts.update(f"{turn.speaker}_turns" for turn in turns)
        self.counts["stimuli"] += len(answerable)
        self.counts["followed_stimuli"] += sum(stimulus.followed for stimulus in answerable)

    def name_licences(self) -> None:
        """A corpus without a licence of its own carries those of its dialogues."""
        if CORPUS_INFO[self.corpus.format].licence:
            return
        stated = Dialogue.objects.filter(corpus=self.corpus).exclude(licence="")
        names = sorted(set(stated.values_list("licence", flat=True).distinct()))
        listed = ", ".join(names)
        self.corpus.licence = listed if len(listed) <= 200 else "several: see the dialogues"
        self.corpus.save(update_fields=["licence"])

    def _without_known(
        self, batch: Sequence[tuple[DialogueRecord, str]]
    ) -> list[tuple[DialogueRecord, str]]:
        known = dict(
            Dialogue.objects.filter(
                corpus=self.corpus, external_id__in=[record.external_id for record, _ in batch]
            ).values_list("external_id", "fingerprint")
        )
        for record, fingerprint in batch:
            if known.get(record.external_id, fingerprint) != fingerprint:
                raise ChangedDialogueError(
                    f"Dialogue “{record.external_id}” is in “{self.corpus.name}” already, with "
                    "other content. Answers and ratings refer to it, so nothing was imported. "
                    "Import the new files under another corpus name."
                )
        return [pair for pair in batch if pair[0].external_id not in known]

    def _add_sessions(self, clients: Mapping[str, str]) -> None:
        """clients: by session."""
        missing = sorted(clients.keys() - self._sessions.keys())
        rows = Session.objects.bulk_create(
            Session(corpus=self.corpus, label=label, client=clients[label]) for label in missing
        )
        self._sessions.update(zip(missing, rows, strict=True))
        self.counts["sessions"] += len(rows)

    def _dialogue(self, record: DialogueRecord, fingerprint: str) -> Dialogue:
        return Dialogue(
            corpus=self.corpus,
            session=self._sessions[record.session],
            external_id=record.external_id,
            split=record.split or "",
            problem_type=record.problem_type,
            problem_type_original=record.problem_type_original,
            situation=record.situation,
            licence=record.licence,
            fingerprint=fingerprint,
            extra=dict(record.extra),
        )

    def _turn(self, dialogue: Dialogue, turn: TurnRecord) -> Turn:
        return Turn(
            dialogue=dialogue,
            position=turn.index,
            external_id=turn.external_id,
            speaker=turn.speaker,
            text=turn.text,
            cue=turn.cue,
            emotion=turn.emotion or "",
            emotion_original=turn.emotion_original or "",
            strategy=turn.strategy or "",
            strategy_original=turn.strategy_original or "",
            start_ms=turn.start_ms,
            end_ms=turn.end_ms,
            clip=self._clip(dialogue, turn),
            extra=dict(turn.extra),
        )

    def _clip(self, dialogue: Dialogue, turn: TurnRecord) -> Clip | None:
        if turn.clip_path is None:
            return None
        with _naming_the_turn(dialogue.external_id, turn, turn.clip_path):
            clip, new = self.clips.store(turn.clip_path)
        self.counts["clips"] += new
        return clip
