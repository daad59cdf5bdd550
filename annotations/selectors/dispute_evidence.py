"""A disputed item as the person sees it who settles it: blind, with every answer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from annotations.answers import LETTERS, OVERALL, OVERALL_QUESTION
from annotations.models import Criterion, Dispute, Item, Study, StudyPart
from annotations.selectors.asked import questions_in_part
from annotations.selectors.rating_page.contents import Option
from annotations.selectors.rating_page.questions import options_of, sides_of
from annotations.selectors.results_item import ItemResults, item_results


@dataclass(frozen=True)
class OpenQuestion:
    """A disputed question as the settling form shows it."""

    key: str
    name: str
    guiding_question: str
    why: tuple[str, ...]
    settled: bool
    options: tuple[Option, ...]
    """Radio buttons; empty for an order."""
    letters: tuple[str, ...] = ()
    """Of the responses that are put in order, one field each."""


@dataclass(frozen=True)
class Evidence:
    """Everything about the item but which model wrote what."""

    found: ItemResults
    questions: tuple[OpenQuestion, ...]
    flagged: bool
    flag_settled: bool


def evidence(study: Study, item: Item) -> Evidence:
    found = item_results(study, item.pk)
    blinded = tuple(replace(candidate, model="") for candidate in found.candidates)
    disputes = list(Dispute.objects.filter(item=item).select_related("criterion"))
    questions = questions_in_part(item.part, study)
    flags = [dispute for dispute in disputes if dispute.rule == Dispute.Rule.FLAG]
    by_question: dict[str, list[Dispute]] = defaultdict(list)
    for dispute in disputes:
        if dispute.rule != Dispute.Rule.FLAG:
            by_question[dispute.criterion.slug if dispute.criterion else OVERALL].append(dispute)
    return Evidence(
        found=replace(found, candidates=blinded),
        questions=tuple(
            open_question(item, slug, criterion, by_question[slug], len(blinded))
            for slug, criterion in questions.items()
            if slug in by_question
        ),
        flagged=bool(flags),
        flag_settled=all(dispute.settled_at for dispute in flags),
    )


def open_question(
    item: Item, slug: str, criterion: Criterion | None, disputes: list[Dispute], candidates: int
) -> OpenQuestion:
    ranking = item.part.design == StudyPart.Design.RANKING
    return OpenQuestion(
        key=slug,
        name=criterion.name if criterion else "Overall",
        guiding_question=criterion.guiding_question if criterion else OVERALL_QUESTION,
        why=tuple(dispute.detail or dispute.get_rule_display() for dispute in disputes),
        settled=all(dispute.settled_at for dispute in disputes),
        options=choosable(item.part, criterion, candidates),
        letters=tuple(LETTERS[:candidates]) if ranking else (),
    )


def choosable(part: StudyPart, criterion: Criterion | None, candidates: int) -> tuple[Option, ...]:
    """As raters are offered them; of a scale every score, however wide."""
    if part.design == StudyPart.Design.ABSOLUTE and criterion is not None:
        score = criterion.kind == Criterion.Kind.SCORE
        return options_of(criterion, "buttons" if score else criterion.kind)
    return sides_of(part.design, part.tie_allowed, part.with_strength, LETTERS[:candidates])
