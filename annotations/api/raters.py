"""Who rates in a study: places, and links that invite to one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import LONGEST_REASON, ActsViewSet, Plain, person, sent, study_to_review
from annotations.models import Invitation, StudyRater
from annotations.selectors.invitations import (
    invitation_for_team,
    invitation_state,
    invitations_of,
)
from annotations.selectors.studies import raters_with_progress, study_for_team
from annotations.selectors.work import rater_in
from annotations.services.invitations import (
    MOST_AT_ONCE,
    MOST_DAYS,
    VALID_DAYS,
    NewLink,
    create_invitations,
    revoke_invitation,
)
from annotations.services.rater_files import MAX_ROWS, RaterRow
from annotations.services.rater_imports import import_raters
from annotations.services.raters import links_to_hand_out
from annotations.services.reassignment import withdraw_rater
from mood_eval.access import is_team_owner
from mood_eval.models import User

EMAILS = OpenApiParameter(
    "emails", bool, description="With addresses, which the owner of the team may ask for."
)


class RaterSerializer(serializers.ModelSerializer[StudyRater]):
    total = serializers.IntegerField(help_text="Items given to this rater so far.")
    submitted = serializers.IntegerField()
    skipped = serializers.IntegerField()
    last_saved = serializers.DateTimeField(allow_null=True)
    email = serializers.SerializerMethodField()

    class Meta:
        model = StudyRater
        fields = (
            *("id", "pseudonym", "kind", "stage", "consented_at", "withdrawn_at"),
            *("total", "submitted", "skipped", "last_saved", "email"),
        )

    def get_email(self, rater: StudyRater) -> str:
        """Empty unless the owner of the team asked for it: it ties a pseudonym to a person."""
        return rater.user.email if self.context.get("emails") else ""


class AddRatersSerializer(Plain):
    emails = serializers.ListField(
        child=serializers.EmailField(), allow_empty=False, max_length=MAX_ROWS
    )


class PasswordLinkSerializer(Plain):
    email = serializers.EmailField()
    url = serializers.URLField(help_text="Under which the person sets a first password, once.")


class AddedSerializer(Plain):
    joined = serializers.IntegerField()
    present = serializers.IntegerField(help_text="Had a place already, or have left the study.")
    new_accounts = PasswordLinkSerializer(many=True)


class WithdrawSerializer(Plain):
    reason = serializers.CharField(max_length=LONGEST_REASON)
    keep_answers = serializers.BooleanField(default=True)
    give_out = serializers.BooleanField(
        default=False, help_text="Whether the freed items go to the others at once."
    )


class LeftSerializer(Plain):
    freed = serializers.IntegerField()
    kept = serializers.IntegerField(help_text="Answers that go on counting.")
    withdrawn = serializers.IntegerField(help_text="Answers that count no more.")
    given = serializers.IntegerField(help_text="Items that went to others at once.")


class RaterViewSet(ActsViewSet):
    @extend_schema(parameters=[EMAILS], responses=RaterSerializer(many=True))
    def list(self, request: Request, study: int) -> ApiResponse:
        """By pseudonym, with how far each one is."""
        found = study_for_team(request.user, study)
        context = {"emails": with_emails(request) and is_team_owner(request.user, found.team)}
        rows = raters_with_progress(found)
        return ApiResponse(RaterSerializer(rows, many=True, context=context).data)

    @extend_schema(request=AddRatersSerializer, responses={201: AddedSerializer})
    def create(self, request: Request, study: int) -> ApiResponse:
        """Gives places to people by their addresses; who has no account gets one."""
        found = study_for_team(request.user, study)
        emails = unique(sent(AddRatersSerializer, request)["emails"])
        rows = [RaterRow(line, email) for line, email in enumerate(emails, start=1)]
        plan = import_raters(study=found, rows=rows, by=person(request))
        added = {
            "joined": plan.joining,
            "present": len(emails) - plan.joining,
            "new_accounts": [
                {"email": email, "url": request.build_absolute_uri(path)}
                for email, path in links_to_hand_out(
                    found.team, User.objects.filter(email__in=plan.new_accounts)
                )
            ],
        }
        return ApiResponse(AddedSerializer(added).data, status=201)

    @extend_schema(request=WithdrawSerializer, responses=LeftSerializer)
    def withdraw(self, request: Request, study: int, rater: int) -> ApiResponse:
        """Ends a rater's part in an open study, with a reason that is kept."""
        place = rater_in(study_to_review(request, study), rater)
        left = withdraw_rater(rater=place, by=person(request), **sent(WithdrawSerializer, request))
        return ApiResponse(LeftSerializer(left).data)


def with_emails(request: Request) -> bool:
    given = request.query_params.get("emails", "false")
    if given not in ("true", "false"):
        raise serializers.ValidationError({"emails": ["Say true or false."]})
    return given == "true"


def unique(emails: list[str]) -> list[str]:
    return list(dict.fromkeys(email.strip().lower() for email in emails))


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    state = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = (*("id", "email", "state", "created_at", "expires_at", "used_at", "revoked_at"),)

    def get_state(self, invitation: Invitation) -> str:
        """open, used, revoked, expired or closed."""
        return invitation_state(invitation)


class NewInvitationSerializer(InvitationSerializer):
    url = serializers.URLField(help_text="The link. It is told this once.")

    class Meta:
        model = Invitation
        fields = (*InvitationSerializer.Meta.fields, "url")


class InviteSerializer(Plain):
    emails = serializers.ListField(
        child=serializers.EmailField(), required=False, max_length=MOST_AT_ONCE
    )
    unnamed = serializers.IntegerField(
        min_value=0, max_value=MOST_AT_ONCE, default=0, help_text="Links for whoever holds them."
    )
    days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, default=VALID_DAYS)


class InvitationViewSet(ActsViewSet):
    @extend_schema(responses=InvitationSerializer(many=True))
    def list(self, request: Request, study: int) -> ApiResponse:
        rows = invitations_of(study_for_team(request.user, study))
        return ApiResponse(InvitationSerializer(rows, many=True).data)

    @extend_schema(request=InviteSerializer, responses={201: NewInvitationSerializer(many=True)})
    def create(self, request: Request, study: int) -> ApiResponse:
        """Links that make one person a rater each, once, until they expire."""
        found = study_for_team(request.user, study)
        links = create_invitations(
            study=found, by=person(request), **sent(InviteSerializer, request)
        )
        shown = [with_address(request, link) for link in links]
        return ApiResponse(NewInvitationSerializer(shown, many=True).data, status=201)

    @extend_schema(request=None, responses=InvitationSerializer)
    def revoke(self, request: Request, study: int, invitation: int) -> ApiResponse:
        row = revoke_invitation(invitation_for_team(request.user, study, invitation))
        return ApiResponse(InvitationSerializer(row).data)


def with_address(request: Request, link: NewLink) -> Any:
    link.invitation.url = request.build_absolute_uri(link.path)  # type: ignore[attr-defined]
    return link.invitation
