from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub.utils._paths import filter_repo_objects
from safetensors.numpy import save_file

from inference.backends.text_sources import HUB_FILES, HUB_LEFT
from inference.backends.weights import weights_sha256
from inference.contracts import GenerationOptions
from inference.errors import CheckpointError
from inference.models import JobState, ModelVersion
from inference.safetensors_headers import checkpoint_headers
from inference.services.generation import (
    create_generation_run,
    resume_generation_run,
    run_generation,
)
from inference.services.model_versions import NameTakenError, register_checkpoint
from inference.training.tiny import random_tiny_checkpoint
from tests.factories import make_corpus_with_dialogues, make_team


@pytest.mark.django_db
def test_register_checkpoint_notes_hash_config_card_and_parent(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
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


def test_of_shards_with_an_index_only_those_it_names_are_counted_and_hashed(tmp_path: Path) -> None:
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for name in shards:
        save_file({name: np.zeros(3, np.float32)}, tmp_path / name)
    before = weights_sha256(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: name for name in shards}}))
    assert weights_sha256(tmp_path) == before
    save_file({"again": np.zeros(6, np.float32)}, tmp_path / "consolidated.safetensors")
    assert weights_sha256(tmp_path) == before
    assert [tensor.name for tensor in checkpoint_headers(tmp_path)] == shards
    index.write_text("[]")
    with pytest.raises(CheckpointError, match=r"index\.json is no index of weights"):
        weights_sha256(tmp_path)


def test_the_hub_is_asked_for_no_second_layout_and_no_subfolder() -> None:
    wanted = ["config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json"]
    others = ["consolidated.safetensors", "original/params.json", "onnx/model.safetensors"]
    asked = filter_repo_objects(
        [*wanted, *others], allow_patterns=list(HUB_FILES), ignore_patterns=list(HUB_LEFT)
    )
    assert list(asked) == wanted


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_answers_clips_and_refuses_exchanged_weights(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    team = make_team()
    corpus = make_corpus_with_dialogues(team, 1, clips=True)
    model = register_checkpoint(team=team, name="tiny", path=folder)
    options = GenerationOptions(max_new_tokens=8, batch_size=2, constrain_labels=False)

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

    random_tiny_checkpoint(folder, seed=2)
    exchanged = model.generation_runs.get(pk=make_run())
    run_generation(exchanged.pk)
    exchanged.refresh_from_db()
    assert exchanged.state == JobState.FAILED
    assert "not those that were registered" in exchanged.error


@pytest.mark.django_db(transaction=True)
def test_without_a_single_answer_the_run_fails_in_words_until_the_clips_are_back(
    tiny_checkpoint: Path,
) -> None:
    team = make_team()
    corpus = make_corpus_with_dialogues(team, 1, clips=True)
    model = register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)
    kept = {Path(clip.file.path): Path(clip.file.path).read_bytes() for clip in corpus.clips.all()}
    for path in kept:
        path.unlink()
    options = GenerationOptions(max_new_tokens=4)
    run = create_generation_run(team=team, model_version=model, corpus=corpus, options=options)
    run_generation(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert run.error.startswith("Not one client turn could be answered. The clip cannot be read: ")
    assert (run.done, run.responses.filter(error="").count()) == (3, 0)

    for path, content in kept.items():
        path.write_bytes(content)
    resume_generation_run(run)
    run_generation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.responses.count()) == (JobState.DONE, "", 3)
