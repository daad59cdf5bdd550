"""Every statistic under its name, on tables as they come from files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from annotations.statistics.estimate import Estimate
from annotations.statistics.ratings import Scale, ratings
from annotations.statistics.registry import (
    ALL,
    DEFAULT,
    STATISTICS,
    UnknownStatisticError,
    compute,
)
from annotations.statistics.table_files import CriterionTable
from tests.annotations.statistics.golden import expected, needs_golden, raters_by_items
from tests.annotations.statistics.tables import SHROUT_FLEISS, simulated

NAMES = """
alpha_ordinal alpha_interval alpha_nominal alpha_ratio alpha_ci_new_raters
alpha_leave_one_rater_out item_disagreement pairwise_agreement gwet_ac1 gwet_ac2_quadratic
brennan_prediger fleiss conger percent_exact percent_within_1 icc_1_1 icc_1_k icc_2_1 icc_2_k
icc_3_1 icc_3_k icc_a1 icc_ak icc_c1 severity drift fit reliability_diff model_contrast judge_alpha
judge_alternative_annotator judge_bias judge_concordance judge_tau_b dawid_skene planner
"""
PROMISED = set(NAMES.split())
NAN = float("nan")


def study(seed: int = 1, raters: int = 6, items: int = 40) -> CriterionTable:
    """People, a judge, two models that answered each stimulus, and the order of the work."""
    values = np.clip(np.round(simulated(raters, items, seed=seed, sd=(1.5, 0.4, 0.8))), 1, 10)
    return CriterionTable(
        people=ratings(values, scale=Scale(1, 10), clusters=np.arange(items) // 4),
        judges={"llm": np.clip(np.round(values.mean(axis=0) + 0.4), 1, 10)},
        order=np.tile(np.arange(items, dtype=float), (raters, 1)),
        models=tuple("kind" if item % 2 else "curt" for item in range(items)),
        stimuli=np.arange(items) // 2,
    )


@pytest.fixture(scope="module")
def everything() -> dict[str, dict[str, Estimate]]:
    return compute([ALL], {"care": study(1), "tact": study(2)}, resamples=60)


def test_every_promised_name_is_there() -> None:
    assert set(STATISTICS) >= PROMISED
    assert set(DEFAULT) <= set(STATISTICS)
    assert all(statistic.description for statistic in STATISTICS.values())


def test_every_estimate_has_the_name_it_was_asked_by(
    everything: dict[str, dict[str, Estimate]],
) -> None:
    assert list(everything) == ["care", "tact"]
    for figures in everything.values():
        assert {name: found.name for name, found in figures.items()} == {
            name: name for name in STATISTICS
        }


def test_a_whole_table_defines_all_that_is_promised(
    everything: dict[str, dict[str, Estimate]],
) -> None:
    undefined = {name for name in PROMISED if not everything["care"][name].defined}
    assert undefined == set()


def test_what_one_seed_gives_it_gives_again() -> None:
    tables = {"care": study()}
    one, two, other = (
        compute(["alpha_ordinal"], tables, seed=seed, resamples=60)["care"]["alpha_ordinal"]
        for seed in (7, 7, 8)
    )
    assert one == two
    assert (one.low, one.seed, one.resamples) != (other.low, 7, 60)
    assert (one.seed, one.resamples) == (7, 60)


def test_level_and_confidence_reach_the_statistics() -> None:
    names = ["alpha_ci_new_raters", "alpha_leave_one_rater_out", "item_disagreement"]
    tables = {"care": study()}
    nominal = compute([*names, "alpha_nominal"], tables, level="nominal", resamples=60)["care"]
    value = nominal["alpha_nominal"].value
    assert value is not None
    assert nominal["alpha_ci_new_raters"].value == pytest.approx(value)
    assert nominal["alpha_leave_one_rater_out"].value == pytest.approx(value)
    assert nominal["item_disagreement"].value == pytest.approx(1 - value)
    half = compute(["percent_exact"], tables, confidence=0.5)["care"]["percent_exact"]
    assert half.confidence == 0.5


def test_the_difference_of_two_criteria_is_that_of_their_alphas(
    everything: dict[str, dict[str, Estimate]],
) -> None:
    care, tact = (everything[name] for name in ("care", "tact"))
    alphas = care["alpha_ordinal"].value, tact["alpha_ordinal"].value
    assert alphas[0] is not None
    assert alphas[1] is not None
    one, two = care["reliability_diff"], tact["reliability_diff"]
    assert one.value == pytest.approx(alphas[0] - alphas[1])
    assert two.value == pytest.approx(alphas[1] - alphas[0])
    assert one.low is not None
    assert two.high == -one.low
    assert one.notes[0] == "other: tact"
    assert one.rows == two.rows[::-1]


def test_of_three_criteria_each_other_one_has_a_row() -> None:
    tables = {name: study(seed) for seed, name in enumerate(("care", "tact", "tone"))}
    found = compute(["reliability_diff"], tables, resamples=60)["tact"]["reliability_diff"]
    assert [row["other"] for row in found.rows] == ["care", "tone"]
    assert all(row["value"] is not None for row in found.rows)
    assert "2 other criteria" in found.undefined_because


def test_raters_and_items_of_another_criterion_leave_a_complete_table_complete() -> None:
    values = np.full((5, 7), NAN)
    values[:4, :6] = SHROUT_FLEISS
    other = np.full((5, 7), 3.0)
    tables = {
        "whole": CriterionTable(ratings(values)),
        "other": CriterionTable(ratings(other)),
    }
    found = compute(["icc_2_1", "alpha_interval"], tables, resamples=60)
    # Shrout & Fleiss (1979), table 4.
    assert found["whole"]["icc_2_1"].value == pytest.approx(0.29, abs=0.005)
    assert found["whole"]["icc_2_1"].n_items == 6
    assert "every rating is the same" in found["other"]["alpha_interval"].undefined_because


def test_without_a_declared_scale_the_categories_that_occur_are_named() -> None:
    table = CriterionTable(ratings([[1, 2, 3, 5, 5, 1], [1, 2, 3, 5, 3, 2]]))
    names = ["gwet_ac2_quadratic", "brennan_prediger", "alpha_ordinal"]
    found = compute(names, {"v": table}, resamples=60)["v"]
    for name in names[:2]:
        assert "those that occur, 1, 2, 3, 5." in found[name].notes[-1]
    assert found["alpha_ordinal"].notes == ()
    declared = CriterionTable(ratings(table.people.values, scale=(1, 5)))
    other = compute(names, {"v": declared})["v"]
    assert other["brennan_prediger"].notes == ()
    assert other["brennan_prediger"].value != found["brennan_prediger"].value


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("drift", "order"),
        ("model_contrast", "model"),
        ("judge_alpha", "kind"),
        ("judge_bias", "kind"),
    ],
)
def test_a_column_that_is_missing_is_a_reason(name: str, column: str) -> None:
    bare = CriterionTable(study().people)
    found = compute([name], {"care": bare})["care"][name]
    assert found.value is None
    assert f"add a column “{column}”" in found.undefined_because


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "values",
    [
        [[NAN, NAN], [NAN, NAN]],
        [[3, NAN], [NAN, 3]],
        [[3, 3, 3], [3, 3, 3]],
        [[1, NAN, NAN], [2, NAN, NAN]],
        [[1, 2, 3]],
        [[0, 1, 1, 0], [0, 1, 1, 0]],
        [[0.25, 1.75, 9.5], [0.5, 1.5, 8.25]],
        [[-1, 0, 2], [0, -3, 1]],
    ],
)
def test_degenerate_tables_give_reasons_and_no_crash(values: list[list[float]]) -> None:
    people = ratings(values, more_raters_than_items=True)
    some = np.arange(people.values.shape[1], dtype=float)
    table = CriterionTable(
        people=people,
        judges={"llm": some},
        order=np.tile(some, (len(people.raters), 1)),
        models=("m",) * len(some),
        stimuli=some.astype(np.int64),
    )
    found = compute([ALL], {"a": table, "b": table}, resamples=40)
    for figures in found.values():
        for name, estimate in figures.items():
            assert estimate.name == name
            assert estimate.as_json()["name"] == name


def test_a_judge_who_met_no_persons_item_has_no_figures() -> None:
    table = CriterionTable(
        ratings([[1, 2, NAN], [2, 2, NAN]]), judges={"x": np.array([NAN, NAN, 3])}
    )
    found = compute([ALL], {"v": table}, resamples=40)["v"]
    for name in ("judge_alpha", "judge_bias", "judge_concordance", "judge_tau_b"):
        assert found[name].undefined_because == "no item has ratings of the judge and of a person"


def test_two_judges_are_never_pooled() -> None:
    one = study()
    table = CriterionTable(one.people, judges={"x": one.judges["llm"], "y": one.judges["llm"] - 1})
    found = compute(["judge_bias"], {"care": table})["care"]["judge_bias"]
    assert [row["judge"] for row in found.rows] == ["x", "y"]
    assert found.rows[0]["value"] == pytest.approx(found.rows[1]["value"] + 1)
    assert "2 judges" in found.undefined_because


def test_contrasts_of_three_models_are_adjusted_together() -> None:
    people = ratings(study().people.values)
    models = tuple(("kind", "curt", "calm")[item % 3] for item in range(40))
    table = CriterionTable(people, models=models, stimuli=np.arange(40) // 3)
    found = compute(["model_contrast"], {"care": table}, resamples=60)["care"]["model_contrast"]
    assert [row["pair"] for row in found.rows] == [
        *("kind less curt", "kind less calm", "curt less calm")
    ]
    p = [row["rows"][0]["p"] for row in found.rows]
    adjusted = [row["rows"][0]["p_holm"] for row in found.rows]
    assert min(adjusted) == pytest.approx(min(1, 3 * min(p)))


def test_the_classes_of_dawid_and_skene_are_the_answers_themselves() -> None:
    table = CriterionTable(ratings([[2, 2, 5, 5, 2], [2, 2, 5, 5, 5], [2, 2, 5, 2, 2]]))
    found = compute(["dawid_skene"], {"v": table})["v"]["dawid_skene"]
    assert [row["class"] for row in found.rows] == [2, 5]
    assert sum(row["prevalence"] for row in found.rows) == pytest.approx(1)


def test_what_is_withheld_is_not_computed() -> None:
    table = CriterionTable(study().people, withheld={"severity": "it is closed"})
    found = compute(["severity", "fit"], {"care": table})["care"]
    assert found["severity"].undefined_because == "it is closed"
    assert found["fit"].defined


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(UnknownStatisticError, match=r"“alfa”.*alpha_ordinal.*planner; or all"):
        compute(["alfa"], {})


def test_names_are_read_without_waiting_for_scipy() -> None:
    code = (
        "import sys, annotations.statistics.registry\n"
        "print([name for name in ('scipy', 'statsmodels', 'krippendorff') if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@needs_golden
def test_published_values_come_out_under_these_names() -> None:
    table = CriterionTable(ratings(raters_by_items("kripp2011_4x12")))
    found = compute([ALL], {"v": table}, resamples=40)["v"]
    for level in ("ordinal", "interval", "nominal", "ratio"):
        value, tolerance = expected("kripp2011_4x12", f"alpha_{level}")
        assert found[f"alpha_{level}"].value == pytest.approx(value, abs=tolerance)
    icc = CriterionTable(ratings(raters_by_items("shrout_fleiss_1979")))
    figures = compute([ALL], {"v": icc}, resamples=40)["v"]
    for form in ("1,1", "1,k", "2,1", "2,k", "3,1", "3,k"):
        value, tolerance = expected("shrout_fleiss_1979", f"ICC({form})")
        assert figures[f"icc_{form.replace(',', '_')}"].value == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize("seed", range(8))
def test_no_small_table_breaks_any_statistic(seed: int) -> None:
    """Few raters, few items, few scores, many gaps: what a study has after its first hour."""
    rng = np.random.default_rng(seed)
    raters, items, scores = rng.integers(2, 6), rng.integers(2, 9), rng.integers(1, 4)
    values = rng.integers(1, scores + 1, size=(raters, items)).astype(float)
    values[rng.random(values.shape) < rng.choice([0, 0.2, 0.5])] = np.nan
    clusters = rng.integers(0, 3, size=items) if seed % 2 else None
    tables = {
        name: CriterionTable(
            people=ratings(
                table,
                raters=[f"r{n}" for n in range(raters)],
                items=[f"i{n}" for n in range(items)],
                clusters=clusters,
            ),
            judges={"J": rng.integers(1, scores + 1, size=items).astype(float)},
            order=rng.permutation(values.size).reshape(values.shape).astype(float),
            models=tuple(rng.choice(["kind", "curt"], size=items)),
            stimuli=np.arange(items) // 2 if clusters is None else clusters,
        )
        for name, table in (("one", values), ("two", values[:, ::-1]))
    }
    quick = [name for name in STATISTICS if name not in ("planner", "severity_ordinal")]
    for found in compute(quick, tables, resamples=30).values():
        for name, estimate in found.items():
            assert "NaN" not in json.dumps(estimate.as_json()), name
