"""A list of raters as a CSV file: read whole, and refused whole where any cell is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from annotations.table_problems import Problem
from inference.errors import DomainError

MAX_ROWS = 2000
MAX_BYTES = 1_000_000
MOST_YEARS = 80
LENGTHS = {"email": 254, "name": 150, "profession": 120, "licence": 120, "languages": 200}
ALIASES = {
    "e-mail": "email",
    "e-mail address": "email",
    "email address": "email",
    "license": "licence",
    "years of practice": "years",
    "years_of_practice": "years",
    "language": "languages",
}
COLUMNS = (*LENGTHS, "years")


@dataclass(frozen=True)
class RaterRow:
    line: int
    email: str
    name: str = ""
    profession: str = ""
    licence: str = ""
    years: int | None = None
    languages: str = ""

    @property
    def facts(self) -> dict[str, str | int]:
        """What the row says of the rater, by field; nothing where a cell is empty."""
        given = {
            "profession": self.profession,
            "licence": self.licence,
            "years_of_practice": self.years,
            "languages": self.languages,
        }
        return {field: value for field, value in given.items() if value not in ("", None)}


class RaterFileError(DomainError):
    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = list(problems)


def read_raters(content: bytes | str) -> list[RaterRow]:
    """Raises RaterFileError with every problem of the file, not only the first one."""
    text = as_text(content)
    lines = list(numbered_rows(text))
    if not lines:
        raise RaterFileError([Problem(1, "", "The file is empty. Begin with the line “email”.")])
    (first, header), body = lines[0], lines[1:]
    columns, problems = read_header(first, header)
    if problems:
        raise RaterFileError(problems)
    if not body:
        message = "There is no rater below the header. Add a line for each."
        raise RaterFileError([Problem(first, "", message)])
    if len(body) > MAX_ROWS:
        message = f"The file has more than {MAX_ROWS} raters. Divide it."
        raise RaterFileError([Problem(body[MAX_ROWS][0], "", message)])
    rows: list[RaterRow] = []
    seen: dict[str, int] = {}
    for line, cells in body:
        row, wrong = read_row(line, columns, cells)
        problems.extend(wrong)
        if row is None:
            continue
        if row.email in seen:
            message = f"{row.email} stands in line {seen[row.email]} already. Leave one of them."
            problems.append(Problem(line, "email", message))
        seen.setdefault(row.email, line)
        rows.append(row)
    if problems:
        raise RaterFileError(problems)
    return rows


def as_text(content: bytes | str) -> str:
    if len(content) > MAX_BYTES:
        raise RaterFileError([Problem(1, "", "The file is larger than 1 MB. Divide it.")])
    text = content if isinstance(content, str) else decoded(content)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise RaterFileError([Problem(line, "", "This is no text file. Save the table as CSV.")])
    return text.removeprefix("\ufeff")


def decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = "This is not UTF-8 text. Save the table as “CSV UTF-8”, not as a workbook."
        raise RaterFileError([Problem(line, "", message)]) from error


def numbered_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, cells) of each line that is not empty."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, [cell.strip() for cell in cells]
            begins = reader.line_num + 1
    except csv.Error as error:
        message = f"A quotation mark is not closed, or stands inside a cell ({error})."
        raise RaterFileError([Problem(begins, "", message)]) from error


def read_header(line: int, cells: Sequence[str]) -> tuple[list[str], list[Problem]]:
    columns = [ALIASES.get(cell.lower(), cell.lower()) for cell in cells]
    known = ", ".join(COLUMNS)
    problems = [
        Problem(line, cell or str(place), f"This column is not known. Columns are: {known}.")
        for place, (cell, column) in enumerate(zip(cells, columns, strict=True), start=1)
        if column not in COLUMNS
    ]
    problems += [
        Problem(line, column, "This column stands in the header twice. Leave one of them.")
        for column in COLUMNS
        if columns.count(column) > 1
    ]
    if "email" not in columns:
        message = "The header has no column “email”. The first line names the columns."
        problems.append(Problem(line, "email", message))
    return columns, problems


def read_row(
    line: int, columns: Sequence[str], cells: Sequence[str]
) -> tuple[RaterRow | None, list[Problem]]:
    if len(cells) > len(columns):
        message = (
            f"There are {len(cells)} cells below {len(columns)} columns. Put a cell that holds "
            "the separator into quotation marks."
        )
        return None, [Problem(line, "", message)]
    given = dict(zip(columns, cells, strict=False))
    problems = [
        Problem(line, column, f"This is longer than {most} characters. Shorten it.")
        for column, most in LENGTHS.items()
        if len(given.get(column, "")) > most
    ]
    email = given.get("email", "").lower()
    if not is_address(email):
        message = f"“{email}” is not an e-mail address." if email else "The address is missing."
        problems.append(Problem(line, "email", f"{message} Write it as name@example.org."))
    years = given.get("years", "")
    if years and not (years.isascii() and years.isdecimal() and int(years[:4]) <= MOST_YEARS):
        message = f"“{years}” is not a whole number from 0 to {MOST_YEARS}. Leave it empty if open."
        problems.append(Problem(line, "years", message))
    if problems:
        return None, problems
    words = {column: given.get(column, "") for column in LENGTHS if column != "email"}
    return RaterRow(line, email, years=int(years) if years else None, **words), []


def is_address(email: str) -> bool:
    try:
        validate_email(email)
    except ValidationError:
        return False
    return True
