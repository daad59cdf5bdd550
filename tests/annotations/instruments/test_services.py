"""Instruments in the database: versions, copies, imports, and words that a launch froze."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import DatabaseError, transaction

from annotations.instruments import (
    InstrumentFileError,
    InstrumentText,
    instrument_from_toml,
    read_instrument,
    shipped_instruments,
)
from annotations.models import Criterion, Instrument, Study
from annotations.selectors.instruments import instrument_as_toml, text_of
from annotations.services.instruments import (
    InstrumentChangedError,
    InstrumentInUseError,
    copy_instrument,
    delete_instrument,
    edit_instrument,
    ensure_instrument,
    import_instrument,
    make_instrument,
)
from mood_eval.models import Team
from tests import factories
from tests.annotations.instruments.written import SMALL, changed
from tests.answered_studies import add_part, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return factories.make_team(owner=factories.make_user())


@pytest.fixture
def own(team: Team) -> Instrument:
    return import_instrument(team=team, content=SMALL)


def use(instrument: Instrument, team: Team, state: str) -> Study:
    """In a study of that state."""
    study = make_study(team, [], raters=0, name=f"{state} study", state=Study.State.DRAFT)
    add_part(study, "absolute", instrument)
    Study.objects.filter(pk=study.pk).update(state=state)
    return study


def reworded(instrument: Instrument) -> InstrumentText:
    text = text_of(instrument)
    first = replace(text.criteria[0], definition="The response is friendly and interested.")
    return replace(text, note="Edited.", criteria=(first, *text.criteria[1:]))


@pytest.mark.parametrize("text", shipped_instruments(), ids=lambda text: text.slug)
def test_every_shipped_instrument_goes_into_the_tables_and_comes_out_the_same(
    text: InstrumentText,
) -> None:
    instrument = ensure_instrument(text.slug)
    assert text_of(instrument) == text
    assert instrument_from_toml(instrument_as_toml(instrument)) == text
    assert ensure_instrument(text.slug) == instrument


def test_a_team_with_an_instrument_of_the_same_name_does_not_stand_for_the_shipped_one(
    team: Team,
) -> None:
    Instrument.objects.create(team=team, slug="epitome", name="Ours")
    assert text_of(ensure_instrument("epitome")) == read_instrument("epitome")


def test_import_makes_the_instrument_of_the_file_once(team: Team) -> None:
    own = import_instrument(team=team, content=SMALL)
    assert text_of(own) == instrument_from_toml(SMALL)
    assert own.team == team
    assert import_instrument(team=team, content=instrument_as_toml(own)) == own
    other = import_instrument(team=factories.make_team("Another lab"), content=SMALL)
    assert other != own


def test_import_of_other_words_under_a_version_that_exists_is_refused_with_the_next_number(
    team: Team, own: Instrument
) -> None:
    content = changed(("The response is kind.", "The response is friendly."))
    with pytest.raises(InstrumentInUseError, match="Write version = 2 in the file"):
        import_instrument(team=team, content=content)
    second = import_instrument(team=team, content=changed(("version = 1", "version = 2")))
    assert (second.slug, second.version) == ("small", 2)


def test_import_of_a_broken_file_makes_nothing(team: Team) -> None:
    with pytest.raises(InstrumentFileError, match=r"mine\.toml, criterion “warmth”, definition"):
        import_instrument(
            team=team, content=changed(("The response is kind.", "")), file="mine.toml"
        )
    assert not Instrument.objects.exists()


def test_a_copy_belongs_to_the_team_and_says_where_it_comes_from(team: Team) -> None:
    shipped = ensure_instrument("multimood-trust")
    copy = copy_instrument(team=team, instrument=shipped)
    assert (copy.team, copy.slug, copy.version) == (team, "multimood-trust-copy", 1)
    assert copy.name == "MultiMood trustworthiness criteria (copy)"
    assert "not a validated scale" in copy.note
    assert "Copy of “MultiMood trustworthiness criteria”, version 1" in copy.note
    assert text_of(copy).criteria == text_of(shipped).criteria
    assert copy_instrument(team=team, instrument=shipped).slug == "multimood-trust-copy-2"


def test_an_edit_replaces_the_words_while_no_study_uses_them(own: Instrument) -> None:
    text = reworded(own)
    edited = edit_instrument(instrument=own, text=replace(text, slug="ignored", version=9))
    assert edited == own
    assert text_of(edited) == text


@pytest.mark.parametrize("state", [Study.State.DRAFT, Study.State.OPEN, Study.State.CLOSED])
def test_an_edit_makes_the_next_version_once_a_study_uses_the_words(
    state: str, own: Instrument, team: Team
) -> None:
    study = use(own, team, state)
    before = text_of(own)
    edited = edit_instrument(instrument=own, text=reworded(own))
    assert (edited.slug, edited.version, edited.team) == (own.slug, 2, team)
    assert edited.note == "Edited."
    assert text_of(own) == before
    assert study.parts.get().instrument == own
    again = edit_instrument(instrument=own, text=reworded(own))
    assert again.version == 3


def test_an_edit_is_checked_like_a_file(own: Instrument) -> None:
    text = text_of(own)
    broken = replace(text, criteria=(replace(text.criteria[0], guiding_question=""),))
    with pytest.raises(InstrumentFileError, match="guiding_question: is empty"):
        edit_instrument(instrument=own, text=broken)
    assert text_of(own) == text


def test_a_shipped_instrument_is_copied_not_edited() -> None:
    shipped = ensure_instrument("epitome")
    with pytest.raises(InstrumentChangedError, match="Make a copy"):
        edit_instrument(instrument=shipped, text=reworded(shipped))


def test_a_launched_studys_instrument_cannot_be_changed_or_deleted(
    own: Instrument, team: Team
) -> None:
    use(own, team, Study.State.OPEN)
    before = text_of(own)
    with pytest.raises(InstrumentInUseError, match="belongs to the study “open study”"):
        delete_instrument(instrument=own)
    for change in (
        lambda: Criterion.objects.filter(instrument=own).update(definition="Other."),
        lambda: Criterion.objects.filter(instrument=own).delete(),
        lambda: Instrument.objects.filter(pk=own.pk).update(note="Other."),
        lambda: Criterion.objects.create(
            instrument=own, slug="new", position=9, name="New", guiding_question="New?"
        ),
    ):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
            change()
    assert text_of(own) == before


def test_a_version_no_study_uses_can_be_deleted(own: Instrument) -> None:
    delete_instrument(instrument=own)
    assert not Instrument.objects.exists()
    with pytest.raises(InstrumentInUseError, match="ships with the project"):
        delete_instrument(instrument=ensure_instrument("epitome"))


def test_a_new_instrument_gets_a_name_of_its_own(team: Team, own: Instrument) -> None:
    made = make_instrument(team=team, text=text_of(own))
    assert (made.slug, made.version) == ("small-2", 1)
