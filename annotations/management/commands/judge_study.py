from __future__ import annotations

import argparse
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from annotations.judging.contract import JudgeOptions, JudgeOptionsError
from annotations.models import JudgeRun, Study
from annotations.selectors.judges import judge_progress, judges_of, judges_to_choose
from annotations.selectors.studies import find_study
from annotations.services.judge_work import run_judging
from annotations.services.judging import resume_judging, start_judging
from inference.errors import DomainError, InvalidOptionsError, UnknownNameError
from inference.management.base import DomainCommand, owner_of, team_named
from inference.management.waiting import work_until_ended
from inference.models import JobState, ModelVersion
from mood_eval.models import Team

DEFAULTS = JudgeOptions()


class Command(DomainCommand):
    help = (
        "Let a language model judge all items of a study as a rater of its own, never pooled with "
        "people; or go on with a judge that has stopped."
    )
    reports = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("study", metavar="STUDY", help="name or number")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--judge", metavar="NAME", help="the model that judges, by its name")
        who.add_argument("--resume", metavar="J01", help="go on with this judge of the study")
        parser.add_argument(
            "--evidence",
            choices=("context", "as_published"),
            default=DEFAULTS.evidence,
            help="what it sees; as_published: the response alone (default: %(default)s)",
        )
        parser.add_argument("--repeats", type=int, default=DEFAULTS.repeats, metavar="N")
        parser.add_argument("--temperature", type=float, default=DEFAULTS.temperature)
        parser.add_argument("--seed", type=int, default=DEFAULTS.seed)
        parser.add_argument("--max-tokens", type=int, default=DEFAULTS.max_tokens)
        parser.add_argument(
            "--one-order", action="store_true", help="do not ask comparisons in both orders"
        )
        parser.add_argument(
            "--budget", type=amount, metavar="AMOUNT", help="spending at which it stops"
        )
        parser.add_argument("--wait", action="store_true", help="do the work here and now")

    def act(self, **options: Any) -> dict[str, Any]:
        team = team_named(options["team"])
        study = find_study(team, options["study"])
        if options["resume"]:
            run = resume_judging(judge_named(study, options["resume"]), budget=options["budget"])
        else:
            run = start_judging(
                study=study,
                judge=model_named(team, options["judge"]),
                options=judge_options(options),
                budget=options["budget"],
                user=owner_of(team),
            )
        if options["wait"]:
            self.wait_for(run)
        run.refresh_from_db()
        return facts_of(run)

    def wait_for(self, run: JudgeRun) -> None:
        shown = -1

        def show(row: JudgeRun) -> None:
            nonlocal shown
            if row.done != shown:
                shown = row.done
                self.tell(f"{row.done}/{row.total} questions")

        work_until_ended(run, lambda: run_judging(run.pk, show), lambda: show(run))
        if run.state != JobState.DONE:
            raise DomainError(run.error or f"{run.rater.pseudonym} was cancelled.")

    def describe(self, report: dict[str, Any]) -> str:
        head = f"{report['judge']} ({report['model']})"
        if report["state"] == JobState.DONE:
            spent = f" for {report['spent']}" if report["spent"] else ""
            return f"{head} has judged {report['items_judged']} of {report['items']} items{spent}."
        return f"{head} waits for a worker of the queue gpu with {report['questions']} questions."


def amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount; write 5 or 2.50") from error


def judge_options(given: Mapping[str, Any]) -> JudgeOptions:
    named = ("temperature", "repeats", "evidence", "seed", "max_tokens")
    try:
        return JudgeOptions(swap=not given["one_order"], **{name: given[name] for name in named})
    except JudgeOptionsError as error:
        raise InvalidOptionsError(str(error)) from error


def model_named(team: Team, name: str) -> ModelVersion:
    """Also one that cannot judge: the service says why."""
    model = ModelVersion.objects.filter(team=team, name=name).first()
    if model is None:
        known = ", ".join(judges_to_choose(team).values_list("name", flat=True)) or "none yet"
        raise UnknownNameError(
            f"There is no model “{name}” in team {team}. Models that could judge: {known}."
        )
    return model


def judge_named(study: Study, pseudonym: str) -> JudgeRun:
    run = judges_of(study).filter(rater__pseudonym=pseudonym).first()
    if run is None:
        known = ", ".join(judges_of(study).values_list("rater__pseudonym", flat=True)) or "none"
        raise UnknownNameError(f"“{study}” has no judge {pseudonym}. Its judges: {known}.")
    return run


def facts_of(run: JudgeRun) -> dict[str, Any]:
    progress = judge_progress(run)
    return {
        "study": run.study_id,
        "run": run.pk,
        "judge": run.rater.pseudonym,
        "model": run.judge.name,
        "state": run.state,
        "error": run.error,
        "options": run.options,
        "budget": run.budget,
        "questions": progress.total,
        "answered": progress.done,
        "items": progress.items,
        "items_judged": progress.submitted,
        "spent": progress.spent_words,
    }
