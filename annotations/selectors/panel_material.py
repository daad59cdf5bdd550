"""Which client turns and replies a reference panel can be asked about, without naming a model.

Replies to a client turn are numbered in an order drawn by seed, so that whoever fills in the form
does not learn which of them come from one model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from annotations.answers import LETTERS
from annotations.design import balanced_groups, draw_stimuli
from annotations.models import Study, StudyPart
from annotations.selectors.gate_rules import reference_stimuli
from annotations.selectors.panel_questions import panel_questions, written_answers
from annotations.selectors.rating_page import plain
from annotations.selectors.study_material import (
    Material,
    Reply,
    finished_runs,
    replies_to_turns,
    whole_dialogues,
)
from inference.models import Response, Stimulus, Turn

FORM_ITEMS = 40
MOST_FORM_ITEMS = 500


@dataclass(frozen=True)
class FormItem:
    stimulus: int
    numbers: tuple[int, ...]
    """Of the replies, in the order of the letters."""
    replies: tuple[Reply, ...]


def panel_material(part: StudyPart) -> Material:
    """Replies of the study's runs by client turn, numbered from 1 in the order given here."""
    runs = finished_runs(part.study)
    if part.unit == StudyPart.Unit.DIALOGUE:
        found = whole_dialogues(runs, part.study.seed)
    else:
        found = replies_to_turns(runs, None)
    return {key: numbered(part.study, key, replies) for key, replies in found.items()}


def numbered(study: Study, stimulus: int, replies: Iterable[Reply]) -> list[Reply]:
    """Where their order is drawn anew, forms that are out for answers lose their meaning."""
    order = sorted(replies, key=lambda reply: reply.run)
    Random(f"{study.seed}:panel:{stimulus}").shuffle(order)  # noqa: S311
    return order


def group_size(part: StudyPart, runs: int) -> int:
    if part.design == StudyPart.Design.ABSOLUTE:
        return 1
    if part.design == StudyPart.Design.PAIRWISE:
        return 2
    return min(part.candidates or runs, runs)


def form_items(part: StudyPart, count: int = FORM_ITEMS) -> list[FormItem]:
    """Client turns that the panel has not answered yet, one item each, models evenly."""
    material = panel_material(part)
    taken = reference_stimuli(part.study)
    turns = Stimulus.objects.filter(pk__in=set(material) - taken)
    dialogues = dict(turns.values_list("pk", "dialogue_id"))
    seed = part.study.seed + part.position
    drawn = draw_stimuli(dialogues, min(count, MOST_FORM_ITEMS), seed)
    runs = sorted({reply.run for replies in material.values() for reply in replies})
    size = group_size(part, len(runs))
    groups: Mapping[int, Sequence[int]]
    if size < 2:
        order = Random(f"{seed}:form").sample(runs, len(runs))  # noqa: S311
        groups = {key: [order[place % len(order)]] for place, key in enumerate(sorted(drawn))}
    elif size < len(runs):
        groups = {key: some[0] for key, some in balanced_groups(runs, size, drawn, seed).items()}
    else:
        groups = dict.fromkeys(drawn, runs)
    return [form_item(key, material[key], groups[key]) for key in sorted(drawn)]


def form_item(stimulus: int, replies: Sequence[Reply], runs: Sequence[int]) -> FormItem:
    shown = [(n, reply) for n, reply in enumerate(replies, start=1) if reply.run in runs]
    return FormItem(stimulus, tuple(n for n, _ in shown), tuple(reply for _, reply in shown))


def form_rows(part: StudyPart, count: int = FORM_ITEMS) -> Iterator[list[str]]:
    """The blank form: a header, and a row for each question of each item."""
    items = form_items(part, count)
    shown = max((len(item.replies) for item in items), default=1)
    questions = [q for q in panel_questions(part, shown) if q.asked.form != "spans"]
    letters = [LETTERS[place] for place in range(shown)]
    yield [
        *("stimulus", "dialogue", "turn", "replies", "situation", "client"),
        *(f"reply {letter}" for letter in letters),
        *("criterion", "question", "possible answers", "answer", "explanation", "use"),
    ]
    stimuli = Stimulus.objects.select_related("dialogue").in_bulk(item.stimulus for item in items)
    texts = dict(
        Response.objects.filter(pk__in=[r.pk for item in items for r in item.replies]).values_list(
            "pk", "text"
        )
    )
    words = client_words(stimuli.values())
    for item in items:
        stimulus = stimuli[item.stimulus]
        replies = [plain(texts[reply.pk]) for reply in item.replies]
        first = [
            str(item.stimulus),
            stimulus.dialogue.external_id,
            str(stimulus.first_position + 1),
            " ".join(map(str, item.numbers)),
            plain(stimulus.dialogue.situation),
            words[item.stimulus],
            *replies,
            *[""] * (shown - len(replies)),
        ]
        for question in questions:
            can = "; ".join(written_answers(question))
            yield [*first, question.key, question.guiding_question, can, "", "", ""]


def client_words(stimuli: Iterable[Stimulus]) -> dict[int, str]:
    """Stimulus -> what the client says there."""
    by_dialogue: dict[int, dict[int, str]] = {}
    wanted = list(stimuli)
    turns = Turn.objects.filter(dialogue__in={s.dialogue_id for s in wanted})
    for dialogue, position, text in turns.values_list("dialogue_id", "position", "text"):
        by_dialogue.setdefault(dialogue, {})[position] = text
    return {
        stimulus.pk: "\n".join(
            plain(by_dialogue[stimulus.dialogue_id].get(position, ""))
            for position in range(stimulus.first_position, stimulus.last_position + 1)
        )
        for stimulus in wanted
    }
