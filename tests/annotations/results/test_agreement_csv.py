"""manage.py agreement on files, and on a study with other statistics than its pages show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from annotations.models import Study
from annotations.statistics.registry import DEFAULT, STATISTICS
from mood_eval.models import Team
from tests.answered_studies import (
    CLEARLY_FIRST,
    TIE,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

ROOT = Path(__file__).resolve().parents[3]
# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve
# units, ratings missing. Published there to three digits.
OBSERVERS = """unit,A,B,C,D
1,1,1,,1
2,2,2,3,2
3,3,3,3,3
4,3,3,3,3
5,2,2,2,2
6,1,2,3,4
7,4,4,4,4
8,1,1,2,1
9,2,2,2,2
10,,5,5,5
11,,,1,1
12,,3,,
"""
PUBLISHED = {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}


@pytest.fixture
def observers(tmp_path: Path) -> Path:
    path = tmp_path / "observers.csv"
    path.write_text(OBSERVERS)
    return path


def told(*arguments: object) -> str:
    out = StringIO()
    call_command("agreement", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def figures(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(*arguments, "--json"))
    return found


def refusal(*arguments: object) -> CommandError:
    with pytest.raises(CommandError) as refused:
        told(*arguments)
    return refused.value


def manage(*arguments: object, var: Path) -> subprocess.CompletedProcess[str]:
    """As a person runs it, where no server runs and none is known."""
    known = {"DATABASE_URL", "REDIS_URL", "MOODEVAL_VAR"}
    environment = {name: value for name, value in os.environ.items() if name not in known}
    return subprocess.run(
        [sys.executable, "manage.py", "agreement", *map(str, arguments)],
        cwd=ROOT,
        env=environment | {"MOODEVAL_VAR": str(var)},
        capture_output=True,
        text=True,
    )


def test_published_alphas_of_a_wide_file(observers: Path) -> None:
    found = figures("--csv", observers)
    assert list(found) == ["value"]
    assert list(found["value"]) == list(DEFAULT)
    for level, published in PUBLISHED.items():
        assert round(found["value"][f"alpha_{level}"]["value"], 3) == published
    ordinal = found["value"]["alpha_ordinal"]
    assert (ordinal["n_items"], ordinal["n_pairable"], ordinal["n_raters"]) == (12, 11, 4)
    assert ordinal["low"] < ordinal["value"] < ordinal["high"]


def test_a_long_file_of_two_criteria_gives_the_same(observers: Path, tmp_path: Path) -> None:
    header, *rows = [line.split(",") for line in OBSERVERS.splitlines()]
    path = tmp_path / "long.csv"
    path.write_text(
        "criterion;rater;item;rating\n"
        + "".join(
            f"{criterion};{rater};{unit};{value}\n"
            for unit, *values in rows
            for rater, value in zip(header[1:], values, strict=True)
            for criterion in ("care", "tact")
        )
    )
    found = figures("--csv", path, "--statistics", "alpha_ordinal,reliability_diff")
    assert list(found) == ["care", "tact"]
    assert round(found["tact"]["alpha_ordinal"]["value"], 3) == PUBLISHED["ordinal"]
    assert found["care"]["reliability_diff"]["value"] == 0


def test_seed_resamples_confidence_and_level_are_those_asked_for(observers: Path) -> None:
    asked = ("--seed", 5, "--resamples", 99, "--confidence", 0.9, "--level", "nominal")
    one = figures("--csv", observers, *asked, "--statistics", "alpha_ordinal,item_disagreement")
    ordinal = one["value"]["alpha_ordinal"]
    assert (ordinal["seed"], ordinal["resamples"], ordinal["confidence"]) == (5, 99, 0.9)
    assert round(1 - one["value"]["item_disagreement"]["value"], 3) == PUBLISHED["nominal"]
    again = figures("--csv", observers, *asked, "--statistics", "alpha_ordinal,item_disagreement")
    assert one == again


def test_every_statistic_can_be_asked_for_at_once(observers: Path) -> None:
    found = figures("--csv", observers, "--statistics", "all", "--resamples", 40)["value"]
    assert list(found) == list(STATISTICS)
    assert all((one["value"] is None) == bool(one["undefined_because"]) for one in found.values())


def test_a_declared_scale_counts_whole(observers: Path) -> None:
    asked = ("--statistics", "brennan_prediger")
    occurring = figures("--csv", observers, *asked)["value"]["brennan_prediger"]
    declared = figures("--csv", observers, *asked, "--scale", "1-10")["value"]["brennan_prediger"]
    assert "No scale is declared" in occurring["notes"][-1]
    assert declared["notes"] == []
    # (observed - 1/q) / (1 - 1/q) with q = 5 and q = 10 categories.
    observed = occurring["value"] * 4 / 5 + 1 / 5
    assert declared["value"] == pytest.approx((observed - 1 / 10) / (9 / 10))


def test_text_for_a_person(observers: Path) -> None:
    text = told("--csv", observers, "--scale", "1-5")
    assert text.splitlines()[1].split() == [
        *("statistic", "value", "low", "high", "items", "raters", "ratings")
    ]
    assert any(line.split()[:2] == ["alpha_ordinal", "0.815"] for line in text.splitlines())
    assert "alpha_ci_new_raters has no interval because" in text


def test_choices_between_models_are_ranked(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(
        "first,second,value,stimulus,rater\n"
        + "".join(f"kind,curt,{'first' if n % 3 else 'second'},t{n},r{n % 2}\n" for n in range(12))
        + "kind,curt,tie,t12,r0\n"
    )
    found = figures("--csv", path, "--resamples", 50)["value"]
    assert list(found) == ["win_rate", "bt_davidson", "bt_rao_kupper", "bt_half_tie"]
    assert found["win_rate"]["value"] == pytest.approx(8.5 / 13)
    assert [row["model"] for row in found["bt_davidson"]["rows"]] == ["kind", "curt"]
    (gap,) = found["bt_davidson"]["gaps"]
    assert gap["difference"] == pytest.approx(found["bt_davidson"]["value"])
    assert refusal("--csv", path, "--level", "nominal").returncode == 2
    assert "win_rate" in told("--csv", path, "--resamples", 50)


def test_what_is_wrong_with_a_file_is_said(observers: Path, tmp_path: Path) -> None:
    off = refusal("--csv", observers, "--scale", "1-4")
    assert off.returncode == 1
    assert "observers.csv, line 11, column “B”: 5 is not on the scale from 1 to 4" in str(off)
    missing = refusal("--csv", tmp_path / "nothing.csv")
    assert missing.returncode == 1
    assert "cannot be read" in str(missing)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("1", "--csv", "x.csv"),
        ("1", "--scale", "1-10"),
        ("1", "--layout", "wide"),
    ],
)
def test_a_study_or_a_file_and_options_that_fit(arguments: tuple[str, ...]) -> None:
    assert refusal(*arguments).returncode == 2


def test_an_unknown_statistic_lists_the_known_ones(observers: Path) -> None:
    refused = refusal("--csv", observers, "--statistics", "alfa")
    assert refused.returncode == 2
    assert "There is no statistic “alfa” here. There are: alpha_ordinal" in str(refused)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--scale", "10-1"),
        ("--scale", "1to10"),
        ("--confidence", "95"),
        ("--confidence", "high"),
        ("--seed", "-1"),
        ("--resamples", "1"),
        ("--level", "rank"),
    ],
)
def test_values_that_cannot_be_are_wrong_usage(option: str, value: str, observers: Path) -> None:
    assert f"argument {option}" in str(refusal("--csv", observers, option, value))


def test_without_a_database_and_with_exit_codes(observers: Path, tmp_path: Path) -> None:
    var = tmp_path / "var"
    done = manage("--csv", observers, "--json", "--statistics", "alpha_ordinal", var=var)
    assert done.returncode == 0, done.stderr
    assert round(json.loads(done.stdout)["value"]["alpha_ordinal"]["value"], 3) == 0.815
    assert [path for path in var.rglob("*") if "postgres" in path.name] == []
    broken = tmp_path / "broken.csv"
    broken.write_text("item,rater,value\ni,a,x\n")
    refused = manage("--csv", broken, var=var)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "broken.csv, line 2, column “value”" in refused.stderr
    assert manage("--csv", observers, "--scale", "5-1", var=var).returncode == 2


# Of a study


@pytest.fixture
def study(team: Team) -> Study:
    """Two raters score both answers to each client turn, and compare them."""
    corpus = make_corpus_with_dialogues(team, 2)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs)
    absolute = add_part(study, "absolute", make_instrument())
    pairwise = add_part(study, "pairwise", make_instrument("pairs", criteria=()))
    raters = list(study.raters.order_by("pseudonym"))
    for index, (stimulus, both) in enumerate(responses_by_stimulus(runs)):
        compared = add_item(pairwise, stimulus, both)
        scored = [add_item(absolute, stimulus, [response]) for response in both]
        for number, rater in enumerate(raters):
            choose(compared, rater, TIE if index == number else CLEARLY_FIRST)
            for place, item in enumerate(scored):
                score(item, rater, {"empathy": 3 + (2 * index + number * place) % 5})
    return study


@pytest.mark.django_db
def test_other_statistics_of_a_study_are_keyed_by_part_and_criterion(study: Study) -> None:
    found = figures(study.pk, "--statistics", "alpha_nominal,gwet_ac1", "--resamples", 40)
    assert list(found) == ["0/empathy", "1/overall"]
    assert found["0/empathy"]["alpha_nominal"]["resamples"] == 40
    assert found["0/empathy"]["alpha_nominal"]["seed"] == study.seed
    assert found["1/overall"]["gwet_ac1"]["n_raters"] == 2


@pytest.mark.django_db
def test_models_of_an_open_study_stay_closed_here_too(study: Study) -> None:
    asked = (study.pk, "--statistics", "model_contrast,severity", "--resamples", 40)
    found = figures(*asked)
    assert "until the study is closed" in found["0/empathy"]["model_contrast"]["undefined_because"]
    assert "until the study is closed" in found["1/overall"]["severity"]["undefined_because"]
    study.state = Study.State.CLOSED
    study.save(update_fields=["state"])
    found = figures(*asked)
    (row,) = found["0/empathy"]["model_contrast"]["rows"]
    assert {row["one"], row["two"]} == {"kind", "curt"}
    assert "chose between" in found["1/overall"]["model_contrast"]["undefined_because"]
    assert "until the study" not in found["1/overall"]["severity"]["undefined_because"]


@pytest.mark.django_db
def test_the_report_of_a_study_is_that_of_its_pages(study: Study) -> None:
    report = figures(study.pk)
    assert list(report) == [
        *("study", "name", "state", "assignments", "submitted", "raters", "current"),
        *("data_sha256", "parts"),
    ]
    empathy = report["parts"][0]["criteria"][0]
    text = told(study.name)
    assert empathy["sentence"] in text
    assert all(warning in text for warning in empathy["warnings"])
    line = next(line for line in text.splitlines() if line.startswith("empathy "))
    assert line.split()[1] == "alpha_ordinal"
    assert line.split()[2] == f"{empathy['statistics']['alpha_ordinal']['value']:.3f}"


@pytest.mark.django_db
def test_a_draft_has_no_figures(study: Study) -> None:
    study.state = Study.State.DRAFT
    study.save(update_fields=["state"])
    for options in ((), ("--statistics", "alpha_ordinal")):
        refused = refusal(study.pk, *options)
        assert refused.returncode == 1
        assert "A draft has no answers" in str(refused)
