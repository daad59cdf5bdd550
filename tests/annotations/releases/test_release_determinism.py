"""Same answers, same rules: same bytes, whatever the database does with its rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, models, transaction

from annotations.derivation.rules import DerivationRules, rules_from_json
from annotations.models import (
    Assignment,
    Candidate,
    Item,
    Preference,
    PreferenceDataset,
    Rating,
    Study,
    StudyRater,
)
from annotations.services.datasets import find_or_release, release_folder, release_preferences
from inference.models import Dialogue, Response, Session, Stimulus, Turn
from tests.annotations.releases.conftest import SPLIT

pytestmark = pytest.mark.django_db

MOVED: tuple[type[models.Model], ...] = (
    *(Session, Dialogue, Turn, Stimulus, Response),
    *(StudyRater, Item, Candidate, Assignment, Rating, Preference),
)


def content(dataset: PreferenceDataset) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in release_folder(dataset).iterdir()}


def forget(dataset: PreferenceDataset) -> None:
    """As if it had never been released."""
    with transaction.atomic():
        dataset.delete()
    shutil.rmtree(settings.VAR / dataset.folder)


def store_in_reverse(model: type[models.Model]) -> None:
    """As a dump that is read back in another order would: each row is written anew, last first."""
    name = connection.ops.quote_name(model._meta.db_table)
    key = connection.ops.quote_name(str(model._meta.pk and model._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key} FROM {name} ORDER BY {key} DESC")  # noqa: S608
        for (pk,) in cursor.fetchall():
            cursor.execute(f"UPDATE {name} SET {key} = {key} WHERE {key} = %s", [pk])  # noqa: S608


def heap_order(model: type[models.Model]) -> list[object]:
    name = connection.ops.quote_name(model._meta.db_table)
    key = connection.ops.quote_name(str(model._meta.pk and model._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key} FROM {name} ORDER BY ctid")  # noqa: S608
        return [pk for (pk,) in cursor.fetchall()]


@pytest.mark.parametrize(
    "rules",
    [SPLIT, DerivationRules(ties="equal", decision="every_rater", balance_length=True)],
    ids=["as usual", "a row for every rater"],
)
def test_a_database_read_back_in_another_order_gives_the_same_bytes(
    study: Study, rules: DerivationRules
) -> None:
    one = release_preferences(study=study, rules=rules)
    before, order = content(one), heap_order(Preference)
    forget(one)
    for model in MOVED:
        store_in_reverse(model)
    # Not always the reverse: rows of earlier tests leave room that is filled first.
    assert heap_order(Preference) != order
    two = release_preferences(study=study, rules=rules)
    assert content(two) == before


def test_the_same_release_again_is_the_one_there_is(study: Study) -> None:
    one, made = find_or_release(study=study, rules=SPLIT)
    two, made_again = find_or_release(study=study, rules=rules_from_json(one.manifest["rules"]))
    assert (made, made_again) == (True, False)
    assert one == two


def test_other_rules_make_another_release_even_of_the_same_pairs(study: Study) -> None:
    one = release_preferences(study=study)
    two, made = find_or_release(study=study, rules=DerivationRules(margin=3))
    assert made
    assert one.sha256 == two.sha256


def test_nothing_in_a_release_tells_where_it_was_made(study: Study) -> None:
    for text in content(release_preferences(study=study)).values():
        assert str(settings.VAR).encode() not in text
        assert str(settings.BASE_DIR).encode() not in text
        assert str(Path.home()).encode() + b"/" not in text
