from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.models import PreferenceDataset, Study
from annotations.preferences import STEPS
from annotations.selectors.follow_up import trainings_of
from annotations.selectors.studies import rates_in, releases_shown_to
from annotations.services.datasets import find_or_release, release_folder
from annotations.services.training import train_on_release
from annotations.training_forms import ReleaseForm, TrainForm
from inference.errors import DomainError
from inference.preference_files import MANIFEST_FILE
from mood_eval.access import team_object
from mood_eval.models import User


@login_required
@require_POST
def release_new(request: HttpRequest, pk: int) -> HttpResponse:
    study = team_object(request.user, Study.objects.all(), pk=pk)
    if rates_in(request.user, study):
        return redirect("study_results", pk=study.pk)
    form = ReleaseForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The margin must be a whole number of points from 1 to 100.")
        return redirect("study_results", pk=study.pk)
    try:
        dataset, created = find_or_release(
            study=study, margin=form.cleaned_data["margin"], user=signed_in(request)
        )
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("study_results", pk=study.pk)
    if created:
        messages.success(request, f"Release {dataset.version} holds {dataset.rows} pairs.")
    else:
        messages.info(request, f"Nothing has changed since release {dataset.version}: here it is.")
    return redirect("release_detail", pk=dataset.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def release_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """POST starts a training run on the release."""
    dataset = release_of_team(request, pk)
    form = TrainForm(request.POST or None, dataset=dataset)
    if form.is_valid():
        try:
            run = train_on_release(
                dataset=dataset,
                base=form.cleaned_data["base"],
                config=form.config(),
                user=signed_in(request),
                name=form.cleaned_data["name"],
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("training_detail", pk=run.pk)
    context = {
        "dataset": dataset,
        "counts": [(label, dataset.manifest["counts"][name]) for name, label in STEPS.items()],
        "files": file_names(dataset),
        "trainings": trainings_of(dataset),
        "form": form,
    }
    return render(request, "results/release_detail.html", context)


@login_required
@require_GET
def release_file(request: HttpRequest, pk: int, name: str) -> FileResponse:
    dataset = release_of_team(request, pk)
    if name not in file_names(dataset):
        raise Http404
    try:
        path = release_folder(dataset) / name
    except DomainError as error:
        raise Http404(str(error)) from error
    download = f"study-{dataset.study_id}-release-{dataset.version}-{name}"
    return FileResponse(path.open("rb"), as_attachment=True, filename=download)


def release_of_team(request: HttpRequest, pk: int) -> PreferenceDataset:
    return team_object(request.user, releases_shown_to(request.user), pk=pk)


def file_names(dataset: PreferenceDataset) -> list[str]:
    return [*sorted(dataset.manifest["files"]), MANIFEST_FILE]


def signed_in(request: HttpRequest) -> User | None:
    return request.user if request.user.is_authenticated else None
