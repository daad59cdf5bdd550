"""After the launch only some texts and times change, with a reason that stands in the history."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.models import Amendment, Item, Study
from annotations.selectors.queue import has_consented
from annotations.selectors.study_history import history_of
from annotations.services.amendments import AMENDABLE, amend_item_note, amend_study
from annotations.services.consent import give_consent
from annotations.services.plans import save_plan
from annotations.services.studies import close_study
from annotations.services.study_drafts import (
    EDITABLE,
    choose_replies,
    edit_draft,
    invite_raters,
    remove_part,
    rename_draft,
    save_part,
)
from inference.errors import InvalidOptionsError, WrongStateError
from mood_eval.models import Team, User
from tests import factories
from tests.annotations.studies.drafts import INSTRUMENT, make_runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


@pytest.fixture
def study(team: Team) -> Study:
    return factories.make_study(team, make_runs(team, 2), [factories.make_user("rui@example.org")])


def amend(study: Study, by: User, *, reason: str = "The board asked.", **changes: Any) -> Amendment:
    return amend_study(study=study, by=by, reason=reason, changes=changes)


def test_an_amendment_keeps_before_and_after_and_who_and_why(study: Study, ada: User) -> None:
    before = study.contacts
    made = amend(study, ada, contacts="Dr Noor Haas", break_minutes=study.break_minutes)
    study.refresh_from_db()
    assert study.contacts == "Dr Noor Haas"
    assert made.changes == {"contacts": [before, "Dr Noor Haas"]}, "what stays is left out"
    assert (made.by, made.reason, made.what) == (ada, "The board asked.", "Contacts")


def test_a_changed_consent_text_makes_raters_agree_again(study: Study, ada: User) -> None:
    rater = study.raters.get()
    assert has_consented(rater)
    amend(study, ada, consent_text="You are paid per hour.")
    rater = study.raters.select_related("study").get()
    assert not has_consented(rater)
    give_consent(rater)
    assert has_consented(study.raters.select_related("study").get())
    assert list(rater.consents.order_by("version").values_list("version", flat=True)) == [1, 2]


def test_what_answers_depend_on_cannot_be_amended(study: Study, ada: User) -> None:
    for field in EDITABLE - set(AMENDABLE):
        with pytest.raises(WrongStateError, match="The launch froze"):
            amend_study(study=study, by=ada, reason="Why not?", changes={field: 1})
    assert not Amendment.objects.exists()


def test_no_step_of_the_draft_changes_a_launched_study(study: Study) -> None:
    part = study.parts.get()
    acts = (
        lambda: rename_draft(study=study, name="Other", blind_researchers=True),
        lambda: choose_replies(study=study, runs=[]),
        lambda: edit_draft(study=study, overlap=1),
        lambda: save_part(study=study, instrument=INSTRUMENT, position=part.position),
        lambda: save_part(study=study, instrument=INSTRUMENT, design="absolute"),
        lambda: remove_part(study=study, position=part.position),
        lambda: invite_raters(study=study, emails=["late@example.org"]),
        lambda: save_plan(study=study, stopping_rule="Now."),
    )
    for act in acts:
        with pytest.raises(WrongStateError, match="frozen by its launch"):
            act()


def test_frozen_plan_and_criteria_are_kept_by_the_database_itself(study: Study) -> None:
    criterion = study.parts.get().instrument.criteria.all()[0]
    criterion.definition = "Something else."
    with pytest.raises(DatabaseError), transaction.atomic():
        criterion.save()
    plan = study.analysis_plan
    plan.stopping_rule = "Now."
    with pytest.raises(DatabaseError), transaction.atomic():
        plan.save()


def test_an_amendment_itself_cannot_be_changed(study: Study, ada: User) -> None:
    made = amend(study, ada, contacts="Dr Noor Haas")
    made.reason = "Another one."
    with pytest.raises(DatabaseError), transaction.atomic():
        made.save()


def test_the_admin_site_edits_no_study() -> None:
    ours = set(apps.get_app_config("annotations").get_models())
    assert not ours & set(admin.site._registry)


def test_amendments_without_reason_or_change_are_refused(study: Study, ada: User) -> None:
    with pytest.raises(InvalidOptionsError, match="Give the reason"):
        amend(study, ada, reason="  ", contacts="Dr Noor Haas")
    with pytest.raises(InvalidOptionsError, match="Nothing differs"):
        amend(study, ada, contacts=study.contacts)
    with pytest.raises(InvalidOptionsError, match="write a consent text"):
        amend(study, ada, consent_text=" ")


def test_a_draft_is_not_amended(team: Team, ada: User) -> None:
    draft = factories.make_study(team, make_runs(team, 1), launched=False, consented=False)
    with pytest.raises(WrongStateError, match="A draft is changed on its own pages"):
        amend(draft, ada, contacts="Dr Noor Haas")


def test_after_the_close_only_facts_and_contacts_change(study: Study, ada: User) -> None:
    study = close_study(study)
    amend(study, ada, payment="30 euros an hour", flag_readers="Dr Noor Haas")
    with pytest.raises(WrongStateError, match="raters no longer meet this: Consent text"):
        amend(study, ada, consent_text="Something else.")
    item = Item.objects.select_related("part__study")[0]
    with pytest.raises(WrongStateError, match="nobody is shown this item"):
        amend_item_note(item=item, by=ada, reason="Flagged.", note="violence")


def test_the_note_of_an_item_is_amended_with_a_reason(
    study: Study, ada: User, client: Client
) -> None:
    client.force_login(ada)
    item = Item.objects.select_related("part").get(part__study=study, position=2)
    url = reverse("study_item_note", args=[study.pk, item.pk])
    assert client.post(url, {"note": "violence", "reason": ""}).status_code == 200, "no reason"
    client.post(url, {"note": "violence", "reason": "Two raters flagged it."})
    item.refresh_from_db()
    assert item.content_note == "violence"
    made = Amendment.objects.get()
    assert made.what == "Content note of part 1, item 2"
    page = client.get(reverse("study_item_notes", args=[study.pk])).content.decode()
    assert "Part 1, 2" in page
    assert "violence" in page


def test_the_page_amends_and_the_history_says_so(study: Study, ada: User, client: Client) -> None:
    client.force_login(ada)
    url = reverse("study_amend", args=[study.pk])
    page = client.get(url).content.decode()
    assert "asks every rater to agree again" in page
    fields = {
        "consent_text": study.consent_text.replace("\n", "\r\n"),
        "content_note": study.content_note,
        "contacts": "Dr Noor Haas",
        "break_minutes": 20,
        "daily_minutes": 60,
        "reason": "The support person changed.",
    }
    response = client.post(url, fields)
    assert response.headers["Location"] == reverse("study_detail", args=[study.pk])
    made = Amendment.objects.get()
    # A browser's line ends are no change: nobody agrees again for them.
    assert set(made.changes) == {"contacts", "break_minutes", "daily_minutes"}
    page = client.get(reverse("study_detail", args=[study.pk])).content.decode()
    for words in ("The support person changed.", "Dr Noor Haas", "ada@example.org", "Launched"):
        assert words in page
    assert "Nothing differs" in client.post(url, fields).content.decode()


def test_the_history_stands_newest_first_and_takes_one_query(study: Study, ada: User) -> None:
    def queries() -> int:
        found = Study.objects.select_related("created_by").get(pk=study.pk)
        with CaptureQueriesContext(connection) as captured:
            entries = history_of(found)
        assert [entry.what for entry in entries][-2:] == ["Launched", "Draft made"]
        return len(captured)

    amend(study, ada, contacts="One")
    once = queries()
    amend(study, ada, contacts="Two")
    amend(study, ada, consent_text="Three")
    assert queries() == once == 1
    assert history_of(study)[0].what == "Consent text"


@pytest.mark.parametrize("name", ["study_amend", "study_item_notes", "study_item_note"])
def test_amendments_exist_for_the_team_alone(
    study: Study, ada: User, client: Client, name: str
) -> None:
    item = Item.objects.filter(part__study=study)[0]
    sam = factories.make_user("sam@example.org")
    factories.make_team("Another lab", owner=sam)
    rui = User.objects.get(email="rui@example.org")
    url = reverse(name, args=[study.pk, item.pk] if name == "study_item_note" else [study.pk])
    for person, status in ((ada, 200), (sam, 404), (rui, 404)):
        client.force_login(person)
        assert client.get(url).status_code == status
        if status == 404:
            assert client.post(url, {"reason": "x"}).status_code in (404, 405)
    other = factories.make_study(study.team, make_other_runs(study.team), [rui], name="Other")
    client.force_login(ada)
    if name == "study_item_note":
        assert client.get(reverse(name, args=[other.pk, item.pk])).status_code == 404


def make_other_runs(team: Team) -> list[Any]:
    corpus = factories.make_corpus_with_dialogues(team, 1, name="Other corpus")
    return [factories.make_run_with_responses(team, corpus, "other-model")]
