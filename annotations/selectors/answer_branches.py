"""Which questions a rater was led to by the answers to earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from annotations.answers import Answer
from annotations.branching import follow_ups
from annotations.models import Criterion
from annotations.selectors.answer_batches import read_given_rating
from annotations.selectors.study_arrays import NOT_ASKED
from annotations.stored_answers import read_rating

REMEMBERED = 4096
Questions = Mapping[str, Criterion | None]


class StoredRating(Protocol):
    @property
    def score(self) -> int | None: ...
    @property
    def content(self) -> Any: ...
    @property
    def cannot_rate(self) -> str: ...


class Asked:
    """The questions of a part, and which of them were asked of whom."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.keys = [(slug, str(c.pk) if c else "") for slug, c in questions.items()]
        """Slug, and the criterion as `AssignmentRow` names it."""
        earlier = {c.only_if["criterion"] for c in questions.values() if c and c.only_if}
        self._earlier = [key for slug, key in self.keys if slug in earlier and key]
        self.codes_of = lru_cache(REMEMBERED)(self._follow)
        self.everywhere = lru_cache(self._fill)

    def codes(self, answers: Mapping[str, str]) -> Mapping[str, str]:
        """Question -> NOT_ASKED, or empty. answers: by criterion, as `read_given_rating` reads."""
        return self.codes_of(tuple(answers.get(key, "") for key in self._earlier))

    def _fill(self, code: str) -> Mapping[str, str]:
        return dict.fromkeys(self.questions, code)

    def _follow(self, answers: tuple[str, ...]) -> Mapping[str, str]:
        given = zip(self._earlier, answers, strict=True)
        asked = asked_questions(
            self.questions, {int(key): read_given_rating(text) for key, text in given if text}
        )
        return {slug: "" if slug in asked else NOT_ASKED for slug in self.questions}


def asked_questions(questions: Questions, scored: Mapping[int, StoredRating]) -> frozenset[str]:
    """Those that the answers so far lead to."""
    criteria = [criterion for criterion in questions.values() if criterion is not None]
    said: dict[str, Answer | None] = {
        c.slug: read_rating(c.kind, row.score, row.content, row.cannot_rate)
        for c in criteria
        if (row := scored.get(c.pk)) is not None
    }
    return follow_ups(criteria, said) | {slug for slug, c in questions.items() if c is None}
