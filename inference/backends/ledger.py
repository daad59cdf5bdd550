"""What was asked of a model behind an address, what came back, and what it cost.

Kept by the database side. An answer is stored before its thread asks the next question, and is
looked for before a question is asked, so that a run that was killed pays for no answer twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from inference.endpoints import ChatAnswer, EndpointError
from inference.errors import DomainError

PromptRecord = Sequence[Mapping[str, Any]]
"""Messages as sent, bytes of media replaced (see `chat_prompt.prompt_record`). A last entry of the
role `note` was not sent: it says what could not be, such as pictures or a seed."""


class BudgetReachedError(DomainError):
    def __init__(self, spent: Decimal, budget: Decimal, currency: str) -> None:
        super().__init__(
            f"{_money(spent)} {currency} are spent, and the budget is {_money(budget)} {currency}. "
            "What was answered is kept. Give it a larger budget, then resume."
        )


class SilentError(EndpointError):
    """The server answers nothing: questions of these keys have failed because of it, not because
    of what they ask."""

    def __init__(self, message: str, keys: Sequence[str]) -> None:
        super().__init__(message)
        self.keys = frozenset(keys)


class Ledger(Protocol):
    """Of one run. Every method but `budget` is called from the threads that ask."""

    @property
    def budget(self) -> Decimal | None:
        """Spending at which no further question is asked; None: there is none."""
        ...

    def find(self, key: str) -> ChatAnswer | None:
        """The answer that is stored without an error. What failed may be asked again."""
        ...

    def store(self, key: str, prompt: PromptRecord, answer: ChatAnswer | None, error: str) -> None:
        """At once and for good: the next question is asked afterwards.

        `error` says why the answer cannot be used, empty where it can. With an answer beside it,
        that answer was paid for; with None nothing usable came back, or the server refused.
        """
        ...

    def spent(self) -> Decimal:
        """On everything that was stored, errors included, in the currency of the endpoint."""
        ...

    def close(self) -> None:
        """The calling thread asks nothing more: what belongs to it (a database connection) can be
        given back."""
        ...


def check_budget(ledger: Ledger, currency: str) -> None:
    """Before each question. Those that are under way then are still paid for, so a budget may be
    overrun by as many answers as are asked for at a time, less one, and by the one that reached
    it."""
    if ledger.budget is None:
        return
    spent = ledger.spent()
    if spent >= ledger.budget:
        raise BudgetReachedError(spent, ledger.budget, currency)


def _money(sum: Decimal) -> str:
    """At least two decimals; more only where they tell something."""
    exact = f"{sum:.6f}".rstrip("0")
    return exact if len(exact.partition(".")[2]) > 2 else f"{sum:.2f}"
