"""A reference panel's answers as a table: read whole, and refused whole where any cell is wrong."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.answers import Answer, UnreadableAnswerError, read_answer
from annotations.models import Item
from annotations.selectors.panel_questions import PanelQuestion, written_answers
from annotations.table_problems import Problem
from inference.errors import DomainError

MAX_BYTES = 10_000_000
MAX_ROWS = 20_000
MOST_SHOWN = 30
LONGEST = 5000
NEEDED = ("criterion", "answer")
COLUMNS = ("stimulus", "dialogue", "turn", "replies", "criterion", "answer", "explanation", "use")
USES = {
    "training": Item.Pool.TRAINING,
    "qualification": Item.Pool.REFERENCE,
    "reference": Item.Pool.REFERENCE,
    "": None,
}
NO_DIFFERENCE = ("no difference", "tie", "none", "=")


class PanelFileError(DomainError):
    """Nothing of the file was taken."""

    def __init__(self, problems: Sequence[Problem], whole: str = "") -> None:
        self.problems = sorted(problems, key=lambda p: (p.line, p.column))
        self.lines = [whole] if whole else [str(problem) for problem in self.problems]
        more = len(self.lines) - MOST_SHOWN
        if more > 0:
            self.lines = [*self.lines[:MOST_SHOWN], f"And {more} more lines like these."]
        super().__init__(" ".join(self.lines))


@dataclass(frozen=True)
class PanelRow:
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def problem(self, column: str, message: str) -> Problem:
        return Problem(self.line, column, message)

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What the row is about, as written: rows with the same words are of one item."""
        return (self["stimulus"], self["dialogue"], self["turn"], self["replies"].casefold())


def read_rows(name: str, content: bytes) -> list[PanelRow]:
    """Other columns than COLUMNS are for the people who fill the table in."""
    from annotations.statistics.delimited import read_sheet
    from annotations.statistics.ratings import RatingsError

    if len(content) > MAX_BYTES:
        raise PanelFileError([], "The file is larger than 10 MB. Divide it.")
    if b"\0" in content:
        raise PanelFileError([], "This is no table of text. Save it as “CSV UTF-8”.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (re.sub(r"[^\w.-]", "_", Path(name).name)[-80:] or "panel.csv")
        path.write_bytes(content)
        try:
            sheet = read_sheet(path)
        except RatingsError as error:
            raise PanelFileError([], str(error)) from error
    columns = {c.name.casefold(): c for c in sheet.columns if c.name.casefold() in COLUMNS}
    missing = [column for column in NEEDED if column not in columns]
    if missing or not {"stimulus", "dialogue"} & set(columns):
        raise PanelFileError([], header_message(missing))
    if len(sheet.lines) > MAX_ROWS:
        raise PanelFileError([], f"The file has more than {MAX_ROWS:,} rows. Divide it.")
    return [
        PanelRow(int(line), {name: unguarded(column.word(row)) for name, column in columns.items()})
        for row, line in enumerate(sheet.lines)
    ]


def unguarded(cell: str) -> str:
    """Without the mark that keeps a spreadsheet program from reading a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell


def header_message(missing: Sequence[str]) -> str:
    lacking = missing or ["stimulus (or dialogue and turn)"]
    return (
        f"The header has no column {', '.join(lacking)}. Its columns are: {', '.join(COLUMNS)}. "
        "The blank form on this page has them all."
    )


def pool_of(row: PanelRow, default: str) -> str:
    use = row["use"].casefold()
    if use not in USES:
        raise UnreadableAnswerError(
            f"“{row['use']}” is no use of an item. Write training or qualification, or leave the "
            "cell empty."
        )
    return USES[use] or default


def read_panel_answer(question: PanelQuestion, cell: str) -> Answer:
    """As people write it: "7", "A clearly", "No difference", "B", "B > A = C", the words of an
    option. Raises UnreadableAnswerError, which names what can be written."""
    if question.asked.form == "spans":
        raise UnreadableAnswerError(
            f"Passages marked for {question.name} cannot be given in a table. Leave the row out."
        )
    try:
        answer = read_answer(question.asked, as_written(question, cell.strip()))
    except (UnreadableAnswerError, ValueError):
        answer = None
    if answer is None:
        can = ", ".join(written_answers(question))
        raise UnreadableAnswerError(
            f"“{cell[:60]}” is no answer to {question.name}. It can be: {can}."
        )
    return answer


def as_written(question: PanelQuestion, cell: str) -> str:
    """The answer as the rating page would send it."""
    form, word = question.asked.form, cell.casefold()
    values = {label.casefold(): value for value, label in question.labels.items()}
    if form in ("score", "choice"):
        return str(values.get(word, word.removesuffix(".0").removesuffix(",0")))
    if form == "multiple":
        parts = [part.strip() for part in re.split(r"[;,]", word) if part.strip()]
        return "opts:" + ",".join(str(values.get(part, part)) for part in parts)
    if form == "text":
        return f"text:{cell[:LONGEST]}"
    if word in NO_DIFFERENCE:
        return "tie"
    if form == "ranking":
        return "rank:" + re.sub(r"\s", "", word)
    said = word.replace("clearly", "2").replace("slightly", "1")
    return re.sub(r"\s", "", said)
