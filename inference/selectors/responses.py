"""The responses of a run as a researcher reads them: by client turn, with label probabilities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from inference.contracts import TurnText
from inference.models import GenerationRun, Response, RunStimulus, Stimulus
from inference.selectors.runs import PART_NAMES, parts_to_read
from inference.selectors.stimuli import stimulus_inputs

FILTERS = {
    "": "All responses",
    "failed": "Only those that could not be answered",
    "unread": "Only those with something unread",
}
LABELS_SHOWN = 3


@dataclass(frozen=True)
class LabelShare:
    label: str
    probability: float
    chosen: bool

    @property
    def percent(self) -> str:
        percent = 100 * self.probability
        return f"{percent:.1f} %" if percent >= 0.1 else "under 0.1 %"


@dataclass(frozen=True)
class Distribution:
    name: str
    labels: tuple[LabelShare, ...]
    """The likeliest first."""

    @property
    def first(self) -> tuple[LabelShare, ...]:
        return self.labels[:LABELS_SHOWN]

    @property
    def rest(self) -> tuple[LabelShare, ...]:
        return self.labels[LABELS_SHOWN:]


@dataclass(frozen=True)
class ShownResponse:
    response: Response
    labels: tuple[tuple[str, str], ...]
    """(what, label) of the labels that were read."""
    unread: tuple[str, ...]
    distributions: tuple[Distribution, ...]


@dataclass(frozen=True)
class AnsweredStimulus:
    stimulus: Stimulus
    client_turns: tuple[TurnText, ...]
    responses: tuple[ShownResponse, ...]

    @property
    def failure(self) -> str:
        """Where all of its responses failed for the same reason."""
        errors = {shown.response.error for shown in self.responses}
        return errors.pop() if len(errors) == 1 else ""


def matching(run: GenerationRun, only: str) -> Q:
    if only == "failed":
        return ~Q(error="")
    if only == "unread":
        parts = parts_to_read(run)
        unread = Q(*((part, "") for part in parts), _connector=Q.OR) if parts else Q(pk=None)
        return Q(error="") & unread
    return Q()


def answered_stimuli(run: GenerationRun, only: str = "") -> QuerySet[RunStimulus]:
    """In corpus order, which is the order of the selection."""
    responses = Response.objects.filter(matching(run, only), run=run, stimulus=OuterRef("stimulus"))
    rows = RunStimulus.objects.filter(Exists(responses), run=run)
    return rows.select_related("stimulus__dialogue").order_by("position")


def shown_responses(
    run: GenerationRun, rows: Sequence[RunStimulus], only: str = ""
) -> list[AnsweredStimulus]:
    stimuli = [row.stimulus for row in rows]
    of_stimulus: dict[int, list[ShownResponse]] = defaultdict(list)
    responses = Response.objects.filter(matching(run, only), run=run, stimulus__in=stimuli)
    parts = parts_to_read(run)
    for response in responses.order_by("sample"):
        of_stimulus[response.stimulus_id].append(_shown(response, parts))
    return [
        AnsweredStimulus(stimulus, given.client_turns, tuple(of_stimulus[stimulus.pk]))
        for stimulus, given in zip(stimuli, stimulus_inputs(stimuli), strict=True)
    ]


def _shown(response: Response, parts: Sequence[str]) -> ShownResponse:
    values = {part: getattr(response, part) for part in PART_NAMES}
    labels = {part: value for part, value in values.items() if part != "text"}
    return ShownResponse(
        response=response,
        labels=tuple((PART_NAMES[part], label) for part, label in labels.items() if label),
        unread=()
        if response.error
        else tuple(PART_NAMES[part] for part in parts if not values[part]),
        distributions=tuple(
            _distribution(PART_NAMES[part], response.label_probabilities[part], label)
            for part, label in labels.items()
            if response.label_probabilities.get(part)
        ),
    )


def _distribution(name: str, probabilities: Mapping[str, float], chosen: str) -> Distribution:
    ordered = sorted(probabilities.items(), key=lambda pair: (-pair[1], pair[0]))
    return Distribution(
        name, tuple(LabelShare(label, share, label == chosen) for label, share in ordered)
    )
