"""A team's receivers of messages."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import ActsViewSet, Plain, sent
from annotations.models import Webhook, WebhookDelivery
from annotations.selectors.webhooks import (
    deliveries_of,
    delivery_for,
    webhook_for,
    webhooks_of,
)
from annotations.services.deliveries import send_again
from annotations.services.webhooks import (
    add_webhook,
    delete_webhook,
    edit_webhook,
    set_active,
)
from mood_eval.access import current_team


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    events = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Webhook
        fields = ("id", "url", "events", "active", "created_at")


class WebhookDetailSerializer(WebhookSerializer):
    class Meta:
        model = Webhook
        fields = (*WebhookSerializer.Meta.fields, "secret")


class AddWebhookSerializer(Plain):
    url = serializers.CharField(max_length=500)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=Webhook.Event.choices), allow_empty=False
    )


class ChangeWebhookSerializer(Plain):
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=Webhook.Event.choices),
        allow_empty=False,
        required=False,
    )
    active = serializers.BooleanField(required=False)


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    payload = serializers.DictField()

    class Meta:
        model = WebhookDelivery
        fields = (
            *("id", "event", "state", "done", "status", "answer", "error", "payload"),
            *("created_at", "next_try_at", "finished_at"),
        )


class WebhookViewSet(ActsViewSet):
    @extend_schema(responses=WebhookSerializer(many=True))
    def list(self, request: Request) -> ApiResponse:
        rows = webhooks_of(current_team(request.user))
        return ApiResponse(WebhookSerializer(rows, many=True).data)

    @extend_schema(request=AddWebhookSerializer, responses={201: WebhookDetailSerializer})
    def create(self, request: Request) -> ApiResponse:
        """Messages go to this address from now on, signed with the secret in the answer."""
        team = current_team(request.user)
        webhook = add_webhook(team=team, **sent(AddWebhookSerializer, request))
        return ApiResponse(WebhookDetailSerializer(webhook).data, status=201)

    @extend_schema(responses=WebhookDetailSerializer)
    def retrieve(self, request: Request, pk: int) -> ApiResponse:
        return ApiResponse(WebhookDetailSerializer(webhook_for(request.user, pk)).data)

    @extend_schema(request=ChangeWebhookSerializer, responses=WebhookDetailSerializer)
    def partial_update(self, request: Request, pk: int) -> ApiResponse:
        """Changes its events, pauses it or goes on."""
        webhook = webhook_for(request.user, pk)
        given = sent(ChangeWebhookSerializer, request)
        if "events" in given:
            webhook = edit_webhook(webhook=webhook, events=given["events"])
        if "active" in given:
            webhook = set_active(webhook, given["active"])
        return ApiResponse(WebhookDetailSerializer(webhook).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> ApiResponse:
        delete_webhook(webhook_for(request.user, pk))
        return ApiResponse(status=204)


class DeliveryViewSet(ActsViewSet):
    @extend_schema(responses=DeliverySerializer(many=True))
    def list(self, request: Request, webhook: int) -> ApiResponse:
        """The newest messages to this receiver."""
        rows = deliveries_of(webhook_for(request.user, webhook))
        return ApiResponse(DeliverySerializer(rows, many=True).data)

    @extend_schema(request=None, responses=DeliverySerializer)
    def again(self, request: Request, webhook: int, pk: int) -> ApiResponse:
        """Sends a message again, at once."""
        row = send_again(delivery_for(request.user, webhook, pk))
        return ApiResponse(DeliverySerializer(row).data)
