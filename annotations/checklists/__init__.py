"""Drafts of reporting checklists: what a study knows of itself, and what is left to its people.

The questions are in our words; the forms themselves have theirs, and their notes.
"""

from annotations.checklists.acl import acl_draft
from annotations.checklists.draft import Answer, Draft, Section
from annotations.checklists.facts import CriterionFacts, GateFacts, PartFacts, StudyFacts
from annotations.checklists.heds import heds_draft
from annotations.checklists.markdown import as_markdown

__all__ = [
    "Answer",
    "CriterionFacts",
    "Draft",
    "GateFacts",
    "PartFacts",
    "Section",
    "StudyFacts",
    "acl_draft",
    "as_markdown",
    "heds_draft",
]
