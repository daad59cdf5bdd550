from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TO_DO = "To be completed by you"


@dataclass(frozen=True)
class Answer:
    question: str
    lines: tuple[str, ...] = ()
    """What the study knows; nothing where it knows nothing."""
    to_do: str = ""
    """What only its people know."""

    @property
    def complete(self) -> bool:
        return bool(self.lines) and not self.to_do


@dataclass(frozen=True)
class Section:
    title: str
    answers: tuple[Answer, ...]
    note: str = ""


@dataclass(frozen=True)
class Draft:
    name: str
    about: str
    sections: tuple[Section, ...]

    @property
    def asked(self) -> int:
        return sum(len(section.answers) for section in self.sections)

    @property
    def complete(self) -> int:
        return sum(answer.complete for section in self.sections for answer in section.answers)


def answer(question: str, *lines: str, to_do: str = "") -> Answer:
    """Empty lines are left out; without any there is something to do."""
    said = tuple(line for line in lines if line)
    return Answer(question, said, to_do or ("" if said else TO_DO + "."))


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"."""
    some = list(words)
    return " and ".join([", ".join(some[:-1]), some[-1]] if len(some) > 1 else some)


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
