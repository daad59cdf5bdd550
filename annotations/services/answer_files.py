"""All answers of a study as a file, written while it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from django.utils import timezone
from django.utils.text import slugify

from annotations.exports.tables.bundle import Source, Tables
from annotations.exports.tables.columns import COLUMNS
from annotations.exports.tables.parquet import parquet_chunks
from annotations.exports.tables.questions import questions_of
from annotations.exports.tables.spelling import AsCsv, AsJson
from annotations.models import Candidate, Study, StudyPart
from annotations.selectors.analyses import run_labels
from annotations.selectors.answer_table import answer_rows, written_answers
from annotations.selectors.answer_writing import CODES
from annotations.selectors.data_version import data_state
from annotations.selectors.release_contents.criteria import criteria_of_study

ANSWER_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def answers_file(study: Study, kind: str) -> Iterator[bytes]:
    """kind: of ANSWER_KINDS. Whoever stops reading closes it: nothing is read on then."""
    if kind == "parquet":
        return parquet_chunks(_pieces(study, AsCsv(for_spreadsheets=False)))
    return _pieces(study, AsJson()) if kind == "jsonl" else _csv(study)


def _csv(study: Study) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    yield from _pieces(study, AsCsv())


def _pieces(study: Study, spelling: AsCsv | AsJson) -> Iterator[bytes]:
    for texts in written_answers(study, spelling):
        yield "".join(texts).encode()


def answer_tables(study: Study, *, mark: bool = False) -> Tables:
    """For R and SPSS. mark: a byte order mark, by which Excel knows UTF-8."""
    compared = Candidate.objects.filter(item__part__study=study).exclude(
        item__part__design=StudyPart.Design.ABSOLUTE
    )
    models = run_labels(study)
    pairs = compared.values_list("response_id", "response__run_id").distinct()
    source = Source(
        rows=lambda: answer_rows(study),
        questions=questions_of(criteria_of_study(study), CODES),
        models={str(response): models.get(run, "") for response, run in pairs},
    )
    return Tables(source, mark)


def answers_name(study: Study, kind: str) -> str:
    """As "care-study-answers-2026-05-02.csv"."""
    name = slugify(study.name) or f"study-{study.pk}"
    return f"{name}-answers-{timezone.localdate()}.{kind}"


def answers_version(study: Study, kind: str, *, fresh: bool) -> str:
    """Of the contents: what is called the same is the same. fresh: whatever was counted before."""
    names = [data_state(study, fresh=fresh).version, kind, COLUMNS, run_labels(study)]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]
