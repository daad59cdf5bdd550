"""Which drawing belongs to which spec."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from annotations.figures import specs
from annotations.figures.draw_bars import draw_bars, draw_stacked_bars, draw_win_tie_loss
from annotations.figures.draw_intervals import draw_caterpillar, draw_forest, draw_influence
from annotations.figures.draw_lines import draw_lines
from annotations.figures.draw_matrices import draw_gap_matrix, draw_heat_map
from annotations.figures.draw_points import draw_bland_altman

DRAWINGS: dict[type[specs.FigureSpec], Callable[[Any], Figure]] = {
    specs.Forest: draw_forest,
    specs.Caterpillar: draw_caterpillar,
    specs.Influence: draw_influence,
    specs.HeatMap: draw_heat_map,
    specs.GapMatrix: draw_gap_matrix,
    specs.StackedBars: draw_stacked_bars,
    specs.Bars: draw_bars,
    specs.WinTieLoss: draw_win_tie_loss,
    specs.Lines: draw_lines,
    specs.BlandAltman: draw_bland_altman,
}


# It reports every table of the font, a hundred lines for one PDF.
logging.getLogger("fontTools").setLevel(logging.WARNING)


def draw(figure: specs.FigureSpec) -> Figure:
    return DRAWINGS[type(figure)](figure)
