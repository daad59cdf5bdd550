"""Everything the rating page is given, and nothing else.

Blinding is structural: these dataclasses hold text and letters. No model, run, response, item or
file is reachable from them, so that no template can show one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from annotations.answers import LETTERS, OVERALL, OVERALL_QUESTION, write_choice
from annotations.models import Assignment, Criterion, Flag, Preference, Rating, Study, StudyPart
from annotations.models.rating import CannotRate
from annotations.selectors.queue import previous_assignment
from inference.models import Clip, Response, Turn
from inference.models.dialogue import Speaker

EMPTY = "[The response is empty.]"


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    key: str = ""
    """The key that chooses it."""
    checked: bool = False


@dataclass(frozen=True)
class Question:
    key: str
    name: str
    guiding_question: str
    definition: str
    good_example: str
    poor_example: str
    anchor_low: str
    anchor_high: str
    options: tuple[Option, ...]
    cannot: bool
    """Whether "Can't rate" was chosen."""
    reasons: tuple[Option, ...]
    ties: tuple[Option, ...] = ()
    """What kind of tie it is; only for the overall question."""


@dataclass(frozen=True)
class Candidate:
    letter: str
    text: str


@dataclass(frozen=True)
class PageClip:
    number: int
    """On this page, from 1."""
    has_picture: bool
    """False where there is only sound."""


@dataclass(frozen=True)
class Line:
    speaker: str
    text: str
    clip: PageClip | None = None


@dataclass(frozen=True)
class RatingPage:
    assignment: str
    rater: str
    title: str
    number: int
    total: int
    pairwise: bool
    with_strength: bool
    state: str
    saved_at: str
    sequence: int
    """The highest sequence taken so far."""
    active_ms: int
    clip_ms: int
    situation: str
    before: tuple[Line, ...]
    client: tuple[Line, ...]
    clips: tuple[PageClip, ...]
    candidates: tuple[Candidate, ...]
    questions: tuple[Question, ...]
    comment: str
    flag_kinds: tuple[Option, ...]
    contacts: str
    previous: str

    @property
    def only_heard(self) -> bool:
        return bool(self.clips) and not any(clip.has_picture for clip in self.clips)

    @property
    def anchors(self) -> str:
        first = self.questions[0]
        low, high = first.options[0].label, first.options[-1].label
        return f"{low} = {first.anchor_low} … {high} = {first.anchor_high}"


def rating_page(assignment: Assignment) -> RatingPage:
    item, rater = assignment.item, assignment.rater
    before, client = lines_of(assignment)
    saved_at = assignment.saved_at
    return RatingPage(
        assignment=str(assignment.pk),
        rater=str(rater.uuid),
        title=rater.study.name,
        number=assignment.position,
        total=rater.assignments.count(),
        pairwise=item.part.design == StudyPart.Design.PAIRWISE,
        with_strength=item.part.with_strength,
        state=assignment.state if rater.study.state == Study.State.OPEN else "closed",
        saved_at=saved_at.isoformat() if saved_at else "",
        sequence=max(assignment.answer_sequences.values(), default=0),
        active_ms=assignment.active_ms,
        clip_ms=assignment.clip_ms_played,
        situation=plain(item.stimulus.dialogue.situation),
        before=before,
        client=client,
        clips=tuple(line.clip for line in client if line.clip),
        candidates=candidates_of(assignment),
        questions=questions_with_answers(assignment),
        comment=assignment.comment,
        flag_kinds=tuple(Option(value, str(label)) for value, label in Flag.Kind.choices),
        contacts=rater.study.contacts,
        previous=str(previous_assignment(assignment) or ""),
    )


def plain(text: str) -> str:
    """One rule for every text on the page, so that layout does not tell who wrote it."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def lines_of(assignment: Assignment) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """What was said before, and the client's turns that the responses answer."""
    stimulus = assignment.item.stimulus
    turns = Turn.objects.filter(
        dialogue=stimulus.dialogue_id, position__lte=stimulus.last_position
    ).order_by("position")
    before, client, clips = [], [], 0
    rows = turns.select_related("clip")
    for turn in rows.only("speaker", "text", "position", "clip__width"):
        name = Speaker(turn.speaker).label
        if turn.position < stimulus.first_position:
            before.append(Line(name, plain(turn.text)))
            continue
        clips += turn.clip is not None
        clip = PageClip(clips, turn.clip.has_picture) if turn.clip else None
        client.append(Line(name, plain(turn.text), clip))
    return tuple(before), tuple(client)


def clip_of(assignment: Assignment, number: int) -> tuple[Clip, str] | None:
    """The page's clip with this number, and the words spoken in it."""
    stimulus = assignment.item.stimulus
    turns = Turn.objects.filter(
        dialogue=stimulus.dialogue_id,
        position__range=(stimulus.first_position, stimulus.last_position),
        clip__isnull=False,
    ).select_related("clip")
    turn = turns.order_by("position")[number - 1 : number].first()
    return (turn.clip, plain(turn.text)) if turn and turn.clip else None


def candidates_of(assignment: Assignment) -> tuple[Candidate, ...]:
    texts = dict(Response.objects.filter(pk__in=assignment.display_order).values_list("pk", "text"))
    return tuple(
        Candidate(letter, plain(texts[response]) or EMPTY)
        for letter, response in zip(LETTERS, assignment.display_order, strict=False)
    )


def questions_with_answers(assignment: Assignment) -> tuple[Question, ...]:
    part = assignment.item.part
    criteria = list(Criterion.objects.filter(instrument=part.instrument_id).order_by("position"))
    if part.design == StudyPart.Design.ABSOLUTE:
        scores = {r.criterion_id: r for r in Rating.objects.filter(assignment=assignment)}
        return tuple(score_question(c, scores.get(c.pk)) for c in criteria)
    chosen: dict[int | None, Preference] = {}
    letters: dict[int, str] = {}
    for preference in Preference.objects.filter(assignment=assignment).select_related("preferred"):
        chosen[preference.criterion_id] = preference
        if preference.preferred:
            place = assignment.display_order.index(preference.preferred.response_id)
            letters[preference.preferred.pk] = LETTERS[place]
    asked: list[Criterion | None] = [*criteria, *([None] if part.with_overall else [])]
    return tuple(choice_question(part, c, chosen.get(c.pk if c else None), letters) for c in asked)


def score_question(criterion: Criterion, given: Rating | None) -> Question:
    score, reason = (given.score, given.cannot_rate) if given else (None, "")
    options = tuple(
        Option(str(n), str(n), str(n % 10) if n <= 10 else "", checked=n == score)
        for n in range(criterion.scale_min, criterion.scale_max + 1)
    )
    return question(criterion, options, reason)


def choice_question(
    part: StudyPart, criterion: Criterion | None, given: Preference | None, letters: dict[int, str]
) -> Question:
    value, reason, kind = "", "", ""
    if given:
        reason, kind = given.cannot_rate, given.tie_kind
        letter = letters.get(given.preferred_id, "") if given.preferred_id else ""
        if given.strength is not None:
            value = write_choice(letter, given.strength, "", with_strength=part.with_strength)
    labels = choice_labels(part)
    options = tuple(Option(name, label, key, checked=name == value) for name, label, key in labels)
    ties = tuple(
        Option(name, str(label), checked=name == kind)
        for name, label in (Preference.TieKind.choices if criterion is None else ())
    )
    return question(criterion, options, reason, ties if part.tie_allowed else ())


def choice_labels(part: StudyPart) -> list[tuple[str, str, str]]:
    """Value, label and key, from left to right."""
    if part.with_strength:
        labels = [
            ("a2", "A clearly"),
            ("a1", "A slightly"),
            ("tie", "No difference"),
            ("b1", "B slightly"),
            ("b2", "B clearly"),
        ]
        kept = [pair for pair in labels if part.tie_allowed or pair[0] != "tie"]
        return [(*pair, str(number)) for number, pair in enumerate(kept, start=1)]
    kept = [("a", "A"), *([("tie", "No difference")] if part.tie_allowed else []), ("b", "B")]
    return [(value, label, value[0]) for value, label in kept]


def question(
    criterion: Criterion | None,
    options: tuple[Option, ...],
    reason: str,
    ties: tuple[Option, ...] = (),
) -> Question:
    reasons = tuple(
        Option(name, str(label), checked=name == reason) for name, label in CannotRate.choices
    )
    return Question(
        key=criterion.slug if criterion else OVERALL,
        name=criterion.name if criterion else "Overall",
        guiding_question=criterion.guiding_question if criterion else OVERALL_QUESTION,
        definition=criterion.definition if criterion else "",
        good_example=criterion.good_example if criterion else "",
        poor_example=criterion.poor_example if criterion else "",
        anchor_low=criterion.anchor_low if criterion else "",
        anchor_high=criterion.anchor_high if criterion else "",
        options=options,
        cannot=bool(reason),
        reasons=reasons,
        ties=ties,
    )
