"""Responses from a file become models that answer, all of them or none."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from inference.backends.responses import ResponsesBackend
from inference.contracts import GenerationOptions
from inference.corpora.errors import CorpusError
from inference.errors import NothingSelectedError, UnknownNameError
from inference.management.base import Refused
from inference.models import (
    Corpus,
    GenerationRun,
    ImportedResponse,
    JobState,
    ModelVersion,
    Response,
    Stimulus,
)
from inference.selectors.imported_responses import imported_lookup, imported_stimuli
from inference.selectors.response_contents import preview_responses
from inference.selectors.runs import run_counts
from inference.selectors.stimuli import stimulus_inputs
from inference.services.generation import create_generation_run, run_generation
from inference.services.imported_responses import import_responses
from inference.services.model_versions import NameTakenError
from mood_eval.models import Team
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_study,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
TURNS = (1, 3, 6)
"""The client turns that the factory's dialogues have, from 1; turn 4 belongs to the run of 3."""


@pytest.fixture
def team() -> Team:
    return make_team(owner=make_user("ada@example.org"))


@pytest.fixture
def corpus(team: Team) -> Corpus:
    return make_corpus_with_dialogues(team, 2)


def rows(*models: str, **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            "model": model,
            "dialogue": f"dialogue-{number:03d}",
            "turn": turn,
            "text": f"{model} hears you at {turn}.",
            **fields,
        }
        for model in models
        for number in range(2)
        for turn in TURNS
    ]


def jsonl(folder: Path, said: Sequence[dict[str, Any]], name: str = "answers.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in said))
    return path


def nothing_was_stored() -> bool:
    return not (
        ModelVersion.objects.exists()
        or ImportedResponse.objects.exists()
        or GenerationRun.objects.exists()
    )


def test_each_name_becomes_a_model_with_a_finished_run(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    path = jsonl(tmp_path, rows("gpt-x", "qwen", strategy="Open question"))
    report = import_responses(team=team, corpus=corpus, path=path, about="Asked in May.")
    assert report.changed
    assert [one.model.name for one in report.models] == ["gpt-x", "qwen"]
    for one in report.models:
        assert one.model.kind == ModelVersion.Kind.RESPONSES
        assert one.model.card.startswith("Asked in May.\n\n6 responses to 6 client turns of")
        assert "answers.jsonl, SHA-256" in one.model.card
        assert one.run is not None
        assert one.run.state == JobState.DONE
        assert one.run.done == one.run.total == one.run.selection.count() == 6
        answers = Response.objects.filter(run=one.run)
        assert {answer.strategy for answer in answers} == {"open question"}
        assert all(answer.text.startswith(one.model.name) for answer in answers)


def test_labels_that_a_file_does_not_give_count_as_none_missing(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    path = jsonl(tmp_path, rows("gpt-x"))
    [one] = import_responses(team=team, corpus=corpus, path=path).models
    assert one.run is not None
    counts = run_counts(one.run)
    assert (counts.answered, counts.failed, counts.unread) == (6, 0, ())


def test_a_study_can_use_the_responses(team: Team, corpus: Corpus, tmp_path: Path) -> None:
    path = jsonl(tmp_path, rows("gpt-x", "qwen"))
    report = import_responses(team=team, corpus=corpus, path=path)
    runs = [one.run for one in report.models if one.run is not None]
    rater = make_user("rui@example.org")
    study = make_study(team, runs, raters=[rater])
    assert study.raters.get().assignments.count() > 0


def test_any_turn_of_a_run_of_client_turns_names_it(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    both = [row for row in rows("gpt-x") if row["turn"] == 3]
    for row in both:
        row["turn"] = 4
    import_responses(team=team, corpus=corpus, path=jsonl(tmp_path, both))
    assert {row.stimulus.first_position for row in ImportedResponse.objects.all()} == {2}


def test_the_same_file_again_changes_nothing(team: Team, corpus: Corpus, tmp_path: Path) -> None:
    said = rows("gpt-x", "qwen")
    first = import_responses(team=team, corpus=corpus, path=jsonl(tmp_path, said))
    turned = jsonl(tmp_path, said[::-1], "turned.jsonl")
    again = import_responses(team=team, corpus=corpus, path=turned)
    assert not again.changed
    assert {one.model.pk for one in again.models} == {one.model.pk for one in first.models}
    assert {one.run for one in again.models} == {one.run for one in first.models}
    assert ImportedResponse.objects.count() == 12
    assert GenerationRun.objects.count() == 2


def test_a_name_with_other_responses_is_refused_and_nothing_is_stored(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    import_responses(team=team, corpus=corpus, path=jsonl(tmp_path, rows("gpt-x")))
    other = jsonl(tmp_path, [*rows("qwen"), *rows("gpt-x", text="Something else.")])
    with pytest.raises(NameTakenError, match="“gpt-x”: there already, with other responses"):
        import_responses(team=team, corpus=corpus, path=other)
    assert ModelVersion.objects.count() == 1
    assert ImportedResponse.objects.count() == 6


def test_a_fault_in_the_last_line_stores_nothing(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    path = jsonl(tmp_path, [*rows("gpt-x"), {**rows("gpt-x")[0], "model": ""}])
    with pytest.raises(CorpusError, match="line 7, model"):
        import_responses(team=team, corpus=corpus, path=path)
    assert nothing_was_stored()


def test_a_name_of_another_kind_or_corpus_is_refused(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    make_model_version(team, "gpt-x")
    with pytest.raises(CorpusError, match="line 1, model: “gpt-x” is the name of a model"):
        import_responses(team=team, corpus=corpus, path=jsonl(tmp_path, rows("gpt-x")))
    import_responses(team=team, corpus=corpus, path=jsonl(tmp_path, rows("qwen")))
    elsewhere = make_corpus_with_dialogues(team, 2, name="Other")
    with pytest.raises(CorpusError, match="“qwen” holds responses to another corpus"):
        import_responses(team=team, corpus=elsewhere, path=jsonl(tmp_path, rows("qwen")))


def test_several_samples_need_numbers(team: Team, corpus: Corpus, tmp_path: Path) -> None:
    twice = [*rows("gpt-x"), *rows("gpt-x", text="Again.")]
    with pytest.raises(CorpusError, match="line 7, sample: a second response of “gpt-x”"):
        import_responses(team=team, corpus=corpus, path=jsonl(tmp_path, twice))
    numbered = [*rows("gpt-x", sample=0), *rows("gpt-x", text="Again.", sample=1)]
    [one] = import_responses(team=team, corpus=corpus, path=jsonl(tmp_path, numbered)).models
    assert one.run is not None
    assert one.run.options["samples"] == 2
    assert one.run.total == 12


def test_rows_of_no_client_turn_are_refused_or_left_out_on_request(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    lost = [{**rows("gpt-x")[0], "dialogue": "nowhere"}, {**rows("gpt-x")[0], "turn": 2}]
    path = jsonl(tmp_path, [*rows("gpt-x"), *lost])
    with pytest.raises(CorpusError, match="line 7: the corpus has no dialogue “nowhere”"):
        import_responses(team=team, corpus=corpus, path=path)
    assert nothing_was_stored()
    contents = preview_responses(team=team, corpus=corpus, path=path)
    assert contents.unmatched == 2
    assert [str(row) for row in contents.first_unmatched] == [
        "line 7: the corpus has no dialogue “nowhere” with client turns",
        "line 8: turn 2 of “dialogue-000” is no turn of the client",
    ]
    report = import_responses(team=team, corpus=corpus, path=path, leave_out_unmatched=True)
    assert report.contents.responses == 6


def test_a_file_of_another_corpus_alone_is_refused(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    path = jsonl(tmp_path, [{**row, "dialogue": "x"} for row in rows("gpt-x")])
    with pytest.raises(NothingSelectedError, match="6 rows belong to no client turn"):
        import_responses(team=team, corpus=corpus, path=path, leave_out_unmatched=True)


def test_a_corpus_of_another_team_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    other = make_team("Other lab")
    with pytest.raises(UnknownNameError):
        import_responses(team=other, corpus=corpus, path=jsonl(tmp_path, rows("gpt-x")))


def test_a_preview_counts_and_changes_nothing(team: Team, corpus: Corpus, tmp_path: Path) -> None:
    path = jsonl(tmp_path, rows("gpt-x", "qwen", therapist_emotion="calm"))
    contents = preview_responses(team=team, corpus=corpus, path=path)
    assert nothing_was_stored()
    assert contents.responses == 12
    assert [(m.name, m.responses, len(m.stimuli)) for m in contents.models.values()] == [
        ("gpt-x", 6, 6),
        ("qwen", 6, 6),
    ]
    assert contents.stimuli == 6
    assert contents.other_labels == {"calm": 12}
    assert contents.examples[0].client.startswith("I keep waking up at three")


def test_the_backend_answers_with_what_the_file_held(
    team: Team, corpus: Corpus, tmp_path: Path
) -> None:
    said = rows("gpt-x", chain={"emotion": "sad"}, raw="As it was written.")[:3]
    [one] = import_responses(
        team=team, corpus=corpus, path=jsonl(tmp_path, said), with_runs=False
    ).models
    assert one.run is None
    assert imported_stimuli(one.model).count() == 3
    stimuli = list(Stimulus.objects.select_related("dialogue").order_by("pk"))
    backend = ResponsesBackend(imported_lookup(one.model))
    answers = backend.answer(
        stimulus_inputs(stimuli), GenerationOptions(samples=2), [0] * 2 * len(stimuli)
    )
    assert answers[0].text == "gpt-x hears you at 1."
    assert answers[0].chain == {"emotion": "sad"}
    assert answers[0].raw == "As it was written."
    assert "no response number 2" in answers[1].error
    assert all(answer.error for answer in answers[6:])


def test_a_run_answers_what_the_file_answers(team: Team, corpus: Corpus, tmp_path: Path) -> None:
    said = rows("gpt-x", appraisal="It is over for her.")[:3]
    path = jsonl(tmp_path, said)
    [one] = import_responses(team=team, corpus=corpus, path=path, with_runs=False).models
    run = create_generation_run(team=team, model_version=one.model, corpus=corpus)
    assert run_generation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.total) == (JobState.DONE, 3, 3)
    answers = Response.objects.filter(run=run).order_by("stimulus_id")
    assert [answer.text for answer in answers] == [row["text"] for row in said]
    assert answers[0].chain == {"appraisal": "It is over for her."}


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_the_download_of_a_run_can_be_imported_elsewhere(
    team: Team, corpus: Corpus, client: Client, tmp_path: Path, suffix: str
) -> None:
    run = make_run_with_responses(team, corpus, "here")
    run.responses.update(chain={"appraisal": "- It is over for her."})
    empty, formula, *_ = run.responses.order_by("pk")
    run.responses.filter(pk=empty.pk).update(text="")
    run.responses.filter(pk=formula.pk).update(text="- I hear you.", raw="=1+1")
    client.force_login(team.memberships.get().user)
    response = client.get(f"/runs/{run.pk}/responses.{suffix}")
    path = tmp_path / f"download.{suffix}"
    path.write_bytes(response.getvalue())
    other = make_team("Other lab")
    copy = make_corpus_with_dialogues(other, 2)
    report = import_responses(team=other, corpus=copy, path=path)
    assert report.contents.blank == 1
    [one] = report.models
    assert one.run is not None
    told = ("client_emotion", "therapist_emotion", "strategy", "text", "raw", "chain__appraisal")
    answers = [
        list(of.responses.exclude(text="").order_by("stimulus_id").values_list(*told))
        for of in (run, one.run)
    ]
    assert answers[0] == answers[1]


def test_the_command_imports_and_reports(team: Team, corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["model", "dialogue", "turn", "text"])
        writer.writeheader()
        writer.writerows([*rows("gpt-x"), {**rows("gpt-x")[0], "model": "mute", "text": " "}])
    out = StringIO()
    call_command("import_responses", path, corpus=corpus.name, stdout=out)
    assert out.getvalue().startswith("Imported “gpt-x”: 6 responses to 6 client turns, run ")
    assert "Left out: 1 rows whose text is blank." in out.getvalue()
    out = StringIO()
    call_command("import_responses", path, corpus=corpus.name, json=True, stdout=out)
    report = json.loads(out.getvalue())
    assert report["changed"] is False
    assert report["models"][0]["responses"] == 6
    with pytest.raises(Refused, match="There is no corpus named “Nothing”"):
        call_command("import_responses", path, corpus="Nothing")
