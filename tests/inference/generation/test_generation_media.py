"""From clips as people have them to answers: each kind of file reaches the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.contracts import GenerationOptions
from inference.models import ModelVersion, Response
from inference.services.generation import create_generation_run, run_generation
from inference.services.imports import import_dialogues
from tests.clip_files import write_clip

CLIPS = {
    "talk.mp4": {"video": "libx264", "audio": "aac"},
    "mute.mov": {"video": "libx264"},
    "talk.mkv": {"video": "mpeg4", "audio": "ac3"},
    "talk.webm": {"video": "libvpx", "audio": "libopus"},
    "sound.wav": {"audio": "pcm_s16le"},
    "sound.mp3": {"audio": "libmp3lame"},
    "sound.m4a": {"audio": "aac"},
    "sound.ogg": {"audio": "libopus"},
}


@pytest.mark.django_db(transaction=True)
def test_every_kind_of_clip_is_answered_and_seen_or_heard(
    tiny: ModelVersion, tmp_path: Path
) -> None:
    turns: list[dict[str, str]] = []
    for name, options in CLIPS.items():
        write_clip(tmp_path / name, **options)  # type: ignore[arg-type]
        turns += [
            {"speaker": "client", "text": "Listen.", "clip": name},
            {"speaker": "therapist", "text": "Yes?"},
        ]
    file = tmp_path / "dialogues.jsonl"
    file.write_text(json.dumps({"id": "d", "session": "s", "turns": turns}))
    corpus = import_dialogues(team=tiny.team, format="jsonl", paths=[file]).corpus
    lengths = {}
    for modality in ("text", "v", "a"):
        run = create_generation_run(
            team=tiny.team,
            model_version=tiny,
            corpus=corpus,
            options=GenerationOptions(modality=modality, max_new_tokens=2, history="none"),
        )
        assert run_generation(run.pk)
        answers = Response.objects.filter(run=run).order_by("stimulus__first_position")
        assert [answer.error for answer in answers] == [""] * len(CLIPS)
        lengths[modality] = [answer.prompt_tokens for answer in answers]
    for number, (name, options) in enumerate(CLIPS.items()):
        bare = lengths["text"][number]
        assert (lengths["v"][number] > bare) == ("video" in options), f"{name} is seen"
        assert (lengths["a"][number] > bare) == ("audio" in options), f"{name} is heard"
