from __future__ import annotations


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


class WrongStateError(DomainError):
    """The job has moved on: what was asked for no longer applies."""
