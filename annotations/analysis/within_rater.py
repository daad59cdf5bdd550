"""How many responses to one client turn were scored by one and the same rater."""

from __future__ import annotations

import numpy as np

from annotations.analysis import words
from annotations.selectors.study_arrays import PartData


def within_rater_pairs(data: PartData) -> int:
    """Pairs of submitted units of one client turn, over all raters."""
    stimuli = np.unique(data.units.stimulus, return_inverse=True)[1]
    times = (np.bincount(stimuli[row]) for row in data.submitted)
    return int(sum((own * (own - 1) // 2).sum() for own in times))


def within_rater_words(data: PartData) -> str:
    """Empty where there is one response to each client turn."""
    if len(np.unique(data.units.stimulus)) == len(data.units):
        return ""
    pairs = within_rater_pairs(data)
    planned = "as planned" if data.part.same_raters else "by chance: it was not planned so"
    if not pairs:
        return "No two responses to one client turn were scored by the same rater."
    return (
        f"{words.counted(pairs, 'pair')} of responses to one client turn were scored by one and "
        f"the same rater, {planned}."
    )
