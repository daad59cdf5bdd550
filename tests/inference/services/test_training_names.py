"""What runs and the versions they leave are called, whatever others are called meanwhile."""

from __future__ import annotations

import shutil
import threading
from itertools import islice
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from inference.errors import InvalidOptionsError
from inference.models import Corpus, ModelVersion, TrainingRun
from inference.selectors.run_options import ONLY_MODALITY
from inference.services.model_versions import register_checkpoint
from inference.services.training import LONGEST_NAME
from inference.services.training_corpora import train_on_corpus
from inference.services.training_supervision import register_version, version_names
from mood_eval.models import Team
from tests.factories import make_corpus_with_dialogues, make_team
from tests.processes import wait_until


@pytest.fixture
def team() -> Team:
    shutil.rmtree(settings.VAR / "training", ignore_errors=True)
    return make_team()


@pytest.fixture
def base(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)


@pytest.fixture
def corpus(team: Team) -> Corpus:
    return make_corpus_with_dialogues(team, 1, split="train")


@pytest.mark.django_db
def test_a_version_finds_a_name_though_the_runs_is_long_and_taken(
    corpus: Corpus, base: ModelVersion, team: Team, tiny_checkpoint: Path
) -> None:
    name = "n" * LONGEST_NAME
    base.config[ONLY_MODALITY] = "text"
    base.save()
    run = train_on_corpus(corpus=corpus, method="sft", base=base, name=name)
    final = settings.VAR / run.folder / "output" / "final"
    shutil.copytree(tiny_checkpoint, final)
    for taken in islice(version_names(run), 2):
        ModelVersion.objects.create(team=team, name=taken, kind=base.kind, path=base.path)
    result = register_version(run, final)
    end = f" (training run {run.pk}, 2)"
    assert result.name == "n" * (LONGEST_NAME - len(end)) + end
    assert result.parent == base
    result.refresh_from_db()
    assert result.config[ONLY_MODALITY] == run.config["modality"] == "text"
    with pytest.raises(InvalidOptionsError, match="modality: “tiny” may be given one thing only"):
        train_on_corpus(corpus=corpus, method="sft", base=base, config={"modality": "av"})


@pytest.mark.django_db(transaction=True)
def test_two_unnamed_runs_that_start_at_once_both_start(corpus: Corpus, base: ModelVersion) -> None:
    started: list[str] = []

    def start() -> None:
        try:
            started.append(train_on_corpus(corpus=corpus, method="sft", base=base).name)
        finally:
            connection.close()

    other = threading.Thread(target=start)
    with transaction.atomic():
        TrainingRun.objects.create(
            team=base.team, name="tiny-sft-1", method="sft", base=base, dataset_path="a"
        )
        other.start()
        assert wait_until(lambda: waits_for_a_name() or not other.is_alive(), 60)
    other.join(60)
    assert started == ["tiny-sft-2"]


def waits_for_a_name() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
