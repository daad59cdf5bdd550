"""A link makes one person a rater, once, until it expires or is revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from annotations.models import Amendment, Invitation, Study
from annotations.selectors.invitations import invitation_counts, invitation_state, invitation_with
from annotations.services.invitations import (
    AccountExistsError,
    InvitationUnusableError,
    accept_invitation,
    create_invitations,
    extend_invitation,
    join_with_new_account,
    revoke_invitation,
)
from annotations.services.raters import (
    UnusableAddressError,
    add_raters,
    password_link,
    rater_account,
)
from annotations.services.reassignment import withdraw_rater
from annotations.services.studies import close_study
from inference.errors import InvalidOptionsError, WrongStateError
from mood_eval.models import Team, User
from tests.annotations.raters.conftest import holders, open_study, work
from tests.factories import make_study, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "some words that are long"


def test_only_a_hash_of_the_secret_is_kept(study: Study, ada: User) -> None:
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    row = Invitation.objects.get()
    assert len(link.secret) >= 43
    assert link.secret not in str({name: str(value) for name, value in vars(row).items()})
    assert invitation_with(link.secret) == row
    assert timedelta(days=13) < row.expires_at - timezone.now() <= timedelta(days=14)


def test_a_link_for_each_address_and_some_for_whoever_holds_them(study: Study, ada: User) -> None:
    emails = ["New@example.org", "new@example.org ", "other@example.org"]
    links = create_invitations(study=study, by=ada, emails=emails, unnamed=2, days=3)
    assert [link.invitation.email for link in links] == [
        *("new@example.org", "other@example.org"),
        *("", ""),
    ]
    assert len({link.secret for link in links}) == 4
    assert invitation_counts(study).open == 4


def test_what_makes_no_link_says_why(study: Study, ada: User) -> None:
    with pytest.raises(UnusableAddressError, match="“nobody” is not an e-mail address"):
        create_invitations(study=study, by=ada, emails=["nobody"])
    with pytest.raises(InvalidOptionsError, match="1 to 90 days"):
        create_invitations(study=study, by=ada, unnamed=1, days=91)
    with pytest.raises(InvalidOptionsError, match="1 to 200 links"):
        create_invitations(study=study, by=ada)
    close_study(study)
    with pytest.raises(WrongStateError, match="closed"):
        create_invitations(study=study, by=ada, unnamed=1)
    assert not Invitation.objects.exists()


def test_who_joins_an_open_study_gets_work_at_once(study: Study, ada: User) -> None:
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    facts: dict[str, str | int | None] = {"profession": "psychologist", "years_of_practice": 4}
    rater = accept_invitation(invitation=link.invitation, user=make_user("new@x.org"), facts=facts)
    assert (rater.pseudonym, rater.profession, rater.years_of_practice) == (
        "R04",
        "psychologist",
        4,
    )
    assert len(work(rater)) == 6
    assert set(holders(study).values()) == {2}
    assert Amendment.objects.filter(study=study, what="Rater R04 joined", by=ada).exists()
    link.invitation.refresh_from_db()
    assert link.invitation.rater == rater
    assert invitation_state(link.invitation) == "used"


def test_who_joins_a_draft_waits_for_its_launch(team: Team, ada: User) -> None:
    study = open_study(team, launched=False)
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    rater = accept_invitation(invitation=link.invitation, user=make_user("new@x.org"))
    assert rater.assignments.count() == 0
    assert not Amendment.objects.exists()


def test_a_link_is_used_once(study: Study, ada: User) -> None:
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    accept_invitation(invitation=link.invitation, user=make_user("new@x.org"))
    with pytest.raises(InvitationUnusableError):
        accept_invitation(invitation=link.invitation, user=make_user("other@x.org"))
    assert study.raters.count() == 4


def test_an_expired_or_revoked_link_makes_no_rater(study: Study, ada: User) -> None:
    old, withdrawn = create_invitations(study=study, by=ada, unnamed=2)
    Invitation.objects.filter(pk=old.invitation.pk).update(expires_at=timezone.now())
    revoke_invitation(withdrawn.invitation)
    new = make_user("new@x.org")
    for link in (old, withdrawn):
        with pytest.raises(InvitationUnusableError):
            accept_invitation(invitation=link.invitation, user=new)
    extend_invitation(old.invitation)
    accept_invitation(invitation=old.invitation, user=new)
    with pytest.raises(WrongStateError, match="used or revoked"):
        extend_invitation(withdrawn.invitation)
    with pytest.raises(WrongStateError, match="joined with this link"):
        revoke_invitation(old.invitation)


def test_nobody_joins_a_closed_study(study: Study, ada: User) -> None:
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    close_study(study)
    with pytest.raises(InvitationUnusableError):
        accept_invitation(invitation=link.invitation, user=make_user("new@x.org"))


def test_who_rates_already_leaves_the_link_for_somebody_else(study: Study, ada: User) -> None:
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    rui = study.raters.get(user__email="rui@example.org")
    assert accept_invitation(invitation=link.invitation, user=rui.user) == rui
    link.invitation.refresh_from_db()
    assert invitation_state(link.invitation) == "open"


def test_a_withdrawn_rater_does_not_come_back_by_a_link(study: Study, ada: User) -> None:
    rui = study.raters.get(user__email="rui@example.org")
    withdraw_rater(rater=rui, by=ada, reason="Left.")
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    assert accept_invitation(invitation=link.invitation, user=rui.user).stage == "withdrawn"


def test_a_link_for_one_address_is_for_nobody_else(study: Study, ada: User) -> None:
    (link,) = create_invitations(study=study, by=ada, emails=["new@x.org"])
    with pytest.raises(InvitationUnusableError, match="another e-mail address"):
        accept_invitation(invitation=link.invitation, user=make_user("other@x.org"))
    rater = join_with_new_account(
        invitation=link.invitation, email="other2@x.org", password=PASSWORD
    )
    assert rater.user.email == "new@x.org"
    assert rater.user.check_password(PASSWORD)


def test_no_account_that_is_there_is_taken_over(study: Study, ada: User) -> None:
    passwordless = User.objects.create_user("new@x.org")
    for emails in (["new@x.org"], []):
        (link,) = create_invitations(study=study, by=ada, emails=emails, unnamed=not emails)
        with pytest.raises(AccountExistsError, match="Sign in"):
            join_with_new_account(invitation=link.invitation, email="NEW@x.org", password=PASSWORD)
    passwordless.refresh_from_db()
    assert not passwordless.has_usable_password()
    assert study.raters.count() == 3


def test_an_address_somebody_chose_for_themselves_is_not_trusted(study: Study, ada: User) -> None:
    """Or whoever holds an open link could wait as boss@x.org for what is meant for the boss."""
    (link,) = create_invitations(study=study, by=ada, unnamed=1)
    rater = join_with_new_account(invitation=link.invitation, email="boss@x.org", password=PASSWORD)
    with pytest.raises(UnusableAddressError, match="nobody has checked"):
        add_raters(study, ["boss@x.org"])
    run = study.study_runs.get().run
    second = make_study(study.team, [run], name="Second", launched=False)
    (proof,) = create_invitations(study=second, by=ada, emails=["boss@x.org"])
    accept_invitation(invitation=proof.invitation, user=rater.user)
    assert EmailAddress.objects.get(user=rater.user).verified
    assert add_raters(study, ["boss@x.org"]) == []


def test_who_was_invited_by_address_can_be_invited_again(study: Study) -> None:
    """Making a password link leaves an unverified address behind, which says nothing of who chose
    it."""
    (rater,) = add_raters(study, ["nina@example.org"])
    assert password_link(rater.user)
    EmailAddress.objects.get_or_create(user=rater.user, email=rater.user.email, verified=False)
    assert rater_account("nina@example.org") == rater.user
