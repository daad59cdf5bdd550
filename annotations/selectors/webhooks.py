"""A team's receivers of messages, and what became of each message."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Count, Max, Q, QuerySet
from django.shortcuts import get_object_or_404

from annotations.models import Assignment, Study, StudyRater, Webhook, WebhookDelivery
from inference.models import JobState
from mood_eval.access import team_object
from mood_eval.models import Team, User

SHOWN = 50
WITHOUT_ALL_ANSWERS = """
    SELECT EXISTS (
        SELECT 1 FROM annotations_item i JOIN annotations_studypart p ON p.id = i.part_id
        WHERE p.study_id = %s AND i.pool = 'study' AND %s > (
            SELECT count(*) FROM annotations_assignment a
            WHERE a.item_id = i.id AND a.role = 'independent' AND a.state = 'submitted'
              AND a.rater_id NOT IN (SELECT id FROM annotations_studyrater
                                     WHERE study_id = p.study_id AND kind = 'llm')))"""


def webhooks_for(study: Study, event: str) -> QuerySet[Webhook]:
    return Webhook.objects.filter(
        team=study.team_id, active=True, events__contains=[event]
    ).order_by("pk")


def webhooks_of(team: Team) -> QuerySet[Webhook]:
    """With how many messages wait, were given up, and when one was last taken."""
    return Webhook.objects.filter(team=team).annotate(
        waiting=Count(
            "deliveries", filter=Q(deliveries__state__in=(JobState.QUEUED, JobState.RUNNING))
        ),
        given_up=Count("deliveries", filter=Q(deliveries__state=JobState.FAILED)),
        last_taken=Max("deliveries__finished_at", filter=Q(deliveries__state=JobState.DONE)),
    )


def webhook_for(user: User | AnonymousUser, pk: int) -> Webhook:
    return team_object(user, Webhook.objects.select_related("team"), pk=pk)


def delivery_for(user: User | AnonymousUser, webhook: int, pk: int) -> WebhookDelivery:
    rows = WebhookDelivery.objects.select_related("webhook")
    return get_object_or_404(rows, webhook=webhook_for(user, webhook), pk=pk)


def deliveries_of(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    """The newest ones."""
    return webhook.deliveries.select_related("study").order_by("-pk")[:SHOWN]


def has_completed(study: Study) -> bool:
    """Whether each of the study's own items has its full number of independent answers of
    people."""
    waiting = Assignment.objects.filter(
        rater__study=study,
        rater__kind=StudyRater.Kind.PERSON,
        role=Assignment.Role.INDEPENDENT,
        state=Assignment.State.ASSIGNED,
    )
    if waiting.exists():
        return False
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_ALL_ANSWERS, [study.pk, study.overlap])
        return not cursor.fetchone()[0]
