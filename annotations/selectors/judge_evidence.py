"""In what a judge had less, or other, evidence than the people beside whom it stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef

from annotations.judging.contract import JudgeOptions
from annotations.models import Item, JudgeRun, Study, StudyPart
from annotations.selectors.asked import criteria_in_part
from inference.models import JobState, Turn

ALONE = (
    "People read the situation and the conversation before the response; the judge saw the "
    "response alone."
)
DIALOGUE_ALONE = "People read the situation before the dialogue; the judge did not."
CLIPS = "People saw or heard the client's clips; the judge read words only."
LABELS = (
    "People scored the text before its labels were shown; the judge saw both at once, because it "
    "is asked everything at once."
)
REASONING = (
    "People scored the text before the reasoning was shown; the judge saw both at once, because "
    "it is asked everything at once."
)


@dataclass(frozen=True)
class JudgeFacts:
    """What has to be said wherever a judge stands beside people."""

    model: str
    asked: str
    """How, in words."""
    differences: tuple[str, ...] = ()
    """Between its evidence and people's; none where it was the same."""
    done: bool = True
    """Whether it was asked about everything; one that was stopped has answered a part."""


def differences_in(part: StudyPart, options: JudgeOptions) -> list[str]:
    """Sentences; none where the evidence was the same. Needs the part's study."""
    whole = part.unit == StudyPart.Unit.DIALOGUE
    found = []
    if options.evidence == "as_published":
        found.append(DIALOGUE_ALONE if whole else ALONE)
    if not whole and shows_clips(part):
        found.append(CLIPS)
    if part.study.response_fields == Study.ResponseFields.AFTER:
        criteria = criteria_in_part(part, part.study)
        if any(criterion.about_labels for criterion in criteria):
            found.append(LABELS)
        if part.study.show_chain or any(criterion.about_chain for criterion in criteria):
            found.append(REASONING)
    return found


def differences_of(run: JudgeRun) -> list[str]:
    """In any part of the study, each once."""
    options = JudgeOptions.from_json(run.options)
    parts = run.study.parts.select_related("study").order_by("position")
    return list(dict.fromkeys(s for part in parts for s in differences_in(part, options)))


def facts_of_judges(part: StudyPart, judges: Collection[str]) -> dict[str, JudgeFacts]:
    """By pseudonym. Of a judge whose answers came from elsewhere nothing is known."""
    if not judges:
        return {}
    runs = JudgeRun.objects.filter(study=part.study_id, rater__pseudonym__in=judges)
    found = {}
    for run in runs.select_related("rater", "judge"):
        options = JudgeOptions.from_json(run.options)
        differences = tuple(differences_in(part, options))
        found[run.rater.pseudonym] = JudgeFacts(
            run.judge.name, asked_in_words(part, options), differences, run.state == JobState.DONE
        )
    return found


def judges_named(study: Study) -> list[dict[str, Any]]:
    """For what leaves the house with their answers in it: which model each of them is."""
    runs = JudgeRun.objects.filter(study=study).select_related("judge", "rater")
    return [
        {
            "pseudonym": run.rater.pseudonym,
            "model": run.judge.name,
            "named_there": run.judge.config.get("model", "") or run.judge.path,
            "weights_sha256": run.judge.weights_sha256,
            "options": run.options,
            "prompt_sha256": run.prompt_sha256,
            "other_evidence_than_people": differences_of(run),
        }
        for run in runs.order_by("rater__pseudonym")
    ]


def asked_in_words(part: StudyPart, options: JudgeOptions) -> str:
    words = [
        f"temperature {options.temperature:g}",
        "asked once"
        if options.repeats == 1
        else f"asked {options.repeats} times, the first counts",
    ]
    if len(options.orders(part.design)) > 1:
        words.append("in both orders")
    return ", ".join(words)


def shows_clips(part: StudyPart) -> bool:
    """Whether people were shown a clip of the client in any of the part's items."""
    clips = Turn.objects.filter(
        clip__isnull=False,
        dialogue=OuterRef("stimulus__dialogue"),
        position__range=(OuterRef("stimulus__first_position"), OuterRef("stimulus__last_position")),
    )
    return Item.objects.filter(Exists(clips), part=part, pool=Item.Pool.STUDY).exists()
