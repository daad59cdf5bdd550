"""Items of every kind of question and every design, as one rater has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotations.models import Assignment, Criterion, Instrument, Study, StudyRater
from annotations.services.consent import give_consent
from inference.models import Response, Stimulus
from mood_eval.models import User
from tests import factories
from tests.answered_studies import add_item, add_part, assign

REPLY = (
    "It sounds as if you miss her, and you do not know how to begin. What would you want "
    "to say to her first? 🙂 There is no need to say it all at once."
)
YES_NO = [
    {"value": 1, "label": "Yes"},
    {"value": 0, "label": "No"},
    {"value": 2, "label": "Unsure"},
]
FAULTS = [
    {"value": 1, "label": "Names a medicine"},
    {"value": 2, "label": "Makes a diagnosis"},
    {"value": 3, "label": "Blames the client"},
]
EVERY_KIND: tuple[dict[str, Any], ...] = (
    {
        "slug": "empathy",
        "scale_min": 1,
        "scale_max": 5,
        "anchor_low": "none",
        "anchor_high": "full",
    },
    {
        "slug": "skill",
        "scale_min": 0,
        "scale_max": 4,
        "anchors": {"0": "harmful", "1": "poor", "2": "fair", "3": "good", "4": "excellent"},
    },
    {"slug": "warmth", "scale_min": 0, "scale_max": 10, "widget": "slider", "anchor_low": "cold"},
    {"slug": "advice", "kind": "choice", "options": YES_NO},
    {"slug": "faults", "kind": "multiple", "options": FAULTS},
    {
        "slug": "passages",
        "kind": "spans",
        "only_if": {"criterion": "advice", "values": [1]},
    },
    {"slug": "why", "kind": "text", "required": False},
)


def make_instrument(criteria: Sequence[dict[str, Any]], slug: str = "kinds") -> Instrument:
    instrument = Instrument.objects.create(slug=slug, name="Kinds", citation="Ada (2026).")
    for position, fields in enumerate(criteria):
        name = fields["slug"].replace("-", " ").capitalize()
        words = {
            "name": name,
            "definition": f"What {name.lower()} means to those who rate.",
            "guiding_question": f"How is it with {name.lower()}?",
            "good_example": "“That sounds hard.”",
            "poor_example": "“Cheer up.”",
        }
        Criterion.objects.create(instrument=instrument, position=position, **{**words, **fields})
    return instrument


def open_study(
    rui: User,
    criteria: Sequence[dict[str, Any]],
    *,
    design: str = "absolute",
    replies: Sequence[str] = (REPLY,),
    items: int = 2,
    clips: bool = False,
    study_fields: dict[str, Any] | None = None,
    item_fields: dict[str, Any] | None = None,
    **part_fields: Any,
) -> Study:
    """Rui's items, in the order of the conversation; the last reply is shown first."""
    team = factories.make_team()
    corpus = factories.make_corpus_with_dialogues(team, 2, clips=clips)
    runs = [
        factories.make_run_with_responses(team, corpus, f"model-{number}", text)
        for number, text in enumerate(replies)
    ]
    instrument = make_instrument(criteria)
    fields = {"state": Study.State.OPEN, **(study_fields or {})}
    study = Study.objects.create(
        team=team,
        name="How replies are read",
        template="test",
        seed=1,
        consent_text="I take part.",
        contacts="The study team: 0123 456",
        **fields,
    )
    rater = StudyRater.objects.create(study=study, user=rui, pseudonym="R1")
    give_consent(rater)
    part = add_part(study, design, instrument, **part_fields)
    for stimulus in Stimulus.objects.filter(responses__run=runs[0]).order_by("pk")[1 : items + 1]:
        responses = list(Response.objects.filter(stimulus=stimulus, run__in=runs).order_by("pk"))
        item = add_item(part, stimulus, responses)
        for name, value in (item_fields or {}).items():
            setattr(item, name, value)
        item.save()
        assign(item, rater, state=Assignment.State.ASSIGNED)
    return study


def item_of(study: Study, position: int = 1) -> Assignment:
    return Assignment.objects.get(rater__study=study, position=position)
