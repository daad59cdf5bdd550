"""Sessions of a corpus that no training behind a model has touched, and why the others are not.

A session is never divided, nor is a client's work where the corpus tells which sessions are of the
same client: what a model learned of one stretch of talk tells it about the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import MD5

from annotations.analysis.words import counted, listed
from annotations.models import (
    Candidate,
    DatasetSession,
    Item,
    PreferenceDataset,
    Study,
)
from annotations.selectors.lineage import TrainingsBehind
from inference.models import (
    Corpus,
    CorpusImport,
    Dialogue,
    Session,
    Stimulus,
    Turn,
)
from inference.models.dialogue import Speaker

FRESH, TRAIN = "fresh", "train"
CLIENT_TURNS = Turn.objects.filter(dialogue=OuterRef("pk"), speaker=Speaker.CLIENT)
SAID = Subquery(
    CLIENT_TURNS.order_by()
    .values("dialogue")
    .annotate(said=MD5(StringAgg("text", "\n", order_by="position")))
    .values("said")
)
"""Hash of what the client of a dialogue says, turn by turn."""
LEAST_SESSIONS = 6
"""Fewest independent sessions. If all six favour one version, a two-sided sign test gives
p = 2/64 = 0.03; with five it gives 2/32 = 0.06, so that no outcome at all could show a difference.
"""


@dataclass(frozen=True)
class FreshSessions:
    stimuli: list[int] = field(default_factory=list)
    sessions: int = 0
    """To which they belong: independent ones, several sessions of one client counted once."""
    all_sessions: int = 0
    """Of the corpus."""
    released: int = 0
    """Sessions in a release that one of the models learned from, or of a client who is in one."""
    trained: int = 0
    """Of the others: set aside for training, or in a corpus or file that a training read."""
    rated: int = 0
    """Of the others: shown in the study that is followed up."""
    elsewhere: tuple[str, ...] = ()
    """Datasets made elsewhere, of whose sessions nothing is known here."""

    @property
    def why(self) -> str:
        parts = (
            (self.released, "in releases that one of the versions learned from"),
            (self.trained, "set aside or used for training"),
            (self.rated, "shown in the study before"),
        )
        told = [
            f"{count:,} {'is' if count == 1 else 'are'} {what}" for count, what in parts if count
        ]
        return f"Of its {counted(self.all_sessions, 'session')}, {listed(told) or 'none is used'}."


def fresh_sessions(study: Study | None, corpus: Corpus, behind: TrainingsBehind) -> FreshSessions:
    """Of the split "fresh" where the corpus has one, otherwise of everything but "train".

    `study`: the one that is followed up, if there is one. The number of queries depends on neither
    the sessions nor the releases.
    """
    clients = clients_of(corpus)
    released = with_clients(released_sessions(corpus, behind), clients)
    trained = tuned_sessions(corpus, behind) | set_aside(corpus)
    trained = with_clients(trained, clients) - released
    shown = rated_sessions(study, corpus) if study else set()
    rated = with_clients(shown, clients) - released - trained
    unseen = Stimulus.objects.filter(dialogue__corpus=corpus).exclude(
        dialogue__session__in=released | trained | rated
    )
    if Dialogue.objects.filter(corpus=corpus, split=FRESH).exists():
        unseen = unseen.filter(dialogue__split=FRESH)
    rows = list(
        unseen.order_by("dialogue_id", "first_position").values_list("pk", "dialogue__session")
    )
    return FreshSessions(
        stimuli=[pk for pk, _ in rows],
        sessions=len({clients[session] or session for _, session in rows}),
        all_sessions=len(clients),
        released=len(released),
        trained=len(trained),
        rated=len(rated),
        elsewhere=made_elsewhere(behind),
    )


def with_clients(sessions: Iterable[int], clients: dict[int, str]) -> set[int]:
    """And every other session of the same clients. `clients`: session -> client, or nothing."""
    used = set(sessions)
    known = {clients[pk] for pk in used} - {""}
    return used | {pk for pk, client in clients.items() if client in known}


def learned_from(corpus: Corpus, behind: TrainingsBehind) -> set[int]:
    """Sessions of the corpus that one of the trainings saw, or whose client one of them saw."""
    clients = clients_of(corpus)
    seen = released_sessions(corpus, behind) | tuned_sessions(corpus, behind)
    return with_clients(seen, clients)


def clients_of(corpus: Corpus) -> dict[int, str]:
    """Of every session; empty where the corpus does not tell."""
    return dict(Session.objects.filter(corpus=corpus).values_list("pk", "client"))


def released_sessions(corpus: Corpus, behind: TrainingsBehind) -> set[int]:
    """Also those of the same dialogues where they were imported a second time, into this corpus."""
    held = DatasetSession.objects.filter(dataset__in=behind.releases).values("session")
    dialogues = Dialogue.objects.filter(session__in=held)
    here = dialogues.filter(corpus=corpus).values_list("session_id", flat=True)
    return set(here) | told_again(corpus, dialogues.exclude(corpus=corpus))


def told_again(corpus: Corpus, dialogues: QuerySet[Dialogue]) -> set[int]:
    """Sessions in which a client says what is said in one of the dialogues, under the same id.
    Another session, split or client, or replies of another therapist, make it no other talk."""
    first = set(dialogues.annotate(said=SAID).values_list("external_id", "said"))
    names = dialogues.values("external_id")
    again = Dialogue.objects.filter(corpus=corpus, external_id__in=names).annotate(said=SAID)
    return {
        session
        for session, name, said in again.values_list("session_id", "external_id", "said")
        if (name, said) in first
    }


def tuned_sessions(corpus: Corpus, behind: TrainingsBehind) -> set[int]:
    """In what a training read of the corpus, or of a file that was imported into it; also the
    same dialogues where they were imported a second time, into this corpus."""
    if not behind.files and not behind.corpora:
        return set()
    taken = CorpusImport.objects.filter(corpus=corpus).values_list("files", flat=True)
    names = {file["sha256"] for files in taken for file in files}
    splits = {split for sha256, split in behind.files if sha256 in names}
    splits |= {split for read, split in behind.corpora if read == corpus.pk}
    dialogues = Dialogue.objects.filter(corpus=corpus)
    if "" not in splits:
        dialogues = dialogues.filter(split__in=splits)
    here = set(dialogues.values_list("session_id", flat=True))
    return here | _tuned_elsewhere(corpus, behind)


def _tuned_elsewhere(corpus: Corpus, behind: TrainingsBehind) -> set[int]:
    """Sessions of the corpus that say again what a training read in another corpus."""
    read = Q()
    for other, split in behind.corpora:
        if other != corpus.pk:
            read |= Q(corpus=other, split=split) if split else Q(corpus=other)
    return told_again(corpus, Dialogue.objects.filter(read)) if read else set()


def set_aside(corpus: Corpus) -> set[int]:
    dialogues = Dialogue.objects.filter(corpus=corpus, split=TRAIN)
    return set(dialogues.values_list("session_id", flat=True))


def rated_sessions(study: Study, corpus: Corpus) -> set[int]:
    """What raters saw of whole dialogues may be of another dialogue than the item's own."""
    items = Item.objects.filter(part__study=study).values("stimulus__dialogue__session")
    shown = Candidate.objects.filter(item__part__study=study)
    found = Session.objects.filter(
        Q(pk__in=items) | Q(pk__in=shown.values("response__stimulus__dialogue__session")),
        corpus=corpus,
    )
    return set(found.values_list("pk", flat=True))


def made_elsewhere(behind: TrainingsBehind) -> tuple[str, ...]:
    unknown = PreferenceDataset.objects.filter(pk__in=behind.releases, sessions__isnull=True)
    rows = unknown.select_related("study").defer("manifest").order_by("pk")
    return (*(f"“{row.title}”, release {row.version}" for row in rows), *behind.elsewhere)
