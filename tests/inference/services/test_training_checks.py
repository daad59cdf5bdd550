"""A run that the machine can never hold is refused before it waits for a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from inference.machine_memory import GIB, MIB, available_memory, total_memory
from inference.models import TrainingRun
from inference.services import training_checks
from inference.services.model_versions import register_checkpoint
from inference.services.training_checks import TooLargeError, most_processes
from inference.services.training_corpora import train_on_corpus
from inference.services.training_supervision import run_training
from tests.factories import make_corpus_with_dialogues, make_team


def test_a_machine_has_no_less_than_is_free() -> None:
    assert total_memory() >= available_memory() > 0


@pytest.mark.django_db
def test_what_never_fits_is_refused_with_figures_and_what_would_help(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    team = make_team()
    base = register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)
    corpus = make_corpus_with_dialogues(team, 1, split="train")

    def start(**config: Any) -> TrainingRun:
        options = {"device": "cpu", "processes": 2, **config}
        return train_on_corpus(corpus=corpus, method="sft", base=base, config=options)

    monkeypatch.setattr(training_checks, "total_memory", lambda: 100 * MIB)
    words = r"needs about .* in each of 2 processes .*this machine has 100 MB of memory\. What"
    with pytest.raises(TooLargeError, match=words):
        start(batch_size=64)
    assert not TrainingRun.objects.exists()
    settings.PRODUCTION = True
    assert start().state == "queued", "there the worker may have another machine"
    settings.PRODUCTION = False
    monkeypatch.setattr(training_checks, "total_memory", lambda: 64 * GIB)
    run = start()
    assert run.state == "queued"
    for asked in (most_processes() + 1, 10_000):
        with pytest.raises(TooLargeError, match=f"processes: {asked} were asked for"):
            start(processes=asked)
    TrainingRun.objects.filter(pk=run.pk).update(config=run.config | {"processes": 10_000})
    settings.PRODUCTION = True
    assert run_training(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "processes: 10000 were asked for, and this machine runs at most" in run.error
