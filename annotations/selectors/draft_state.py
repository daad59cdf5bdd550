"""Whether what was worked out of a draft still holds: the same state gives the same answer."""

from __future__ import annotations

import hashlib

from django.db.models import Count, Max

from annotations.models import Item, Study

FIELDS = ("overlap", "stimulus_limit", "longest_ratio", "repeat_share", "block_size", "seed")


def state_of_draft(study: Study, *also: object) -> str:
    """Hash of everything that a design is made from, and of what else the answer depends on."""
    state = [
        study.pk,
        *(getattr(study, name) for name in FIELDS),
        list(study.parts.order_by("position").values_list()),
        list(study.parts.order_by("position").values_list("gate__hidden_share", flat=True)),
        list(
            study.study_runs.order_by("position")
            .annotate(answers=Count("run__responses"))
            .values_list("run", "answers")
        ),
        Item.objects.filter(part__study=study).aggregate(n=Count("pk"), last=Max("pk")),
        also,
    ]
    return hashlib.sha256(repr(state).encode()).hexdigest()
