"""A study's report as a folder: tables, pictures, methods and all figures as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from annotations.models import Study
from annotations.selectors.analyses import figures_of
from annotations.selectors.results_tables import report_tables
from annotations.services.figure_files import KINDS, figure_file, table_file
from inference.errors import DomainError


class ReportFolderError(DomainError):
    pass


def write_report(study: Study, document: dict[str, Any], folder: Path) -> list[str]:
    """Names of the files written. The folder has to be new or empty. Where the plan excludes
    answers, the tables and pictures "as planned" stand in a folder of their own."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReportFolderError(f"{folder} is not empty: name a new folder for the report.")
    files: dict[str, bytes | str] = {
        "results.json": json.dumps(
            document, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2, sort_keys=True
        )
        + "\n",
        "methods.txt": methods_text(document),
    }
    files |= _tables_and_figures(study, document["sections"], "")
    if "as_planned" in document:
        files |= _tables_and_figures(study, document["as_planned"]["sections"], "as_planned/")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return sorted(files)


def methods_text(document: dict[str, Any]) -> str:
    """The methods paragraphs, and what a reader has to be told: plan, filters, early looks."""
    lines = [
        " ".join(part[key] for key in ("methods", "within_rater", "gate") if part.get(key))
        for name in ("agreement", "models")
        for part in document["sections"].get(name, {}).get("parts", ())
        if part.get("methods")
    ]
    plan = document["plan"]
    lines.append(
        f"The analysis plan was frozen on {plan['frozen_at']:%Y-%m-%d}; primary: "
        f"{', '.join(plan['primary_criteria'])}. {_excluded(plan)}Everything else is exploratory."
        if plan and plan["frozen_at"]
        else "The study was launched without an analysis plan: everything is exploratory."
    )
    lines += [
        f"Before the close, on {look['at']:%Y-%m-%d}, {look['by']} looked at "
        f"{'comparisons between models' if look['kind'] == 'contrasts' else 'the models by name'} "
        f"({look['submitted']} of {look['assignments']} answers in): {look['reason']}"
        for look in document["early_looks"]
    ]
    lines.append(f"Data: sha256 {document['data_sha256']}.")
    return "\n\n".join(lines) + "\n"


def _excluded(plan: dict[str, Any]) -> str:
    seconds = plan["min_active_seconds"]
    if not seconds:
        return ""
    return (
        f"Primary results leave out answers given in less than {seconds} s of active time; "
        "results on all answers stand beside them. "
    )


def _tables_and_figures(
    study: Study, sections: dict[str, Any], folder: str
) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {
        f"{folder}tables/{table.name}.{kind}": table_file(table, kind)
        for table in report_tables(sections)
        for kind in ("csv", "tex")
    }
    hashes = [
        sha
        for section in sections.values()
        for part in section["parts"]
        for sha in part["figures"].values()
    ]
    files |= {
        f"{folder}figures/{figure.key}.{kind}": figure_file(figure, kind)
        for figure in figures_of(study, hashes).values()
        for kind in KINDS
    }
    return files
