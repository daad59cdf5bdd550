"""The ledger: what was asked of models behind addresses, what came back, what it cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from inference.models import GenerationRun, ModelCall, ModelVersion
from inference.selectors.endpoints import endpoint_from_row

CHUNK = 500
REASON_LENGTH = 300
REASONS = 11
"""The page shows ten, and says whether there are more."""
COLUMNS = (
    *("call", "run", "model", "purpose", "key", "attempt", "prompt", "raw", "error"),
    *("prompt_tokens", "new_tokens", "cost", "currency", "seconds", "created_at"),
)
ZERO = Decimal(0)
CENT, SMALL = Decimal("0.01"), Decimal("0.0001")
FAILED = ~Q(error="")
SUMS: dict[str, Any] = {
    "calls": Count("pk"),
    "failed": Count("pk", filter=FAILED),
    "prompt_tokens": Coalesce(Sum("prompt_tokens"), 0),
    "new_tokens": Coalesce(Sum("new_tokens"), 0),
    "cost": Coalesce(Sum("cost"), ZERO),
}


@dataclass(frozen=True)
class Spending:
    calls: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    cost: Decimal = ZERO
    currency: str = ""

    @property
    def cost_words(self) -> str:
        return money_words(self.cost, self.currency)


@dataclass(frozen=True)
class FailedCalls:
    reason: str
    calls: int


@dataclass(frozen=True)
class RunLedger:
    spending: Spending
    failures: tuple[FailedCalls, ...]
    budget: Decimal | None

    @property
    def budget_words(self) -> str:
        if self.budget is None:
            return "no budget set"
        return f"of a budget of {money_words(self.budget, self.spending.currency)}"

    @property
    def percent(self) -> int:
        """Of the budget that is spent; at most 100."""
        return min(100, int(100 * self.spending.cost / self.budget)) if self.budget else 0

    @property
    def used_up(self) -> bool:
        return self.budget is not None and self.spending.cost >= self.budget


def money_words(amount: Decimal, currency: str) -> str:
    """Small amounts keep the digits that make them differ from nothing."""
    rounded = amount.quantize(SMALL, ROUND_HALF_UP)
    if amount > 0 and not rounded:
        return f"under {SMALL} {currency}".rstrip()
    if amount >= 1 or rounded == rounded.quantize(CENT):
        rounded = amount.quantize(CENT, ROUND_HALF_UP)
    return f"{rounded} {currency}".rstrip()


def currency_of(model: ModelVersion) -> str:
    if model.kind != ModelVersion.Kind.ENDPOINT:
        return ""
    return endpoint_from_row(model).currency


def spent_by(run: int) -> Decimal:
    return _calls_of([run]).aggregate(cost=SUMS["cost"])["cost"]  # type: ignore[no-any-return]


def run_ledger(run: GenerationRun) -> RunLedger | None:
    """None where nothing is asked over an address. Needs `model_version`."""
    if run.model_version.kind != ModelVersion.Kind.ENDPOINT:
        return None
    sums = _calls_of([run.pk]).aggregate(**SUMS)
    spending = _spending(sums, run.model_version)
    return RunLedger(spending, _failures(run) if spending.failed else (), run.budget)


def spending_by_run(runs: Sequence[GenerationRun]) -> Mapping[int, Spending]:
    """Of runs that asked something, by one query. Needs `model_version`."""
    models = {run.pk: run.model_version for run in runs}
    rows = _calls_of(models).order_by().values("run").annotate(**SUMS)
    return {row["run"]: _spending(row, models[row["run"]]) for row in rows}


def spending_of_model(model: ModelVersion) -> Mapping[str, Spending]:
    """By purpose, in words: what the model was asked for."""
    rows = ModelCall.objects.filter(model_version=model).order_by().values("purpose")
    return {
        ModelCall.Purpose(row["purpose"]).label: _spending(row, model)
        for row in rows.annotate(**SUMS).order_by("purpose")
    }


def call_rows(run: GenerationRun) -> Iterator[dict[str, Any]]:
    """In the order they were asked, read chunk by chunk. Needs `model_version`."""
    currency = currency_of(run.model_version)
    for call in ModelCall.objects.filter(run=run).order_by("pk").iterator(chunk_size=CHUNK):
        yield {
            "call": call.pk,
            "run": run.pk,
            "model": run.model_version.name,
            "purpose": call.purpose,
            "key": call.key,
            "attempt": call.attempt,
            "prompt": call.prompt,
            "raw": call.raw,
            "error": call.error,
            "prompt_tokens": call.prompt_tokens,
            "new_tokens": call.new_tokens,
            "cost": str(call.cost),
            "currency": currency,
            "seconds": call.seconds,
            "created_at": call.created_at.isoformat(),
        }


def call_cells(row: Mapping[str, Any]) -> list[object]:
    """For a spreadsheet: the messages as JSON."""
    prompt = json.dumps(row["prompt"], ensure_ascii=False)
    return [prompt if column == "prompt" else row[column] for column in COLUMNS]


def _spending(sums: Mapping[str, Any], model: ModelVersion) -> Spending:
    return Spending(**{name: sums[name] for name in SUMS}, currency=currency_of(model))


def _calls_of(runs: Sequence[int] | Mapping[int, Any]) -> QuerySet[ModelCall]:
    return ModelCall.objects.filter(run__in=list(runs))


def _failures(run: GenerationRun) -> tuple[FailedCalls, ...]:
    rows = (
        ModelCall.objects.filter(FAILED, run=run)
        .values(reason=F("error"))
        .annotate(calls=Count("pk"))
        .order_by("-calls", "reason")[:REASONS]
    )
    return tuple(FailedCalls(row["reason"][:REASON_LENGTH], row["calls"]) for row in rows)
