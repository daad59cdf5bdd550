"""Readers of preferences that were made elsewhere. No Django, and no file is changed."""

from annotations.imports.answers import (
    ImportedAnswers,
    ImportedResponse,
    ImportedStimulus,
    ReadOptions,
)
from annotations.imports.handed_in import HandedIn, hand_in
from annotations.imports.reading import FORMATS, Recognised, read_answers, recognise

__all__ = [
    "FORMATS",
    "HandedIn",
    "ImportedAnswers",
    "ImportedResponse",
    "ImportedStimulus",
    "ReadOptions",
    "Recognised",
    "hand_in",
    "read_answers",
    "recognise",
]
