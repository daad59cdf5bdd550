from __future__ import annotations

from django.urls import path

from inference.views import training

urlpatterns = [
    path("training/", training.training_list, name="training_list"),
    path("training/<int:pk>/", training.training_detail, name="training_detail"),
    path("training/<int:pk>/samples/", training.training_samples, name="training_samples"),
    path(
        "training/<int:pk>/progress.jsonl",
        training.training_progress_jsonl,
        name="training_progress_jsonl",
    ),
    path("training/<int:pk>/log/", training.training_log, name="training_log"),
    path("training/<int:pk>/cancel/", training.training_cancel, name="training_cancel"),
    path("training/<int:pk>/resume/", training.training_resume, name="training_resume"),
]
