"""Tables for a paper: LaTeX with booktabs, and CSV."""

from __future__ import annotations

from collections.abc import Sequence

from inference.recognition.tables import csv_lines

Cell = str | int | float | None
ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After the end of a row these would be read as its options.
    "[": "{[}",
    "*": "{*}",
    "\u2212": "$-$",
    "\u2013": "--",
}


def latex_table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, caption: str, label: str
) -> str:
    """For a document that loads booktabs. Columns of numbers are aligned to the right."""
    places = range(len(columns))
    align = "".join("r" if _is_numeric([row[i] for row in rows]) else "l" for i in places)
    lines = [" & ".join(latex_cell(cell) for cell in row) + r" \\" for row in rows]
    head = " & ".join(latex_cell(column) for column in columns) + r" \\"
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_cell(caption)}}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{{align}}}",
            r"\toprule",
            head,
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def latex_cell(cell: Cell) -> str:
    if cell is None:
        return "--"
    if isinstance(cell, float):
        return _signed(f"{cell:.3f}")
    if isinstance(cell, int):
        return _signed(str(cell))
    return "".join(ESCAPES.get(letter, letter) for letter in " ".join(cell.split()))


def _signed(number: str) -> str:
    return number.replace("-", "$-$") if number.strip("-0.") else number.lstrip("-")


def csv_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """As RFC 4180; a text that a spreadsheet would run as a formula begins with an apostrophe."""
    return "".join(csv_lines([list(columns), *map(list, rows)]))


def _is_numeric(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(isinstance(cell, int | float) for cell in known)
