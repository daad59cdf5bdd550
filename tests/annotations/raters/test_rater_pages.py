"""Links, lists and acts as the team of a study meets them."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotations.models import Amendment, Invitation, Study, StudyRater
from annotations.selectors.invitations import invitation_with
from mood_eval.models import Membership, User
from tests.annotations.raters.conftest import holders, submit, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(study: Study) -> str:
    return f"/studies/{study.pk}/"


@pytest.fixture
def page(ada: User, client: Client) -> Client:
    client.force_login(ada)
    return client


def test_a_link_is_shown_once(study: Study, page: Client, at: str) -> None:
    given = {"emails": "new@x.org, other@x.org", "unnamed": "1", "days": "3"}
    made = page.post(f"{at}raters/invite", given).content.decode()
    secrets = re.findall(r"http://testserver/join/([\w-]+)/", made)
    assert [invitation_with(secret).email for secret in secrets] == ["new@x.org", "other@x.org", ""]
    assert "no-store" in page.get(f"{at}raters/").headers["Cache-Control"]
    again = page.get(f"{at}raters/").content.decode()
    assert not any(secret in again for secret in secrets)
    assert "new@x.org" in again


def test_a_wrong_address_makes_no_link(page: Client, at: str) -> None:
    response = page.post(f"{at}raters/invite", {"emails": "new@x.org nobody", "days": "3"})
    assert response.status_code == 422
    assert "These are no e-mail addresses: nobody" in response.content.decode()
    assert not Invitation.objects.exists()


def test_links_are_extended_and_revoked(study: Study, page: Client, at: str) -> None:
    page.post(f"{at}raters/invite", {"unnamed": "1", "days": "1"})
    row = Invitation.objects.get()
    page.post(f"{at}invitations/{row.pk}/extend")
    later = Invitation.objects.get()
    assert later.expires_at > row.expires_at
    page.post(f"{at}invitations/{row.pk}/revoke")
    assert Invitation.objects.get().revoked_at
    assert "revoked" in page.get(f"{at}raters/").content.decode()


FILE = "\ufeffEmail;Profession;Years\nnew@x.org;psychologist;8\nrui@example.org;nurse;\n"


def test_a_list_is_shown_before_it_is_done(study: Study, page: Client, at: str) -> None:
    file = SimpleUploadedFile("raters.csv", FILE.encode())
    preview = page.post(f"{at}raters/upload/", {"file": file})
    shown = preview.content.decode()
    assert "<strong>1</strong> get an account and join: new@x.org" in shown
    assert "what is kept about them changes: rui@example.org" in shown
    assert study.raters.count() == 3
    assert not User.objects.filter(email="new@x.org").exists()
    text = preview.context["text"]
    assert page.post(f"{at}raters/upload/", {"text": text, "confirm": "1"}).status_code == 302
    rater = study.raters.get(user__email="new@x.org")
    assert (rater.profession, rater.years_of_practice, len(work(rater))) == ("psychologist", 8, 6)
    assert study.raters.get(user__email="rui@example.org").profession == "nurse"
    assert set(holders(study).values()) == {2}
    assert "new@x.org<br><code>http" in page.get(f"{at}raters/").content.decode()


def test_one_bad_cell_changes_nothing(study: Study, page: Client, at: str) -> None:
    text = "email,years\nnew@x.org,8\nnobody,many\n"
    response = page.post(f"{at}raters/upload/", {"text": text, "confirm": "1"})
    assert response.status_code == 422
    said = response.content.decode()
    assert "Line 3, email:</strong> “nobody” is not an e-mail address." in said
    assert "Line 3, years:</strong> “many” is not a whole number" in said
    assert study.raters.count() == 3


def test_only_the_owner_learns_who_stands_behind_a_pseudonym(
    study: Study, max_: User, page: Client, at: str
) -> None:
    plain = page.get(f"{at}raters/list.csv").content.decode("utf-8-sig")
    assert plain.splitlines()[0] == "pseudonym,stage,consented,submitted,skipped,open,assigned"
    assert plain.splitlines()[1].startswith("R01,Rating,yes,0,0,8,8")
    assert "@" not in plain
    assert "rui@example.org" in page.get(f"{at}raters/list.csv?emails").content.decode()
    page.force_login(max_)
    assert "@" not in page.get(f"{at}raters/list.csv?emails").content.decode()
    assert "with e-mail addresses" not in page.get(f"{at}raters/").content.decode()


def test_a_withdrawal_is_confirmed_with_its_numbers(
    study: Study, first: StudyRater, page: Client, at: str
) -> None:
    submit(work(first)[0])
    address = f"{at}raters/{first.pk}/withdraw/"
    asked = page.get(address).content.decode()
    assert "<strong>7</strong> open items" in asked
    assert "about 3.5 more for each" in asked
    first.refresh_from_db()
    assert first.stage == "rating"
    refused = page.post(address, {"keep_answers": "yes", "give_out": "on", "reason": ""})
    assert refused.status_code == 422
    done = page.post(
        address, {"keep_answers": "yes", "give_out": "on", "reason": "Ill."}, follow=True
    )
    assert "R01 has left the study: 7 items freed, answers kept. 7 places given" in (
        done.content.decode()
    )
    assert set(holders(study).values()) == {2}
    assert Amendment.objects.filter(what__startswith="Rater R01 withdrawn", reason="Ill.").exists()
    page.post(f"{at}raters/{first.pk}/back/", {"reason": "Well again."})
    first.refresh_from_db()
    assert first.stage == "rating"


def test_items_are_given_away_moved_and_opened_again(
    study: Study, first: StudyRater, page: Client, at: str
) -> None:
    rater = f"{at}raters/{first.pk}/"
    done = submit(work(first)[0])
    page.post(f"{rater}release/", {"give_out": "on", "reason": "Slow."})
    assert len(work(first)) == 3  # one is done, and the next two stay with who was here today
    assert set(holders(study).values()) == {2}
    page.post(f"{rater}extend/", {"count": "2", "reason": "Has time."})
    assert len(work(first)) <= 5
    page.post(f"{rater}reopen/{done.pk}/", {"reason": "Wrong clip."})
    done.refresh_from_db()
    assert done.state == "assigned"
    assert Amendment.objects.filter(study=study).count() >= 3


def test_what_cannot_be_done_says_why_on_its_page(
    study: Study, first: StudyRater, page: Client, at: str
) -> None:
    open_item = work(first)[0]
    response = page.post(f"{at}raters/{first.pk}/reopen/{open_item.pk}/", {"reason": "x"})
    assert response.status_code == 422
    assert "Only an item that was submitted or skipped" in response.content.decode()


def test_free_places_are_given_out_from_the_progress_page(
    study: Study, first: StudyRater, page: Client, at: str
) -> None:
    page.post(f"{at}raters/{first.pk}/withdraw/", {"keep_answers": "yes", "reason": "Ill."})
    assert "8 places have no rater" in page.get(f"{at}progress/").content.decode()
    assert "<strong>8</strong> places" in page.get(f"{at}work/").content.decode()
    page.post(f"{at}work/", {"reason": "R01 has left."})
    assert set(holders(study).values()) == {2}
    assert "have no rater" not in page.get(f"{at}progress/").content.decode()


def test_who_rates_in_the_study_does_nothing_to_others_work(
    study: Study, first: StudyRater, page: Client, at: str
) -> None:
    Membership.objects.create(team=study.team, user=first.user)
    other = study.raters.get(pseudonym="R02")
    page.force_login(first.user)
    for name in ("", "withdraw/", "release/", "extend/", "back/"):
        response = page.post(f"{at}raters/{other.pk}/{name}", {"reason": "x", "count": "1"})
        shown = "" if response.status_code == 405 else response.content.decode()
        assert response.status_code == 405 or "You rate in this study" in shown
    assert "You rate in this study" in page.get(f"{at}progress/").content.decode()
    assert len(work(other)) == 8


def test_a_rater_of_another_study_is_not_found_here(
    study: Study, page: Client, at: str, first: StudyRater
) -> None:
    assert page.get(f"{at}raters/{first.pk + 1000}/").status_code == 404
