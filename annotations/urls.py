from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from annotations.views import rating, rating_data

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("annotations.study_urls")),
    path("rate/item/<uuid:pk>/", rating.rating_item, name="rating_item"),
    path("rate/item/<uuid:pk>/save", rating_data.rating_save, name="rating_save"),
    path("rate/item/<uuid:pk>/submit", rating.rating_submit, name="rating_submit"),
    path("rate/item/<uuid:pk>/next", rating.rating_next, name="rating_next"),
    path("rate/item/<uuid:pk>/fields", rating.rating_fields, name="rating_fields"),
    path("rate/item/<uuid:pk>/skip", rating.rating_skip, name="rating_skip"),
    path("rate/item/<uuid:pk>/clip/<int:number>", rating_data.rating_clip, name="rating_clip"),
    path(
        "rate/item/<uuid:pk>/captions/<int:number>",
        rating_data.rating_captions,
        name="rating_captions",
    ),
    path("", include("annotations.adjudication_urls")),
    path("", include("annotations.care_urls")),
    path("", include("annotations.datasets_urls")),
    path("", include("annotations.gates_urls")),
    path("", include("annotations.instruments_urls")),
    path("", include("annotations.judges_urls")),
    path("", include("annotations.raters_urls")),
    path("", include("annotations.results_urls")),
    path("", include("annotations.training_urls")),
    path("", include("annotations.webhooks_urls")),
]
