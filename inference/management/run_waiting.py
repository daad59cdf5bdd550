"""Doing a generation run's work in a command, and telling how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.template.defaultfilters import pluralize

from inference.errors import DomainError
from inference.management.waiting import work_until_ended
from inference.models import GenerationRun, JobState
from inference.selectors.model_calls import money_words
from inference.selectors.runs import run_progress
from inference.services.generation import run_generation

REASONS = 5
"""As many as a person reads."""


def wait_for_run(run: GenerationRun, tell: Callable[[str], None]) -> None:
    tell(f"Run {run.pk}: {run.model_version} gives {run.total} answers.")
    shown = -1

    def show(row: GenerationRun) -> None:
        nonlocal shown
        if row.done != shown:
            shown = row.done
            tell(progress_words(row))

    work_until_ended(run, lambda: run_generation(run.pk, on_chunk=show), lambda: show(run))
    if run.state != JobState.DONE:
        raise DomainError(run.error or f"Run {run.pk} was cancelled.")


def progress_words(run: GenerationRun) -> str:
    progress = run_progress(run)
    parts = [f"{progress.done}/{progress.total}", f"{progress.percent:.0f} %"]
    if progress.rate:
        parts.append(f"{progress.rate:.2f} responses/s")
    if progress.remaining:
        parts.append(f"{progress.remaining_words} left")
    return ", ".join(parts)


def spent_words(report: Mapping[str, Any]) -> str:
    """By a run's facts: what it has spent, and of what budget; empty where it asked nobody."""
    spent = report["spent"]
    if not spent["calls"] and report["budget"] is None:
        return ""
    cost = money_words(spent["cost"], spent["currency"])
    return cost if report["budget"] is None else f"{cost} of {report['budget']}"


def ended_words(report: Mapping[str, Any]) -> str:
    """Of a run that is done, by its facts."""
    lines = [f"Run {report['run']} is done: {report['done']} of {report['total']} answered."]
    failed, spent = report["not_answered"], spent_words(report)
    if failed:
        turns = sum(failure["stimuli"] for failure in failed)
        plural = pluralize(turns)
        lines = [f"Run {report['run']} is done. {turns} client turn{plural} could not be answered:"]
        lines += [f"  {failure['stimuli']}: {failure['reason']}" for failure in failed[:REASONS]]
        if len(failed) > REASONS:
            lines.append(f"  {len(failed) - REASONS} more reasons: see --json")
        lines.append(f"`manage.py answer_again {report['run']}` tries these again.")
    if spent:
        lines.append(f"It has spent {spent} on {report['spent']['calls']} questions.")
    return "\n".join(lines)
