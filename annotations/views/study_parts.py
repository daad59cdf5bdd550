"""The wizard's step of questions: parts, each with its design and instrument."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotations.models import Study, StudyPart
from annotations.selectors.design_report import parts_of
from annotations.selectors.launch_checks import PARTS
from annotations.selectors.reasoning import has_reasoning
from annotations.selectors.studies import part_of_study
from annotations.selectors.wizard import wizard_steps
from annotations.services.study_drafts import edit_draft, remove_part, save_part
from annotations.study_forms import PartForm, PartsForm
from annotations.views.study_wizard import step_page, with_draft
from inference.errors import DomainError


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_parts(request: HttpRequest, study: Study) -> HttpResponse:
    initial = {name: getattr(study, name) for name in PartsForm.base_fields}
    with_chain = study.show_chain or has_reasoning(study)
    form = PartsForm(request.POST or None, initial=initial, with_chain=with_chain)
    return step_page(
        request,
        study,
        PARTS,
        form,
        lambda: edit_draft(study=study, **form.cleaned_data),
        parts=parts_of(study),
    )


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_part_new(request: HttpRequest, study: Study) -> HttpResponse:
    return part_page(request, study, None)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@with_draft
def study_part(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    return part_page(request, study, part_of_study(study, position))


def part_page(request: HttpRequest, study: Study, part: StudyPart | None) -> HttpResponse:
    form = PartForm(request.POST or None, study=study, part=part)
    if request.method == "POST" and form.is_valid():
        try:
            position = part.position if part else None
            save_part(study=study, position=position, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved.")
            return redirect("study_parts", study.pk)
    context = {"study": study, "part": part, "form": form, "steps": wizard_steps(study, PARTS)}
    return render(request, "studies/part.html", context)


@require_POST
@login_required
@with_draft
def study_part_remove(request: HttpRequest, study: Study, position: int) -> HttpResponse:
    part_of_study(study, position)
    try:
        remove_part(study=study, position=position)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Part {position} is removed.")
    return redirect("study_parts", study.pk)
