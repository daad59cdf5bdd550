"""Rows of a panel's file become items with answers: which client turn, which replies, what said."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotations.answers import LETTERS, UnreadableAnswerError
from annotations.models import StudyPart
from annotations.selectors.panel_material import group_size, panel_material
from annotations.selectors.panel_questions import PanelQuestion, panel_questions
from annotations.selectors.study_material import Reply, finished_runs
from annotations.services.panel_files import (
    LONGEST,
    PanelFileError,
    PanelRow,
    pool_of,
    read_panel_answer,
)
from annotations.stored_answers import preference_fields, rating_fields
from annotations.table_problems import Problem
from inference.models import GenerationRun, Response, Stimulus

REPLY = re.compile(r"(run)?\s*:?\s*(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class ReadItem:
    stimulus: int
    responses: tuple[int, ...]
    pool: str
    answers: dict[int | None, dict[str, Any]]


@dataclass
class ReadPanel:
    items: list[ReadItem] = field(default_factory=list)
    unanswered: int = 0
    """Rows whose answer is empty."""


class CellError(ValueError):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def read_items(part: StudyPart, rows: Sequence[PanelRow], pool: str) -> ReadPanel:
    """Raises PanelFileError with every problem of the file."""
    groups: dict[tuple[str, str, str, str], list[PanelRow]] = defaultdict(list)
    for row in rows:
        groups[row.place].append(row)
    finder, problems, found = Finder(part, rows), [], ReadPanel()
    for group in groups.values():
        given = [row for row in group if row["answer"]]
        found.unanswered += len(group) - len(given)
        if not given:
            continue
        try:
            stimulus = finder.stimulus(given[0])
            responses = finder.responses(given[0], stimulus)
        except CellError as error:
            problems.append(given[0].problem(error.column, str(error)))
            continue
        answers, uses, wrong = read_answers(part, given, responses, pool)
        problems += wrong
        if len(uses) > 1:
            message = "This item has two uses. Give all its rows the same, or leave them empty."
            problems.append(given[0].problem("use", message))
        found.items.append(ReadItem(stimulus, responses, next(iter(uses), pool), answers))
    problems += doubles(found.items, groups)
    if problems:
        raise PanelFileError(problems)
    if not found.items:
        raise PanelFileError([], "No row has an answer. Fill in the column “answer”.")
    return found


def doubles(
    items: Sequence[ReadItem], groups: Mapping[tuple[str, str, str, str], Sequence[PanelRow]]
) -> Iterator[Problem]:
    """One item named in two ways, as by its number and by its dialogue."""
    seen: set[frozenset[int]] = set()
    answered = [g for g in groups.values() if any(row["answer"] for row in g)]
    if len(answered) != len(items):
        return  # some were not understood: these problems come first
    for item, group in zip(items, answered, strict=True):
        key = frozenset(item.responses)
        if key in seen:
            message = "This item stands in the file already, named otherwise. Name it one way."
            yield group[0].problem("replies", message)
        seen.add(key)


def read_answers(
    part: StudyPart, rows: Sequence[PanelRow], responses: tuple[int, ...], default: str
) -> tuple[dict[int | None, dict[str, Any]], set[str], list[Problem]]:
    questions = {q.key.casefold(): q for q in panel_questions(part, len(responses))}
    questions |= {q.name.casefold(): q for q in questions.values()}
    answers: dict[int | None, dict[str, Any]] = {}
    uses: set[str] = set()
    problems: list[Problem] = []
    for row in rows:
        question = questions.get(row["criterion"].casefold())
        if question is None:
            known = ", ".join(dict.fromkeys(q.key for q in questions.values()))
            message = f"There is no criterion “{row['criterion']}” here. There are: {known}."
            problems.append(row.problem("criterion", message))
            continue
        if question.criterion in answers:
            message = f"{question.name} is answered twice for this item. Keep one of the rows."
            problems.append(row.problem("criterion", message))
            continue
        if len(row["explanation"]) > LONGEST:
            message = f"This is longer than {LONGEST:,} characters. Shorten it."
            problems.append(row.problem("explanation", message))
        try:
            answers[question.criterion] = fields_of(part, question, row, responses)
        except UnreadableAnswerError as error:
            problems.append(row.problem("answer", str(error)))
        try:
            uses.add(pool_of(row, default))
        except UnreadableAnswerError as error:
            problems.append(row.problem("use", str(error)))
    return answers, uses, problems


def fields_of(
    part: StudyPart, question: PanelQuestion, row: PanelRow, responses: tuple[int, ...]
) -> dict[str, Any]:
    answer = read_panel_answer(question, row["answer"])
    if part.design == StudyPart.Design.ABSOLUTE:
        said: dict[str, Any] = {**rating_fields(answer)}
    else:
        said = {**preference_fields(answer, responses)}
    return {**said, "explanation": row["explanation"]}


class Finder:
    """What cells name, looked up once for the whole file."""

    def __init__(self, part: StudyPart, rows: Sequence[PanelRow]) -> None:
        self.part = part
        self.runs = finished_runs(part.study)
        self.material = panel_material(part)
        self.turns = self._turns({row["dialogue"] for row in rows})
        others = {int(n) for row in rows for word, n in REPLY.findall(row["replies"]) if word}
        self.others = set(
            GenerationRun.objects.filter(team=part.study.team_id, pk__in=others).values_list(
                "pk", flat=True
            )
        )

    def _turns(self, dialogues: set[str]) -> dict[str, list[tuple[int, int, int]]]:
        """Dialogue id -> (first turn, last turn, stimulus), counted from 1."""
        corpora = {run.corpus_id for run in self.runs}
        found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        rows = Stimulus.objects.filter(
            dialogue__corpus__in=corpora, dialogue__external_id__in=dialogues - {""}
        )
        for name, first, last, pk in rows.values_list(
            "dialogue__external_id", "first_position", "last_position", "pk"
        ):
            found[name].append((first + 1, last + 1, pk))
        return found

    def stimulus(self, row: PanelRow) -> int:
        written = row["stimulus"]
        if written:
            pk = int(written) if written.isascii() and written.isdecimal() else 0
            if pk in self.material or (self._names_runs(row) and self._is_ours(pk)):
                return pk
            raise CellError(
                "stimulus",
                f"“{written}” is no client turn that all runs of the study answered. Take its "
                "number from the blank form, or leave it empty and name dialogue and turn.",
            )
        turns = self.turns.get(row["dialogue"])
        if not turns:
            raise CellError(
                "dialogue",
                f"There is no dialogue “{row['dialogue']}” in the corpora of this study. Write "
                "its id as in the corpus.",
            )
        turn = int(row["turn"]) if row["turn"].isascii() and row["turn"].isdecimal() else 0
        here = [pk for first, last, pk in turns if first <= turn <= last]
        if len(here) != 1:
            known = ", ".join(str(first) for first, _, _ in sorted(turns))
            raise CellError(
                "turn",
                f"“{row['turn']}” is no client turn of “{row['dialogue']}”, counted from 1. "
                f"Client turns begin at: {known}.",
            )
        return here[0]

    def _names_runs(self, row: PanelRow) -> bool:
        return any(word for word, _ in REPLY.findall(row["replies"]))

    def _is_ours(self, stimulus: int) -> bool:
        team = self.part.study.team_id
        return Stimulus.objects.filter(pk=stimulus, dialogue__corpus__team=team).exists()

    def responses(self, row: PanelRow, stimulus: int) -> tuple[int, ...]:
        """In the order of the letters."""
        replies = self.material.get(stimulus, ())
        named = REPLY.findall(row["replies"])
        if not named and len(replies) == group_size(self.part, len(replies)):
            named = [("", str(number)) for number in range(1, len(replies) + 1)]
        if REPLY.sub("", row["replies"]).strip(" ,;/+&"):
            raise CellError("replies", self._how(row, len(replies)))
        found = [self._reply(row, stimulus, replies, word, int(n)) for word, n in named]
        self._check_size(row, found, len(replies))
        return tuple(response for response, _ in found)

    def _reply(
        self, row: PanelRow, stimulus: int, replies: Sequence[Reply], word: str, number: int
    ) -> tuple[int, int]:
        """(Response, run)."""
        if not word:
            if not 1 <= number <= len(replies):
                raise CellError("replies", self._how(row, len(replies)))
            return replies[number - 1].pk, replies[number - 1].run
        answer = Response.objects.filter(
            run=number if number in self.others else 0, stimulus=stimulus, sample=0, error=""
        ).first()
        if answer is None:
            raise CellError(
                "replies",
                f"Generation run {number} of your team has no reply to this client turn. Name a "
                "run that answered it.",
            )
        return answer.pk, number

    def _check_size(self, row: PanelRow, found: Sequence[tuple[int, int]], replies: int) -> None:
        design = StudyPart.Design
        exact = {design.ABSOLUTE.value: 1, design.PAIRWISE.value: 2}.get(self.part.design)
        fits = len(found) == exact if exact else 2 <= len(found) <= len(LETTERS)
        if not fits or len({run for _, run in found}) < len(found):
            raise CellError("replies", self._how(row, replies))

    def _how(self, row: PanelRow, replies: int) -> str:
        design = StudyPart.Design
        wanted = {design.ABSOLUTE.value: "one reply", design.PAIRWISE.value: "two replies"}.get(
            self.part.design, "two replies or more"
        )
        example = {design.ABSOLUTE.value: "1", design.PAIRWISE.value: "1 2"}.get(
            self.part.design, "1 2 3"
        )
        return (
            f"“{row['replies']}” does not name {wanted} of different models. Write the numbers "
            f"from the blank form, 1 to {replies}, such as “{example}” (the first is A), or "
            "“run 12” for a generation run."
        )
