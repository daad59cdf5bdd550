from __future__ import annotations

from pathlib import PurePath

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from inference.errors import DomainError
from inference.models import Clip, Corpus, Dialogue
from inference.selectors.corpora import (
    clip_counts,
    corpora_of_team,
    dialogues_of_corpus,
    label_counts,
    people_reply,
    split_counts,
    therapists_of_corpus,
    turn_counts,
    turns_of_dialogue,
)
from inference.services.corpora import MAX_MEDIA_RIGHTS, state_media_rights
from inference.services.model_versions import register_imported
from mood_eval.access import current_team, team_object, teams_of
from mood_eval.media import ranged_file_response

PAGE_SIZE = 50


@login_required
@require_GET
def corpus_list(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    page = Paginator(corpora_of_team(team), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "inference/corpus_list.html", {"page": page})


@login_required
@require_GET
def corpus_detail(request: HttpRequest, pk: int) -> HttpResponse:
    corpus = team_object(request.user, Corpus.objects.all(), pk=pk)
    dialogues = Paginator(dialogues_of_corpus(corpus), PAGE_SIZE)
    return render(
        request,
        "inference/corpus_detail.html",
        {
            "corpus": corpus,
            "splits": split_counts(corpus),
            "turns": turn_counts(corpus),
            "clips": clip_counts(corpus),
            "labels": label_counts(corpus),
            "imports": corpus.imports.select_related("imported_by").order_by("-imported_at"),
            "therapists": therapists_of_corpus(corpus),
            "people_reply": people_reply(corpus),
            "longest_rights": MAX_MEDIA_RIGHTS,
            "page": dialogues.get_page(request.GET.get("page")),
        },
    )


@login_required
@require_POST
def corpus_media_rights(request: HttpRequest, pk: int) -> HttpResponse:
    corpus = team_object(request.user, Corpus.objects.all(), pk=pk)
    try:
        state_media_rights(corpus, request.POST.get("media_rights", ""))
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "Saved who allowed passing the clips on.")
    return redirect("corpus_detail", pk=corpus.pk)


@login_required
@require_POST
def therapists_register(request: HttpRequest, pk: int) -> HttpResponse:
    corpus = team_object(request.user, Corpus.objects.all(), pk=pk)
    try:
        whose = "Therapists" if people_reply(corpus) else "Replies"
        model = register_imported(corpus.team, f"{whose} of {corpus.name}", corpus)
    except DomainError as error:
        messages.warning(request, str(error))
        return redirect("corpus_detail", pk=corpus.pk)
    return redirect("model_detail", pk=model.pk)


@login_required
@require_GET
def dialogue_detail(request: HttpRequest, pk: int) -> HttpResponse:
    dialogue = get_object_or_404(
        Dialogue.objects.filter(corpus__team__in=teams_of(request.user)).select_related(
            "corpus", "session"
        ),
        pk=pk,
    )
    return render(
        request,
        "inference/dialogue_detail.html",
        {"dialogue": dialogue, "turns": turns_of_dialogue(dialogue)},
    )


@login_required
@require_safe
def clip(request: HttpRequest, pk: int) -> HttpResponseBase:
    return ranged_file_response(request, *clip_for(request, pk).shown)


@login_required
@require_safe
def clip_original(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = clip_for(request, pk)
    name = f"clip-{row.pk}{PurePath(row.file.name or '').suffix}"
    return ranged_file_response(request, row.file, row.content_type, download_as=name)


def clip_for(request: HttpRequest, pk: int) -> Clip:
    clips = Clip.objects.filter(corpus__team__in=teams_of(request.user))
    return get_object_or_404(clips, pk=pk)
