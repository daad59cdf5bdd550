"""Everything that is kept of one rater in one study, for the rater: one JSON, or rows of a CSV.

Blinded like the rating page, while the study is open and afterwards: items are numbered as the
rater met them, and responses are letters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps

from annotations.answers import OVERALL, Asked, write_answer
from annotations.models import Assignment, Candidate, Criterion, Flag, LateAnswer, Study, StudyRater
from annotations.models.assignment import GONE
from annotations.stored_answers import PreferenceFields, letter_at, read_preference, read_rating

LISTS = {
    Assignment.Track.TRAINING: "training",
    Assignment.Track.GATE: "qualification",
    Assignment.Track.WORK: "work",
}
HOW_TO_READ = (
    "Times are in UTC. Responses are letters in the order shown to you. Answers: 7 is a score or "
    "the option with this value; a2 A clearly, a1 A slightly, tie no difference, b1 B slightly, b2 "
    "B clearly; a, b or c the one chosen; rank:b>a=c an order from the best; opts:1,3 several "
    "options; text: words; spans: marked passages; cannot: the reason why there is no answer."
)
DONE = {"insert": "given", "update": "changed", "delete": "taken back"}
COLUMNS = (
    *("list", "item", "shown", "state", "opened_at", "submitted_at", "active_seconds"),
    *("clip_seconds", "screen", "entry", "question", "value", "what", "at"),
)
Record = dict[str, Any]


def record_of(rater: StudyRater) -> Record:
    """As JSON holds it."""
    assignments = list(rater.assignments.order_by("track", "attempt", "position"))
    return {
        "format": "moodeval-rater-record/1",
        "how_to_read": HOW_TO_READ,
        "study": {"name": rater.study.name, "state": rater.study.state},
        "you": {
            "pseudonym": rater.pseudonym,
            "stage": rater.stage,
            "profession": rater.profession,
            "licence": rater.licence,
            "years_of_practice": rater.years_of_practice,
            "languages": rater.languages,
            "left_at": when(rater.withdrawn_at),
            "reason_for_leaving": rater.withdrawal_reason,
            "active_minutes_on": {str(rater.day): round(rater.day_active_ms / 60_000, 1)}
            if rater.day
            else {},
        },
        "changes_to_your_part": list(history_of(rater)),
        "consents": [
            {
                "at": when(consent.at),
                "version": consent.version,
                "text": consent.text,
                "rating": consent.rating,
                "training": consent.training,
                "release": consent.release,
            }
            for consent in rater.consents.all()
        ],
        "qualification": list(attempts_of(rater)),
        "items": items_of(rater, assignments),
        "guesses": list(guesses_of(rater, assignments)),
    }


def history_of(rater: StudyRater) -> Iterator[Record]:
    kept = (
        *("stage", "attempt", "allows_training", "allows_release", "profession", "licence"),
        *("years_of_practice", "languages"),
    )
    events = apps.get_model("annotations", "StudyRaterEvent")._default_manager
    for event in events.filter(pgh_obj=rater.pk).order_by("pgh_id"):
        values = {name: getattr(event, name) for name in kept}
        yield {"at": when(event.pgh_created_at), **values}


def attempts_of(rater: StudyRater) -> Iterator[Record]:
    """How close the answers came to the panel's is told once nothing is judged any more."""
    closed = rater.study.state == Study.State.CLOSED
    for attempt in rater.gate_attempts.order_by("started_at", "pk"):
        yield {
            "attempt": attempt.number,
            "started_at": when(attempt.started_at),
            "finished_at": when(attempt.finished_at),
            "passed": attempt.passed,
            **({"kappa": attempt.kappa, "agreement": attempt.agreement} if closed else {}),
        }


def items_of(rater: StudyRater, assignments: Iterable[Assignment]) -> list[Record]:
    versions = versions_of(rater)
    flags = flags_of(rater)
    late = late_answers_of(rater)
    return [
        {
            "list": LISTS[Assignment.Track(row.track)],
            "attempt": row.attempt if row.track == Assignment.Track.GATE else None,
            "item": row.position,
            "shown": letters_of(row),
            "criteria_order": row.criteria_order,
            "state": state_of(row),
            "opened_at": when(row.opened_at),
            "saved_at": when(row.saved_at),
            "submitted_at": when(row.submitted_at),
            "labels_shown_at": when(row.fields_shown_at),
            "active_seconds": round(row.active_ms / 1000, 1),
            "clip_seconds": round(row.clip_ms_played / 1000, 1),
            "clip_failed": row.clip_failed,
            "definitions_opened": row.definitions_opened,
            "screen": row.screen_class,
            "comment": row.comment,
            "skip_reason": row.skip_reason,
            "answers": versions[row.pk],
            "flags": flags[row.pk],
            "late_answers": late[row.pk],
        }
        for row in assignments
    ]


def state_of(row: Assignment) -> str:
    if row.role in GONE:
        return str(row.get_role_display()).lower()
    return str(row.get_state_display()).lower()


def letters_of(row: Assignment) -> list[str]:
    return [letter_at(place) for place in range(len(row.display_order))]


def versions_of(rater: StudyRater) -> dict[UUID, list[Record]]:
    """Assignment -> every version of every answer, in the order they were given."""
    slugs: dict[int | None, str] = {None: OVERALL}
    kinds: dict[int | None, str] = {}
    criteria = Criterion.objects.filter(instrument__parts__study=rater.study_id)
    for pk, slug, kind in criteria.values_list("pk", "slug", "kind"):
        slugs[pk], kinds[pk] = slug, kind
    found: list[tuple[datetime, int, UUID, Record]] = []
    ratings = apps.get_model("annotations", "RatingEvent")._default_manager
    for event in ratings.filter(assignment__rater=rater).order_by("pgh_id"):
        answer = read_rating(
            kinds[event.criterion_id], event.score, event.content, event.cannot_rate
        )
        found.append(version(event, slugs[event.criterion_id], write_answer(Asked(), answer)))
    orders: dict[UUID, tuple[list[int], Asked]] = {
        pk: (order, Asked(strength=strength))
        for pk, order, strength in rater.assignments.values_list(
            "pk", "display_order", "item__part__with_strength"
        )
    }
    responses = responses_of(rater)
    choices = apps.get_model("annotations", "PreferenceEvent")._default_manager
    for event in choices.filter(assignment__rater=rater).order_by("pgh_id"):
        fields = PreferenceFields(
            preferred=responses[event.preferred_id] if event.preferred_id else None,
            strength=event.strength,
            ranks=event.ranks,
            tie_kind=event.tie_kind,
            cannot_rate=event.cannot_rate,
        )
        order, asked = orders[event.assignment_id]
        value = write_answer(asked, read_preference(fields, order))
        found.append(version(event, slugs[event.criterion_id], value))
    return without_repetitions(sorted(found, key=lambda row: row[:2]))


def version(event: Any, question: str, value: str) -> tuple[datetime, int, UUID, Record]:
    record = {
        "question": question,
        "answer": "" if event.pgh_label == "delete" else value,
        "what": DONE[event.pgh_label],
        "at": when(event.pgh_created_at),
    }
    return event.pgh_created_at, event.pgh_id, event.assignment_id, record


def without_repetitions(
    rows: Iterable[tuple[datetime, int, UUID, Record]],
) -> dict[UUID, list[Record]]:
    """A version that says the same as the one before is bookkeeping of ours."""
    kept: dict[UUID, list[Record]] = defaultdict(list)
    last: dict[tuple[UUID, str], str] = {}
    for _, _, assignment, record in rows:
        key = assignment, record["question"]
        if record["what"] != "changed" or last.get(key) != record["answer"]:
            kept[assignment].append(record)
        last[key] = record["answer"]
    return kept


def responses_of(rater: StudyRater) -> dict[int, int]:
    """Candidate -> response, of the rater's items."""
    rows = Candidate.objects.filter(item__assignments__rater=rater)
    return dict(rows.values_list("pk", "response_id"))


def flags_of(rater: StudyRater) -> dict[UUID, list[Record]]:
    found: dict[UUID, list[Record]] = defaultdict(list)
    rows = Flag.objects.filter(assignment__rater=rater).select_related("assignment", "candidate")
    for flag in rows.order_by("pk"):
        order = flag.assignment.display_order
        about = letter_at(order.index(flag.candidate.response_id)) if flag.candidate else ""
        found[flag.assignment_id].append(
            {
                "about": about or "the conversation",
                "kind": flag.kind,
                "text": flag.text,
                "at": when(flag.created_at),
                "read_at": when(flag.read_at),
            }
        )
    return found


def late_answers_of(rater: StudyRater) -> dict[UUID, list[Record]]:
    found: dict[UUID, list[Record]] = defaultdict(list)
    for late in LateAnswer.objects.filter(assignment__rater=rater).order_by("received_at", "pk"):
        found[late.assignment_id].append(
            {"question": late.question, "answer": late.value, "at": when(late.received_at)}
        )
    return found


def guesses_of(rater: StudyRater, assignments: Iterable[Assignment]) -> Iterator[Record]:
    places = {row.item_id: row for row in reversed(list(assignments))}
    for guess in rater.source_guesses.select_related("candidate").order_by("at", "pk"):
        row = places[guess.candidate.item_id]
        letter = letter_at(row.display_order.index(guess.candidate.response_id))
        yield {"item": row.position, "response": letter, "guess": guess.guess, "at": when(guess.at)}


def record_rows(record: Record) -> Iterator[list[object]]:
    """The header, then a line for each item and for each version of whatever was said on it."""
    yield list(COLUMNS)
    for item in record["items"]:
        shown = "".join(item["shown"])
        head = [item["list"], item["item"], shown, item["state"], item["opened_at"]]
        head += [item["submitted_at"], item["active_seconds"], item["clip_seconds"], item["screen"]]
        yield [*head, "item", "", "", "", ""]
        for said in item["answers"]:
            yield [*head, "answer", *(said[name] for name in ("question", "answer", "what", "at"))]
        for name in ("comment", "skip_reason"):
            if item[name]:
                yield [*head, name, "", item[name], "", item["saved_at"]]
        for flag in item["flags"]:
            yield [*head, "flag", flag["about"], flag["text"], flag["kind"], flag["at"]]
        for late in item["late_answers"]:
            yield [*head, "late answer", late["question"], late["answer"], "", late["at"]]
    for guess in record["guesses"]:
        head = ["work", guess["item"], *[""] * 7]
        yield [*head, "guess", guess["response"], guess["guess"], "", guess["at"]]


def when(time: datetime | None) -> str:
    return time.isoformat(timespec="seconds") if time else ""
