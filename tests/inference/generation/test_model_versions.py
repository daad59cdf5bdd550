from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from inference.backends.weights import weights_sha256
from inference.contracts import GenerationOptions
from inference.errors import CheckpointError
from inference.models import JobState, ModelVersion
from inference.services.generation import create_generation_run, run_generation
from inference.services.model_versions import NameTakenError, register_checkpoint
from inference.training.tiny import random_tiny_checkpoint
from tests.factories import make_corpus_with_dialogues, make_team


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.mark.django_db
def test_register_checkpoint_notes_hash_config_card_and_parent(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    (folder / "README.md").write_text("# A card\n")
    team = make_team()
    first = register_checkpoint(team=team, name="first", path=folder)
    weights = (folder / "model.safetensors").read_bytes()
    assert first.weights_sha256 == hashlib.sha256(weights).hexdigest()
    assert first.config["model_type"] == ModelVersion.objects.get().config["model_type"]
    assert first.config["hidden_size"] == 128
    assert first.card == "# A card\n"
    second = register_checkpoint(team=team, name="second", path=folder, parent=first)
    assert list(first.children.all()) == [second]
    with pytest.raises(NameTakenError):
        register_checkpoint(team=team, name=" first ", path=folder)
    with pytest.raises(CheckpointError, match="another team"):
        register_checkpoint(team=make_team("Other"), name="third", path=folder, parent=first)


def test_shards_are_hashed_as_their_sha256sum_listing(tmp_path: Path) -> None:
    listing = ""
    for name, content in (("a.safetensors", b"one"), ("b.safetensors", b"two")):
        (tmp_path / name).write_bytes(content)
        listing += f"{hashlib.sha256(content).hexdigest()}  {name}\n"
    assert weights_sha256(tmp_path) == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_answers_clips_and_refuses_exchanged_weights(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    team = make_team()
    corpus = make_corpus_with_dialogues(team, 1, clips=True)
    model = register_checkpoint(team=team, name="tiny", path=folder)
    options = GenerationOptions(modality="av", max_new_tokens=8, batch_size=2)

    def make_run() -> int:
        return create_generation_run(
            team=team, model_version=model, corpus=corpus, options=options
        ).pk

    run = model.generation_runs.get(pk=make_run())
    assert run_generation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.done) == (JobState.DONE, "", 3)
    for response in run.responses.all():
        assert response.prompt_tokens > 0
        assert 0 < response.new_tokens <= 8
        assert response.seconds > 0

    random_tiny_checkpoint(folder, seed=1)
    exchanged = model.generation_runs.get(pk=make_run())
    run_generation(exchanged.pk)
    exchanged.refresh_from_db()
    assert exchanged.state == JobState.FAILED
    assert "not those that were registered" in exchanged.error


@pytest.mark.django_db(transaction=True)
def test_a_clip_that_is_gone_fails_the_run_in_words(checkpoint: Path) -> None:
    team = make_team()
    corpus = make_corpus_with_dialogues(team, 1, clips=True)
    model = register_checkpoint(team=team, name="tiny", path=checkpoint)
    for clip in corpus.clips.all():
        Path(clip.file.path).unlink()
    run = create_generation_run(team=team, model_version=model, corpus=corpus)
    run_generation(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert run.error
    assert run.responses.count() == 0
