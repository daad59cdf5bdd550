from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.instrument_forms import ImportForm, InstrumentEditor
from annotations.instruments import InstrumentFileError, InstrumentText, instrument_to_toml
from annotations.selectors.instrument_page import criteria_shown
from annotations.selectors.instruments import (
    instrument_for,
    instrument_of_team,
    later_version,
    shipped_instrument_for,
    shipped_lines,
    studies_with,
    team_lines,
    templates_with,
    text_of,
)
from annotations.services.instruments import (
    copy_instrument,
    delete_instrument,
    edit_instrument,
    ensure_instrument,
    import_instrument,
    make_instrument,
)
from inference.errors import DomainError
from mood_eval.access import current_team


@require_GET
@login_required
def instrument_list(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    context = {"shipped": shipped_lines(team), "own": team_lines(team)}
    return render(request, "instruments/instrument_list.html", context)


@require_GET
@login_required
def instrument_shipped(request: HttpRequest, slug: str) -> HttpResponse:
    text = shipped_instrument_for(request.user, slug)
    context = {
        "text": text,
        "criteria": criteria_shown(text),
        "templates": templates_with(text),
        "studies": studies_with(request.user, text, None),
    }
    return render(request, "instruments/instrument_detail.html", context)


@require_GET
@login_required
def instrument_detail(request: HttpRequest, pk: int) -> HttpResponse:
    instrument = instrument_for(request.user, pk)
    text = text_of(instrument)
    context = {
        "instrument": instrument,
        "text": text,
        "criteria": criteria_shown(text),
        "studies": studies_with(request.user, text, instrument.team),
        "later": later_version(instrument),
    }
    return render(request, "instruments/instrument_detail.html", context)


@require_GET
@login_required
def instrument_shipped_toml(request: HttpRequest, slug: str) -> HttpResponse:
    return toml_file(shipped_instrument_for(request.user, slug))


@require_GET
@login_required
def instrument_toml(request: HttpRequest, pk: int) -> HttpResponse:
    return toml_file(text_of(instrument_for(request.user, pk)))


def toml_file(text: InstrumentText) -> HttpResponse:
    name = f"{text.slug}-{text.version}.toml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    content = instrument_to_toml(text)
    return HttpResponse(content, content_type="application/toml; charset=utf-8", headers=headers)


@require_POST
@login_required
def instrument_shipped_copy(request: HttpRequest, slug: str) -> HttpResponse:
    shipped_instrument_for(request.user, slug)
    try:
        copy = copy_instrument(team=current_team(request.user), instrument=ensure_instrument(slug))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("instrument_shipped", slug)
    return copied(request, copy.pk)


@require_POST
@login_required
def instrument_copy(request: HttpRequest, pk: int) -> HttpResponse:
    instrument = instrument_for(request.user, pk)
    copy = copy_instrument(team=current_team(request.user), instrument=instrument)
    return copied(request, copy.pk)


def copied(request: HttpRequest, pk: int) -> HttpResponse:
    messages.success(request, "This copy belongs to your team. Change what you need.")
    return redirect("instrument_edit", pk)


@require_http_methods(["GET", "POST"])
@login_required
def instrument_import(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    form = ImportForm(request.POST or None, request.FILES or None)
    problems: tuple[Any, ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            instrument = import_instrument(team=team, **form.cleaned_data)
        except InstrumentFileError as error:
            problems = error.problems
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"“{instrument.name}” is here. Read it as raters will.")
            return redirect("instrument_detail", instrument.pk)
    context = {"form": form, "problems": problems}
    return render(request, "instruments/instrument_import.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def instrument_new(request: HttpRequest) -> HttpResponse:
    team = current_team(request.user)
    editor = InstrumentEditor(request.POST or None)
    if request.method == "POST" and editor.is_valid() and editor.text:
        instrument = make_instrument(team=team, text=editor.text)
        messages.success(request, "The instrument is ready. Read it as raters will.")
        return redirect("instrument_detail", instrument.pk)
    return render(request, "instruments/instrument_edit.html", {"editor": editor})


@require_http_methods(["GET", "POST"])
@login_required
def instrument_edit(request: HttpRequest, pk: int) -> HttpResponse:
    instrument = instrument_of_team(request.user, pk)
    text = text_of(instrument)
    editor = InstrumentEditor(request.POST or None, text)
    if request.method == "POST" and editor.is_valid() and editor.text:
        edited = edit_instrument(instrument=instrument, text=editor.text)
        messages.success(request, f"Saved as version {edited.version}.")
        return redirect("instrument_detail", edited.pk)
    studies = studies_with(request.user, text, instrument.team)
    context = {"editor": editor, "instrument": instrument, "studies": studies}
    return render(request, "instruments/instrument_edit.html", context)


@require_POST
@login_required
def instrument_delete(request: HttpRequest, pk: int) -> HttpResponse:
    instrument = instrument_of_team(request.user, pk)
    try:
        delete_instrument(instrument=instrument)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("instrument_detail", pk)
    messages.success(request, f"“{instrument.name}” was deleted.")
    return redirect("instrument_list")
