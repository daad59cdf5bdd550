"""What a run may spend at the address it asks."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Count

from inference.errors import InvalidOptionsError
from inference.models import GenerationRun, ModelCall, ModelVersion
from inference.selectors.endpoints import endpoint_from_row
from inference.selectors.model_calls import ZERO, currency_of, money_words, spent_by

CENT = Decimal("0.01")
MAX_BUDGET = Decimal("99999999.99")
HOW_TO_GO_ON = (
    "Every answer that was paid for is kept. To go on, give it a higher budget: on the run's page, "
    "or with `manage.py resume_run {run} --budget AMOUNT`."
)


def check_budget(budget: Decimal | None, model_version: ModelVersion) -> None:
    if budget is None:
        return
    if not budget.is_finite() or not CENT <= budget <= MAX_BUDGET or budget % CENT:
        raise InvalidOptionsError(
            f"budget: an amount from {CENT} to {MAX_BUDGET}, with at most two decimals."
        )
    if model_version.kind != ModelVersion.Kind.ENDPOINT:
        raise InvalidOptionsError(
            f"budget: “{model_version}” costs nothing to ask. Leave the budget out."
        )
    endpoint = endpoint_from_row(model_version)
    if not endpoint.prompt_price and not endpoint.answer_price:
        raise InvalidOptionsError(
            f"budget: “{model_version}” was registered without prices, so nothing would count "
            "towards a budget. Leave it out, or register the model with its prices."
        )


def check_left(run: GenerationRun) -> None:
    """Before a run goes on: something must be left of its budget, if anything is to be asked. Needs
    `model_version`."""
    if run.budget is None or _is_all_paid(run):
        return
    spent = spent_by(run.pk)
    if spent >= run.budget:
        currency = currency_of(run.model_version)
        raise InvalidOptionsError(
            f"budget: run {run.pk} has spent {money_words(spent, currency)}. Give it a budget "
            f"above that; {money_words(run.budget, currency)} is not."
        )


def _is_all_paid(run: GenerationRun) -> bool:
    """Every response that is missing stands in the ledger."""
    missing = run.total - run.responses.count()
    usable = ModelCall.objects.filter(run=run, error="")
    paid = usable.aggregate(keys=Count("key", distinct=True))["keys"]
    return bool(0 < missing <= paid - run.responses.filter(error="").count())


def spent_message(run: GenerationRun) -> str:
    """Of a run that has reached its budget. Needs `model_version`."""
    currency = currency_of(run.model_version)
    return (
        f"This run has spent {money_words(spent_by(run.pk), currency)} of its budget of "
        f"{money_words(run.budget or ZERO, currency)}. {HOW_TO_GO_ON.format(run=run.pk)}"
    )
