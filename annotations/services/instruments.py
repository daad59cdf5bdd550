from __future__ import annotations

from django.db import transaction

from annotations.instruments import CriterionText, InstrumentText, read_instrument
from annotations.models import Criterion, Instrument
from inference.errors import DomainError, UnknownNameError

TEXT_FIELDS = tuple(CriterionText.__annotations__)


class InstrumentChangedError(DomainError):
    """A version that studies may already use must keep its words."""


@transaction.atomic
def ensure_instrument(slug: str) -> Instrument:
    """The shipped instrument as rows; made on first use, compared with its file afterwards."""
    text = read_instrument(slug)
    if text is None:
        raise UnknownNameError(f"There is no instrument named “{slug}”.")
    instrument, made = Instrument.objects.get_or_create(
        slug=text.slug,
        version=text.version,
        defaults={"name": text.name, "citation": text.citation, "note": text.note},
    )
    if made:
        Criterion.objects.bulk_create(_criteria(instrument, text))
    elif [_words(c) for c in instrument.criteria.all()] != [_words(c) for c in text.criteria]:
        raise InstrumentChangedError(
            f"The file of “{slug}” differs from version {text.version} in the database. "
            "Give the changed file a new version number."
        )
    return instrument


def _criteria(instrument: Instrument, text: InstrumentText) -> list[Criterion]:
    return [
        Criterion(
            instrument=instrument,
            position=position,
            scale_min=text.scale_min,
            scale_max=text.scale_max,
            anchor_low=text.anchor_low,
            anchor_high=text.anchor_high,
            **{name: getattr(criterion, name) for name in TEXT_FIELDS},
        )
        for position, criterion in enumerate(text.criteria, start=1)
    ]


def _words(criterion: Criterion | CriterionText) -> list[str]:
    return [getattr(criterion, name) for name in TEXT_FIELDS]
