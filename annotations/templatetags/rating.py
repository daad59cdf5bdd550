"""Pieces of the rating page that are the same for many items are rendered once.

A rater waits for this page after each item. Questions, sheets and bars do not change from item to
item; only what does is rendered anew.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from django import template
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, json_script
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotations.page_words import page_words, waiting_words
from annotations.selectors.rating_page import PageClip, Question, RatingPage

register = template.Library()

# They stand in a kept piece where the item's own keys go.
ASSIGNMENT, RATER, PREVIOUS = (str(UUID(int=number)) for number in (1, 2, 3))
TOKEN, COMMENT = "token-of-this-visit", "comment-on-this-item"
MOST_KEPT = 512
_kept: dict[tuple[Any, ...], str] = {}


@register.simple_tag
def question_fields(question: Question, in_columns: bool, shared_ends: str) -> SafeString:
    return _question_fields(question, in_columns, bool(shared_ends), get_language() or "")


@lru_cache(maxsize=2048)
def _question_fields(
    question: Question, in_columns: bool, ends_are_shared: bool, _language: str
) -> SafeString:
    context = {"question": question, "in_columns": in_columns, "ends_are_shared": ends_are_shared}
    return mark_safe(render_to_string("rating/question.html", context))  # noqa: S308 - a template


@register.simple_tag
def question_sheet(question: Question) -> SafeString:
    return _question_sheet(question, get_language() or "")


@lru_cache(maxsize=2048)
def _question_sheet(question: Question, _language: str) -> SafeString:
    return mark_safe(  # noqa: S308 - a template
        render_to_string("rating/item/definition.html", {"question": question})
    )


@register.simple_tag
def words_for_waiting() -> SafeString:
    return json_script(waiting_words(), "words")


@register.simple_tag
def words_for_scripts() -> SafeString:
    return _words_for_scripts(get_language() or "")


@lru_cache(maxsize=16)
def _words_for_scripts(_language: str) -> SafeString:
    return json_script(page_words(), "words")


@register.simple_tag(takes_context=True)
def fixed_piece(context: dict[str, Any], name: str) -> SafeString:
    """A template that shows nothing of the item but its keys and the rater's comment."""
    page: RatingPage = context["page"]
    key = (name, get_language(), *shape_of(page))
    if key not in _kept:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[key] = render_to_string(name, {"page": moulded(page), "csrf_token": TOKEN})
    piece = _kept[key].replace(ASSIGNMENT, page.assignment).replace(RATER, page.rater)
    piece = piece.replace(PREVIOUS, page.previous).replace(TOKEN, str(context["csrf_token"]))
    return mark_safe(piece.replace(COMMENT, conditional_escape(page.comment)))  # noqa: S308 - escaped


def shape_of(page: RatingPage) -> tuple[Any, ...]:
    """Everything that a fixed piece may show."""
    options = page.questions[0].options if page.questions else ()
    return (
        *(page.design, page.unit, page.with_strength, page.step, page.title, page.contacts),
        *(len(page.candidates), bool(page.previous), page.is_preview, page.marks_passages),
        tuple(option.label for option in options) if page.compares else (),
    )


def moulded(page: RatingPage) -> RatingPage:
    return replace(
        page,
        assignment=page.assignment and ASSIGNMENT,
        rater=page.rater and RATER,
        previous=page.previous and PREVIOUS,
        comment=COMMENT,
    )


@register.simple_tag(takes_context=True)
def is_covered(context: dict[str, Any]) -> bool:
    """Whether the item waits behind its content note: until the rater asks for it."""
    page, request = context["page"], context["request"]
    return bool(page.content_note) and not context.get("missing") and "show" not in request.GET


@register.simple_tag(takes_context=True)
def item_heading(context: dict[str, Any]) -> str:
    page: RatingPage = context["page"]
    words = {
        "training": _("Training item %(number)d of %(total)d"),
        "gate": _("Qualification item %(number)d of %(total)d"),
    }
    heading = words.get(page.track, _("Item %(number)d of %(total)d"))
    return heading % {"number": page.number, "total": page.total}


@register.simple_tag(takes_context=True)
def clip_name(context: dict[str, Any], clip: PageClip) -> SafeString:
    count = len(context["page"].clips)
    name = _("The client's turn") if clip.has_picture else _("The client's turn, sound only")
    if count > 1:
        place = _("clip %(number)d of %(count)d") % {"number": clip.number, "count": count}
        name = f"{name}, {place}"
    return mark_safe(name)  # noqa: S308 - our own words
