"""What is wrong with an instrument or a template, said so that it can be put right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inference.errors import DomainError


@dataclass(frozen=True)
class Problem:
    """`words` name what is wrong and the remedy."""

    field: str
    words: str
    where: str = ""
    """As: criterion “safety”. Empty: the file as a whole."""
    place: int | None = None
    """Of the criterion or part, from 0."""
    file: str = ""

    def __str__(self) -> str:
        place = ", ".join(filter(None, (self.file, self.where, self.field)))
        return f"{place}: {self.words}" if place else self.words


class InstrumentFileError(DomainError):
    """All problems at once, a line each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def raise_any(problems: Iterable[Problem]) -> None:
    """Of several problems of one field only the first: the others follow from it."""
    first: dict[tuple[int | None, str, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.place, problem.where, problem.field), problem)
    if first:
        raise InstrumentFileError(list(first.values()))
