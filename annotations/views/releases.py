"""Releases of a study: the rules, the work under way, what came of it, and its files."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.export_forms import ExportForm
from annotations.models import PreferenceDataset, Study
from annotations.release_forms import ReleaseRulesForm
from annotations.selectors.erasures import ErasedRelease, erased_release
from annotations.selectors.follow_up import trainings_of
from annotations.selectors.release_pages import (
    count_bars,
    datasets_of,
    job_progress,
    leakage_notes,
    release_job_for,
    shown_in_words,
    split_rows,
)
from annotations.selectors.studies import releases_shown_to
from annotations.services.datasets import release_folder
from annotations.services.erasures import usable_release
from annotations.services.release_jobs import request_release
from annotations.views.results import for_researchers
from inference.errors import DomainError
from inference.models import JobState
from inference.preference_files import CARD_FILE, MANIFEST_FILE
from inference.services import jobs
from mood_eval.access import current_team, team_object
from mood_eval.htmx import is_htmx, page_or_fragment
from mood_eval.models import User

PAGE_SIZE = 50
FOR_CITATION = (CARD_FILE, MANIFEST_FILE)
"""What stays open of a release in which answers were erased."""


@login_required
@require_GET
def dataset_list(request: HttpRequest) -> HttpResponse:
    current_team(request.user)
    page = Paginator(datasets_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "datasets/dataset_list.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@for_researchers
def release_new(request: HttpRequest, study: Study) -> HttpResponse:
    form = ReleaseRulesForm(request.POST or None, study=study)
    if form.is_valid():
        try:
            job = request_release(study=study, rules=form.rules, user=signed_in(request))
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("release_job", pk=job.pk)
    return render(request, "datasets/release_new.html", {"study": study, "form": form})


@login_required
@require_GET
def release_job(request: HttpRequest, pk: int) -> HttpResponse:
    """Leads on to the release once there is one."""
    job = release_job_for(request.user, pk)
    if job.state == JobState.DONE and job.dataset_id:
        target = reverse("release_detail", args=[job.dataset_id])
        said = "" if job.made else "?unchanged"
        if is_htmx(request):
            return HttpResponse(headers={"HX-Redirect": target + said})
        return redirect(target + said)
    context = {"job": job, "study": job.study, "progress": job_progress(job)}
    return page_or_fragment(
        request, "datasets/release_job.html", "datasets/release_progress.html", context
    )


@login_required
@require_POST
def release_job_act(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancels what is under way, or tries again what has ended without a release."""
    job = release_job_for(request.user, pk)
    try:
        if job.is_active:
            jobs.request_cancel(job)
        else:
            jobs.resume(job)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("release_job", pk=job.pk)


@login_required
@require_GET
def release_detail(request: HttpRequest, pk: int) -> HttpResponse:
    dataset = release_of_team(request, pk)
    erased, bars = erased_release(dataset), count_bars(dataset.manifest)
    context = {
        "dataset": dataset,
        "manifest": dataset.manifest,
        "counts": [bar for bar in bars if bar.value],
        "nothing": [bar for bar in bars if not bar.value],
        "splits": split_rows(dataset.manifest),
        "fields_shown": shown_in_words(dataset.manifest),
        "leakage": leakage_notes(dataset.manifest),
        "files": file_names(dataset),
        "files_open": files_open(dataset, erased),
        "refused": erased,
        "export_form": ExportForm(dataset=dataset),
        "trainings": trainings_of(dataset),
        "unchanged": "unchanged" in request.GET,
    }
    return render(request, "datasets/release_detail.html", context)


@login_required
@require_GET
def release_file(request: HttpRequest, pk: int, name: str) -> FileResponse:
    dataset = release_of_team(request, pk)
    if name not in file_names(dataset):
        raise Http404
    read = release_folder if name in FOR_CITATION else usable_release
    try:
        path = read(dataset) / name
    except DomainError as error:
        raise Http404(str(error)) from error
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{slug_of(dataset)}-{name}")


def release_of_team(request: HttpRequest, pk: int) -> PreferenceDataset:
    return team_object(request.user, releases_shown_to(request.user), pk=pk)


def file_names(dataset: PreferenceDataset) -> list[str]:
    return [*sorted(dataset.manifest["files"]), MANIFEST_FILE]


def files_open(dataset: PreferenceDataset, erased: ErasedRelease | None) -> list[str]:
    return file_names(dataset) if erased is None else list(FOR_CITATION)


def slug_of(dataset: PreferenceDataset) -> str:
    """Begins the names of downloaded files."""
    of = f"study-{dataset.study_id}" if dataset.study_id else f"dataset-{dataset.pk}"
    return f"{of}-release-{dataset.version}"


def signed_in(request: HttpRequest) -> User | None:
    return request.user if request.user.is_authenticated else None
