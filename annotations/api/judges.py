"""The LLM judges of a study, and how far each is; they are set to work on pages and by commands."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response as ApiResponse

from annotations.api.common import ActsViewSet, Plain, study_to_review
from annotations.models import JudgeRun
from annotations.selectors.judges import judge_progress, judges_of
from inference.models import JobState


class JudgeSerializer(Plain):
    id = serializers.IntegerField()
    pseudonym = serializers.CharField()
    model = serializers.CharField()
    state = serializers.ChoiceField(choices=JobState.choices)
    error = serializers.CharField(help_text="Why it stopped.")
    options = serializers.DictField(help_text="Temperature, repeats, evidence and so on.")
    questions = serializers.IntegerField(help_text="Each item as often as it is asked.")
    answered = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Without an answer; asked again when resumed.")
    items = serializers.IntegerField()
    items_judged = serializers.IntegerField()
    spent = serializers.DecimalField(max_digits=12, decimal_places=6)
    currency = serializers.CharField(help_text="Empty where nothing is paid.")
    seconds_left = serializers.FloatField(allow_null=True)


class JudgeViewSet(ActsViewSet):
    @extend_schema(responses=JudgeSerializer(many=True))
    def list(self, request: Request, study: int) -> ApiResponse:
        """In the order of their pseudonyms. They are never pooled with people."""
        rows = [row_of(run) for run in judges_of(study_to_review(request, study))]
        return ApiResponse(JudgeSerializer(rows, many=True).data)


def row_of(run: JudgeRun) -> dict[str, Any]:
    progress = judge_progress(run)
    return {
        "id": run.pk,
        "pseudonym": run.rater.pseudonym,
        "model": run.judge.name,
        "state": run.state,
        "error": run.error,
        "options": run.options,
        "questions": progress.total,
        "answered": progress.done,
        "failed": progress.failed,
        "items": progress.items,
        "items_judged": progress.submitted,
        "spent": progress.spent,
        "currency": progress.currency,
        "seconds_left": progress.remaining and progress.remaining.total_seconds(),
    }
