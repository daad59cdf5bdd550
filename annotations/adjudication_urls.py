from __future__ import annotations

from django.urls import path

from annotations.views import adjudication

urlpatterns = [
    path("studies/<int:pk>/disputes/", adjudication.study_disputes, name="study_disputes"),
    path("studies/<int:pk>/disputes/<int:item>/", adjudication.study_dispute, name="study_dispute"),
]
