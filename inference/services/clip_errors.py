"""Stored clips are named by their hash, which tells nobody where they belong."""

from __future__ import annotations

from dataclasses import replace

from inference.contracts import Answer, StimulusInput
from inference.models import Stimulus
from inference.selectors.stimuli import clip_positions


def placed(answer: Answer, stimulus: Stimulus, given: StimulusInput) -> Answer:
    """The answer with its error, if any, said in terms of the dialogue. Needs `dialogue`."""
    if not answer.error:
        return answer
    turns = f"turns {stimulus.first_position + 1} to {stimulus.last_position + 1}"
    if stimulus.first_position == stimulus.last_position:
        turns = f"turn {stimulus.first_position + 1}"
    error = answer.error
    paths = (*given.earlier_clip_paths, *given.clip_paths)
    for path, position in zip(paths, clip_positions(stimulus), strict=True):
        if str(path) in error:
            turns = f"turn {position + 1}"
        error = error.replace(f": '{path}'", "").replace(f" {path}", "")
        error = error.replace(str(path), "the clip").replace(path.name, "the clip")
    # selectors.runs.PLACE takes this apart again
    return replace(answer, error=f"Dialogue “{stimulus.dialogue.external_id}”, {turns}: {error}")
