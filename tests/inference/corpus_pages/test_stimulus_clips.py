"""Which clips a model is given for a stimulus."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from inference.models import Clip, Stimulus, Turn
from inference.selectors.stimuli import stimulus_inputs
from tests import factories

pytestmark = pytest.mark.django_db


def test_clips_of_the_stimulus_own_turns_in_their_order_originals_and_sounds_too() -> None:
    lines = [("client", "Before."), ("therapist", "Yes?")]
    lines += [("client", f"Part {number}.") for number in range(4)]
    corpus = factories.make_corpus_with_dialogues(factories.make_team(), 1, clips=True, lines=lines)
    film = Clip.objects.get()
    film.playback.save("copy.mp4", ContentFile(b"the copy"), save=True)
    sound = factories.make_sound_clip(corpus)
    Turn.objects.filter(position=3).update(clip=sound)
    Turn.objects.filter(position=4).update(clip=None)
    stimuli = Stimulus.objects.select_related("dialogue").order_by("first_position")
    first, second = stimulus_inputs(list(stimuli))
    original, heard = Path(film.file.path), Path(sound.file.path)
    assert first.clip_paths == (original,)
    assert second.clip_paths == (original, heard, original), "no clip of the turn before"
    assert len(second.client_turns) == 4
    assert (first.earlier_clip_paths, second.earlier_clip_paths) == ((), (original,))
