"""Releases as jobs: a researcher asks for one, a worker makes it stage by stage under a lease.

A worker that is killed leaves a folder that the next release removes; the job is then made again
from its beginning, and there is a dataset only once all of it is in its place.
"""

from __future__ import annotations

from django.db import transaction

from annotations.derivation.rules import DerivationRules, RulesError, rules_from_json
from annotations.models import PreferenceDataset, ReleaseJob, Study
from annotations.services.datasets import (
    DEFAULT_RULES,
    check_request,
    keep_release,
    make_release,
)
from annotations.services.release_staging import STAGES, StagedRelease
from inference.errors import InvalidOptionsError
from inference.services import jobs
from inference.services.jobs import Lease, work_under_lease
from mood_eval.models import User


@transaction.atomic
def request_release(
    *, study: Study, rules: DerivationRules = DEFAULT_RULES, user: User | None = None
) -> ReleaseJob:
    """A job, unless one for the same rules is waiting, or at work and without its release yet."""
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    check_request(study, rules)
    wanted = rules.as_json()
    for job in study.release_jobs.order_by("pk"):
        open_still = job.is_active and job.dataset_id is None and not job.cancel_requested
        if open_still and job.rules == wanted:
            return job
    job = ReleaseJob.objects.create(study=study, rules=wanted, total=len(STAGES), created_by=user)
    jobs.enqueue(job)
    return job


def run_release(pk: int) -> bool:
    """False when another worker has the row."""
    return work_under_lease(ReleaseJob, pk, _make, "The release could not be made")


def _make(lease: Lease[ReleaseJob]) -> None:
    job = ReleaseJob.objects.select_related("study", "created_by", "dataset").get(pk=lease.pk)
    if job.dataset is not None:
        return
    rules = _rules(job)
    check_request(job.study, rules)

    def tell(number: int) -> None:
        lease.check()
        with lease.commit_chunk() as row:
            row.done, row.total = number, len(STAGES)
            row.step = STAGES[number]
            row.save(update_fields=["step"])

    def keep(staged: StagedRelease) -> PreferenceDataset:
        with lease.commit_chunk() as row:
            row.dataset, row.made = keep_release(job.study, staged, job.created_by)
            row.done = len(STAGES)
            row.step = ""
            row.save(update_fields=["dataset", "made", "step"])
            return row.dataset

    make_release(job.study, rules, keep, tell)


def _rules(job: ReleaseJob) -> DerivationRules:
    try:
        return rules_from_json(job.rules)
    except RulesError as error:
        raise InvalidOptionsError(str(error)) from error
