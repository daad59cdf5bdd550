from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from mood_eval.access import teams_of
from mood_eval.languages import is_for_raters
from mood_eval.models import User

RESEARCHER_PAGES = (
    (gettext_lazy("Studies"), "study_list"),
    (gettext_lazy("Instruments"), "instrument_list"),
    (gettext_lazy("Corpora"), "corpus_list"),
    (gettext_lazy("Models"), "model_list"),
    (gettext_lazy("Runs"), "run_list"),
    (gettext_lazy("Datasets"), "dataset_list"),
    (gettext_lazy("Training"), "training_list"),
)


@dataclass(frozen=True)
class Link:
    label: str
    url: str
    current: bool


@dataclass(frozen=True)
class Navigation:
    is_researcher: bool
    links: tuple[Link, ...]
    rating_url: str
    rating_current: bool


def navigation(user: User | AnonymousUser, path: str) -> Navigation:
    is_researcher = teams_of(user).exists()
    urls = [(label, reverse(name)) for label, name in RESEARCHER_PAGES] if is_researcher else []
    rating_url = reverse("rating_home")
    return Navigation(
        is_researcher=is_researcher,
        links=tuple(Link(str(label), url, path.startswith(url)) for label, url in urls),
        rating_url=rating_url,
        rating_current=path.startswith(rating_url),
    )


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "demo": settings.MODE == "demo",
        "languages": settings.LANGUAGES if is_for_raters(request) else (),
        "site_nav": SimpleLazyObject(partial(navigation, request.user, request.path)),
    }
