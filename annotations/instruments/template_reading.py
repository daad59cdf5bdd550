"""From the text of a study template to the dataclass, and whether a study can be made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from annotations.answers import LETTERS
from annotations.instruments.checking import SLUG, Found, one_of
from annotations.instruments.problems import Problem, raise_any
from annotations.instruments.reading import in_file, parse_toml
from annotations.instruments.schema import (
    DESIGNS,
    GATE_STATISTICS,
    RESOLUTIONS,
    RESPONSE_FIELDS,
    UNITS,
    GateTemplate,
    InstrumentText,
    PartTemplate,
    StudyTemplate,
)
from annotations.instruments.shapes import check_shape, fitting, is_table, is_tables

Instruments = Callable[[str], InstrumentText | None]
CONSENT = ("consent_text", "consent_training_text", "consent_release_text")
LISTS = ("statistics", "published", "open_choices")
LEAST = {"pairwise": 2, "best_of_n": 2, "ranking": 2}
BLANK: dict[str, Any] = {
    **dict.fromkeys(("slug", "name", "description", "citation"), ""),
    **dict.fromkeys(("consent_text", "content_note", "contacts"), ""),
    **{"min_runs": 1, "overlap": 2, "block_size": 20, "response_fields": "hidden"},
}


def template_from_toml(
    content: str, texts: Mapping[str, str], instruments: Instruments, *, file: str = ""
) -> StudyTemplate:
    """texts: what raters read in every study, unless the template words it itself.

    Raises InstrumentFileError with every problem.
    """
    raw = {**texts, **parse_toml(content, file)}
    problems = list(check_shape(raw, StudyTemplate, apart=("parts",), thing="a study template"))
    rows = raw.get("parts", [])
    if not is_tables(rows):
        problems.append(Problem("parts", "begin each part with a line [[parts]]."))
        rows = []
    for place, row in enumerate(rows):
        problems += _part_shape(row, place)
    given = BLANK | fitting(raw, StudyTemplate)
    given |= {name: tuple(given.get(name, ())) for name in LISTS}
    given["consent_text"] = "\n\n".join(filter(None, (given.get(name) for name in CONSENT)))
    template = StudyTemplate(**given, parts=tuple(map(_part, rows)))
    raise_any(in_file(file, [*problems, *check_template(template, instruments)]))
    return template


def _part(row: Mapping[str, Any]) -> PartTemplate:
    gate: Any = row.get("gate")
    return PartTemplate(
        **{"design": "", "instrument": ""} | fitting(row, PartTemplate),
        gate=GateTemplate(**fitting(gate, GateTemplate)) if is_table(gate) else None,
    )


def _part_shape(row: Mapping[str, Any], place: int) -> Iterator[Problem]:
    where = f"part {place + 1}"
    problems = [*check_shape(row, PartTemplate, apart=("gate",), thing="a part")]
    if "gate" in row:
        gate = row["gate"]
        if not is_table(gate):
            problems.append(Problem("gate", "has to be a table that begins with [parts.gate]."))
        else:
            problems += check_shape(gate, GateTemplate, thing="a gate")
    for problem in problems:
        yield replace(problem, where=where, place=place)


def check_template(template: StudyTemplate, instruments: Instruments) -> Iterator[Problem]:
    yield from (Problem(field, words) for field, words in _whole(template))
    for place, part in enumerate(template.parts):
        for found in (_design(part, template), _criteria(part, template, instruments), _gate(part)):
            for field, words in found:
                yield Problem(field, words, f"part {place + 1}", place)


def _whole(template: StudyTemplate) -> Found:
    if not SLUG.fullmatch(template.slug):
        yield "slug", "has to be small letters, digits and hyphens."
    for field in ("name", "description", "citation", "consent_text", "contacts"):
        if not getattr(template, field):
            yield field, "is empty."
    for field in ("min_runs", "overlap", "block_size"):
        if getattr(template, field) < 1:
            yield field, "has to be 1 or more."
    yield from one_of("response_fields", template.response_fields, RESPONSE_FIELDS)
    if not 0 <= template.repeat_share < 1:
        yield "repeat_share", "has to be from 0 to below 1, as 0.1 for one item in ten."
    if template.longest_ratio is not None and template.longest_ratio < 1:
        yield "longest_ratio", "has to be 1 or more: the longest response over the shortest."
    if not template.parts:
        yield "parts", "there are none. Begin each with a line [[parts]]."


def _design(part: PartTemplate, template: StudyTemplate) -> Found:
    yield from one_of("design", part.design, DESIGNS)
    yield from one_of("unit", part.unit, UNITS)
    yield from one_of("resolution", part.resolution, RESOLUTIONS)
    several = part.design in ("best_of_n", "ranking")
    if part.candidates and not (several and 2 <= part.candidates <= len(LETTERS)):
        yield (
            "candidates",
            f"is for best_of_n and ranking, from 2 to {len(LETTERS)}; 0 shows every run's.",
        )
    if template.min_runs < max(part.candidates, LEAST.get(part.design, 1)):
        yield "design", "needs more runs than min_runs says. Raise min_runs."
    if part.dispute_range is not None and part.design != "absolute":
        yield "dispute_range", "is for scores. Write dispute_disagreement = true for choices."
    disputes = part.dispute_range is not None or part.dispute_disagreement or part.dispute_flags
    if (part.resolution == "none") == disputes:
        yield "resolution", "and the rules that find a dispute go together: give both or neither."


def _criteria(part: PartTemplate, template: StudyTemplate, instruments: Instruments) -> Found:
    instrument = instruments(part.instrument)
    if instrument is None:
        yield "instrument", f"there is no instrument “{part.instrument}”."
        return
    if template.response_fields == "hidden" and any(c.about_labels for c in instrument.criteria):
        yield "instrument", 'asks about labels that stay hidden. Write response_fields = "after".'
    if part.design != "absolute" and any(
        criterion.kind != "score" or criterion.only_if for criterion in instrument.criteria
    ):
        yield "instrument", "asks more than a comparison can. Compare on scored criteria only."


def _gate(part: PartTemplate) -> Found:
    gate = part.gate
    if gate is None:
        return
    yield from one_of("gate.statistic", gate.statistic, GATE_STATISTICS)
    if not -1 <= gate.threshold < 1:
        yield "gate.threshold", "has to be below 1, and not below -1."
    if gate.attempts < 1:
        yield "gate.attempts", "has to be 1 or more."
    if not 0 <= gate.hidden_share < 1:
        yield "gate.hidden_share", "has to be from 0 to below 1."
    if min(gate.training_items, gate.items) < 0:
        yield "gate.items", "cannot be negative."
