"""What is known of the responses that were judged, raters' answers aside."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from typing import NamedTuple

from django.db.models import Q

from annotations.derivation.evidence import ResponseFacts
from annotations.models import Candidate, Flag, Study
from annotations.selectors.evidence.reading import CHUNK
from annotations.selectors.rating_page import plain
from inference.models import GenerationRun, Response, Session
from inference.selectors.run_options import options_of


def group_of(session: Session) -> str:
    """What splits and clusters never divide. Needs `corpus`."""
    return _group(session.corpus.name, session.label, session.client)


def _group(corpus: str, session: str, client: str) -> str:
    return f"{corpus}/client:{client}" if client else f"{corpus}/{session}"


class Judged(NamedTuple):
    response: int
    stimulus: int
    run: int
    new_tokens: int
    text: str
    client_emotion: str
    therapist_emotion: str
    strategy: str
    split: str
    corpus: str
    session: str
    client: str


COLUMNS = (
    *("pk", "stimulus_id", "run_id", "new_tokens"),
    *("text", "client_emotion", "therapist_emotion", "strategy"),
    *("stimulus__dialogue__split", "stimulus__dialogue__corpus__name"),
    *("stimulus__dialogue__session__label", "stimulus__dialogue__session__client"),
)


def facts_of(study: Study, named: Collection[int]) -> dict[int, ResponseFacts]:
    """Of the responses named."""
    flagged, limits = flagged_words(study), _longest_replies(study)
    found = {}
    for row in _judged(study):
        if row.response in named:
            shown = plain(row.text)
            found[row.response] = ResponseFacts(
                stimulus=row.stimulus,
                group=_group(row.corpus, row.session, row.client),
                said=_said(study, row, shown),
                length=len(shown),
                corpus_split=row.split,
                empty=not shown,
                truncated=0 < limits[row.run] <= row.new_tokens,
                harmful=(row.stimulus, shown) in flagged,
                words=shown,
            )
    return found


def _judged(study: Study) -> Iterator[Judged]:
    candidates = Candidate.objects.filter(item__part__study=study)
    rows = Response.objects.filter(pk__in=candidates.values("response")).order_by("pk")
    return (Judged(*row) for row in rows.values_list(*COLUMNS).iterator(CHUNK))


def _said(study: Study, row: Judged, shown: str) -> Hashable:
    """What raters could not see cannot tell two replies apart."""
    if study.response_fields == Study.ResponseFields.HIDDEN:
        return shown
    return row.client_emotion, row.therapist_emotion, row.strategy, shown


def _longest_replies(study: Study) -> dict[int, int]:
    """Run -> tokens after which a reply was cut off."""
    runs = GenerationRun.objects.filter(responses__candidates__item__part__study=study).distinct()
    return {run.pk: options_of(run).max_new_tokens for run in runs}


def flagged_words(study: Study) -> frozenset[tuple[int, str]]:
    """(Client turn, what a response says that somebody flagged as harmful), for the client turns
    of the study. Flags count whoever raised them, in whatever study and state of the item; one
    without a candidate speaks of every response in its item."""
    candidates = Candidate.objects.filter(item__part__study=study)
    flags = Flag.objects.filter(kind=Flag.Kind.HARM)
    named = flags.filter(candidate__isnull=False).values("candidate__response")
    items = flags.filter(candidate__isnull=True).values("assignment__item")
    of_items = Candidate.objects.filter(item__in=items).values("response")
    rows = Response.objects.filter(
        Q(pk__in=named) | Q(pk__in=of_items), stimulus__in=candidates.values("response__stimulus")
    )
    return frozenset(
        (stimulus, plain(text)) for stimulus, text in rows.values_list("stimulus_id", "text")
    )
