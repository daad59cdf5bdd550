from __future__ import annotations

from django.urls import path

from inference.views import benchmark_comparison, benchmarks, run_groups

urlpatterns = [
    path("runs/<int:pk>/benchmarks/", benchmarks.run_benchmarks, name="run_benchmarks"),
    path(
        "runs/<int:pk>/benchmarks/<int:number>/",
        benchmarks.benchmark_detail,
        name="benchmark_detail",
    ),
    path(
        "runs/<int:pk>/benchmarks/<int:number>/cancel/",
        benchmarks.benchmark_cancel,
        name="benchmark_cancel",
    ),
    path(
        "runs/<int:pk>/benchmarks/<int:number>/resume/",
        benchmarks.benchmark_resume,
        name="benchmark_resume",
    ),
    path(
        "runs/<int:pk>/benchmarks/<int:number>/<str:name>",
        benchmarks.benchmark_file,
        name="benchmark_file",
    ),
    path("benchmarks/compare/", benchmark_comparison.benchmark_compare, name="benchmark_compare"),
    path(
        "benchmarks/comparison.csv",
        benchmark_comparison.benchmark_compare_csv,
        name="benchmark_compare_csv",
    ),
    path("models/<int:pk>/modalities/", run_groups.model_modalities, name="model_modalities"),
    path("runs/<int:pk>/modalities/", run_groups.run_modalities, name="run_modalities"),
    path("run-groups/<int:pk>/", run_groups.run_group, name="run_group"),
]
