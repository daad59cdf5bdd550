from __future__ import annotations

from decimal import Decimal

from inference.management.going_on import GoOnCommand
from inference.models import GenerationRun
from inference.services.generation import answer_failed_again


class Command(GoOnCommand):
    help = (
        "Try the client turns again that a run could not answer, for example after their clips "
        "were repaired. Answers that are there stay as they are."
    )

    def go_on(self, run: GenerationRun, budget: Decimal | None) -> None:
        answer_failed_again(run, budget)
