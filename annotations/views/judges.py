"""The LLM judges of a study: set to work, watched, stopped, and what they said."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.judge_forms import GoOnForm, JudgeForm
from annotations.judging.contract import JudgeOptions
from annotations.models import JudgeRun, Study
from annotations.selectors.judge_answers import (
    SHOWN,
    answers_of,
    answers_shown,
    figures_of,
    prompts_of,
)
from annotations.selectors.judge_evidence import differences_of
from annotations.selectors.judge_lineage import wrote_responses
from annotations.selectors.judges import (
    compares,
    judge_in,
    judge_progress,
    judges_of,
    judges_to_choose,
    option_lines,
    questions_in,
    waiting_for,
    where_it_goes,
)
from annotations.services.judging import cancel_judging, resume_judging, start_judging
from annotations.views.results import for_researchers
from inference.errors import DomainError
from mood_eval.htmx import is_htmx, page_or_fragment

ANSWERS_A_PAGE = 20


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@for_researchers
def judge_list(request: HttpRequest, study: Study) -> HttpResponse:
    """POST starts one."""
    form = JudgeForm(request.POST or None, team=study.team, compares=compares(study))
    if request.method == "POST" and form.is_valid():
        try:
            run = start_judging(
                study=study,
                judge=form.cleaned_data["judge"],
                options=form.options,
                budget=form.cleaned_data["budget"],
                user=request.user if request.user.is_authenticated else None,
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("judge_detail", study.pk, run.pk)
    context = {
        "study": study,
        "form": form,
        "judges": [(run, judge_progress(run)) for run in judges_of(study)],
        "choices": [
            (judge, where_it_goes(judge, study, JudgeOptions()))
            for judge in judges_to_choose(study.team)
        ],
        "questions": questions_in(study, JudgeOptions()),
        "compares": compares(study),
    }
    return render(request, "judges/judge_list.html", context, status=422 if form.errors else 200)


@require_GET
@never_cache
@for_researchers
def judge_detail(request: HttpRequest, study: Study, run: int) -> HttpResponse:
    found = judge_in(study, run)
    context: dict[str, object] = {
        "study": study,
        "run": found,
        "progress": judge_progress(found),
        "waiting": waiting_for(found),
        "go_on": GoOnForm(),
    }
    if not is_htmx(request):
        context |= _said(request, found)
    response = page_or_fragment(
        request, "judges/judge_detail.html", "judges/judge_progress.html", context
    )
    if is_htmx(request) and not found.is_active:
        response["HX-Refresh"] = "true"  # the whole page, now with every answer
    return response


def _said(request: HttpRequest, run: JudgeRun) -> dict[str, object]:
    only = request.GET.get("only", "")
    only = only if only in SHOWN else ""
    page = Paginator(answers_of(run, only), ANSWERS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "options": option_lines(run),
        "compares": compares(run.study),
        "goes": where_it_goes(run.judge, run.study, JudgeOptions.from_json(run.options)),
        "differences": differences_of(run),
        "own": wrote_responses(run.study, run.judge),
        "figures": figures_of(run),
        "prompts": prompts_of(run),
        "filters": SHOWN,
        "only": only,
        "page": page,
        "answers": answers_shown(run, list(page)),
    }


@require_POST
@for_researchers
def judge_cancel(request: HttpRequest, study: Study, run: int) -> HttpResponse:
    try:
        cancel_judging(judge_in(study, run))
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("judge_detail", study.pk, run)


@require_POST
@for_researchers
def judge_resume(request: HttpRequest, study: Study, run: int) -> HttpResponse:
    found, form = judge_in(study, run), GoOnForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Budget: {' '.join(map(str, form.errors['budget']))}")
        return redirect("judge_detail", study.pk, run)
    try:
        resume_judging(found, budget=form.amount)
    except DomainError as error:
        messages.warning(request, str(error))
    return redirect("judge_detail", study.pk, run)
