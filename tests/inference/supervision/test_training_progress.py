from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.charts import bar_chart, line_chart
from inference.services.training_process import log_tail
from inference.services.training_progress import ProgressReader, points


def test_half_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    reader = ProgressReader(path)
    assert reader.read() == []
    path.write_text('{"event": "begin", "step": 0, "max_steps": 9}\n{"event": "lo')
    (begin,) = reader.read()
    assert (begin.event, begin.max_steps) == ("begin", 9)
    with path.open("a") as file:
        file.write('g", "step": 1, "values": {"loss": 0.5}}\n')
    (log,) = reader.read()
    assert log.values == {"loss": 0.5}
    assert reader.read() == []


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text('\n{"event": 3}\n[]\n{"event": "save", "step": "x"}\nnonsense\n')
    assert [event.event for event in ProgressReader(path).read()] == ["save"]


def test_last_word_on_a_step_counts(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    lines = [{"event": "log", "step": step, "values": {"loss": v}} for step, v in [(1, 9), (1, 3)]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert points(ProgressReader(path).read()) == {1: {"loss": 3.0}}


def test_log_tail_starts_with_a_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert log_tail(log) == ""
    log.write_text("one\ntwo\nthree\n")
    assert log_tail(log) == "one\ntwo\nthree\n"
    assert log_tail(log, size=8) == "three\n"


values = st.floats(-1e6, 1e6)


@given(st.lists(values, min_size=1, max_size=40))
def test_curve_lies_within_its_axes_and_keeps_the_order(series: list[float]) -> None:
    chart = line_chart([(i + 1, value) for i, value in enumerate(series)], "Loss")
    assert chart is not None
    placed = [tuple(map(float, point.split(","))) for point in chart.points.split()]
    assert len(placed) == len(series)
    for (x, y), value in zip(placed, series, strict=True):
        assert chart.left <= x <= chart.right
        assert chart.top <= y <= chart.bottom
        assert y <= placed[series.index(min(series))][1]
        assert value >= min(series)
    assert 2 <= len(chart.y_ticks) <= 8
    assert 2 <= len(chart.x_ticks) <= 8


def test_nothing_to_draw_is_no_chart() -> None:
    assert line_chart([], "Loss") is None
    assert line_chart([(1, float("nan"))], "Loss") is None


@pytest.mark.parametrize("counts", [[0, 0], [1, 3, 0, 7], [5]])
def test_bars_grow_with_their_counts(counts: list[int]) -> None:
    chart = bar_chart([(str(i), n) for i, n in enumerate(counts)])
    heights = [bar.height for bar in chart.bars]
    for one, first in zip(heights, counts, strict=True):
        for other, second in zip(heights, counts, strict=True):
            assert (one > other) == (first > second)
    assert all(bar.y + bar.height == pytest.approx(chart.baseline) for bar in chart.bars)
