"""Closed studies as a source of panel items: where chosen raters agree, and on what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from annotations.models import (
    Assignment,
    Candidate,
    Item,
    Preference,
    Rating,
    Study,
    StudyPart,
    StudyRater,
)
from annotations.selectors.panel_questions import PanelQuestion, panel_questions

Said = tuple[int | None, int | None, int | None]
"""Score, preferred response, strength."""


@dataclass(frozen=True)
class SourceItem:
    stimulus: int
    responses: tuple[int, ...]
    content_note: str
    answers: dict[int | None, dict[str, Any]]


@dataclass(frozen=True)
class Consensus:
    items: tuple[SourceItem, ...]
    disagreed: int
    too_few: int
    """Items that fewer than two of the raters answered in full."""


def panel_sources(part: StudyPart) -> QuerySet[StudyPart]:
    """Parts of the team's closed studies that asked the same in the same way."""
    found = StudyPart.objects.filter(
        study__team=part.study.team_id,
        study__state=Study.State.CLOSED,
        instrument=part.instrument_id,
        design=part.design,
        unit=part.unit,
    )
    if part.design == StudyPart.Design.PAIRWISE:
        found = found.filter(with_strength=part.with_strength)
    if part.design != StudyPart.Design.ABSOLUTE:
        found = found.filter(with_overall=part.with_overall)
    return found.select_related("study").order_by("-study__closed_at", "position")


def possible_panel(source: StudyPart) -> QuerySet[StudyRater]:
    """People who submitted something of that part."""
    done = Assignment.objects.filter(item__part=source, **COUNTED)
    people = StudyRater.objects.filter(study=source.study_id, kind=StudyRater.Kind.PERSON)
    return people.filter(pk__in=done.values("rater")).order_by("pseudonym")


COUNTED: dict[str, str] = {
    "role": Assignment.Role.INDEPENDENT,
    "state": Assignment.State.SUBMITTED,
}


def consensus_of(source: StudyPart, raters: Collection[StudyRater], tolerance: int) -> Consensus:
    """An item counts where two raters or more answered everything that can be compared, and agree
    on all of it: on scores and strengths to within `tolerance`, on other answers by majority."""
    questions = [question for question in panel_questions(source) if question.compared]
    needed = {question.criterion for question in questions if not question.conditional}
    responses: dict[int, list[int]] = defaultdict(list)
    rows = Candidate.objects.filter(item__part=source, item__pool=Item.Pool.STUDY)
    for item, response in rows.order_by("response__run").values_list("item", "response"):
        responses[item].append(response)
    given = answers_of(source, raters)
    kept, disagreed, too_few = [], 0, 0
    panel = Item.objects.filter(part=source, pool=Item.Pool.STUDY).order_by("position")
    for pk, stimulus, note in panel.values_list("pk", "stimulus", "content_note"):
        full = [by for by in given[pk].values() if needed.issubset(by)]
        if len(full) < 2:
            too_few += 1
            continue
        said = {q: [by[q.criterion] for by in full if q.criterion in by] for q in questions}
        answers = {
            q.criterion: agreed(q, some, responses[pk], tolerance)
            for q, some in said.items()
            if len(some) > 1
        }
        settled = {key: said for key, said in answers.items() if said is not None}
        if len(settled) < len(answers):
            disagreed += 1
            continue
        kept.append(SourceItem(stimulus, tuple(responses[pk]), note, settled))
    return Consensus(tuple(kept), disagreed, too_few)


def answers_of(
    source: StudyPart, raters: Iterable[StudyRater]
) -> dict[int, dict[int, dict[int | None, Said]]]:
    """Item -> rater -> criterion -> what was said; where nobody could rate there is nothing."""
    found: dict[int, dict[int, dict[int | None, Said]]] = defaultdict(lambda: defaultdict(dict))
    counted = Assignment.objects.filter(item__part=source, rater__in=list(raters), **COUNTED)
    keys = ("assignment__item", "assignment__rater", "criterion")
    ratings = Rating.objects.filter(assignment__in=counted, score__isnull=False)
    for item, rater, criterion, score in ratings.values_list(*keys, "score"):
        found[item][rater][criterion] = (score, None, None)
    chosen = Preference.objects.filter(assignment__in=counted, strength__isnull=False)
    for item, rater, criterion, preferred, strength in chosen.values_list(
        *keys, "preferred__response", "strength"
    ):
        found[item][rater][criterion] = (None, preferred, strength)
    return found


def agreed(
    question: PanelQuestion, said: Sequence[Said], responses: Sequence[int], tolerance: int
) -> dict[str, Any] | None:
    """As fields of a reference answer; None where they differ by too much."""
    if question.asked.form == "pairwise":
        signs = {responses[0]: -1, responses[1]: 1}
        values = [signs[p] * (strength or 0) if p else 0 for _, p, strength in said]
        value = middle(values, tolerance)
        if value is None:
            return None
        preferred = None if value == 0 else responses[value > 0]
        return {"preferred": preferred, "strength": abs(value)}
    if question.asked.form == "best_of_n":
        response, most = Counter(p for _, p, _ in said).most_common(1)[0]
        if 2 * most <= len(said):
            return None
        return {"preferred": response, "strength": 0 if response is None else 1}
    scores = [score for score, _, _ in said if score is not None]
    if question.ordinal:
        score = middle(scores, tolerance)
    else:
        score, most = Counter(scores).most_common(1)[0]
        score = score if 2 * most > len(scores) else None
    return None if score is None else {"score": score}


def middle(values: Sequence[int], tolerance: int) -> int | None:
    """The median, where no two lie further apart."""
    ordered = sorted(values)
    if ordered[-1] - ordered[0] > tolerance:
        return None
    # Half a point goes towards the middle of a preference and the lower end of a scale.
    return int((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)
