"""Who wrote a response, in the rater's opinion: asked once everything is judged."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import zip_longest

from annotations.models import Assignment, Candidate, Study, StudyPart, StudyRater
from annotations.selectors.rating_page import plain
from inference.models import Stimulus, Turn

MOST = 10


@dataclass(frozen=True)
class Guessable:
    """Text only: nothing here leads to the response's source."""

    key: str
    client: tuple[str, ...]
    """What the client said, to which it answers."""
    text: str
    guess: str
    """As given before; empty where there is none."""


def guesses_open(rater: StudyRater) -> bool:
    """After the last item only: a guess must not colour what is still to be judged."""
    study = rater.study
    if not study.guess_sources or study.state != Study.State.OPEN:
        return False
    states = set(rater.assignments.values_list("state", flat=True).distinct())
    return Assignment.State.SUBMITTED in states and Assignment.State.ASSIGNED not in states


def candidates_to_guess(rater: StudyRater) -> list[Candidate]:
    """Up to ten that the rater judged, drawn by seed, evenly over the runs they come from.

    Those guessed already come first, so that an item judged later displaces none of them.
    """
    judged = (
        Candidate.objects.filter(
            item__assignments__rater=rater,
            item__assignments__state=Assignment.State.SUBMITTED,
            item__assignments__role=Assignment.Role.INDEPENDENT,
        )
        .filter(item__part__unit=StudyPart.Unit.RESPONSE)
        .select_related("response__stimulus")
        .distinct()
    )
    guessed = set(rater.source_guesses.values_list("candidate_id", flat=True))
    by_run: dict[int, list[Candidate]] = defaultdict(list)
    seen: set[int] = set()
    seed = f"{rater.study.seed}:guesses:{rater.pseudonym}"
    for candidate in sorted(judged, key=lambda c: (c.pk not in guessed, lot(seed, c.pk))):
        if candidate.response_id not in seen:
            seen.add(candidate.response_id)
            by_run[candidate.response.run_id].append(candidate)
    runs = sorted(by_run, key=lambda run: lot(seed, run))
    rounds = zip_longest(*(by_run[run] for run in runs))
    drawn = [candidate for one in rounds for candidate in one if candidate is not None]
    kept = [c for c in drawn if c.pk in guessed] + [c for c in drawn if c.pk not in guessed]
    return sorted(kept[:MOST], key=lambda c: lot(seed, c.pk))


def lot(seed: str, key: int) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()


def guess_key(rater: StudyRater, candidate: int) -> str:
    """Names a response on the page of guesses; it leads nowhere else."""
    return lot(f"{rater.study.seed}:guess:{rater.pseudonym}", candidate)[:16]


def guesses_page(rater: StudyRater) -> list[Guessable]:
    candidates = candidates_to_guess(rater)
    given: dict[int, str] = dict(
        rater.source_guesses.filter(candidate__in=candidates).values_list("candidate_id", "guess")
    )
    said = client_turns({candidate.response.stimulus for candidate in candidates})
    return [
        Guessable(
            key=guess_key(rater, candidate.pk),
            client=said[candidate.response.stimulus_id],
            text=plain(candidate.response.text),
            guess=given.get(candidate.pk, ""),
        )
        for candidate in candidates
    ]


def client_turns(stimuli: Collection[Stimulus]) -> dict[int, tuple[str, ...]]:
    """Stimulus -> what the client says in it."""
    rows = Turn.objects.filter(dialogue__in={one.dialogue_id for one in stimuli})
    texts: dict[int, dict[int, str]] = defaultdict(dict)
    for dialogue, position, text in rows.values_list("dialogue_id", "position", "text"):
        texts[dialogue][position] = text
    return {
        one.pk: tuple(
            plain(texts[one.dialogue_id][position])
            for position in range(one.first_position, one.last_position + 1)
        )
        for one in stimuli
    }
