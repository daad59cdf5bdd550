from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_process_init

from mood_eval.embedded.keeper import die_with_this_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mood_eval.settings")

app = Celery("mood_eval")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def end_with_the_worker(**_: object) -> None:
    """A pool process whose worker was killed would otherwise go on, with its task, unseen."""
    die_with_this_parent()


worker_process_init.connect(end_with_the_worker)
