from __future__ import annotations

from pathlib import Path

from inference.backends.base import Machine
from inference.backends.multimood import Checkpoint, load_multimood, unload_multimood
from inference.contracts import GenerationOptions, StimulusInput, TurnText
from inference.media import MediaLimits
from tests.inference.media.films import Video, write


def test_a_worker_reads_clips_within_its_own_limits(tiny_checkpoint: Path, tmp_path: Path) -> None:
    said = (TurnText("client", "I am tired."),)
    clip = write(tmp_path / "x.mp4", Video(frames=5))
    stimulus = StimulusInput("x", "", said, said, (clip,))
    errors = []
    for pixels in (96 * 64, 96 * 64 - 1):
        unload_multimood()
        machine = Machine("cpu", media=MediaLimits(max_pixels=pixels))
        backend = load_multimood(Checkpoint(tiny_checkpoint, "registered", device="cpu"), machine)
        (answer,) = backend.answer([stimulus], GenerationOptions(max_new_tokens=2), [0])
        errors.append(answer.error)
    unload_multimood()
    assert errors[0] == ""
    assert "96 x 64" in errors[1]
