"""The page of an assignment, and the same page as a researcher looks at it before the launch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotations.content_themes import in_words
from annotations.models import Assignment, Flag, Study, StudyPart
from annotations.selectors.rater_assignment import place_in_list
from annotations.selectors.rating_page.answered import answers_given, questions_now
from annotations.selectors.rating_page.contents import Line, Option, PageClip, RatingPage
from annotations.selectors.rating_page.conversation import lines_to, plain, turns_of
from annotations.selectors.rating_page.questions import blank_questions
from annotations.selectors.rating_page.responses import (
    answered,
    candidates_of,
    shows_chain,
    shows_labels,
    with_reasoning,
)
from inference.models import Stimulus

FLAG_KINDS = (
    (Flag.Kind.HARM.value, gettext_noop("Possible risk of harm")),
    (Flag.Kind.PERSON.value, gettext_noop("A person could be identified")),
    (Flag.Kind.FAULT.value, gettext_noop("Technical fault")),
    (Flag.Kind.OTHER.value, gettext_noop("Something else")),
)


def rating_page(assignment: Assignment) -> RatingPage:
    item, rater = assignment.item, assignment.rater
    part, study = item.part, rater.study
    total, previous = place_in_list(assignment)
    saved_at = assignment.saved_at
    step = step_of(study, assignment)
    letters = len(assignment.display_order)
    blank = blank_questions(part, letters, frozen=study.state != Study.State.DRAFT)
    given = answers_given(assignment)
    labels = shows_labels(study, assignment.fields_shown_at)
    rows = answered(assignment.display_order)
    questions = questions_now(blank, part, study, given, assignment.criteria_order, step)
    return RatingPage(
        assignment=str(assignment.pk),
        rater=str(rater.uuid),
        number=assignment.position,
        total=total,
        track=assignment.track,
        state=assignment.state if study.state == Study.State.OPEN else "closed",
        saved_at=saved_at.isoformat() if saved_at else "",
        sequence=max(assignment.answer_sequences.values(), default=0),
        active_ms=assignment.active_ms,
        clip_ms=assignment.clip_ms_played,
        content_note=in_words(item.content_note),
        candidates=tuple(
            candidates_of(rows, part, labels=labels, chain=shows_chain(study, labels=labels))
        ),
        questions=with_reasoning(questions, rows),
        step=step,
        comment=assignment.comment,
        previous=previous,
        **words_of(study, part),
        **conversation(part, item.stimulus),
    )


def preview_page(
    part: StudyPart,
    stimulus: Stimulus,
    responses: Sequence[int],
    *,
    content_note: str = "",
    labels: bool = False,
) -> RatingPage:
    """What a rater would see of these responses (ids, in the order shown); nothing is saved.

    labels: the second step of a study that shows labels after the text.
    """
    study = part.study
    after = study.response_fields == Study.ResponseFields.AFTER
    step = ("labels" if labels else "text") if after else ""
    shown = labels if after else study.response_fields == Study.ResponseFields.BESIDE
    blank = blank_questions(part, len(responses), frozen=study.state != Study.State.DRAFT)
    rows = answered(responses)
    page = conversation(part, stimulus)
    page["client"], page["clips"] = with_addresses(stimulus, page["client"])
    return RatingPage(
        assignment="",
        rater="",
        number=1,
        total=1,
        track=Assignment.Track.WORK,
        state=Assignment.State.ASSIGNED,
        saved_at="",
        sequence=0,
        active_ms=0,
        clip_ms=0,
        content_note=content_note,
        candidates=tuple(
            candidates_of(rows, part, labels=shown, chain=shows_chain(study, labels=shown))
        ),
        questions=with_reasoning(questions_now(blank, part, study, {}, (), step), rows),
        step=step,
        comment="",
        previous="",
        is_preview=True,
        **words_of(study, part),
        **page,
    )


def words_of(study: Study, part: StudyPart) -> dict[str, Any]:
    return {
        "title": study.name,
        "design": part.design,
        "unit": part.unit,
        "with_strength": part.with_strength,
        "flag_kinds": tuple(Option(value, _(label)) for value, label in FLAG_KINDS),
        "contacts": study.contacts,
        "later_reasoned": study.show_chain,
    }


def conversation(part: StudyPart, stimulus: Stimulus) -> dict[str, Any]:
    """A whole dialogue stands among the candidates: nothing comes before it."""
    before: tuple[Line, ...] = ()
    client: tuple[Line, ...] = ()
    if part.unit != StudyPart.Unit.DIALOGUE:
        before, client = lines_to(stimulus)
    return {
        "situation": plain(stimulus.dialogue.situation),
        "before": before,
        "client": client,
        "clips": tuple(line.clip for line in client if line.clip),
    }


def with_addresses(
    stimulus: Stimulus, client: Sequence[Line]
) -> tuple[tuple[Line, ...], tuple[PageClip, ...]]:
    """The clips as a researcher reaches them."""
    if not client:
        return (), ()
    turns = turns_of([stimulus.dialogue_id], stimulus.last_position)[-len(client) :]
    lines = [
        Line(line.speaker, line.text, preview_clip(line.clip, turn.clip), line.role)
        for line, turn in zip(client, turns, strict=True)
    ]
    return tuple(lines), tuple(line.clip for line in lines if line.clip)


def preview_clip(clip: PageClip | None, pk: int | None) -> PageClip | None:
    if clip is None or pk is None:
        return None
    return PageClip(clip.number, clip.has_picture, reverse("clip", args=[pk]))


def step_of(study: Study, assignment: Assignment) -> str:
    if study.response_fields != Study.ResponseFields.AFTER:
        return ""
    return "labels" if assignment.fields_shown_at else "text"
