from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotations.analysis.filters import ResultsFilter
from annotations.management.analysing import analysed
from annotations.selectors.analyses import plan_of
from annotations.selectors.results_report import results_document
from annotations.selectors.studies import find_study
from annotations.services.report_files import write_report
from inference.management.base import DomainCommand, team_named


class Command(DomainCommand):
    help = "Compute every figure of a study and write the report: pictures, tables, methods, JSON."
    reports = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("study", metavar="STUDY", help="name or number of the study")
        parser.add_argument(
            "--report", metavar="DIR", type=Path, help="new or empty folder to write to"
        )

    def act(self, **options: Any) -> dict[str, Any]:
        study = find_study(team_named(options["team"]), options["study"])
        analysis = analysed(study, ResultsFilter(), self.tell)
        document = results_document(analysis)
        plan = plan_of(study)
        if plan and plan.min_active_seconds:
            # The primary results are those without what the plan excludes.
            planned = ResultsFilter(min_seconds=plan.min_active_seconds)
            document["as_planned"] = results_document(analysed(study, planned, self.tell))
        if options["report"] is not None:
            document["files"] = write_report(study, document, options["report"])
            document["folder"] = str(options["report"])
        return document

    def describe(self, report: dict[str, Any]) -> str:
        lines = [
            f"{report['name']} ({report['state']}): {report['submitted']} of "
            f"{report['assignments']} assignments submitted by {report['raters']} raters."
        ]
        lines += [
            criterion["sentence"]
            for part in report.get("as_planned", report)["sections"]["agreement"]["parts"]
            for criterion in part["criteria"]
        ]
        if "files" in report:
            lines.append(f"{len(report['files'])} files are in {report['folder']}.")
        return "\n".join(lines)
