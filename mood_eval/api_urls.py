from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from annotations.api import PreferenceDatasetViewSet, StudyViewSet
from inference.api import (
    CorpusViewSet,
    GenerationRunViewSet,
    ModelVersionViewSet,
    TrainingRunViewSet,
)

router = SimpleRouter()
router.register("corpora", CorpusViewSet, "api_corpus")
router.register("models", ModelVersionViewSet, "api_model")
router.register("runs", GenerationRunViewSet, "api_run")
router.register("training", TrainingRunViewSet, "api_training")
router.register("studies", StudyViewSet, "api_study")
router.register("datasets", PreferenceDatasetViewSet, "api_dataset")

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("", include(router.urls)),
]
