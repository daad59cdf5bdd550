from __future__ import annotations

from django.db import models

from annotations.models.assignment import Assignment
from annotations.models.study import Study, StudyRater
from inference.models import Job, JobState, ModelCall, ModelVersion


class JudgeRun(Job):
    """A language model rates a study's items as a rater of kind "llm"."""

    task_name = "annotations.tasks.gpu_judge"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="judge_runs")
    judge = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="judge_runs")
    rater = models.OneToOneField(StudyRater, on_delete=models.CASCADE, related_name="judge_run")
    options = models.JSONField(default=dict, blank=True)
    """`annotations.judging.contract.JudgeOptions`: temperature, repeats, evidence, ..."""
    prompt_sha256 = models.CharField(max_length=64, blank=True)
    """Of the instruction, which stays the same from the first item to the last."""
    budget = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    """Spending at which it stops, to be resumed with more; empty: none."""

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_expires_at"],
                condition=models.Q(state__in=[JobState.QUEUED, JobState.RUNNING]),
                name="judge_run_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.judge} in {self.study}"


class JudgeAnswer(models.Model):
    """One time that a judge was asked about an item: of several repetitions and both orders the
    assignment's answers are made."""

    run = models.ForeignKey(JudgeRun, on_delete=models.CASCADE, related_name="answers")
    assignment = models.ForeignKey(
        Assignment, on_delete=models.CASCADE, related_name="judge_answers"
    )
    repetition = models.PositiveSmallIntegerField(default=0)
    order = models.PositiveSmallIntegerField(default=0)
    """0: candidates as the assignment shows them; 1: in reverse."""
    call = models.ForeignKey(ModelCall, on_delete=models.PROTECT, null=True, related_name="+")
    """None: a model on this machine."""
    raw = models.TextField(blank=True)
    values = models.JSONField(default=dict)
    """Question -> answer as written for the order shown (annotations/answers.py)."""
    unread = models.JSONField(default=dict)
    """Question -> why nothing could be read: missing, never a number."""
    error = models.TextField(blank=True)
    """Why there is no answer at all."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "assignment", "repetition", "order"], name="judge_answer_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.assignment_id}"
