"""The peer in the same run: every answer through Django's models, one after the other."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


def rows_per_second(study: Any, most: int, to: Path) -> float:
    """With all that a row names joined, so that no answer costs a query of its own."""
    from annotations.models import Rating

    ratings = (
        Rating.objects.filter(assignment__rater__study=study)
        .select_related(
            "assignment__item__part",
            "assignment__item__stimulus__dialogue__session__corpus",
            "assignment__rater",
            "candidate__response__run__model_version",
            "criterion",
        )
        .order_by("pk")[:most]
    )
    began, count = time.perf_counter(), 0
    with to.open("w") as file:
        for rating in ratings.iterator():
            file.write(json.dumps(row(rating)) + "\n")
            count += 1
    return count / (time.perf_counter() - began)


def row(rating: Any) -> dict[str, Any]:
    given, response = rating.assignment, rating.candidate.response
    item, session = given.item, given.item.stimulus.dialogue.session
    return {
        "part": item.part.position,
        "design": item.part.design,
        "item": item.pk,
        "pool": item.pool,
        "stimulus": item.stimulus_id,
        "corpus": session.corpus.name,
        "session": session.label,
        "client": session.client,
        "rater": given.rater.pseudonym,
        "rater_kind": given.rater.kind,
        "role": given.role,
        "attempt": given.attempt,
        "position": given.position,
        "state": given.state,
        "response": response.pk,
        "model": response.run.model_version.name,
        "question": rating.criterion.slug,
        "score": rating.score,
        "content": rating.content,
        "missing": rating.cannot_rate,
        "first_answer": rating.first_answer,
        "display_order": given.display_order,
        "criteria_order": given.criteria_order,
        "opened_at": given.opened_at.isoformat(),
        "submitted_at": given.submitted_at.isoformat(),
        "active_seconds": given.active_ms / 1000,
        "comment": given.comment,
    }
