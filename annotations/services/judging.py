"""A language model becomes a rater of a study: it is checked, given a place, and set to work.

It never counts as a person: its assignments have places beyond those of people, and its account,
which nobody can sign in to, stands in no list of raters.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from random import Random

from django.db import transaction

from annotations.judging.contract import JudgeOptions
from annotations.models import Assignment, Candidate, Item, JudgeRun, Study, StudyRater
from annotations.selectors.judge_lineage import rewards_of_judge
from annotations.selectors.judge_material import wordings_of
from annotations.selectors.judges import JUDGING_KINDS, questions_asked, spent_on
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.models import JobState, ModelVersion
from inference.selectors.model_calls import currency_of, money_words
from inference.services import jobs
from inference.services.budgets import check_budget
from inference.services.endpoints import endpoint_of
from mood_eval.models import User

FIRST_SLOT = 1000
"""Places of judges come after it, those of people before."""
BATCH = 2000
Kind = ModelVersion.Kind
WHY_NO_JUDGE = {
    Kind.MULTIMOOD: "is a MultiMood checkpoint: it answers clients, and judges nobody's answers",
    Kind.REWARD: "is a reward model: it gives one number and answers no instrument",
    Kind.IMPORTED: "holds replies from a corpus and can be asked nothing",
    Kind.RESPONSES: "holds responses from a file and can be asked nothing",
}


class RewardingJudgeError(DomainError):
    """The judge supplied a reward to a model that it would judge."""


@transaction.atomic
def start_judging(
    *,
    study: Study,
    judge: ModelVersion,
    options: JudgeOptions,
    budget: Decimal | None = None,
    user: User | None = None,
) -> JudgeRun:
    # One after the other: two judges started at once are not both J01.
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    check_judge(study, judge)
    check_budget(budget, judge)
    refuse_twice(study, judge, options)
    items = items_to_judge(study)
    if not items:
        raise NothingSelectedError("This study has no items that could be judged.")
    number = study.raters.filter(kind=StudyRater.Kind.LLM).count() + 1
    rater = StudyRater.objects.create(
        study=study,
        user=technical_account(),
        kind=StudyRater.Kind.LLM,
        pseudonym=f"J{number:02d}",
    )
    give_items(rater, items, number=number, seed=options.seed)
    wordings = wordings_of(study, options)
    run = JudgeRun.objects.create(
        study=study,
        judge=judge,
        rater=rater,
        options=options.to_json(),
        budget=budget,
        total=questions_asked(wordings.values(), (item.part_id for item in items)),
        created_by=user,
    )
    jobs.enqueue(run)
    return run


def check_judge(study: Study, judge: ModelVersion) -> None:
    if study.state == Study.State.DRAFT:
        raise WrongStateError("A draft has no items to be judged yet: launch the study first.")
    if judge.team_id != study.team_id:
        raise UnknownNameError("The judge belongs to another team than the study.")
    if judge.kind not in JUDGING_KINDS:
        raise InvalidOptionsError(
            f"“{judge}” {WHY_NO_JUDGE[Kind(judge.kind)]}. Choose a model behind an address, or a "
            "language model of words."
        )
    if judge.kind == Kind.ENDPOINT:
        endpoint_of(judge)
    if rewards := rewards_of_judge(study, judge):
        raise RewardingJudgeError(
            f"“{judge}” supplied a reward to what it would judge here, and a model learns to "
            f"please its judge: {' '.join(rewards)} Choose a judge that had no part in the "
            "training."
        )


def refuse_twice(study: Study, judge: ModelVersion, options: JudgeOptions) -> None:
    """Another temperature or evidence makes another judge; the same one goes on instead."""
    for run in study.judge_runs.filter(judge=judge).select_related("rater"):
        if JudgeOptions.from_json(run.options) == options:
            raise WrongStateError(
                f"{run.rater.pseudonym} is this judge with these options already. Resume it where "
                "it stopped, or change an option."
            )


def items_to_judge(study: Study) -> list[Item]:
    """The study's own; not those of training and reference panel."""
    items = Item.objects.filter(part__study=study, pool=Item.Pool.STUDY)
    return list(items.order_by("part__position", "position", "pk"))


def technical_account() -> User:
    """Inactive, without a password, and at an address that can exist nowhere (RFC 2606)."""
    return User.objects.create_user(f"judge-{uuid.uuid4().hex}@judges.invalid", is_active=False)


def give_items(rater: StudyRater, items: Sequence[Item], *, number: int, seed: int) -> None:
    """In an order drawn by seed, so that what is judged until a budget is spent is a random sample
    of the items; candidates are shown in an order drawn by seed, too."""
    draw = Random(f"{rater.study.seed}:judge:{number}:{seed}")  # noqa: S311
    order = draw.sample(items, len(items))
    responses = responses_of(items)
    Assignment.objects.bulk_create(
        (
            Assignment(
                item=item,
                rater=rater,
                position=position,
                slot=FIRST_SLOT + number,
                display_order=draw.sample(responses[item.pk], len(responses[item.pk])),
            )
            for position, item in enumerate(order, start=1)
        ),
        batch_size=BATCH,
    )


def responses_of(items: Iterable[Item]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {item.pk: [] for item in items}
    for item, response in _candidates(list(found)):
        found[item].append(response)
    return found


def _candidates(items: list[int]) -> Iterator[tuple[int, int]]:
    rows = Candidate.objects.filter(item__in=items).order_by("item_id", "response_id")
    yield from rows.values_list("item_id", "response_id")


def cancel_judging(run: JudgeRun) -> None:
    """What was judged stays; the rest can be resumed."""
    jobs.request_cancel(run)


@transaction.atomic
def resume_judging(run: JudgeRun, *, budget: Decimal | None = None) -> JudgeRun:
    """Asks what is missing, and again what got no answer. `budget`: None leaves it as it is."""
    run = JudgeRun.objects.select_for_update(of=("self",)).select_related("judge").get(pk=run.pk)
    if run.state not in (JobState.CANCELLED, JobState.FAILED):
        raise WrongStateError("Only a judge that was cancelled or has stopped can go on.")
    if budget is not None:
        check_budget(budget, run.judge)
        run.budget = budget
    spent = spent_on(run)
    if run.budget is not None and spent >= run.budget:
        currency = currency_of(run.judge)
        raise InvalidOptionsError(
            f"{money_words(spent, currency)} of {money_words(run.budget, currency)} are spent. "
            "Give it a larger budget to go on."
        )
    run.done = run.answers.filter(error="").count()
    run.save(update_fields=["budget", "done"])
    jobs.resume(run)
    return run
