"""The rating page: what it is given, and how that is put together."""

from annotations.selectors.rating_page.building import preview_page, rating_page
from annotations.selectors.rating_page.contents import (
    Candidate,
    Line,
    Option,
    PageClip,
    Question,
    RatingPage,
)
from annotations.selectors.rating_page.conversation import clip_of, plain
from annotations.selectors.rating_page.responses import EMPTY, text_to_mark_in

__all__ = [
    "EMPTY",
    "Candidate",
    "Line",
    "Option",
    "PageClip",
    "Question",
    "RatingPage",
    "clip_of",
    "plain",
    "preview_page",
    "rating_page",
    "text_to_mark_in",
]
