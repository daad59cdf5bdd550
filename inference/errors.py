from __future__ import annotations

from pathlib import Path


class DomainError(Exception):
    """A rule was broken; the message is written for the person who asked.

    Pages show it, commands print it and end with exit code 1. Subclasses name the rule.
    """


class UnknownNameError(DomainError):
    pass


class NothingSelectedError(DomainError):
    pass


class InvalidOptionsError(DomainError):
    pass


class CheckpointError(DomainError):
    """A model's folder is missing, incomplete, or not what was registered."""


class ClipError(DomainError):
    """A clip cannot be given to a model."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class WrongStateError(DomainError):
    """The job has moved on: what was asked for no longer applies."""
