from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference.corpora import dfew
from inference.models import Dialogue, GenerationRun, ModelVersion, Response, Turn
from inference.selectors.recognition import (
    labelled_answers,
    offered_labels,
    prediction_lines,
    recognition_facts,
    recognition_of_runs,
)
from inference.services.model_versions import register_imported
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
)
from tests.inference.recognition.conftest import Scene

ANSWERS = (
    ("anger", "anger", 0.9),
    ("anger", "anger", 0.8),
    ("anger", "fear", 0.4),
    ("anger", None, None),
    ("joy", "joy", 0.7),
    ("joy", "anger", 0.6),
)
"""UAR (2/4 + 1/2) / 2, WAR 3/6."""


def report(*arguments: str) -> Any:
    out = io.StringIO()
    call_command("recognition", *arguments, "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def test_answers_meet_the_corpus_labels_and_their_probabilities(scene: Scene) -> None:
    scene.answers(ANSWERS)
    found = recognition_of_runs([scene.run])
    assert (found.scores.uar.value, found.scores.war.value) == (0.5, 0.5)
    assert (found.answers, found.scores.n, found.scores.confusion.unread) == (6, 6, 1)
    assert found.scores.calibration.n == 5
    assert found.scores.calibration.mean_confidence.value == pytest.approx(3.4 / 5)


def test_the_label_is_that_of_the_last_client_turn_answered(scene: Scene) -> None:
    corpus = make_corpus_with_dialogues(
        scene.team, 1, name="Two turns", lines=[("client", "One."), ("client", "Two.")]
    )
    Turn.objects.filter(dialogue__corpus=corpus, position=0).update(emotion="anger")
    run = make_run_with_responses(scene.team, corpus, "tiny")
    (row,) = labelled_answers(run)
    assert (row.emotion, row.first_turn, row.last_turn) == ("sadness", 1, 2)


def test_turns_without_a_label_are_left_out_and_counted(scene: Scene) -> None:
    scene.answers([("", "joy", None), *ANSWERS[1:]])
    found = recognition_of_runs([scene.run])
    assert (found.answers, found.unlabelled, found.scores.n) == (6, 1, 5)


def test_an_answer_in_error_counts_as_wrong(scene: Scene) -> None:
    scene.answers(ANSWERS)
    Response.objects.filter(run=scene.run, client_emotion="joy").update(
        client_emotion="", error="the clip is damaged", label_probabilities={}
    )
    found = recognition_of_runs([scene.run])
    assert (found.failed, found.scores.n) == (1, 6)
    assert found.scores.war.value == pytest.approx(2 / 6)


def test_only_the_first_of_several_samples_counts(scene: Scene) -> None:
    scene.answers(ANSWERS)
    before = recognition_of_runs([scene.run]).scores.as_dict()
    for response in Response.objects.filter(run=scene.run):
        response.pk, response.sample, response.client_emotion = None, 1, "disgust"
        response.save()
    assert recognition_of_runs([scene.run]).scores.as_dict() == before


def test_sessions_are_resampled_whole(scene: Scene) -> None:
    scene.answers(ANSWERS)
    assert recognition_of_runs([scene.run]).scores.war_by_group.value is None
    first = Dialogue.objects.filter(corpus=scene.corpus).order_by("pk")[0]
    last = Dialogue.objects.filter(corpus=scene.corpus).order_by("-pk")[0]
    Dialogue.objects.filter(pk=last.pk).update(session=first.session_id)
    interval = recognition_of_runs([scene.run]).scores.war_by_group.interval
    assert interval is not None
    assert interval.method == "bootstrap over 5 sessions"


def test_splits_named_as_folds_are_averaged(scene: Scene) -> None:
    scene.answers(ANSWERS)
    assert not recognition_of_runs([scene.run]).scores.folds
    keys = list(Dialogue.objects.filter(corpus=scene.corpus).order_by("pk"))
    for number, dialogue in enumerate(keys):
        Dialogue.objects.filter(pk=dialogue.pk).update(split=f"fold-{1 + number // 3}")
    scores = recognition_of_runs([scene.run]).scores
    assert [(fold.fold, fold.n) for fold in scores.folds] == [("fold-1", 3), ("fold-2", 3)]
    assert scores.mean_over_folds.war.value == pytest.approx((2 / 3 + 1 / 3) / 2)


def test_the_offered_labels_are_those_of_the_options_else_multimoods(scene: Scene) -> None:
    assert offered_labels(scene.run)[0] == "anger"
    scene.run.options = {"task": "emotion", "emotions": list(dfew.EMOTIONS)}
    assert offered_labels(scene.run) == dfew.EMOTIONS


def test_queries_do_not_grow_with_the_answers(scene: Scene) -> None:
    large = make_corpus_with_dialogues(scene.team, 40, name="Large", lines=[("client", "Hm.")])
    for run in (scene.run, make_run_with_responses(scene.team, large, "tiny")):
        with CaptureQueriesContext(connection) as queries:
            recognition_of_runs([run])
        assert len(queries) == 1


def test_predictions_have_a_row_each_and_cells_that_no_spreadsheet_runs(scene: Scene) -> None:
    scene.answers(ANSWERS)
    Dialogue.objects.filter(corpus=scene.corpus, external_id="dialogue-000").update(
        external_id="=cmd()"
    )
    rows = list(csv.DictReader(prediction_lines([scene.run])))
    assert [row["predicted"] for row in rows] == [label or "" for _, label, _ in ANSWERS]
    assert [row["right"] for row in rows] == ["1", "1", "0", "0", "1", "0"]
    assert rows[0]["dialogue"] == "'=cmd()"
    assert float(rows[0]["p_anger"]) == float(rows[0]["confidence"]) == 0.9
    assert rows[3]["confidence"] == ""


def test_runs_of_several_models_over_folds_are_one_evaluation(scene: Scene) -> None:
    """As DFEW is used: each fold is tested with a model trained on the others."""
    scene.answers(ANSWERS)
    whole = recognition_of_runs([scene.run]).scores
    other = make_model_version(scene.team, "tiny-2", kind="multimood", path="tiny-2")
    second = GenerationRun.objects.create(
        team=scene.team, model_version=other, corpus=scene.corpus, options=scene.run.options
    )
    half = [r.pk for r in Response.objects.filter(run=scene.run).order_by("pk")[3:]]
    Response.objects.filter(pk__in=half).update(run=second)
    facts = report("--run", str(scene.run.pk), "--run", str(second.pk))
    assert [row["model"] for row in facts["runs"]] == ["tiny", "tiny-2"]
    assert facts["confusion"] == whole.confusion.as_dict()
    assert facts["uar"] == whole.uar.as_dict()


def test_runs_that_do_not_belong_together_are_refused(scene: Scene) -> None:
    scene.answers(ANSWERS)
    number = str(scene.run.pk)
    twice = make_run_with_responses(scene.team, scene.corpus, "tiny")
    with pytest.raises(CommandError, match="both answer dialogue “dialogue-000”, turn 1"):
        report("--run", number, "--run", str(twice.pk))
    twice.options = {"task": "emotion", "emotions": ["joy", "anger"]}
    twice.save()
    with pytest.raises(CommandError, match="different labels"):
        report("--run", number, "--run", str(twice.pk))
    corpus = make_corpus_with_dialogues(scene.team, 1, name="Other")
    other = make_run_with_responses(scene.team, corpus, "tiny")
    with pytest.raises(CommandError, match="different corpora"):
        report("--run", number, "--run", str(other.pk))


def test_published_figures_stand_beside_a_dfew_run_with_a_note_on_labels(scene: Scene) -> None:
    scene.answers(ANSWERS)
    assert not recognition_facts([scene.run], recognition_of_runs([scene.run]))["published"]
    scene.run.corpus.format = "dfew"
    facts = recognition_facts([scene.run], recognition_of_runs([scene.run]))
    assert [(row["system"], row["uar"], row["war"]) for row in facts["published"]] == [
        ("MultiMood", 0.8594, 0.8989),
        ("Emotion-LLaMA", 0.6421, 0.7706),
    ]
    assert "could not answer “surprise”" in facts["published_note"]
    assert "could also answer “depression”" in facts["published_note"]
    assert facts["published_note"].endswith(f"chosen from: {', '.join(dfew.EMOTIONS)}.")
    scene.run.options = {"task": "emotion", "emotions": list(dfew.EMOTIONS)}
    assert not recognition_facts([scene.run], recognition_of_runs([scene.run]))["published_note"]


def test_the_command_reports_and_writes_its_files(scene: Scene, tmp_path: Path) -> None:
    scene.answers(ANSWERS)
    facts = report("--run", str(scene.run.pk), "--out", str(tmp_path / "new"))
    assert (facts["n"], facts["uar"]["value"], facts["unread"]) == (6, 0.5, 1)
    assert facts["labels_are"] == "corpus label, not a diagnosis"
    with (tmp_path / "new" / "confusion.csv").open(newline="") as file:
        matrix = list(csv.reader(file))
    assert matrix[0][:2] == ["corpus label", "anger"]
    assert matrix[0][-1] == "unread"
    assert matrix[1][1] == "2"
    assert len((tmp_path / "new" / "predictions.csv").read_text().splitlines()) == 7


def test_the_command_speaks_to_people(scene: Scene) -> None:
    scene.answers(ANSWERS)
    out = io.StringIO()
    call_command("recognition", "--run", str(scene.run.pk), stdout=out)
    assert f"Run {scene.run.pk} of tiny on Small corpus: 6 client turns" in out.getvalue()
    assert "UAR" in out.getvalue()
    assert "undefined: no clip has this label" in out.getvalue()


def test_the_command_says_why_there_is_nothing(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has no run 99"):
        report("--run", "99")
    Turn.objects.update(emotion="")
    with pytest.raises(CommandError, match="6 answers, 6 without a label"):
        report("--run", str(scene.run.pk))
    people = register_imported(scene.team, "people", scene.corpus)
    run = make_run_with_responses(scene.team, scene.corpus, people.name)
    assert ModelVersion.objects.get(pk=run.model_version_id).kind == "imported"
    with pytest.raises(CommandError, match="nothing was recognised"):
        report("--run", str(run.pk))


def test_a_folder_that_cannot_be_written_is_named(scene: Scene, tmp_path: Path) -> None:
    scene.answers(ANSWERS)
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written"):
        report("--run", str(scene.run.pk), "--out", str(tmp_path / "file"))
