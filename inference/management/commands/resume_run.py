from __future__ import annotations

from decimal import Decimal

from inference.management.going_on import GoOnCommand
from inference.models import GenerationRun
from inference.services.generation import resume_generation_run


class Command(GoOnCommand):
    help = (
        "Go on with a run that was cancelled, has failed or has reached its budget. Answers that "
        "are there stay, and none is paid for twice."
    )

    def go_on(self, run: GenerationRun, budget: Decimal | None) -> None:
        resume_generation_run(run, budget)
