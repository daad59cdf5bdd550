"""Our figures beside those of other packages, on published data: the table of docs/statistics.md.

    make compare-statistics                                   (all packages, writes the page)
    python tools/compare_statistics.py [--write | --check] [--without-mixedlm]

Without an option it prints. --write puts values and seconds into the page and refuses where a
package is missing; --check compares the values of the packages that are installed with the page
and exits 1 where one differs. statsmodels takes about 14 s for the crossed model, which
--without-mixedlm leaves out of the seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.comparison_parts import document, questions
from tools.comparison_parts.answers import PEERS, installed
from tools.comparison_parts.rows import Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "statistics.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="write the page")
    what.add_argument("--check", action="store_true", help="exit 1 where the page is out of date")
    parser.add_argument(
        "--without-mixedlm", action="store_true", help="do not time statsmodels' mixed model"
    )
    arguments = parser.parse_args()
    available = installed()
    missing = [name for name in PEERS if name not in available]
    if arguments.write and missing:
        print(f"Not installed: {', '.join(missing)}. Use `make compare-statistics`.")
        return 1
    rows = questions.rows(available)
    if arguments.check:
        return check(rows, available)
    text = page_text(rows, available, with_mixedlm=not arguments.without_mixedlm)
    if arguments.write:
        PAGE.write_text(document.written(PAGE.read_text(), text))
    else:
        print(text)
    return 0


def check(rows: Sequence[Row], available: Sequence[str]) -> int:
    wrong = document.differences_from(PAGE.read_text(), rows, available)
    for line in wrong:
        print(line)
    if not wrong:
        print(f"{len(rows)} rows of {PAGE.name} are as computed now with {', '.join(available)}.")
    return 1 if wrong else 0


def page_text(rows: Sequence[Row], available: Sequence[str], *, with_mixedlm: bool) -> str:
    parts = [
        f"Versions: {', '.join(f'{name} {version(name)}' for name in available)}.",
        document.table(rows, available),
        f"Data:\n\n{document.data_notes()}",
    ]
    if len(available) == len(PEERS):
        from tools.comparison_parts.timings import timings

        parts.append(timings(with_mixedlm=with_mixedlm))
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
