from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotations.models import Invitation, Study
from annotations.selectors.invitations import invitation_with

pytestmark = pytest.mark.django_db


def report(*arguments: str) -> Any:
    out = io.StringIO()
    call_command("invite_raters", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_links_are_made_and_shown_once(study: Study) -> None:
    found = report(study.name, "--email", "new@x.org", "--links", "2", "--days", "3")
    secrets = [row["link"].split("/")[2] for row in found["links"]]
    assert [invitation_with(secret).email for secret in secrets] == ["new@x.org", "", ""]
    assert Invitation.objects.count() == 3


def test_a_list_can_be_tried_before_it_is_done(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "raters.csv"
    path.write_text("email,profession\nnew@x.org,nurse\nrui@example.org,\n")
    tried = report(str(study.pk), "--csv", str(path), "--dry-run")
    assert tried["would"]["new accounts"] == ["new@x.org"]
    assert tried["would"]["unchanged"] == ["rui@example.org"]
    assert study.raters.count() == 3
    done = report(str(study.pk), "--csv", str(path))
    assert list(done["set_password"]) == ["new@x.org"]
    assert study.raters.get(user__email="new@x.org").profession == "nurse"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give either --email or --links, or --csv"),
        (["--links", "1", "--csv", "x"], "Give either --email or --links, or --csv"),
        (["--csv", "/no/such/file.csv"], "cannot be read: No such file"),
        (["--email", "nobody"], "not an e-mail address"),
    ],
)
def test_what_is_not_understood_says_why(study: Study, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        report(study.name, *arguments)
