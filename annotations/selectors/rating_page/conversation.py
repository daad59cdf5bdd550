"""What the client and the therapist said, and the clips of the client's turns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.utils.translation import gettext, pgettext

from annotations.models import Assignment, StudyPart
from annotations.selectors.rating_page.contents import Line, PageClip
from inference.models import Clip, Stimulus, Turn
from mood_eval.prepared import prepared_cursor

CLIENT, THERAPIST = "client", "therapist"


class Spoken(NamedTuple):
    dialogue: int
    position: int
    speaker: str
    text: str
    clip: int | None
    width: int | None


def plain(text: str) -> str:
    """One rule for every text on the page, so that layout does not tell who wrote it."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def speaker_name(speaker: str) -> str:
    if speaker == CLIENT:
        return pgettext("speaker", "Client")
    return pgettext("speaker", "Therapist") if speaker == THERAPIST else gettext(speaker)


TURNS = """
    SELECT t.dialogue_id, t.position, t.speaker, t.text, t.clip_id, c.width
    FROM inference_turn t LEFT JOIN inference_clip c ON c.id = t.clip_id
    WHERE t.dialogue_id = ANY(%s) AND t.position <= %s
    ORDER BY t.position"""


def turns_of(dialogues: Collection[int], last: int) -> list[Spoken]:
    """In the order spoken; last: the position of the last turn of interest."""
    with prepared_cursor() as cursor:
        cursor.execute(TURNS, [list(dialogues), last])
        return [Spoken(*row) for row in cursor.fetchall()]


def lines_to(stimulus: Stimulus) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """What was said before, and the client's turns that the responses answer."""
    turns = turns_of([stimulus.dialogue_id], stimulus.last_position)
    before = tuple(line_of(turn) for turn in turns if turn.position < stimulus.first_position)
    client: list[Line] = []
    for turn in turns[len(before) :]:
        number = 1 + sum(line.clip is not None for line in client)
        clip = PageClip(number, turn.width is not None) if turn.clip else None
        client.append(line_of(turn, clip))
    return before, tuple(client)


def line_of(turn: Spoken, clip: PageClip | None = None) -> Line:
    return Line(speaker_name(turn.speaker), plain(turn.text), clip, turn.speaker)


def whole_dialogue(turns: Sequence[Spoken], response: str) -> tuple[Line, ...]:
    """With the response as the therapist's last turn, and each line's place in the whole text."""
    lines: list[Line] = []
    start = 0
    for speaker, text in [*((turn.speaker, turn.text) for turn in turns), (THERAPIST, response)]:
        line = Line(speaker_name(speaker), plain(text), role=speaker, start=start)
        lines.append(line)
        start += len(line.text) + 1
    return tuple(lines)


def text_of(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines)


def clip_of(assignment: Assignment, number: int) -> tuple[Clip, str] | None:
    """The page's clip with this number, and the words spoken in it."""
    if assignment.item.part.unit == StudyPart.Unit.DIALOGUE:
        return None
    stimulus = assignment.item.stimulus
    turns = Turn.objects.filter(
        dialogue=stimulus.dialogue_id,
        position__range=(stimulus.first_position, stimulus.last_position),
        clip__isnull=False,
    ).select_related("clip")
    turn = turns.order_by("position")[number - 1 : number].first()
    return (turn.clip, plain(turn.text)) if turn and turn.clip else None
