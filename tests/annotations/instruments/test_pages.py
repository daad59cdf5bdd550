"""Ada and Max are researchers of one team, Sam of another, Rui rates."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.instruments import instrument_from_toml, read_instrument, shipped_instruments
from annotations.models import Instrument, Study
from annotations.selectors.instruments import text_of
from annotations.services.instruments import copy_instrument, ensure_instrument, import_instrument
from mood_eval.models import Team, User
from tests import factories
from tests.annotations.instruments.written import SMALL, changed
from tests.answered_studies import add_part, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada, members=[factories.make_user("max@example.org")])


@pytest.fixture
def own(team: Team) -> Instrument:
    return import_instrument(team=team, content=SMALL)


@pytest.fixture
def page(client: Client, ada: User, team: Team) -> Client:
    client.force_login(ada)
    return client


def text_at(client: Client, name: str, *args: Any) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


def form_of(client: Client, pk: int) -> dict[str, str]:
    """What the edit page would send if nobody changed anything."""
    return form_of_context(client.get(reverse("instrument_edit", args=[pk])).context)


def form_of_context(context: Any) -> dict[str, str]:
    editor = context["editor"]
    fields = [*editor.about, *editor.criteria.management_form]
    fields += [field for form in editor.criteria for field in form]
    values = {field.html_name: field.value() for field in fields}
    return {
        name: "on" if value is True else str(value)
        for name, value in values.items()
        if value is not None and value is not False
    }


def test_list_shows_what_ships_before_anybody_used_it_and_reading_writes_nothing(
    page: Client,
) -> None:
    listed = text_at(page, "instrument_list")
    for text in shipped_instruments():
        assert text.name in listed
        shown = text_at(page, "instrument_shipped", text.slug)
        assert text.criteria[-1].guiding_question.replace("'", "&#x27;") in shown
    assert "Your team has none yet" in listed
    assert not Instrument.objects.exists()


def test_list_counts_criteria_and_the_teams_studies(page: Client, own: Instrument) -> None:
    other = factories.make_team("Another lab")
    for each, name in ((own.team, "One"), (own.team, "Two"), (other, "Theirs")):
        assert each is not None
        add_part(
            make_study(each, [], raters=0, name=name), "absolute", ensure_instrument("epitome")
        )
    listed = page.get(reverse("instrument_list")).context
    epitome = next(line for line in listed["shipped"] if line.name == "EPITOME empathy")
    assert (epitome.version, epitome.criteria, epitome.studies) == (1, 6, 2)
    assert [(line.name, line.criteria, line.studies) for line in listed["own"]] == [
        ("Small instrument", 3, 0)
    ]


def test_an_earlier_shipped_version_stays_listed_while_a_study_of_the_team_uses_it(
    page: Client, team: Team
) -> None:
    old = Instrument.objects.create(slug="epitome", version=99, name="EPITOME of then")
    assert "EPITOME of then" not in text_at(page, "instrument_list")
    add_part(make_study(team, [], raters=0), "absolute", old)
    assert "EPITOME of then" in text_at(page, "instrument_list")


def test_detail_draws_scales_conditions_and_answers(page: Client) -> None:
    shown = text_at(page, "instrument_shipped", "counselbench")
    assert "I am not sure" in shown
    assert "Asked only where “Medical advice” was answered with “Yes”." in shown
    assert "a higher score is worse" in shown
    assert "strongly disagree" in shown
    assert "CounselBench expert evaluation" in shown, "the template that uses it"


def test_detail_says_what_the_paper_reports_and_leaves_open(page: Client) -> None:
    shown = text_at(page, "instrument_shipped", "multimood-human")
    assert "fluency 0.65" in shown
    assert "How many items were judged, and how they were drawn." in shown


def test_detail_names_the_studies_and_the_later_version(page: Client, own: Instrument) -> None:
    assert own.team is not None
    add_part(make_study(own.team, [], raters=0, name="Quiet study"), "absolute", own)
    import_instrument(team=own.team, content=changed(("version = 1", "version = 2")))
    shown = text_at(page, "instrument_detail", own.pk)
    assert "Quiet study" in shown
    assert "version 2" in shown
    assert "Delete this version" not in shown


def test_download_imports_again_as_the_same(page: Client, own: Instrument) -> None:
    response = page.get(reverse("instrument_toml", args=[own.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="small-1.toml"'
    assert instrument_from_toml(response.content.decode()) == text_of(own)
    shipped = page.get(reverse("instrument_shipped_toml", args=["epitome"]))
    assert instrument_from_toml(shipped.content.decode()) == read_instrument("epitome")


def test_a_copy_opens_for_editing_and_belongs_to_the_team(page: Client, team: Team) -> None:
    response = page.post(reverse("instrument_shipped_copy", args=["epitome"]))
    copy = Instrument.objects.get(team=team)
    assert response["Location"] == reverse("instrument_edit", args=[copy.pk])
    page.post(reverse("instrument_copy", args=[copy.pk]))
    assert Instrument.objects.filter(team=team).count() == 2


def test_import_takes_a_file_or_its_text(page: Client, team: Team) -> None:
    url = reverse("instrument_import")
    file = SimpleUploadedFile("small.toml", SMALL.encode())
    response = page.post(url, {"file": file, "content": ""})
    own = Instrument.objects.get(team=team)
    assert response["Location"] == reverse("instrument_detail", args=[own.pk])
    page.post(url, {"content": changed(("version = 1", "version = 2"))})
    assert Instrument.objects.filter(team=team, version=2).exists()


def test_import_lists_every_fault_and_keeps_the_text(page: Client) -> None:
    broken = changed(("The response is kind.", ""), ("values = [1] }", "values = [7] }"))
    shown = page.post(reverse("instrument_import"), {"content": broken}).content.decode()
    assert "2 things to put right" in shown
    assert "criterion “warmth”, definition: is empty" in shown
    assert "“advice” cannot be answered with 7" in shown
    assert "How warm is it?" in shown
    assert not Instrument.objects.exists()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"content": ""}, "Choose a file, or paste its text"),
        ({"file": SimpleUploadedFile("x.toml", b"\xff\xfe\x00"), "content": ""}, "not a text in"),
        ({"file": SimpleUploadedFile("x.toml", b"a" * 1_000_001), "content": ""}, "larger than 1"),
        ({"file": SimpleUploadedFile("mine.toml", b"slug = x"), "content": ""}, "mine.toml: Inv"),
    ],
)  # fmt: skip
def test_import_says_what_is_wrong_with_what_was_sent(
    page: Client, sent: dict[str, Any], words: str
) -> None:
    assert words in page.post(reverse("instrument_import"), sent).content.decode()


def test_import_under_a_version_that_exists_says_what_to_write(
    page: Client, own: Instrument
) -> None:
    other = changed(("The response is kind.", "Friendly, in all of it."))
    shown = page.post(reverse("instrument_import"), {"content": other}).content.decode()
    assert "Write version = 2" in shown


@pytest.mark.parametrize("slug", [text.slug for text in shipped_instruments()])
def test_saving_the_form_unchanged_changes_nothing(page: Client, team: Team, slug: str) -> None:
    copy = copy_instrument(team=team, instrument=ensure_instrument(slug))
    before = text_of(copy)
    response = page.post(reverse("instrument_edit", args=[copy.pk]), form_of(page, copy.pk))
    assert response.status_code == 302, response.context["editor"].errors()
    assert text_of(Instrument.objects.get(pk=copy.pk)) == before


def test_the_form_adds_moves_and_removes_criteria(page: Client, own: Instrument) -> None:
    sent = form_of(page, own.pk) | {
        "criteria-0-ORDER": "5",
        "criteria-0-definition": "The response is friendly to the client.",
        "criteria-2-DELETE": "on",
        "criteria-3-name": "Length of it",
        "criteria-3-guiding_question": "How long is it?",
        "criteria-3-definition": "From far too short to far too long.",
        "criteria-3-good_example": "Three sentences.",
        "criteria-3-poor_example": "Three pages.",
        "criteria-3-scale_min": "-2",
        "criteria-3-scale_max": "2",
        "criteria-3-anchors": "-2 = far too short\n0 = right\n2 = far too long",
    }
    page.post(reverse("instrument_edit", args=[own.pk]), sent)
    criteria = list(own.criteria.all())
    assert [criterion.slug for criterion in criteria] == ["advice", "warmth", "length-of-it"]
    assert criteria[1].definition == "The response is friendly to the client."
    assert (criteria[2].scale_min, criteria[2].anchor_high) == (-2, "far too long")


def test_another_criterion_is_asked_for_without_saving(page: Client, own: Instrument) -> None:
    sent = form_of(page, own.pk) | {"criteria-0-name": "Kindness", "more": "1"}
    shown = page.post(reverse("instrument_edit", args=[own.pk]), sent)
    assert shown.status_code == 200
    assert own.criteria.all()[0].name == "Warmth"
    assert 'name="criteria-4-name"' in shown.content.decode()
    assert 'value="Kindness"' in shown.content.decode()
    sent = {name: value for name, value in form_of_context(shown.context).items() if value}
    assert page.post(reverse("instrument_edit", args=[own.pk]), sent).status_code == 302
    assert [c.name for c in own.criteria.all()] == ["Kindness", "Advice", "Which advice"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"criteria-0-guiding_question": "How warm"}, "has to be a question"),
        ({"criteria-0-scale_max": ""}, "A score needs the two ends of its scale"),
        ({"criteria-0-scale_max": "0"}, "0 is not above scale_min = 1"),
        ({"criteria-0-anchors": "good"}, "“good” is not a number"),
        ({"criteria-0-anchors": "9 = good"}, "“9” is not on the scale"),
        ({"criteria-1-options": "1 = Yes"}, "at least two answers"),
        ({"criteria-2-only_if_values": "often"}, "“often” is not a whole number"),
        ({"criteria-2-only_if_values": "7"}, "cannot be answered with 7"),
        ({"criteria-1-ORDER": "9"}, "“advice” is not asked before it"),
        ({"citation": ""}, "Name or origin needs a change"),
        ({"criteria-1-slug": "warmth"}, "an earlier criterion is called “warmth”"),
    ],
)
def test_the_form_says_what_is_wrong_beside_the_field(
    page: Client, own: Instrument, change: dict[str, str], words: str
) -> None:
    before = text_of(own)
    sent = form_of(page, own.pk) | change
    response = page.post(reverse("instrument_edit", args=[own.pk]), sent)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert "needs a change" in response.content.decode()
    assert text_of(own) == before


def test_editing_what_a_study_uses_saves_the_next_version(page: Client, own: Instrument) -> None:
    assert own.team is not None
    study = make_study(own.team, [], raters=0, name="Quiet study", state=Study.State.DRAFT)
    add_part(study, "absolute", own)
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    assert "becomes the next version" in text_at(page, "instrument_edit", own.pk)
    sent = form_of(page, own.pk) | {"criteria-0-definition": "The response is friendly."}
    response = page.post(reverse("instrument_edit", args=[own.pk]), sent)
    second = Instrument.objects.get(team=own.team, version=2)
    assert response["Location"] == reverse("instrument_detail", args=[second.pk])
    assert own.criteria.all()[0].definition == "The response is kind."
    page.post(reverse("instrument_delete", args=[own.pk]))
    assert Instrument.objects.filter(pk=own.pk).exists()


def test_a_new_instrument_is_written_in_the_form(page: Client, team: Team) -> None:
    sent = {
        "name": "Ours, at last",
        "citation": "Ada (2026).",
        "criteria-TOTAL_FORMS": "1",
        "criteria-INITIAL_FORMS": "0",
        "criteria-0-name": "Warmth",
        "criteria-0-guiding_question": "How warm is it?",
        "criteria-0-definition": "Kind.",
        "criteria-0-good_example": "Hello.",
        "criteria-0-poor_example": "Next.",
        "criteria-0-kind": "text",
        "criteria-0-widget": "buttons",
        "criteria-0-level": "ordinal",
    }
    page.post(reverse("instrument_new"), sent)
    own = Instrument.objects.get(team=team)
    assert own.slug == "ours-at-last"
    assert own.criteria.get().kind == "text"
    empty = sent | {"criteria-TOTAL_FORMS": "0"}
    shown = page.post(reverse("instrument_new"), empty).content.decode()
    assert "Begin each" not in shown
    assert "at least one criterion" in shown


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("instrument_detail", "get"),
        ("instrument_edit", "get"),
        ("instrument_edit", "post"),
        ("instrument_toml", "get"),
        ("instrument_copy", "post"),
        ("instrument_delete", "post"),
    ],
)
def test_a_teams_instrument_does_not_exist_for_others(
    name: str, method: str, own: Instrument, client: Client
) -> None:
    sam, rui = factories.make_user("sam@example.org"), factories.make_user("rui@example.org")
    factories.make_team("Another lab", owner=sam)
    url = reverse(name, args=[own.pk])
    for person in (sam, rui):
        client.force_login(person)
        assert getattr(client, method)(url).status_code == 404
    assert Instrument.objects.count() == 1


def test_shipped_rows_can_be_read_but_not_edited(page: Client) -> None:
    shipped = ensure_instrument("epitome")
    assert "EPITOME" in text_at(page, "instrument_detail", shipped.pk)
    for name in ("instrument_edit", "instrument_delete"):
        assert page.post(reverse(name, args=[shipped.pk])).status_code == 404
    assert page.get(reverse("instrument_shipped", args=["nonsense"])).status_code == 404


def test_the_list_asks_the_database_the_same_number_of_times(page: Client, team: Team) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert page.get(reverse("instrument_list")).status_code == 200
        return len(captured)

    import_instrument(team=team, content=SMALL)
    page.get(reverse("instrument_list"))
    before = queries()
    for version in range(2, 8):
        content = changed(("version = 1", f"version = {version}"))
        import_instrument(team=team, content=content)
    assert queries() == before
