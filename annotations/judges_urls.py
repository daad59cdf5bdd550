from __future__ import annotations

from django.urls import path

from annotations.views import judges

JUDGES = "studies/<int:pk>/judges/"
JUDGE = f"{JUDGES}<int:run>/"

urlpatterns = [
    path(JUDGES, judges.judge_list, name="judge_list"),
    path(JUDGE, judges.judge_detail, name="judge_detail"),
    path(f"{JUDGE}cancel", judges.judge_cancel, name="judge_cancel"),
    path(f"{JUDGE}resume", judges.judge_resume, name="judge_resume"),
]
