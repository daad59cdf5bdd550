from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from annotations.views import rating, rating_data, studies

urlpatterns: list[URLPattern | URLResolver] = [
    path("studies/", studies.study_list, name="study_list"),
    path("studies/new/", studies.study_new, name="study_new"),
    path("studies/<int:pk>/", studies.study_detail, name="study_detail"),
    path("studies/<int:pk>/launch", studies.study_launch, name="study_launch"),
    path("studies/<int:pk>/close", studies.study_close, name="study_close"),
    path("rate/", rating.rating_home, name="rating_home"),
    path("rate/recorded/", rating.rating_recorded, name="rating_recorded"),
    path("rate/<uuid:uuid>/", rating.rating_study, name="rating_study"),
    path("rate/<uuid:uuid>/consent", rating.rating_consent, name="rating_consent"),
    path("rate/item/<uuid:pk>/", rating.rating_item, name="rating_item"),
    path("rate/item/<uuid:pk>/save", rating_data.rating_save, name="rating_save"),
    path("rate/item/<uuid:pk>/submit", rating.rating_submit, name="rating_submit"),
    path("rate/item/<uuid:pk>/skip", rating.rating_skip, name="rating_skip"),
    path("rate/item/<uuid:pk>/flag", rating.rating_flag, name="rating_flag"),
    path("rate/item/<uuid:pk>/clip/<int:number>", rating_data.rating_clip, name="rating_clip"),
    path(
        "rate/item/<uuid:pk>/captions/<int:number>",
        rating_data.rating_captions,
        name="rating_captions",
    ),
    path("", include("annotations.results_urls")),
]
