from __future__ import annotations

from django.urls import path

from annotations.views import api_access, webhooks

WEBHOOK = "webhooks/<int:pk>/"

urlpatterns = [
    path("webhooks/", webhooks.webhook_list, name="webhook_list"),
    path(WEBHOOK, webhooks.webhook_detail, name="webhook_detail"),
    path(f"{WEBHOOK}pause", webhooks.webhook_pause, name="webhook_pause"),
    path(f"{WEBHOOK}resume", webhooks.webhook_resume, name="webhook_resume"),
    path(f"{WEBHOOK}renew", webhooks.webhook_renew, name="webhook_renew"),
    path(f"{WEBHOOK}remove/", webhooks.webhook_remove, name="webhook_remove"),
    path(f"{WEBHOOK}delete", webhooks.webhook_delete, name="webhook_delete"),
    path(f"{WEBHOOK}messages/<int:delivery>/again", webhooks.webhook_again, name="webhook_again"),
    path("api-access/", api_access.api_access, name="api_access"),
    path("api-access/revoke", api_access.api_access_revoke, name="api_access_revoke"),
]
