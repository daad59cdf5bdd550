"""Answers for R and SPSS: read by R itself, by PSPP, and by csv, with the same numbers."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotations.exports.codebook import AskedCriterion, write_codebook
from annotations.exports.tables.bundle import Source, Tables, release_tables
from annotations.exports.tables.columns import COLUMNS
from annotations.exports.tables.questions import FORMS, questions_of, read_codebook
from annotations.exports.tables.spss import quoted
from annotations.exports.tables.variables import CODED, OTHER, missing_codes, named
from annotations.models import Criterion, Study
from annotations.selectors.answer_table import answer_rows
from annotations.selectors.answer_writing import CODES
from annotations.services.answer_files import answer_tables
from inference.preference_files import write_rows
from mood_eval.models import User
from tests.answered_studies import (
    TIE,
    add_criterion,
    add_item,
    add_part,
    answer,
    choose,
    make_instrument,
    make_study,
    options,
    pick,
    rank,
    responses_by_stimulus,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_team,
    make_user,
)

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@pytest.fixture
def ada(db: None) -> User:
    return make_user()


@pytest.fixture
def study(ada: User) -> Study:
    """Two raters; one client turn each is scored, compared, chosen from and ranked."""
    kind = Criterion.Kind
    team = make_team(owner=ada)
    corpus = make_corpus_with_dialogues(team, 1)
    names = ("one", "two", "three")
    runs = [make_run_with_responses(team, corpus, name, f"Reply of {name}.") for name in names]
    study = make_study(team, runs, state=Study.State.CLOSED)
    instrument = make_instrument("kinds", criteria=("empathy",))
    add_criterion(instrument, "cold-ness", reverse_scored=True, anchor_low="It's warm")
    add_criterion(instrument, "sorts", kind=kind.MULTIPLE, options=options("Drug", "Diet"))
    add_criterion(instrument, "why", kind=kind.TEXT)
    add_criterion(instrument, "where", kind=kind.SPANS)
    (first, one), (second, two), (third, three) = responses_by_stimulus(runs)
    one_rater, other = study.raters.order_by("pseudonym")
    absolute = add_part(study, "absolute", instrument)
    items = [add_item(absolute, first, [reply]) for reply in one]
    words: dict[str, Any] = {
        "why": 'Sie fragt \u201eja?\u201c,\nund "hört" zu',
        "where": [(0, 4), (5, 7)],
    }
    for number, item in enumerate(items):
        answer(item, one_rater, {"empathy": 7 + number, "cold-ness": 2, "sorts": [1], **words})
        answer(item, other, {"empathy": 4 - number, "cold-ness": "cannot_tell", "sorts": []})
    pair = add_item(add_part(study, "pairwise", make_instrument("pairs")), first, one[:2])
    choose(pair, one_rater, -2, "empathy")
    choose(pair, one_rater, 1)
    choose(pair, other, TIE, "empathy")
    best = add_part(study, "best_of_n", make_instrument("best"), with_overall=False)
    pick(add_item(best, second, two), one_rater, two[1], "empathy")
    ranking = add_part(study, "ranking", make_instrument("ranks"), with_overall=False)
    ranks = dict(zip(three, (2, 1, 2), strict=True))
    rank(add_item(ranking, third, three), other, ranks, "empathy")
    return study


@pytest.fixture
def folder(study: Study, tmp_path: Path) -> Path:
    return unpacked(answer_tables(study), tmp_path / "tables")


def unpacked(tables: Tables, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(b"".join(tables.zip()))) as archive:
        archive.extractall(folder)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def means(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    scores = defaultdict(list)
    for row in rows:
        if row["score"] is not None and not row["missing"]:
            scores[row["question"]].append(row["score"])
    return {question: mean(values) for question, values in scores.items()}


def test_the_long_table_has_a_row_an_answer_and_no_value_where_none_counts(
    study: Study, folder: Path
) -> None:
    rows = rows_of(folder / "long.csv")
    assert len(rows) == len(list(answer_rows(study)))
    cold = [row for row in rows if row["question"] == "cold-ness" and row["rater"] == "R2"]
    code = str(missing_codes(0)["cannot_tell"])
    assert [(row["score"], row["missing"], row["missing_code"]) for row in cold] == [
        ("", "cannot_tell", code)
    ] * 3
    scored = [row for row in rows if row["score"]]
    assert {row["missing_code"] for row in scored} == {"0"}
    [words, *_] = [row["words"] for row in rows if row["words"]]
    assert words == 'Sie fragt \u201eja?\u201c, und "hört" zu'
    assert [row["passages"] for row in rows if row["passages"]] == ["2"] * 3
    sorts = [row["options"] for row in rows if row["question"] == "sorts" and row["rater"] == "R1"]
    assert sorts == ["1"] * 3


def test_the_wide_table_of_scores_has_a_row_a_rater_and_response(
    study: Study, folder: Path
) -> None:
    rows = rows_of(folder / "wide_absolute.csv")
    assert [(row["rater"], row["model"], row["empathy"], row["cold_ness"]) for row in rows] == [
        ("R1", "one", "7", "2"),
        ("R2", "one", "4", ""),
        ("R1", "two", "8", "2"),
        ("R2", "two", "3", ""),
        ("R1", "three", "9", "2"),
        ("R2", "three", "2", ""),
    ]
    assert [(row["sorts_0"], row["sorts_1"]) for row in rows[:2]] == [("0", "1"), ("0", "0")]
    assert [row["where_passages"] for row in rows[:2]] == ["2", ""]
    assert rows[1]["where_missing"] == str(missing_codes(0)["no_answer"])
    assert rows[1]["cold_ness_missing"] == str(missing_codes(0)["cannot_tell"])


def test_compared_responses_stand_in_one_order_whatever_raters_saw(folder: Path) -> None:
    ada, rui = rows_of(folder / "wide_pairwise.csv")
    assert (ada["model_1"], ada["model_2"], ada["shown_first"]) == ("one", "two", "2")
    assert (ada["empathy"], ada["overall"]) == ("-2", "1")
    no_answer = str(missing_codes(0)["no_answer"])
    assert (rui["empathy"], rui["overall"], rui["overall_missing"]) == ("0", "", no_answer)
    [best] = rows_of(folder / "wide_best_of_n.csv")
    assert (best["empathy"], best[f"model_{best['empathy']}"]) == ("2", "two")
    [ranked] = rows_of(folder / "wide_ranking.csv")
    assert [ranked[f"empathy_rank_{n}"] for n in (1, 2, 3)] == ["2", "1", "2"]


def test_the_codebook_explains_every_column_of_every_table(folder: Path) -> None:
    codebook = rows_of(folder / "codebook.csv")
    for table in folder.glob("*.csv"):
        if table.name == "codebook.csv":
            continue
        named_there = [row["variable"] for row in codebook if row["file"] == table.name]
        columns = list(rows_of(table)[0])
        assert named_there == columns
        assert all(NAME.fullmatch(name) for name in columns)
        assert len({name.lower() for name in columns}) == len(columns)
    [cold] = [row for row in codebook if row["variable"] == "cold_ness"]
    assert cold["reverse_scored"] == "yes"
    assert cold["values"].startswith("1 = It's warm; -90 = Not submitted yet")
    assert (cold["instrument"], cold["question"]) == (
        "Kinds (version 1)",
        "How is it with cold-ness?",
    )


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript (base R) is not installed")
@pytest.mark.parametrize("mark", [False, True])
def test_r_reads_the_same_means(study: Study, tmp_path: Path, mark: bool) -> None:
    folder = unpacked(answer_tables(study, mark=mark), tmp_path / "tables")
    (folder / "means.R").write_text(
        'source("read.R")\n'
        "found <- aggregate(score ~ question, independent, mean)\n"
        'write.csv(found, "means.csv", row.names = FALSE)\n'
        "stopifnot(is.factor(long$question), is.factor(long$rater), is.factor(long$missing))\n"
        'stopifnot(nlevels(wide_absolute$model) == 3, reverse_scored == "cold-ness")\n'
        'stopifnot(value_labels[["cold-ness"]]["1"] == "It\'s warm")\n'
        'stopifnot(sum(long$missing == "cannot_tell", na.rm = TRUE) == 3)\n'
        'cat(enc2utf8(na.omit(long$words)[1]), file = "words.txt")\n'
    )
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run(["Rscript", "means.R"], cwd=folder, env=environment, check=True, timeout=120)
    found = {row["question"]: float(row["score"]) for row in rows_of(folder / "means.csv")}
    assert found == pytest.approx(means(answer_rows(study)))
    words = (folder / "words.txt").read_text(encoding="utf-8")
    assert words == 'Sie fragt \u201eja?\u201c, und "hört" zu'


@pytest.mark.skipif(shutil.which("pspp") is None, reason="pspp is not installed")
def test_spss_syntax_reads_the_same_means_and_names_what_is_missing(
    study: Study, folder: Path
) -> None:
    after = (
        "GET FILE='wide_absolute.sav'.\nFREQUENCIES cold_ness /FORMAT=NOTABLE.\n"
        "FREQUENCIES cold_ness.\nMEANS empathy BY model.\n"
    )
    syntax = (folder / "read.sps").read_text(encoding="utf-8")
    (folder / "all.sps").write_text(syntax + after, encoding="utf-8")
    command = ["pspp", "-o", "out.csv", "all.sps"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    out = (folder / "out.csv").read_text(encoding="utf-8")
    assert "Cannot tell from what is shown,3" in out
    assert "Mean,,2.00" in out
    assert {path.name for path in folder.glob("*.sav")} == {
        f"{path.stem}.sav" for path in folder.glob("*.csv") if path.stem not in ("codebook", "out")
    }


def test_a_release_gives_the_same_tables(study: Study, folder: Path, tmp_path: Path) -> None:
    from annotations.selectors.release_contents.criteria import criteria_of_study

    release = tmp_path / "release"
    release.mkdir()
    write_rows(release / "answers.jsonl", answer_rows(study))
    write_codebook(release / "codebook.csv", COLUMNS, CODES, criteria_of_study(study))
    runs = study.study_runs.select_related("run__model_version")
    responses = [
        {"response_id": str(pk), "model": link.run.model_version.name}
        for link in runs
        for pk in link.run.responses.values_list("pk", flat=True)
    ]
    write_rows(release / "responses.jsonl", responses)
    again = unpacked(release_tables(release), tmp_path / "again")
    assert {path.name for path in again.iterdir()} == {path.name for path in folder.iterdir()}
    for path in folder.iterdir():
        assert (again / path.name).read_text() == path.read_text(), path.name


def test_every_reason_and_every_kind_of_question_is_known(study: Study) -> None:
    assert {*CODES} == {*CODED} - {OTHER}
    labels = {str(kind.label): kind for kind in Criterion.Kind}
    assert {labels[name]: form for name, form in FORMS.items()} == {
        Criterion.Kind.MULTIPLE: "options",
        Criterion.Kind.TEXT: "words",
        Criterion.Kind.SPANS: "passages",
    }


def test_members_of_the_team_download_the_tables(client: Client, ada: User, study: Study) -> None:
    client.force_login(ada)
    response = client.get(reverse("results_answer_tables", args=[study.pk]), {"mark": "1"})
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("long.csv").startswith(b"\xef\xbb\xbfpart,design,")
        assert archive.testzip() is None


def test_names_fit_spss_and_r_and_are_never_taken_twice() -> None:
    slugs = ["to", "model", "patient-centred", "patient_centred", "2nd", "\u00e4rger", "x" * 80]
    names = named([*slugs, "x" * 81], taken=["model"])
    assert all(NAME.fullmatch(name) for name in names.values())
    assert len({name.lower() for name in names.values()}) == len(slugs) + 1
    assert (names["to"], names["model"], names["2nd"]) == ("q_to", "q_model", "q_2nd")
    assert (names["patient-centred"], names["patient_centred"]) == (
        "patient_centred",
        "patient_centred_2",
    )


def test_codes_of_missing_answers_lie_below_every_scale() -> None:
    assert max(missing_codes(0).values()) == -90
    codes = missing_codes(-95)
    assert max(codes.values()) == -96
    assert len({*codes.values()}) == len(CODED)


def test_a_codebook_is_read_back(tmp_path: Path) -> None:
    criteria = [
        AskedCriterion(
            "hope",
            "Hope",
            "How much?",
            "Score on a scale",
            "ordinal",
            True,
            "I (version 2)",
            {"-2": "none; a = b", "2": "full, or more"},
            -2,
            2,
        ),
        AskedCriterion(
            "model",
            "Model",
            "Which?",
            "One of several answers",
            "nominal",
            False,
            "I (version 2)",
            {"0": "No", "1": "Yes"},
        ),
    ]
    write_codebook(tmp_path / "codebook.csv", COLUMNS, CODES, criteria)
    read = read_codebook(tmp_path / "codebook.csv", COLUMNS)
    assert list(read.asked.values()) == criteria
    assert read.reasons == CODES
    assert read.lowest == -2


def test_labels_are_one_quoted_line_of_limited_bytes() -> None:
    assert quoted("It's\nhers", 100) == "'It''s hers'"
    assert quoted("\u00e4\u00e4\u00e4", 5) == "'\u00e4\u00e4'"


def test_another_reason_of_an_imported_table_has_a_code() -> None:
    row = {**dict.fromkeys(COLUMNS), "design": "absolute", "question": "hope", "missing": "tired"}
    tables = Tables(Source(lambda: [row], questions_of([], {}), {}))
    [_, line] = b"".join(tables.long()).decode().splitlines()
    assert f",tired,{missing_codes(0)[OTHER]}," in line
