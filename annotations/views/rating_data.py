"""What the rating page fetches by itself: saving, clips, captions."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST, require_safe

from annotations.models import Assignment
from annotations.selectors.queue import assignment_for, has_consented
from annotations.selectors.rating_page import clip_of
from annotations.services.held import ConsentMissingError
from annotations.services.ratings import Saved, save_answers
from annotations.views.answer_forms import read_save
from annotations.views.own_assignment import own_assignment
from inference.errors import DomainError
from inference.models import Clip
from mood_eval.media import ranged_file_response


@require_POST
def rating_save(request: HttpRequest, pk: UUID) -> JsonResponse:
    assignment = own_assignment(request, pk)
    if assignment is None:
        return JsonResponse({"message": _("You were signed out.")}, status=401)
    try:
        answers, seen = read_save(request)
        saved = save_answers(assignment, answers, seen)
    except ConsentMissingError as error:
        return JsonResponse({"message": str(error)}, status=403)
    except DomainError as error:
        return JsonResponse({"message": str(error)}, status=400)
    return JsonResponse({"saved_at": saved.at.isoformat(), **closing(assignment, saved)})


def closing(assignment: Assignment, saved: Saved) -> dict[str, str]:
    if not saved.why_not:
        return {}
    closed_at = assignment.rater.study.closed_at
    if closed_at is None:
        return {"closed": saved.why_not}
    when = date_format(timezone.localtime(closed_at), _("j F, H:i"))
    closed = _("The study closed on %(when)s. Your submitted ratings are in.") % {"when": when}
    late = ngettext(
        "%(count)d answer arrived later and is kept, marked late.",
        "%(count)d answers arrived later and are kept, marked late.",
        saved.late,
    )
    return {"closed": f"{closed} {late % {'count': saved.late}}" if saved.late else closed}


@require_safe
@login_required
def rating_clip(request: HttpRequest, pk: UUID, number: int) -> HttpResponseBase:
    clip, _ = clip_shown(request, pk, number)
    return ranged_file_response(request, *clip.shown)


@require_GET
@login_required
def rating_captions(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """WebVTT: the words of the turn, as long as its clip plays."""
    clip, words = clip_shown(request, pk, number)
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "--&gt;")
    lines = "\n".join(line for line in words.splitlines() if line)
    cue = f"WEBVTT\n\n00:00.000 --> {vtt_time(clip.duration_ms)}\n{lines}\n"
    return HttpResponse(cue, content_type="text/vtt", headers={"Cache-Control": "no-store"})


def clip_shown(request: HttpRequest, pk: UUID, number: int) -> tuple[Clip, str]:
    assignment = assignment_for(request.user, pk)
    found = clip_of(assignment, number) if number and has_consented(assignment.rater) else None
    if found is None:
        raise Http404("There is no such clip.")
    return found


def vtt_time(milliseconds: int) -> str:
    minutes, rest = divmod(max(milliseconds, 1), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
