"""A named person settles what raters disagree on; what they said stays as it is."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from annotations.answers import Choice, UnreadableAnswerError, read_answer
from annotations.models import Adjudication, Criterion, Dispute, Item, Study, StudyPart
from annotations.selectors.asked import asked_of, questions_in_part
from annotations.selectors.results_item import candidates_lettered
from annotations.selectors.studies import rates_in
from annotations.stored_answers import preference_fields, rating_fields
from inference.errors import InvalidOptionsError, WrongStateError
from mood_eval.models import User

MAX_REASON = 5000


@transaction.atomic
def settle(
    item: Item, question: str, written: str, *, by: User, reason: str, shown: str = ""
) -> Adjudication:
    """`written` as raters' answers are, with letters in the order of `candidates_lettered`. A later
    decision on the same question replaces this one in what counts; both are kept."""
    item = Item.objects.select_for_update(of=("self",), no_key=True).get(pk=item.pk)
    check_person(item.part.study, by)
    criterion = criterion_asked(item, question)
    if not reason.strip():
        raise InvalidOptionsError("Write why: the reason stands beside the decision.")
    candidates = list(candidates_lettered(item))
    asked = asked_of(item.part, criterion, len(candidates), shown)
    try:
        answer = read_answer(asked, written)
    except UnreadableAnswerError as error:
        raise InvalidOptionsError(f"The answer to “{question}”: {error}.") from error
    if answer is None:
        raise InvalidOptionsError("Choose an answer, or leave this question open.")
    if isinstance(answer, Choice) and answer.tie_kind:
        # A decision has no place for the kind; dropped, it could let what nobody accepts be chosen.
        raise InvalidOptionsError(
            f"“{written}”: what kind of tie it is cannot be settled. Settle as a tie: “tie”. What "
            "raters called not acceptable is never preferred, whatever is settled."
        )
    made = Adjudication(
        item=item, criterion=criterion, decided_by=by, reason=reason.strip()[:MAX_REASON]
    )
    if item.part.design == StudyPart.Design.ABSOLUTE:
        fields = {**rating_fields(answer), "candidate_id": candidates[0].pk}
    else:
        said = preference_fields(answer, [c.response_id for c in candidates])
        by_response = {c.response_id: c.pk for c in candidates}
        preferred = said["preferred"]
        fields = {
            "preferred_id": by_response[preferred] if preferred else None,
            **{name: said[name] for name in ("strength", "ranks", "cannot_rate")},
        }
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    settled = item.disputes.filter(criterion=criterion, settled_at=None)
    settled.exclude(rule=Dispute.Rule.FLAG).update(settled_at=timezone.now())
    return made


@transaction.atomic
def settle_flag(item: Item, *, by: User, reason: str) -> Adjudication:
    """Of an item that was flagged for harm: what was decided about it, in words."""
    item = Item.objects.select_for_update(of=("self",), no_key=True).get(pk=item.pk)
    check_person(item.part.study, by)
    if not reason.strip():
        raise InvalidOptionsError("Write what was decided about the concern.")
    item.disputes.filter(rule=Dispute.Rule.FLAG).update(settled_at=timezone.now())
    return Adjudication.objects.create(item=item, decided_by=by, reason=reason.strip()[:MAX_REASON])


def check_person(study: Study, by: User) -> None:
    if study.state == Study.State.DRAFT:
        raise WrongStateError("The study is not launched yet: there is nothing to settle.")
    if rates_in(by, study):
        raise WrongStateError("You rate in this study: somebody else has to settle its disputes.")


def criterion_asked(item: Item, question: str) -> Criterion | None:
    questions = questions_in_part(item.part, item.part.study)
    if question not in questions:
        raise InvalidOptionsError(f"This item has no question “{question}”.")
    return questions[question]
