from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from inference.errors import UnknownNameError
from inference.machine_memory import size_text
from inference.management.base import DomainCommand, team_named, text_table
from inference.models import TrainingRun
from inference.services.training_disk import bytes_by_run, give_back_room
from mood_eval.models import Team


class Command(DomainCommand):
    help = (
        "What a team's training runs take on the disk. With --remove the checkpoints of a run that "
        "has ended are removed: its final model stays, but it cannot be resumed where it stopped."
    )
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--remove",
            action="append",
            default=[],
            metavar="NAME",
            help="of a training run; may be given several times",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        chosen = [run_named(team, name) for name in options["remove"]]
        given_back = sum(give_back_room(run) for run in chosen)
        states = dict(TrainingRun.objects.filter(team=team).values_list("name", "state"))
        taken = bytes_by_run(team)
        return {
            "runs": [
                {"name": name, "state": states[name], "bytes": size} for name, size in taken.items()
            ],
            "bytes": sum(taken.values()),
            "given_back": given_back,
        }

    def describe(self, report: dict[str, Any]) -> str:
        rows = [[run["name"], run["state"], size_text(run["bytes"])] for run in report["runs"]]
        rows.append(["all", "", size_text(report["bytes"])])
        return text_table(["run", "state", "on the disk"], rows)


def run_named(team: Team, name: str) -> TrainingRun:
    run = TrainingRun.objects.filter(team=team, name=name).first()
    if run is None:
        raise UnknownNameError(
            f"There is no training run named “{name}”. `manage.py training_disk` lists them."
        )
    return run
