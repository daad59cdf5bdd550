from __future__ import annotations

from django.urls import path

from annotations.views import follow_up, modality_studies, training_new

urlpatterns = [
    path("training/new/", training_new.training_new, name="training_new"),
    path("training/<int:pk>/next/", follow_up.training_next, name="training_next"),
    path("training/<int:pk>/generate/", follow_up.training_generate, name="training_generate"),
    path("training/<int:pk>/follow-up/", follow_up.training_follow_up, name="training_follow_up"),
    path("run-groups/<int:pk>/study/", modality_studies.run_group_study, name="run_group_study"),
]
