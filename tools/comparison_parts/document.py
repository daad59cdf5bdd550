"""The comparison as Markdown between two comments of a page, and whether that is still true."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from tools.comparison_parts import tables
from tools.comparison_parts.answers import PEERS
from tools.comparison_parts.rows import Row
from tools.comparison_parts.tables import Data

BEGIN = "<!-- compare_statistics: begin -->"
END = "<!-- compare_statistics: end -->"
COLUMNS = ("statistic", "data", "ours", *PEERS, "remarks")
NOT_INSTALLED = "not installed"
NUMBER = re.compile(r"[+-]?\d+\.\d+")
Cells = Mapping[str, str]


class NoPlaceError(ValueError):
    """The page does not have the two comments between which the comparison stands."""


def table(rows: Sequence[Row], available: Sequence[str]) -> str:
    return markdown_table(COLUMNS, [list(cells(row, available).values()) for row in rows])


def cells(row: Row, available: Sequence[str]) -> dict[str, str]:
    found = {"statistic": f"`{row.statistic}`", "data": row.data, "ours": row.ours.text}
    for peer in PEERS:
        found[peer] = row.cell(peer) if peer in available else NOT_INSTALLED
    remarks = row.remarks().items()
    return found | {"remarks": "<br>".join(f"{peer}: {text}" for peer, text in remarks)}


def markdown_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def data_notes() -> str:
    """One line a data set: its name and where it comes from."""
    known = [value for value in vars(tables).values() if isinstance(value, Data)]
    return "\n".join(f"- *{data.name}*: {data.source}" for data in known)


def written(page: str, text: str) -> str:
    """The page with this text between its two comments."""
    before, _, after = _parts(page)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def differences_from(page: str, rows: Sequence[Row], available: Sequence[str]) -> list[str]:
    """What the page says otherwise than these rows, of ours and of the packages available."""
    stored = _stored(_parts(page)[1])
    wrong = []
    for row in rows:
        now = cells(row, available)
        then = stored.pop((now["statistic"], now["data"]), None)
        if then is None:
            wrong.append(f"{row.statistic} of {row.data}: not in the page")
            continue
        wrong += [
            f"{row.statistic} of {row.data}, {name}: {then[name]} in the page, {now[name]} now"
            for name in ("ours", *available, "remarks")
            if not _same(_of(then[name], name, available), now[name])
        ]
    return wrong + [f"{' of '.join(key)}: in the page, but no longer compared" for key in stored]


def _parts(page: str) -> tuple[str, str, str]:
    before, begin, rest = page.partition(BEGIN)
    text, end, after = rest.partition(END)
    if not begin or not end:
        raise NoPlaceError(f"The page needs the lines {BEGIN} and {END}, in this order.")
    return before, text, after


def _stored(text: str) -> dict[tuple[str, str], Cells]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    # A row whose last cell is empty ends in "|  |".
    padded = [row + [""] * (len(COLUMNS) - len(row)) for row in rows]
    start = next((i for i, row in enumerate(padded) if tuple(row) == COLUMNS), len(padded))
    found: dict[tuple[str, str], Cells] = {}
    for row in padded[start + 2 :]:
        if not row[0].startswith("`"):
            break
        found[row[0], row[1]] = dict(zip(COLUMNS, row, strict=True))
    return found


def _of(cell: str, column: str, available: Sequence[str]) -> str:
    """Of the remarks only those on packages that can be asked now."""
    if column != "remarks":
        return cell
    parts = [part for part in cell.split("<br>") if part.split(": ")[0] in available]
    return "<br>".join(parts)


def _same(then: str, now: str) -> bool:
    """The same words, and numbers that differ by no more than rounding may move the last digit."""
    if NUMBER.sub("#", then) != NUMBER.sub("#", now):
        return False
    pairs = zip(NUMBER.findall(then), NUMBER.findall(now), strict=True)
    return all(
        math.isclose(float(a), float(b), abs_tol=_last_digit(a), rel_tol=0) for a, b in pairs
    )


def _last_digit(number: str) -> float:
    return 1.01 * 10.0 ** -len(number.partition(".")[2])
