from __future__ import annotations

from django.urls import path, register_converter

from annotations.views import (
    results,
    results_actions,
    results_figures,
    results_items,
    results_planner,
    results_report,
)


class FileKind:
    regex = "svg|pdf|png|csv"

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


class AnswerKind(FileKind):
    regex = "csv|jsonl|parquet"


register_converter(FileKind, "figure_kind")
register_converter(AnswerKind, "answer_kind")
STUDY = "studies/<int:pk>/results/"

urlpatterns = [
    path(STUDY, results.results, name="study_results"),
    path(f"{STUDY}agreement/", results.results_agreement, name="results_agreement"),
    path(f"{STUDY}raters/", results.results_raters, name="results_raters"),
    path(f"{STUDY}items/", results.results_items, name="results_items"),
    path(f"{STUDY}items/<int:item>/", results_items.results_item, name="results_item"),
    path(f"{STUDY}models/", results.results_models, name="results_models"),
    path(f"{STUDY}judges/", results.results_judges, name="results_judges"),
    path(f"{STUDY}planner/", results_planner.results_planner, name="results_planner"),
    path(f"{STUDY}report/", results_report.results_report, name="results_report"),
    path(
        f"{STUDY}answers.<answer_kind:kind>", results_report.results_answers, name="results_answers"
    ),
    path(f"{STUDY}answers.zip", results_report.results_answer_tables, name="results_answer_tables"),
    path(f"{STUDY}tables/<str:name>", results_report.results_table, name="results_table"),
    path(f"{STUDY}compute", results_actions.results_compute, name="results_compute"),
    path(f"{STUDY}progress", results_actions.results_progress, name="results_progress"),
    path(f"{STUDY}look", results_actions.results_look, name="results_look"),
    path(f"{STUDY}reveal", results_actions.results_reveal, name="results_reveal"),
    path(f"{STUDY}figures/<slug:link>/", results_figures.results_figure, name="results_figure"),
    path(
        f"{STUDY}figures/<slug:link>.<figure_kind:kind>",
        results_figures.results_figure_file,
        name="results_figure_file",
    ),
]
