"""A small instrument file, and changes to it that break it."""

from __future__ import annotations

SMALL = """\
slug = "small"
version = 1
name = "Small instrument"
citation = "Ada (2026), of our own."
note = "Not a validated scale."
scale_min = 1
scale_max = 5
anchor_low = "poor"
anchor_high = "good"

[[criteria]]
slug = "warmth"
name = "Warmth"
guiding_question = "How warm is it?"
definition = "The response is kind."
good_example = "“I am glad you came.”"
poor_example = "“Next.”"

[[criteria]]
slug = "advice"
name = "Advice"
kind = "choice"
guiding_question = "Does it give advice?"
definition = "A proposal what to do."
good_example = "“You could rest.”"
poor_example = "“Rest!”"
options = [{ value = 0, label = "No" }, { value = 1, label = "Yes" }]

[[criteria]]
slug = "which"
name = "Which advice"
kind = "spans"
required = false
guiding_question = "Which passages?"
definition = "Mark the advice."
good_example = "“You could rest” is marked."
poor_example = "All is marked."
only_if = { criterion = "advice", values = [1] }
"""


def changed(*changes: tuple[str, str], text: str = SMALL) -> str:
    """The file with the first occurrence of each old piece replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
