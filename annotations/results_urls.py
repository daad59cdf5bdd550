from __future__ import annotations

from django.urls import path

from annotations.views import follow_up, releases, results

urlpatterns = [
    path("studies/<int:pk>/results/", results.results, name="study_results"),
    path("studies/<int:pk>/releases/", releases.release_new, name="release_new"),
    path("releases/<int:pk>/", releases.release_detail, name="release_detail"),
    path("releases/<int:pk>/files/<str:name>", releases.release_file, name="release_file"),
    path("training/<int:pk>/next/", follow_up.training_next, name="training_next"),
    path("training/<int:pk>/generate/", follow_up.training_generate, name="training_generate"),
    path("training/<int:pk>/follow-up/", follow_up.training_follow_up, name="training_follow_up"),
]
