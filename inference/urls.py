from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("inference.benchmark_urls")),
    path("", include("inference.generation_urls")),
    path("", include("inference.other_model_urls")),
    path("", include("inference.recognition_urls")),
    path("", include("inference.training_urls")),
]
