"""The instruments and study templates that ship with the project, read from their data files."""

from annotations.instruments.checking import check_instrument
from annotations.instruments.problems import InstrumentFileError, Problem
from annotations.instruments.reading import criterion_of, instrument_from_toml
from annotations.instruments.schema import (
    CriterionText,
    GateTemplate,
    InstrumentText,
    PartTemplate,
    StudyTemplate,
)
from annotations.instruments.shipped import (
    read_instrument,
    read_template,
    shipped_instruments,
    study_templates,
)
from annotations.instruments.writing import instrument_to_toml

__all__ = [
    "CriterionText",
    "GateTemplate",
    "InstrumentFileError",
    "InstrumentText",
    "PartTemplate",
    "Problem",
    "StudyTemplate",
    "check_instrument",
    "criterion_of",
    "instrument_from_toml",
    "instrument_to_toml",
    "read_instrument",
    "read_template",
    "shipped_instruments",
    "study_templates",
]
