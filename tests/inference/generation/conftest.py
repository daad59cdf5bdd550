from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.models import Clip, Corpus, ModelVersion
from inference.services.model_versions import register_checkpoint, register_imported
from tests.factories import clip_bytes, make_clip, make_corpus_with_dialogues, make_team


@pytest.fixture
def corpus(transactional_db: None) -> Corpus:
    """Two dialogues with three stimuli each; therapists answered all of them."""
    return make_corpus_with_dialogues(make_team(), 2)


@pytest.fixture
def therapists(corpus: Corpus) -> ModelVersion:
    return register_imported(corpus.team, "therapists", corpus)


@pytest.fixture
def tiny(corpus: Corpus, tiny_checkpoint: Path) -> ModelVersion:
    """An untrained model that answers the corpus."""
    return register_checkpoint(team=corpus.team, name="tiny", path=tiny_checkpoint)


@pytest.fixture
def broken_clip(corpus: Corpus) -> Iterator[Clip]:
    """Of the third client turn of the first dialogue: its stored bytes were overwritten."""
    clip = make_clip(corpus, clip_bytes(1.0))
    turn = corpus.dialogues.order_by("pk")[0].turns.get(position=3)
    turn.clip = clip
    turn.save()
    Path(clip.file.path).write_bytes(b"not a film any more")
    yield clip
    clip.file.delete(save=False)


def repair(clip: Clip) -> None:
    Path(clip.file.path).write_bytes(clip_bytes(1.0))
