"""The pages between items, and when one of them comes by itself.

How long somebody has been rating without a break is known to their session only.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotations.models import Assignment, StudyRater
from annotations.selectors.care import between, day_is_full, minutes_today, stage_of_the_ended
from annotations.selectors.consents import consent_version
from annotations.selectors.queue import (
    has_consented,
    rater_for,
    starts_block,
    studies_to_rate,
)
from annotations.services.consent import give_consent
from annotations.views.rating_gate import stage_address
from inference.errors import DomainError

BREAK_SECONDS = 10 * 60
"""Nothing submitted for so long is a break: a new sitting begins."""
WRITE_SECONDS = 60
"""The session is written at most this often while nothing is due."""
SITTING = "sitting"


@dataclass
class Sitting:
    """In the session; times in seconds since the epoch."""

    since: float
    last: float
    told: float
    """When a pause was last suggested, or a block ended; at first the beginning."""

    @property
    def minutes(self) -> int:
        return int(self.last - self.since) // 60


def interruption(request: HttpRequest, rater: StudyRater, following: Assignment | None) -> str:
    """After a submitted or skipped item: the address of the page that comes before the next one,
    or nothing. Asks the database only where a block may have ended.
    """
    page = reverse("rating_study", args=[rater.uuid])
    sitting = read_sitting(request)
    now = time.time()
    if now - sitting.last > BREAK_SECONDS:
        sitting.since = sitting.told = now
    if following is None or not has_consented(rater) or day_is_full(rater):
        return page
    following.rater = rater
    ended = starts_block(rater, following)
    pause = rater.study.break_minutes * 60
    due = bool(pause) and now - sitting.told >= pause
    if ended or due or now - sitting.last >= WRITE_SECONDS or SITTING not in request.session:
        sitting.last = now
        sitting.told = now if ended or due else sitting.told
        request.session[SITTING] = asdict(sitting)
    if ended:
        return page
    return f"{page}?pause=1" if due else ""


def read_sitting(request: HttpRequest) -> Sitting:
    now = time.time()
    kept = {"since": now, "last": now, **request.session.get(SITTING, {})}
    return Sitting(**{"told": kept["since"], **kept})


@require_GET
@never_cache
@login_required
def rating_home(request: HttpRequest) -> HttpResponse:
    return render(request, "rating/home.html", {"places": studies_to_rate(request.user)})


@require_GET
@never_cache
@login_required
def rating_study(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Between items: consent, welcome, end of a block, a pause, enough for a day, the end."""
    rater = rater_for(request.user, uuid)
    rests = "pause" in request.GET or day_is_full(rater) or stage_of_the_ended(rater)
    before_the_work = None if rests else stage_address(rater)
    if before_the_work:
        return redirect(before_the_work)
    place = between(rater, pause="pause" in request.GET)
    context = {
        "rater": str(rater.uuid),
        "you": rater,
        "study": rater.study,
        "place": place,
        "part": f"rating/between/{place.stage}.html",
        "version": consent_version(rater.study) if place.stage == "consent" else 0,
        "minutes_rated": max(read_sitting(request).minutes, rater.study.break_minutes),
        "minutes_today": minutes_today(rater),
        "time_zone": timezone.get_default_timezone_name(),
    }
    return render(request, "rating/study.html", context)


@require_POST
@login_required
def rating_consent(request: HttpRequest, uuid: UUID) -> HttpResponse:
    rater = rater_for(request.user, uuid)
    if request.POST.get("agree"):
        chosen = {name: name in request.POST for name in ("training", "release")}
        try:
            give_consent(rater, **chosen)
        except DomainError as error:
            messages.error(request, str(error))
    return redirect("rating_study", uuid)
