"""What a part's raters answered, as packed numbers: one query each for assignments and answers.

A study can hold millions of ratings, so none becomes an object: the database packs the numbers of
one rater (and criterion) into one value, and numpy reads them from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection

from annotations.models import AnalysisPlan, Assignment, Item, StudyPart
from annotations.selectors.study_arrays import REASONS, Numbers

NO_SCORE = -30_000
"""Below every scale: there is no answer; -30,000 - k says the k-th reason why."""
CONTENT = 100_000
"""Above every scale: the answer is no number."""


@dataclass(frozen=True)
class Wanted:
    """Which answers of a part are read."""

    part: StudyPart
    role: str = Assignment.Role.INDEPENDENT
    first_version: bool = False
    """Of an answer that was changed after it was submitted, the one first submitted counts."""

    def chosen(self, now: str, first: str) -> str:
        """SQL for what counts; both forms, of the row's own columns and of `first_answer`."""
        if not self.first_version:
            return now
        return f"CASE WHEN given.first_answer IS NULL THEN {now} ELSE {first} END"


def reasons_sql(column: str) -> str:
    cases = " ".join(
        f"WHEN '{reason}' THEN {NO_SCORE - index}" for index, reason in enumerate(REASONS, start=1)
    )
    return f"CASE {column} {cases} END"


def assignments(wanted: Wanted, width: int) -> Iterator[tuple[int, list[Numbers], Numbers]]:
    """(rater, [items, states, places, active ms], shown) of each rater; state 1 is submitted, 2
    skipped, 0 neither. shown: assignments x width, response ids in the order shown, 0 where there
    are fewer."""
    orders = " || ".join(f"int8send(coalesce(a.display_order[{n + 1}], 0))" for n in range(width))
    rows = _rows(
        wanted,
        f"""
        SELECT a.rater_id,
               string_agg(int8send(a.item_id), ''),
               string_agg(int4send(CASE a.state WHEN 'submitted' THEN 1 WHEN 'skipped' THEN 2
                                   ELSE 0 END), ''),
               string_agg(int4send(a.position), ''),
               string_agg(int4send(a.active_ms), ''),
               string_agg({orders or "''::bytea"}, ''::bytea)
        FROM annotations_assignment a JOIN annotations_item i ON i.id = a.item_id
        WHERE i.part_id = %s AND i.pool = %s AND a.role = %s
        GROUP BY a.rater_id""",  # noqa: S608 - numbers of ours
    )
    for rater, items, states, places, active, shown in rows:
        columns = [_numbers(items, ">i8"), *(_numbers(c, ">i4") for c in (states, places, active))]
        yield rater, columns, _numbers(shown, ">i8").reshape(len(columns[0]), width)


Scores = dict[int | None, list[tuple[int, Numbers, Numbers]]]


def scores(wanted: Wanted) -> Scores:
    """Criterion -> (rater, candidates, scores); see NO_SCORE and CONTENT."""
    value = wanted.chosen(
        f"""coalesce(given.score, {reasons_sql("given.cannot_rate")},
                     CASE WHEN given.content IS NOT NULL THEN {CONTENT} END, {NO_SCORE})""",
        f"""coalesce((given.first_answer->>'score')::int,
                     {reasons_sql("given.first_answer->>'cannot_rate'")},
                     CASE WHEN given.first_answer->>'content' IS NOT NULL THEN {CONTENT} END,
                     {NO_SCORE})""",
    )
    rows = _of_answers(
        wanted,
        "rating",
        f"string_agg(int8send(given.candidate_id), ''), string_agg(int4send({value}), '')",
    )
    found: Scores = {}
    for criterion, rater, candidates, values in rows:
        given = (rater, _numbers(candidates, ">i8"), _numbers(values, ">i4"))
        found.setdefault(criterion, []).append(given)
    return found


def _content(wanted: Wanted) -> str:
    return wanted.chosen("given.content", "given.first_answer->'content'")


def chosen_options(
    wanted: Wanted, criterion: int, options: Sequence[int]
) -> list[tuple[int, Numbers, Numbers]]:
    """(rater, candidates, bits): bit k says that the k-th option was chosen."""
    content = _content(wanted)
    bits = " + ".join(
        f"CASE WHEN {content} @> '[{int(value)}]' THEN {1 << place} ELSE 0 END"
        for place, value in enumerate(options)
    )
    rows = _of_answers(
        wanted,
        "rating",
        f"string_agg(int8send(given.candidate_id), ''), string_agg(int8send(({bits})::bigint), '')",
        f"AND given.criterion_id = {int(criterion)} AND jsonb_typeof({content}) = 'array'",
    )
    return [(row[1], _numbers(row[2], ">i8"), _numbers(row[3], ">i8")) for row in rows]


def marked_passages(
    wanted: Wanted, criterion: int
) -> Iterator[tuple[int, int, tuple[tuple[int, int], ...]]]:
    """(rater, candidate, spans)."""
    content = _content(wanted)
    rows = _of_answers(
        wanted,
        "rating",
        f"""array_agg(given.candidate_id ORDER BY given.candidate_id),
            array_agg(({content})::text ORDER BY given.candidate_id)""",
        f"AND given.criterion_id = {int(criterion)} AND jsonb_typeof({content}) = 'array'",
    )
    for _, rater, candidates, contents in rows:
        for candidate, content in zip(candidates, contents, strict=True):
            marked = json.loads(content) if isinstance(content, str) else content
            yield rater, candidate, tuple((span["start"], span["end"]) for span in marked)


@dataclass(frozen=True, eq=False)
class Chosen:
    rater: int
    items: Numbers
    preferred: Numbers
    """Candidate; 0 where there is none."""
    strength: Numbers
    """0 a tie; otherwise see NO_SCORE and CONTENT."""


def choices(wanted: Wanted) -> dict[int | None, list[Chosen]]:
    preferred = wanted.chosen(
        "coalesce(given.preferred_id, 0)",
        "coalesce((given.first_answer->>'preferred')::bigint, 0)",
    )
    strength = wanted.chosen(
        f"""coalesce(given.strength, {reasons_sql("given.cannot_rate")},
                     CASE WHEN given.ranks IS NOT NULL THEN {CONTENT} END, {NO_SCORE})""",
        f"""coalesce((given.first_answer->>'strength')::int,
                     {reasons_sql("given.first_answer->>'cannot_rate'")},
                     CASE WHEN given.first_answer->>'ranks' IS NOT NULL THEN {CONTENT} END,
                     {NO_SCORE})""",
    )
    rows = _of_answers(
        wanted,
        "preference",
        f"""string_agg(int8send(a.item_id), ''), string_agg(int8send({preferred}), ''),
            string_agg(int4send({strength}), '')""",
    )
    found: dict[int | None, list[Chosen]] = {}
    for criterion, rater, items, chosen, sizes in rows:
        given = Chosen(
            rater, _numbers(items, ">i8"), _numbers(chosen, ">i8"), _numbers(sizes, ">i4")
        )
        found.setdefault(criterion, []).append(given)
    return found


def rankings(wanted: Wanted) -> dict[int | None, list[tuple[int, Numbers, Numbers, Numbers]]]:
    """Criterion -> (rater, items, responses, ranks), an entry each candidate; rank 0: none."""
    ranks = wanted.chosen("given.ranks", "given.first_answer->'ranks'")
    rows = _of_answers(
        wanted,
        "preference",
        f"""string_agg(int8send(a.item_id), ''), string_agg(int8send(c.response_id), ''),
            string_agg(int4send(coalesce((({ranks})->>(c.response_id::text))::int, 0)), '')""",
        f"AND jsonb_typeof({ranks}) = 'object'",
        "JOIN annotations_candidate c ON c.item_id = a.item_id",
    )
    found: dict[int | None, list[tuple[int, Numbers, Numbers, Numbers]]] = {}
    for criterion, rater, items, responses, places in rows:
        given = (rater, _numbers(items, ">i8"), _numbers(responses, ">i8"), _numbers(places, ">i4"))
        found.setdefault(criterion, []).append(given)
    return found


def _of_answers(
    wanted: Wanted, table: str, columns: str, condition: str = "", joined: str = ""
) -> list[tuple]:  # type: ignore[type-arg]
    """Per criterion and rater, of submitted assignments; in this order, because rankings and
    passages are kept as they come, and the checksum of what was computed on is taken of them."""
    return _rows(
        wanted,
        f"""
        SELECT given.criterion_id, a.rater_id, {columns}
        FROM annotations_{table} given
        JOIN annotations_assignment a ON a.id = given.assignment_id
        JOIN annotations_item i ON i.id = a.item_id
        {joined}
        WHERE i.part_id = %s AND i.pool = %s AND a.role = %s AND a.state = 'submitted' {condition}
        GROUP BY given.criterion_id, a.rater_id
        ORDER BY given.criterion_id, a.rater_id""",  # noqa: S608 - constants and numbers of ours
    )


def _rows(wanted: Wanted, query: str) -> list[tuple]:  # type: ignore[type-arg]
    with connection.cursor() as cursor:
        cursor.execute(query, [wanted.part.pk, Item.Pool.STUDY.value, str(wanted.role)])
        return list(cursor.fetchall())


def _numbers(packed: bytes, kind: str) -> Numbers:
    return np.frombuffer(packed, dtype=kind).astype(np.int64)


def counts_first_version(part: StudyPart) -> bool:
    versions = AnalysisPlan.objects.filter(study=part.study_id).values_list(
        "answer_version", flat=True
    )
    return AnalysisPlan.AnswerVersion.FIRST in versions
