"""The LLM judges of a study: who may judge, how far each is, what it has cost."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from django.db.models import Count, Q, QuerySet, Sum
from django.shortcuts import get_object_or_404

from annotations.judging.contract import JudgeOptions
from annotations.models import Assignment, Item, JudgeAnswer, JudgeRun, Study, StudyPart
from annotations.selectors.judge_material import PartWording, wordings_of
from inference.models import JobState, ModelCall, ModelVersion
from inference.selectors.endpoints import endpoint_from_row
from inference.selectors.jobs import waiting_words
from inference.selectors.model_calls import currency_of, money_words
from inference.selectors.runs import duration_words
from mood_eval.models import Team

JUDGING_KINDS = (ModelVersion.Kind.ENDPOINT, ModelVersion.Kind.TEXT)
PACE_OF = 50
"""The latest answers, from which the remaining time is told."""
EVIDENCE_WORDS = {
    "context": "the conversation and the responses",
    "as_published": "the response alone, as published",
}


@dataclass(frozen=True)
class JudgeProgress:
    done: int
    total: int
    """Questions: each item as often as it is asked."""
    submitted: int
    items: int
    failed: int
    spent: Decimal
    currency: str
    remaining: timedelta | None

    @property
    def percent(self) -> float:
        return 100 * self.done / self.total if self.total else 0.0

    @property
    def remaining_words(self) -> str:
        return duration_words(self.remaining) if self.remaining is not None else ""

    @property
    def spent_words(self) -> str:
        """Empty where nothing is paid."""
        return money_words(self.spent, self.currency) if self.currency else ""


def judges_to_choose(team: Team) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(team=team, kind__in=JUDGING_KINDS).order_by("name")


def where_it_goes(judge: ModelVersion, study: Study, options: JudgeOptions) -> str:
    """What leaves this machine when the judge is asked, in words."""
    if judge.kind != ModelVersion.Kind.ENDPOINT:
        return "It runs on this platform's own workers; nothing is sent anywhere."
    endpoint = endpoint_from_row(judge)
    return (
        f"Each question is sent to {endpoint.url}, where it is answered by {endpoint.model}: "
        f"{', '.join(_sent(study, options))}, and the instrument's words. "
        "Never sent: clips, names of models, names or answers of raters."
    )


def _sent(study: Study, options: JudgeOptions) -> Iterator[str]:
    wordings = wordings_of(study, options).values()
    if options.evidence == "context":
        yield from ("the situation", "what client and therapist said")
    yield "the responses"
    if any(wording.shows_labels for wording in wordings):
        yield "their emotion and strategy labels"
    if any(wording.shows_reasoning for wording in wordings):
        yield "the reasoning behind them"


def judges_of(study: Study) -> QuerySet[JudgeRun]:
    """In the order in which they were started."""
    runs = study.judge_runs.select_related("judge", "rater", "created_by")
    return runs.order_by("rater__pseudonym", "pk")


def judge_in(study: Study, pk: int) -> JudgeRun:
    """404 for judges of other studies. The study was reached through its team's access."""
    run = get_object_or_404(judges_of(study), pk=pk)
    run.study = study
    return run


def questions_asked(wordings: Iterable[PartWording], parts_of_items: Iterable[int]) -> int:
    """parts_of_items: an entry for each item."""
    items = Counter(parts_of_items)
    return sum(wording.times * items[wording.part.pk] for wording in wordings)


def questions_in(study: Study, options: JudgeOptions) -> int:
    items = Item.objects.filter(part__study=study, pool=Item.Pool.STUDY)
    parts = items.values_list("part_id", flat=True)
    return questions_asked(wordings_of(study, options).values(), parts)


def prompt_hash(wordings: Iterable[PartWording]) -> str:
    """Of the instructions of all parts."""
    text = "\0".join(wording.instruction for wording in wordings)
    return hashlib.sha256(text.encode()).hexdigest()


def ledger_key(run: JudgeRun) -> str:
    """Begins the keys of the run's calls."""
    return f"judge {run.pk}/"


def spent_on(run: JudgeRun) -> Decimal:
    """Also on answers of no use, which are asked for again."""
    calls = ModelCall.objects.filter(model_version=run.judge_id, purpose=ModelCall.Purpose.JUDGE)
    mine = calls.filter(key__startswith=ledger_key(run))
    return mine.aggregate(cost=Sum("cost"))["cost"] or Decimal(0)


def judge_progress(run: JudgeRun) -> JudgeProgress:
    submitted = Q(state=Assignment.State.SUBMITTED)
    items = Assignment.objects.filter(rater=run.rater_id).aggregate(
        items=Count("pk"), submitted=Count("pk", filter=submitted)
    )
    return JudgeProgress(
        done=run.done,
        total=run.total,
        failed=run.answers.exclude(error="").count(),
        spent=spent_on(run),
        currency=currency_of(run.judge),
        remaining=_remaining(run),
        **items,
    )


def _remaining(run: JudgeRun) -> timedelta | None:
    """At the pace of the latest answers, the longest pause left out; None while unknown."""
    if run.state != JobState.RUNNING or run.done >= run.total:
        return None
    latest = JudgeAnswer.objects.filter(run=run).order_by("-pk")
    times = list(latest.values_list("created_at", flat=True)[:PACE_OF])
    pauses = sorted(later - earlier for later, earlier in pairwise(times))
    if len(pauses) < 2:
        return None
    each = sum(pauses[:-1], timedelta()) / (len(pauses) - 1)
    return each * (run.total - run.done)


def waiting_for(run: JudgeRun) -> str:
    """Why it does not go on; empty while nothing holds it up."""
    return waiting_words(run, run.study.team_id)


def compares(study: Study) -> bool:
    """Whether responses are compared in any part: then their order matters."""
    return study.parts.exclude(design=StudyPart.Design.ABSOLUTE).exists()


def option_lines(run: JudgeRun) -> list[tuple[str, str]]:
    options = JudgeOptions.from_json(run.options)
    in_both = "yes" if options.swap else "no"
    budget = "none" if run.budget is None else money_words(run.budget, currency_of(run.judge))
    return [
        ("Sees", EVIDENCE_WORDS[options.evidence]),
        ("Temperature", f"{options.temperature:g}"),
        ("Asked about each item", f"{options.repeats} time{'s' * (options.repeats != 1)}"),
        *([("Comparisons in both orders", in_both)] if compares(run.study) else []),
        ("Seed", str(options.seed)),
        ("Tokens an answer at most", str(options.max_tokens)),
        *([("Budget", budget)] if run.judge.kind == ModelVersion.Kind.ENDPOINT else []),
    ]
