"""Submitted, independent answers of persons as votes, and what bars a response from a pair."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import TypeVar

from annotations.answers import OVERALL
from annotations.models import Flag, Preference, Rating, Study, StudyPart, StudyRater
from annotations.models.rating import CannotRate
from annotations.preferences import Choice, Exclusions, Score
from annotations.selectors.matrices import COUNTED
from inference.models import Response

A = TypeVar("A")


def study_choices(study: Study, criteria: Collection[str] | None) -> list[Choice]:
    """Without `criteria` the overall question, or all criteria of a part that has none."""
    sides = _sides(study)
    rows = (
        Preference.objects.filter(
            COUNTED, assignment__item__part__study=study, strength__isnull=False
        )
        .order_by("assignment__item__part__position", "assignment__item__position", "pk")
        .values_list(
            "assignment__item_id",
            "assignment__item__part__with_overall",
            "assignment__rater__pseudonym",
            "criterion__slug",
            "preferred__response_id",
            "strength",
            "tie_kind",
        )
    )
    choices = []
    for item, with_overall, rater, slug, preferred, strength, tie_kind in rows:
        first, second = sides[item]
        if not _asked(slug or OVERALL, criteria, with_overall):
            continue
        size = strength or 0
        value = 0 if preferred is None else (-size if preferred == first else size)
        neither = tie_kind == Preference.TieKind.NEITHER_ACCEPTABLE
        choices.append(Choice(first, second, slug or OVERALL, rater, value, neither))
    return _first_of_each(choices, lambda c: (c.first, c.second, c.criterion, c.rater))


def _asked(slug: str, criteria: Collection[str] | None, with_overall: bool) -> bool:
    if criteria is not None:
        return slug in criteria
    return slug == OVERALL or not with_overall


def _sides(study: Study) -> dict[int, tuple[int, int]]:
    """Item of a pairwise part -> its two responses in ascending order."""
    found: dict[int, list[int]] = {}
    rows = StudyPart.objects.filter(study=study, design=StudyPart.Design.PAIRWISE).values_list(
        "items__pk", "items__candidates__response_id"
    )
    for item, response in rows:
        found.setdefault(item, []).append(response)
    return {item: (min(both), max(both)) for item, both in found.items() if item and len(both) == 2}


def study_scores(study: Study, criteria: Collection[str] | None) -> list[Score]:
    rows = (
        Rating.objects.filter(COUNTED, assignment__item__part__study=study, score__isnull=False)
        .order_by("assignment__item__part__position", "assignment__item__position", "pk")
        .values_list(
            "candidate__response__stimulus_id",
            "candidate__response_id",
            "criterion__slug",
            "assignment__rater__pseudonym",
            "score",
            "criterion__reverse_scored",
        )
    )
    scores = [
        Score(stimulus, response, slug, rater, -(score or 0) if turned else (score or 0))
        for stimulus, response, slug, rater, score, turned in rows
        if criteria is None or slug in criteria
    ]
    return _first_of_each(scores, lambda s: (s.response, s.criterion, s.rater))


def _first_of_each(answers: Iterable[A], key: Callable[[A], Hashable]) -> list[A]:
    """A rater who answered the same question in two parts counts with the first answer."""
    found: dict[Hashable, A] = {}
    for answer in answers:
        found.setdefault(key(answer), answer)
    return list(found.values())


def unanswered_by_reason(study: Study) -> dict[str, int]:
    """How often raters said that they cannot rate, scores and choices together."""
    return {
        str(reason): sum(
            model.objects.filter(
                COUNTED, assignment__item__part__study=study, cannot_rate=reason
            ).count()
            for model in (Rating, Preference)
        )
        for reason in CannotRate.values
    }


def exclusions_of(study: Study) -> Exclusions:
    """A harm flag without a candidate speaks of every response in its item, and a flag on one reply
    of every other that says the same to the same client turn.
    """
    responses = {
        response.pk: response
        for response in Response.objects.filter(candidates__item__part__study=study).distinct()
    }
    flagged = flagged_responses(study)
    said = {(responses[pk].stimulus_id, responses[pk].text.strip()) for pk in flagged}
    return Exclusions(
        harmful=frozenset(
            pk for pk, found in responses.items() if (found.stimulus_id, found.text.strip()) in said
        ),
        empty=frozenset(pk for pk, found in responses.items() if not found.text.strip()),
        replies={
            pk: (found.client_emotion, found.therapist_emotion, found.strategy, found.text)
            for pk, found in responses.items()
        },
    )


def flagged_responses(study: Study) -> frozenset[int]:
    """Flags count whoever raised them, in whatever study and state of the item."""
    flags = Flag.objects.filter(kind=Flag.Kind.HARM)
    in_study = Response.objects.filter(candidates__item__part__study=study).values("pk")
    responses = Response.objects.filter(pk__in=in_study)
    of_item = flags.filter(candidate__isnull=True)
    named = responses.filter(candidates__flags__in=flags)
    whole = responses.filter(candidates__item__assignments__flags__in=of_item)
    return frozenset([*named.values_list("pk", flat=True), *whole.values_list("pk", flat=True)])


def raters_who_answered(study: Study) -> dict[str, int]:
    """Pseudonym -> number of submitted, independent assignments."""
    counts: dict[str, int] = {}
    people = StudyRater.objects.filter(study=study, kind=StudyRater.Kind.PERSON)
    rows = people.filter(
        assignments__state="submitted", assignments__role="independent"
    ).values_list("pseudonym", flat=True)
    for pseudonym in rows:
        counts[pseudonym] = counts.get(pseudonym, 0) + 1
    return dict(sorted(counts.items()))
