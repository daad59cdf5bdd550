"""Language models of words only: registered, run with real forward passes, and held to their
weights."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from django.core.management import call_command

from inference.backends.registry import unload_models
from inference.contracts import GenerationOptions
from inference.errors import CheckpointError, InvalidOptionsError
from inference.models import Corpus, GenerationRun, JobState, ModelVersion
from inference.selectors.run_options import option_words
from inference.services.generation import create_generation_run, run_generation
from inference.services.text_models import register_text_model, text_source_of
from mood_eval.models import Team
from tests.annotations.exports import tiny_language_models

WORDS_ONLY = GenerationOptions(modality="text", max_new_tokens=8, history="none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny-llama", seed=3)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    yield
    unload_models()


def write_model(folder: Path, seed: int) -> Path:
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    config = tiny_language_models.config()
    config.max_position_embeddings = 4096
    LlamaForCausalLM(config).save_pretrained(folder)
    tiny_language_models.tokenizer().save_pretrained(folder)
    return folder


def test_a_registered_model_answers_and_exchanged_weights_are_refused(
    team: Team, corpus: Corpus, folder: Path
) -> None:
    out = io.StringIO()
    call_command("register_text_model", "llama", str(folder), "--json", stdout=out)
    model = ModelVersion.objects.get()
    assert json.loads(out.getvalue())["sha256"] == model.weights_sha256 != ""
    assert model.config["architectures"] == ["LlamaForCausalLM"]

    def make_run(limit: int) -> GenerationRun:
        return create_generation_run(
            team=team, model_version=model, corpus=corpus, options=WORDS_ONLY, limit=limit
        )

    run = make_run(2)
    run_generation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.done) == (JobState.DONE, "", 2)
    assert all(response.new_tokens for response in run.responses.all())
    words = dict(option_words(run))
    assert (words["Labels"], words["The dialogue before"]) == (
        "Written freely, then read from the text",
        "Left out",
    )
    write_model(folder, seed=4)
    other = make_run(1)
    run_generation(other.pk)
    other.refresh_from_db()
    assert other.state == JobState.FAILED
    assert "not those that were registered" in other.error


def test_what_a_model_of_words_cannot_be_asked(team: Team, corpus: Corpus, folder: Path) -> None:
    model = register_text_model(team=team, name="llama", path=str(folder))
    for options, words in (
        (GenerationOptions(), r"cannot be given this.*“text”"),
        (GenerationOptions(modality="text", task="emotion"), "from the clip alone"),
    ):
        with pytest.raises(InvalidOptionsError, match=words):
            create_generation_run(team=team, model_version=model, corpus=corpus, options=options)


def test_names_of_the_hub_wait_for_the_first_run(team: Team) -> None:
    model = register_text_model(team=team, name="qwen", path=" Qwen/Qwen2.5-0.5B@main ")
    assert (model.path, model.weights_sha256) == ("Qwen/Qwen2.5-0.5B@main", "")
    assert text_source_of(model) == "Qwen/Qwen2.5-0.5B@main"


@pytest.mark.parametrize("path", ["", "nowhere", "a/b/c", "../x/y", "x" * 300, "/no/such/folder"])
def test_what_is_neither_place_nor_name_is_refused(team: Team, path: str) -> None:
    with pytest.raises(CheckpointError, match="OWNER/NAME"):
        register_text_model(team=team, name="x", path=path)
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "videollama2_qwen2"}, "register_model"),
        ({"architectures": ["BertForMaskedLM"]}, "BertForMaskedLM, which continues no text"),
    ],
)
def test_models_that_write_no_text_are_refused(
    team: Team, folder: Path, config: dict[str, object], words: str
) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    with pytest.raises(CheckpointError, match=words):
        register_text_model(team=team, name="x", path=str(folder))


def test_a_page_reads_below_one_folder_only(team: Team, folder: Path, tmp_path: Path) -> None:
    inside = register_text_model(team=team, name="in", path="tiny-llama", below=tmp_path)
    assert inside.weights_sha256
    for path in (str(folder), "../tiny-llama"):
        with pytest.raises(CheckpointError, match="no folder and no file"):
            register_text_model(team=team, name="out", path=path, below=tmp_path / "other")
