from __future__ import annotations

from django.urls import path

from annotations.views import results

urlpatterns = [
    path("studies/<int:pk>/results/", results.results, name="study_results"),
]
