"""Drafts of reporting checklists: a page, and a file to go on with."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from annotations.checklists import acl_draft, as_markdown, heds_draft
from annotations.models import Study
from annotations.selectors.study_facts import study_facts
from annotations.views.results import for_researchers

DRAFTS = {"heds": heds_draft, "acl": acl_draft}


@require_GET
@never_cache
@for_researchers
def study_checklists(request: HttpRequest, study: Study) -> HttpResponse:
    facts = study_facts(study)
    drafts = [(name, make(facts)) for name, make in DRAFTS.items()]
    return render(request, "studies/checklists.html", {"study": study, "drafts": drafts})


@require_GET
@never_cache
@for_researchers
def checklist_file(request: HttpRequest, study: Study, name: str) -> HttpResponse:
    if name not in DRAFTS:
        raise Http404
    facts = study_facts(study)
    return HttpResponse(
        as_markdown(DRAFTS[name](facts), facts),
        content_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}-{study.pk}.md"'},
    )
