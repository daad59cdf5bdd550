"""The ledger of a run: every question to a model behind an address, as a row of its own.

Its methods are called from the threads that ask. Each of these has a database connection of its
own, which `close` gives back, and each row is committed by itself: whatever happens to the run
afterwards, what was paid for is kept.
"""

from __future__ import annotations

import threading
from decimal import Decimal

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Max

from inference.backends.ledger import PromptRecord
from inference.endpoints import ChatAnswer
from inference.models import GenerationRun, ModelCall
from inference.selectors.model_calls import spent_by
from inference.stored_text import storable

TRIES = 3
"""A connection may be lost: an answer that was paid for is not given up at once."""
MOST_TOKENS = 2**31 - 1


class RunCalls:
    """The `Ledger` of `inference.backends.ledger` for one run."""

    def __init__(self, run: GenerationRun) -> None:
        self._run = run.pk
        self._team = run.team_id
        self._model = run.model_version_id
        self._budget = run.budget
        self._spent = spent_by(run.pk)
        self._counting = threading.Lock()

    @property
    def budget(self) -> Decimal | None:
        return self._budget

    def find(self, key: str) -> ChatAnswer | None:
        rows = ModelCall.objects.filter(run_id=self._run, key=key, error="")
        call = rows.order_by("attempt").first()
        return None if call is None else _answer(call)

    def store(self, key: str, prompt: PromptRecord, answer: ChatAnswer | None, error: str) -> None:
        call = ModelCall(
            team_id=self._team,
            model_version_id=self._model,
            purpose=ModelCall.Purpose.ANSWER,
            run_id=self._run,
            key=key,
            prompt=[dict(message) for message in prompt],
            error=storable(error),
            **({} if answer is None else _fields(answer)),
        )
        for left in reversed(range(TRIES)):
            try:
                self._insert(call)
            except (InterfaceError, OperationalError):
                if not left or connection.in_atomic_block:
                    raise
                connection.close_if_unusable_or_obsolete()
            else:
                with self._counting:
                    self._spent += call.cost
                return

    def _insert(self, call: ModelCall) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # Whoever stores another try of the same question waits for its number.
            about = f"ledger/{self._run}/{call.key}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [about])
            before = ModelCall.objects.filter(run_id=self._run, key=call.key)
            call.attempt = (before.aggregate(last=Max("attempt"))["last"] or 0) + 1
            call.save(force_insert=True)

    def spent(self) -> Decimal:
        """Added up as it is stored: a look at every row before every question would take longer
        with each answer."""
        with self._counting:
            return self._spent

    def close(self) -> None:
        if not connection.in_atomic_block:
            connection.close()


def _fields(answer: ChatAnswer) -> dict[str, object]:
    return {
        "raw": storable(answer.text),
        "prompt_tokens": min(max(answer.prompt_tokens, 0), MOST_TOKENS),
        "new_tokens": min(max(answer.new_tokens, 0), MOST_TOKENS),
        "cost": answer.cost,
        "seconds": answer.seconds,
    }


def _answer(call: ModelCall) -> ChatAnswer:
    return ChatAnswer(
        text=call.raw,
        prompt_tokens=call.prompt_tokens,
        new_tokens=call.new_tokens,
        cost=call.cost,
        seconds=call.seconds,
    )
