"""An R script that reads the tables, with factors and without what does not count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from annotations.exports.tables.questions import Questions
from annotations.exports.tables.variables import Variable

ABOUT = """\
# Reads the tables of this folder; base R is enough. Run it in this folder: source("read.R")
# An answer that is missing or does not count is NA; `missing` says why.
read_table <- function(file, types) {
  read.csv(file, fileEncoding = "UTF-8-BOM", na.strings = "", colClasses = types,
           encoding = "UTF-8")
}
"""
TYPES = {"number": "numeric", "decimal": "numeric", "text": "character"}
FACTORS = (
    *("part", "design", "item", "pool", "stimulus", "corpus", "session", "client", "rater"),
    *("rater_kind", "role", "response", "model", "preferred_model", "tie_kind"),
)
LAST = """
# Answers that statistics are made of: of people, each given independently, on the study's items.
independent <- subset(long, role == "independent" & rater_kind == "person" & pool == "study")
"""


def r_script(
    tables: Iterable[tuple[str, Sequence[Variable]]],
    questions: Questions,
    slugs: Sequence[str],
    codes: Mapping[str, str],
) -> Iterator[str]:
    """tables: file, and its columns. slugs: of all questions, in order. codes: reason for a
    missing answer -> label."""
    yield ABOUT
    for file, variables in tables:
        yield from _table(file, variables)
    names = [questions.asked[s].name if s in questions.asked else s.title() for s in slugs]
    yield f"\nlong$question <- factor(long$question, levels = {_vector(slugs)})\n"
    yield f"question_labels <- setNames({_vector(names)}, {_vector(slugs)})\n"
    yield f"long$missing <- factor(long$missing, levels = {_vector(codes)})\n"
    yield f"missing_labels <- setNames({_vector(codes.values())}, {_vector(codes)})\n"
    turned = [slug for slug in slugs if slug in questions.asked]
    turned = [slug for slug in turned if questions.asked[slug].reverse_scored]
    yield "# Lower is better here; scores are as they were given.\n"
    yield f"reverse_scored <- {_vector(turned)}\n"
    yield "value_labels <- list()\n"
    for slug in slugs:
        values = questions.asked[slug].values if slug in questions.asked else {}
        if values:
            labels = f"setNames({_vector(values.values())}, {_vector(values)})"
            yield f"value_labels[[{_text(slug)}]] <- {labels}\n"
    yield LAST


def _table(file: str, variables: Sequence[Variable]) -> Iterator[str]:
    name = file.removesuffix(".csv")
    types = ", ".join(f'{one.name} = "{TYPES[one.kind]}"' for one in variables)
    yield f'\n{name} <- read_table("{file}", c({types}))\n'
    factors = [one.name for one in variables if one.name in FACTORS]
    yield f"{name}[{_vector(factors)}] <- lapply({name}[{_vector(factors)}], factor)\n"


def _vector(texts: Iterable[str]) -> str:
    return f"as.character(c({', '.join(map(_text, texts))}))"


def _text(text: str) -> str:
    """JSON escapes as R does, but for slashes, which it leaves alone."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
