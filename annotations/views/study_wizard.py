"""A draft, step by step. Each step saves; any of them can be left and come back to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from annotations.models import Study
from annotations.selectors.analyses import plan_of
from annotations.selectors.launch_checks import PLAN, REPLIES, SESSIONS, TEXTS
from annotations.selectors.studies import study_for_team, turn_counts
from annotations.selectors.wizard import NAME, step_after, wizard_steps
from annotations.services.plans import default_plan, drop_plan, save_plan
from annotations.services.study_drafts import (
    choose_replies,
    edit_draft,
    invite_raters,
    rename_draft,
    start_draft,
)
from annotations.study_forms import (
    NameForm,
    NewStudyForm,
    PlanForm,
    RepliesForm,
    SessionsForm,
    TextsForm,
)
from inference.errors import DomainError
from mood_eval.access import current_team

View = Callable[..., HttpResponse]


def with_draft(view: View) -> View:
    """Reaches the team's draft. A study that was launched meanwhile has its own page."""

    @wraps(view)
    def act(request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        study = study_for_team(request.user, pk)
        if study.state != Study.State.DRAFT:
            messages.info(request, "This study was launched: what it asks is frozen.")
            return redirect("study_detail", pk)
        return view(request, study, **kwargs)

    return act


@require_http_methods(["GET", "POST"])
@login_required
def study_new(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    form = NewStudyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            assert request.user.is_authenticated  # noqa: S101
            study = start_draft(team=team, user=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The draft is made. Every step can be changed until launch.")
            return redirect("study_replies", study.pk)
    return render(request, "studies/study_new.html", {"form": form})


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_name(request: HttpRequest, study: Study) -> HttpResponse:
    initial = {"name": study.name, "blind_researchers": study.blind_researchers}
    form = NameForm(request.POST or None, initial=initial)
    return step_page(
        request, study, NAME, form, lambda: rename_draft(study=study, **form.cleaned_data)
    )


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_replies(request: HttpRequest, study: Study) -> HttpResponse:
    initial = {
        "runs": list(study.study_runs.values_list("run", flat=True)),
        "limit": study.stimulus_limit,
        "longest_ratio": study.longest_ratio,
        "seed": study.seed,
    }
    form = RepliesForm(request.POST or None, initial=initial, study=study)
    return step_page(
        request,
        study,
        REPLIES,
        form,
        lambda: choose_replies(study=study, **form.cleaned_data),
        counts=turn_counts(study),
    )


@require_GET
@never_cache
@login_required
@with_draft
def study_turns(request: HttpRequest, study: Study) -> HttpResponse:
    """What a choice that is not saved yet would leave."""
    form = RepliesForm(request.GET, study=study)
    counts = turn_counts(study, form.cleaned_data) if form.is_valid() else None
    return render(request, "studies/turns.html", {"study": study, "counts": counts})


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_sessions(request: HttpRequest, study: Study) -> HttpResponse:
    names = ("overlap", "block_size", "break_minutes", "daily_minutes", "check_in", "guess_sources")
    initial = {name: getattr(study, name) for name in names}
    initial["repeat_percent"] = f"{100 * study.repeat_share:g}"
    form = SessionsForm(request.POST or None, initial=initial)

    def save() -> None:
        edit_draft(study=study, **form.settings)
        invite_raters(study=study, emails=form.cleaned_data["raters"])

    return step_page(request, study, SESSIONS, form, save, raters=study.raters.count())


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_texts(request: HttpRequest, study: Study) -> HttpResponse:
    initial = {name: getattr(study, name) for name in TextsForm.base_fields}
    form = TextsForm(request.POST or None, initial=initial)
    return step_page(
        request, study, TEXTS, form, lambda: edit_draft(study=study, **form.cleaned_data)
    )


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_plan(request: HttpRequest, study: Study) -> HttpResponse:
    kept = plan_of(study)
    if request.method == "POST" and "usual" in request.POST:
        drop_plan(study=study)
        messages.success(request, "The usual plan is back. It follows the draft until the launch.")
        return redirect("study_plan", study.pk)
    form = PlanForm(request.POST or None, study=study, plan=kept or default_plan(study))
    return step_page(
        request,
        study,
        PLAN,
        form,
        lambda: save_plan(study=study, **form.cleaned_data),
        plan=kept,
    )


def step_page(
    request: HttpRequest,
    study: Study,
    step: str,
    form: forms.Form,
    save: Callable[[], object],
    **context: object,
) -> HttpResponse:
    """Saves, and goes on to the next step unless the button says to stay."""
    if request.method == "POST" and form.is_valid():
        try:
            save()
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved.")
            follows = f"study_{step}" if "stay" in request.POST else step_after(step)
            return redirect(follows, study.pk)
    context |= {"study": study, "form": form, "steps": wizard_steps(study, step)}
    return render(request, f"studies/step_{step}.html", context)
