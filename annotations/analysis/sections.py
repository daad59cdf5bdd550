"""The sections of a study's results, in the order in which they are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotations.analysis.settings import AnalysisSettings, Section
from annotations.selectors.study_arrays import PartData

if TYPE_CHECKING:
    from annotations.figures.specs import FigureSpec

Make = Callable[[PartData, AnalysisSettings], Section]


@dataclass(frozen=True)
class SectionMaker:
    make: Make
    shows_models: bool = False
    """Made only where the models may be compared."""


@dataclass(frozen=True)
class MadeFigure:
    key: str
    sha256: str
    """Of the spec: data, words and kind."""
    spec: dict[str, Any]
    svg: str


@dataclass(frozen=True)
class MadeSection:
    results: dict[str, Any]
    figures: Sequence[MadeFigure]


def _agreement(data: PartData, settings: AnalysisSettings) -> Section:
    from annotations.analysis.agreement import agreement_section

    return agreement_section(data, settings)


def _raters(data: PartData, settings: AnalysisSettings) -> Section:
    from annotations.analysis.raters import raters_section

    return raters_section(data, settings)


def _items(data: PartData, settings: AnalysisSettings) -> Section:
    from annotations.analysis.items import items_section

    return items_section(data, settings)


def _models(data: PartData, settings: AnalysisSettings) -> Section:
    from annotations.analysis.models import models_section

    return models_section(data, settings)


def _judges(data: PartData, settings: AnalysisSettings) -> Section:
    from annotations.analysis.judges import judges_section

    return judges_section(data, settings)


# Imported when they are made: the web process shows figures and never computes them.
SECTIONS: dict[str, SectionMaker] = {
    "agreement": SectionMaker(_agreement),
    "models": SectionMaker(_models, shows_models=True),
    "raters": SectionMaker(_raters),
    "items": SectionMaker(_items),
    "judges": SectionMaker(_judges),
}


def make_section(
    maker: SectionMaker,
    parts: Sequence[PartData],
    settings: AnalysisSettings,
    *,
    with_contrasts: bool,
) -> MadeSection:
    if maker.shows_models and not with_contrasts:
        return MadeSection({"parts": []}, ())
    shown: list[dict[str, Any]] = []
    figures: list[MadeFigure] = []
    for data in parts:
        section = maker.make(data, settings)
        made = {name: made_figure(figure) for name, figure in section.figures.items()}
        figures += made.values()
        shown.append(
            {
                "position": data.part.position,
                "design": data.part.design,
                "instrument": str(data.part.instrument),
                "citation": data.part.instrument.citation,
                **section.results,
                "figures": {name: figure.sha256 for name, figure in made.items()},
            }
        )
    return MadeSection({"parts": shown}, figures)


def made_figure(figure: FigureSpec) -> MadeFigure:
    from annotations.figures.render import inline_svg

    spec = figure.to_json()
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    svg = inline_svg(figure, id_prefix=f"f{sha256[:8]}")
    return MadeFigure(figure.key, sha256, spec, svg)
