from __future__ import annotations

from django.urls import path

from inference.views import recognition

urlpatterns = [
    path("runs/<int:pk>/recognition/", recognition.run_recognition, name="run_recognition"),
    path(
        "runs/<int:pk>/recognition/<str:name>",
        recognition.run_recognition_file,
        name="run_recognition_file",
    ),
]
