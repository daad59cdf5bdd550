"""What a study can show: the replies of its runs to the same client turns, or whole dialogues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from django.db.models import Count, F, FloatField, Func, IntegerField, Max, Min, QuerySet
from django.db.models.functions import Cast

from annotations.design import draw_stimuli
from annotations.models import Study, StudyPart
from inference.errors import NothingSelectedError, WrongStateError
from inference.models import GenerationRun, JobState, Response, Stimulus


class Reply(NamedTuple):
    """One run's response to a client turn; for whole dialogues, to a dialogue's last one."""

    pk: int
    run: int
    stimulus: int


Material = Mapping[int, Sequence[Reply]]
"""Client turn of the first reply -> one reply per run, in the order of the runs."""


@dataclass(frozen=True)
class TurnCounts:
    answered: int
    """Client turns that every run answered."""
    similar: int
    """Of these, with replies of similar length."""
    reserved: int
    """Of these, kept for the reference panel."""
    drawn: int


class Words(Func):
    """Number of words. Splitting at blanks takes a fifth of the time of a regular expression."""

    template = (
        r"cardinality(array_remove(string_to_array("
        r"translate(%(expressions)s, E'\n\r\t', '   '), ' '), ''))"
    )
    output_field = IntegerField()


def material_for(study: Study, unit: str, reserved: Collection[int] = ()) -> Material:
    """What the parts of this unit are made of. `reserved`: client turns of the reference panel.

    Raises WrongStateError for runs that are not finished, NothingSelectedError where nothing is
    left.
    """
    runs = finished_runs(study)
    if unit == StudyPart.Unit.DIALOGUE:
        found = whole_dialogues(runs, study.seed)
    else:
        found = replies_to_turns(runs, study.longest_ratio)
    found = {key: replies for key, replies in found.items() if key not in reserved}
    if not found:
        raise NothingSelectedError(why_nothing(study, unit, bool(reserved)))
    return drawn_sample(found, study.stimulus_limit, study.seed)


def finished_runs(study: Study) -> list[GenerationRun]:
    runs = [link.run for link in study.study_runs.select_related("run")]
    unfinished = [str(run.pk) for run in runs if run.state != JobState.DONE]
    if unfinished:
        raise WrongStateError(f"Generation run {', '.join(unfinished)} is not finished.")
    return runs


def replies_to_turns(runs: Sequence[GenerationRun], longest_ratio: float | None) -> Material:
    """Of a run with several answers a client turn the first one stands for the model."""
    order = {run.pk: place for place, run in enumerate(runs)}
    answers = first_answers(order)
    if longest_ratio is not None:
        answers = answers.filter(stimulus__in=similar_turns(order, longest_ratio))
    found: dict[int, list[Reply]] = defaultdict(list)
    for row in answers.order_by("stimulus_id").values_list("pk", "run_id", "stimulus_id"):
        reply = Reply(*row)
        found[reply.stimulus].append(reply)
    return {
        key: sorted(replies, key=lambda reply: order[reply.run])
        for key, replies in found.items()
        if len(replies) == len(runs)
    }


def whole_dialogues(runs: Sequence[GenerationRun], seed: int) -> Material:
    """Each run's dialogues, matched by their id in the corpus. Where no id is common to all runs,
    as with two corpora of different sources, dialogues about the same type of problem are matched
    by seed; one without a type is matched with none."""
    by_run = [dialogues_of(run) for run in runs]
    if not by_run:
        return {}
    common = set.intersection(*({row.name for row in rows} for rows in by_run))
    if common:
        keyed = [{row.name: row.reply for row in rows} for rows in by_run]
        groups = [[replies[name] for replies in keyed] for name in sorted(common)]
    else:
        groups = matched_by_problem(by_run, seed)
    return {group[0].stimulus: group for group in groups}


class DialogueRow(NamedTuple):
    name: str
    problem: str
    reply: Reply


def dialogues_of(run: GenerationRun) -> list[DialogueRow]:
    """With the run's reply to the last client turn that it answered."""
    rows = (
        first_answers([run.pk])
        .order_by("stimulus__dialogue_id", "-stimulus__last_position")
        .distinct("stimulus__dialogue_id")
        .values_list(
            "stimulus__dialogue__external_id",
            "stimulus__dialogue__problem_type",
            *("pk", "run_id", "stimulus_id"),
        )
    )
    return [
        DialogueRow(name, problem.strip().casefold(), Reply(pk, run_id, stimulus))
        for name, problem, pk, run_id, stimulus in rows
    ]


def matched_by_problem(by_run: Sequence[Sequence[DialogueRow]], seed: int) -> list[list[Reply]]:
    by_problem: dict[str, list[list[Reply]]] = defaultdict(lambda: [[] for _ in by_run])
    for place, rows in enumerate(by_run):
        for row in rows:
            by_problem[row.problem][place].append(row.reply)
    groups: list[list[Reply]] = []
    for problem in sorted(by_problem):
        if not problem:
            continue
        columns = by_problem[problem]
        for place, replies in enumerate(columns):
            Random(f"{seed}:dialogues:{place}:{problem}").shuffle(replies)  # noqa: S311
        groups.extend(list(group) for group in zip(*columns, strict=False))
    return groups


def drawn_sample(found: Material, limit: int | None, seed: int) -> Material:
    if limit is None or limit >= len(found):
        return dict(sorted(found.items()))
    dialogues = dict(Stimulus.objects.filter(pk__in=found).values_list("pk", "dialogue_id"))
    return {key: found[key] for key in sorted(draw_stimuli(dialogues, limit, seed))}


def count_turns(
    runs: Sequence[GenerationRun],
    *,
    longest_ratio: float | None,
    limit: int | None,
    reserved: Collection[int] = (),
) -> TurnCounts:
    """Without drawing them: what the choice of runs and of lengths leaves."""
    keys = [run.pk for run in runs]
    if not keys:
        return TurnCounts(0, 0, 0, 0)
    answered = answered_turns(keys)
    alike = answered if longest_ratio is None else similar_turns(keys, longest_ratio)
    similar = alike.count()
    kept = alike.filter(stimulus__in=reserved).count() if reserved else 0
    left = similar - kept
    return TurnCounts(
        answered=similar if longest_ratio is None else answered.count(),
        similar=similar,
        reserved=kept,
        drawn=left if limit is None else min(limit, left),
    )


def first_answers(runs: Collection[int]) -> QuerySet[Response]:
    return Response.objects.filter(run__in=runs, sample=0, error="")


def answered_turns(runs: Collection[int]) -> QuerySet[Response, int]:
    """Client turns that every one of these runs answered."""
    return answers_by_turn(runs).values_list("stimulus", flat=True)


def similar_turns(runs: Collection[int], longest_ratio: float) -> QuerySet[Response, int]:
    """Of these, where the longest reply has at most so many times the words of the shortest."""
    words = answers_by_turn(runs).annotate(shortest=Min(Words("text")), longest=Max(Words("text")))
    most = Cast(F("shortest"), FloatField()) * longest_ratio
    return words.filter(longest__lte=most).values_list("stimulus", flat=True)


def answers_by_turn(runs: Collection[int]) -> QuerySet[Response, Any]:
    grouped = first_answers(runs).values("stimulus").annotate(n=Count("pk"))
    return grouped.filter(n=len(runs)).order_by("stimulus")


def why_nothing(study: Study, unit: str, reserved: bool) -> str:
    if unit == StudyPart.Unit.DIALOGUE:
        return (
            "No dialogue of one run has a counterpart in the others: neither an id in the corpus "
            "nor a type of problem is common to all. Choose runs over the same corpus, or corpora "
            "that name the types of problem alike."
        )
    if study.longest_ratio is not None:
        return (
            "No client turn has replies of similar length from all runs of the study. Allow a "
            f"longer reply than {study.longest_ratio:g} times the shortest."
        )
    if reserved:
        return "Every client turn that all runs answered is an item of the reference panel."
    return "No stimulus was answered by all runs of the study."
