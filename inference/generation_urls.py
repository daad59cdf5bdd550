from __future__ import annotations

from django.urls import path

from inference.views import corpora, model_versions, responses_new, run_files, runs

urlpatterns = [
    path("corpora/", corpora.corpus_list, name="corpus_list"),
    path("corpora/<int:pk>/", corpora.corpus_detail, name="corpus_detail"),
    path(
        "corpora/<int:pk>/media-rights/",
        corpora.corpus_media_rights,
        name="corpus_media_rights",
    ),
    path(
        "corpora/<int:pk>/therapists/",
        corpora.therapists_register,
        name="therapists_register",
    ),
    path("dialogues/<int:pk>/", corpora.dialogue_detail, name="dialogue_detail"),
    path("clips/<int:pk>", corpora.clip, name="clip"),
    path("clips/<int:pk>/original", corpora.clip_original, name="clip_original"),
    path("models/", model_versions.model_list, name="model_list"),
    path("models/new/responses/", responses_new.responses_new, name="responses_new"),
    path("models/<int:pk>/", model_versions.model_detail, name="model_detail"),
    path("runs/", runs.run_list, name="run_list"),
    path("runs/new/", runs.run_new, name="run_new"),
    path("runs/<int:pk>/", runs.run_detail, name="run_detail"),
    path(
        "runs/<int:pk>/responses.jsonl", run_files.run_responses_jsonl, name="run_responses_jsonl"
    ),
    path("runs/<int:pk>/responses.csv", run_files.run_responses_csv, name="run_responses_csv"),
    path("runs/<int:pk>/again/", runs.run_answer_again, name="run_answer_again"),
    path("runs/<int:pk>/cancel/", runs.run_cancel, name="run_cancel"),
    path("runs/<int:pk>/resume/", runs.run_resume, name="run_resume"),
]
