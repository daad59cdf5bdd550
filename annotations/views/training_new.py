"""A new training run: the method first, then what that method needs."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from annotations.models import PreferenceDataset
from annotations.selectors.release_pages import usable_releases
from annotations.selectors.training_starts import first_base, first_preset, known_method
from annotations.services.training import train_on_release
from annotations.training_forms import NewTrainingForm
from annotations.views.releases import signed_in
from inference.errors import DomainError
from inference.models import Corpus, ModelVersion, TrainingRun
from inference.selectors.model_versions import reward_models_of, trainable_models
from inference.services.training_corpora import train_on_corpus
from inference.services.training_estimate import TrainingEstimate
from inference.training_options import METHOD_WORDS
from mood_eval.access import current_team, for_teams_of, teams_of
from mood_eval.htmx import page_or_fragment
from mood_eval.models import Team

LARGEST_KEY = 2**63 - 1
MOST_DIGITS = len(str(LARGEST_KEY))
M = TypeVar("M", bound=Model)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def training_new(request: HttpRequest) -> HttpResponse:
    """POST starts the run. With `refresh` it shows the form for what was chosen, and so it does
    where method and preset are not those whose options were shown; with `estimate`, what the run
    would take."""
    team = team_asked_for(request)
    if request.method != "POST":
        return page(request, opened_form(request, team))
    sent, shown = posted_form(request, team)
    if "estimate" in request.POST:
        context = {"estimate": sent.estimate(), "estimated": True}
        return render(request, "inference/training_estimate.html", context)
    if shown is not sent:
        started = "refresh" not in request.POST
        same = shown.state == request.POST.get("shown")
        return page(request, shown, sent.estimate() if same else None, changed=started)
    if sent.is_valid():
        try:
            return redirect("training_detail", pk=start(sent, request).pk)
        except DomainError as error:
            sent.add_refusal(str(error))
    return page(request, sent, sent.estimate())


def team_asked_for(request: HttpRequest) -> Team:
    """Of the person's teams the one that the form was opened for, or that holds what the page is
    opened from; otherwise the one that the person works in."""
    user = request.user
    usual = current_team(user)  # raters have none
    given = request.POST if request.method == "POST" else request.GET
    asked = named(teams_of(user), given, "team")
    if asked is not None:
        return asked
    releases = PreferenceDataset.objects.defer("manifest").select_related("team")
    corpora = Corpus.objects.select_related("team")
    models = ModelVersion.objects.select_related("team")
    opened_from = (
        named(for_teams_of(user, releases), given, "release")
        or named(for_teams_of(user, corpora), given, "corpus")
        or named(for_teams_of(user, models), given, "base")
        or named(for_teams_of(user, models), given, "reward_model")
    )
    return usual if opened_from is None else opened_from.team


def page(
    request: HttpRequest,
    form: NewTrainingForm,
    estimate: TrainingEstimate | None = None,
    *,
    changed: bool = False,
) -> HttpResponse:
    """`changed`: a start was asked for with options that had not been shown."""
    context: dict[str, object] = {
        "form": form,
        "changed": changed,
        "methods": METHOD_WORDS,
        "estimate": estimate,
        "estimated": estimate is not None,
    }
    return page_or_fragment(
        request, "inference/training_new.html", "inference/training_new_needs.html", context
    )


def opened_form(request: HttpRequest, team: Team) -> NewTrainingForm:
    """With what the page was opened from: a model, a release or a corpus."""
    given = request.GET
    releases = usable_releases(request.user, team)
    release = named(releases, given, "release")
    corpus = named(Corpus.objects.filter(team=team), given, "corpus")
    base = named(trainable_models(team), given, "base") or first_base(team, release)
    reward_model = named(reward_models_of(team), given, "reward_model")
    from_corpus = corpus is not None or (release is None and not releases.exists())
    method = known_method(given.get("method", ""), "sft" if from_corpus else "dpo")
    return NewTrainingForm(
        team=team,
        user=request.user,
        method=method,
        preset=first_preset(method, base),
        initial={
            "base": base,
            "release": release,
            "corpus": corpus,
            "reward_models": [reward_model] if reward_model else [],
        },
    )


def posted_form(request: HttpRequest, team: Team) -> tuple[NewTrainingForm, NewTrainingForm]:
    """The form as it was sent, and the one to show or to start from. That is another one where a
    refresh was asked for, or where the options that were shown belong to another method or preset.
    """
    given, user = request.POST, request.user
    shown = given.get("shown", "")
    method = known_method(given.get("method", ""), "dpo")
    preset = given.get("preset", "")
    if shown.split(" ")[0] != method:
        preset = first_preset(method, named(trainable_models(team), given, "base"))
    sent = NewTrainingForm(given, team=team, user=user, method=method, preset=preset)
    if sent.state == shown and "refresh" not in given:
        return sent, sent
    return sent, NewTrainingForm(team=team, user=user, method=method, preset=preset, kept=given)


def start(form: NewTrainingForm, request: HttpRequest) -> TrainingRun:
    data = form.cleaned_data
    release = data.get("release")
    asked: dict[str, Any] = {
        "method": form.asked_method,
        "base": data["base"],
        "config": form.config(),
        "user": signed_in(request),
        "name": data["name"],
        "preset": data["preset"],
        "reward_models": list(data.get("reward_models", ())),
    }
    if release is not None:
        return train_on_release(dataset=release, **asked)
    return train_on_corpus(corpus=data["corpus"], **asked)


def named(rows: QuerySet[M], given: QueryDict, name: str) -> M | None:
    """The row of which the query holds the key."""
    key = given.get(name, "")
    is_number = key.isascii() and key.isdecimal() and len(key) <= MOST_DIGITS
    return rows.filter(pk=key).first() if is_number and int(key) <= LARGEST_KEY else None
