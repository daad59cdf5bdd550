from __future__ import annotations

from django.urls import path

from inference.views import model_new, run_calls

urlpatterns = [
    path("models/new/endpoint/", model_new.endpoint_new, name="endpoint_new"),
    path("models/new/text/", model_new.text_model_new, name="text_model_new"),
    path("runs/<int:pk>/ledger.jsonl", run_calls.run_calls_jsonl, name="run_calls_jsonl"),
    path("runs/<int:pk>/ledger.csv", run_calls.run_calls_csv, name="run_calls_csv"),
]
