from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from annotations.api.datasets import PreferenceDatasetViewSet, ReleaseViewSet
from annotations.api.disputes import DisputeViewSet
from annotations.api.errors import NothingHere
from annotations.api.instruments import InstrumentViewSet, TemplateViewSet
from annotations.api.judges import JudgeViewSet
from annotations.api.progress import ProgressViewSet
from annotations.api.raters import InvitationViewSet, RaterViewSet
from annotations.api.rating import ItemViewSet, PlaceViewSet
from annotations.api.review import AttemptViewSet, FlagViewSet
from annotations.api.studies import StudyViewSet
from annotations.api.training import TrainingRunViewSet
from annotations.api.webhooks import DeliveryViewSet, WebhookViewSet
from inference.api import (
    CorpusViewSet,
    GenerationRunViewSet,
    ModelVersionViewSet,
)

router = SimpleRouter()
router.register("corpora", CorpusViewSet, "api_corpus")
router.register("models", ModelVersionViewSet, "api_model")
router.register("runs", GenerationRunViewSet, "api_run")
router.register("training", TrainingRunViewSet, "api_training")
router.register("studies", StudyViewSet, "api_study")
router.register("datasets", PreferenceDatasetViewSet, "api_dataset")

LIST: dict[str, Any] = {"get": "list", "post": "create"}
STUDY = "studies/<int:study>/"
ITEM = "rating/items/<uuid:pk>/"

instruments = [
    path("templates/", TemplateViewSet.as_view({"get": "list"}), name="api_template-list"),
    path("instruments/", InstrumentViewSet.as_view(LIST), name="api_instrument-list"),
    path(
        "instruments/<str:ref>/",
        InstrumentViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="api_instrument-detail",
    ),
]
releases = [
    path(f"{STUDY}releases/", ReleaseViewSet.as_view({"post": "create"}), name="api_release-list"),
    path(
        "releases/<int:pk>/", ReleaseViewSet.as_view({"get": "retrieve"}), name="api_release-detail"
    ),
]
raters = [
    path(f"{STUDY}raters/", RaterViewSet.as_view(LIST), name="api_rater-list"),
    path(
        f"{STUDY}raters/<int:rater>/withdraw/",
        RaterViewSet.as_view({"post": "withdraw"}),
        name="api_rater-withdraw",
    ),
    path(f"{STUDY}invitations/", InvitationViewSet.as_view(LIST), name="api_invitation-list"),
    path(
        f"{STUDY}invitations/<int:invitation>/revoke/",
        InvitationViewSet.as_view({"post": "revoke"}),
        name="api_invitation-revoke",
    ),
]
review = [
    path(
        f"{STUDY}progress/",
        ProgressViewSet.as_view({"get": "retrieve"}),
        name="api_study-progress",
    ),
    path(f"{STUDY}judges/", JudgeViewSet.as_view({"get": "list"}), name="api_judge-list"),
    path(f"{STUDY}flags/", FlagViewSet.as_view({"get": "inbox"}), name="api_flag-list"),
    path(
        f"{STUDY}flags/<int:flag>/read/",
        FlagViewSet.as_view({"post": "read"}),
        name="api_flag-read",
    ),
    path(f"{STUDY}disputes/", DisputeViewSet.as_view({"get": "list"}), name="api_dispute-list"),
    path(
        f"{STUDY}disputes/<int:item>/",
        DisputeViewSet.as_view({"get": "retrieve"}),
        name="api_dispute-detail",
    ),
    path(
        f"{STUDY}disputes/<int:item>/settle/",
        DisputeViewSet.as_view({"post": "settle"}),
        name="api_dispute-settle",
    ),
    path(f"{STUDY}gates/", AttemptViewSet.as_view({"get": "list"}), name="api_attempt-list"),
    path(
        f"{STUDY}gates/<int:attempt>/decide/",
        AttemptViewSet.as_view({"post": "decide"}),
        name="api_attempt-decide",
    ),
]
rating = [
    path("rating/", PlaceViewSet.as_view({"get": "list"}), name="api_place-list"),
    path("rating/<uuid:uuid>/", PlaceViewSet.as_view({"get": "retrieve"}), name="api_place-detail"),
    path(
        "rating/<uuid:uuid>/consent/",
        PlaceViewSet.as_view({"post": "consent"}),
        name="api_place-consent",
    ),
    path(
        "rating/<uuid:uuid>/next/",
        PlaceViewSet.as_view({"get": "following"}),
        name="api_place-next",
    ),
    path(ITEM, ItemViewSet.as_view({"get": "retrieve"}), name="api_item-detail"),
    path(f"{ITEM}reference/", ItemViewSet.as_view({"get": "reference"}), name="api_item-reference"),
    path(f"{ITEM}clips/<int:number>/", ItemViewSet.as_view({"get": "clip"}), name="api_item-clip"),
    *(
        path(f"{ITEM}{act}/", ItemViewSet.as_view({"post": act}), name=f"api_item-{act}")
        for act in ("answers", "submit", "fields", "skip", "flag")
    ),
]
webhooks = [
    path("webhooks/", WebhookViewSet.as_view(LIST), name="api_webhook-list"),
    path(
        "webhooks/<int:pk>/",
        WebhookViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="api_webhook-detail",
    ),
    path(
        "webhooks/<int:webhook>/messages/",
        DeliveryViewSet.as_view({"get": "list"}),
        name="api_delivery-list",
    ),
    path(
        "webhooks/<int:webhook>/messages/<int:pk>/again/",
        DeliveryViewSet.as_view({"post": "again"}),
        name="api_delivery-again",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("", include(router.urls)),
    *instruments,
    *releases,
    *raters,
    *review,
    *rating,
    *webhooks,
    path("<path:rest>", NothingHere.as_view(), name="api_nothing"),
]
