"""What speaks against a model, or against going on with a training run.

Studies and releases lie a floor above, so this floor does not ask for them: whoever knows something
registers here when the program starts, and pages, forms and workers ask for all of it at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from inference.models import ModelVersion, TrainingRun


@dataclass(frozen=True)
class Caution:
    mark: str
    """A few words, to stand behind a name."""
    sentence: str
    url: str = ""
    """Where more of it can be read, for members of the team."""


Cautions = Mapping[int, Collection[Caution]]
"""Row -> what is known of it; a row of which nothing is known may be missing."""
Source = Callable[[Collection[int]], Cautions]
"""Asked for many rows at once, with a constant number of queries."""

_about_models: list[Source] = []
_about_trainings: list[Source] = []


def register_cautions(*, about_models: Source, about_trainings: Source) -> None:
    """What is said about a training run keeps it from running."""
    _about_models.append(about_models)
    _about_trainings.append(about_trainings)


def cautions_about_models(models: Iterable[ModelVersion]) -> dict[int, list[Caution]]:
    return _collected(_about_models, {model.pk for model in models})


def cautions_about_model(model: ModelVersion) -> list[Caution]:
    return cautions_about_models([model])[model.pk]


def what_stops(run: TrainingRun) -> list[Caution]:
    return _collected(_about_trainings, {run.pk})[run.pk]


def _collected(sources: Iterable[Source], rows: Collection[int]) -> dict[int, list[Caution]]:
    found: dict[int, list[Caution]] = defaultdict(list)
    for source in sources if rows else ():
        for row, cautions in source(rows).items():
            found[row] += cautions
    return found


def with_mark(name: str, cautions: Iterable[Caution]) -> str:
    """For choices, where there is room for one line."""
    marks = dict.fromkeys(caution.mark for caution in cautions)
    return f"{name} ({'; '.join(marks)})" if marks else name
