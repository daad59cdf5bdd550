"""Several answers a client turn, client turns without an answer, and answering these again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from inference.contracts import GenerationOptions
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    WrongStateError,
)
from inference.labels import EMOTIONS, STRATEGIES
from inference.models import Clip, Corpus, GenerationRun, JobState, ModelVersion, Response, Turn
from inference.selectors.run_options import PROMPT_KEY, option_words, options_of
from inference.selectors.runs import failures_of, run_counts, run_facts, run_progress
from inference.services.generation import (
    answer_failed_again,
    create_generation_run,
    resume_generation_run,
    run_generation,
    stimulus_seed,
)
from inference.services.model_versions import register_checkpoint
from tests.factories import make_clip, make_team
from tests.inference.generation.conftest import repair

TEXT = GenerationOptions(modality="text", max_new_tokens=6)
SAMPLED = GenerationOptions(modality="text", max_new_tokens=6, samples=3, temperature=0.9, seed=4)
SEEN = GenerationOptions(max_new_tokens=4)


def ended(run: GenerationRun) -> GenerationRun:
    assert run_generation(run.pk)
    run.refresh_from_db()
    return run


def start(model: ModelVersion, corpus: Corpus, options: GenerationOptions) -> GenerationRun:
    return create_generation_run(
        team=corpus.team, model_version=model, corpus=corpus, options=options
    )


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"samples": 0}, "between 1 and 64"),
        ({"samples": 65, "temperature": 1.0}, "between 1 and 64"),
        ({"samples": 2}, "need a temperature above 0"),
        ({"history": "sung"}, "one of compressed, text, none"),
        ({"task": "guess"}, "one of reply, emotion"),
        ({"task": "emotion", "samples": 2, "temperature": 1.0}, "one answer a client turn"),
        ({"emotions": ("joy",)}, "belongs to the task"),
        ({"task": "emotion", "emotions": ("joy", "Joy")}, "listed twice"),
        ({"task": "emotion", "emotions": ("joy", " ")}, "a word or a few"),
        ({"task": "emotion", "emotions": ("joy\nfear",)}, "a word or a few"),
        ({"task": "emotion", "emotions": ("x" * 61,)}, "at most 60 characters"),
        ({"task": "emotion", "emotions": tuple(map(str, range(33)))}, "at most 32"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    tiny: ModelVersion, corpus: Corpus, options: dict[str, Any], rule: str
) -> None:
    with pytest.raises(InvalidOptionsError, match=rule):
        start(tiny, corpus, GenerationOptions(**options))
    assert not GenerationRun.objects.exists()


@pytest.mark.parametrize(
    "options", [GenerationOptions(samples=2, temperature=1.0), GenerationOptions(task="emotion")]
)
def test_imported_replies_are_one_a_client_turn_and_no_emotions(
    therapists: ModelVersion, corpus: Corpus, options: GenerationOptions
) -> None:
    with pytest.raises(InvalidOptionsError, match="Imported replies"):
        start(therapists, corpus, options)


def test_options_come_back_from_the_row_as_they_were(tiny: ModelVersion, corpus: Corpus) -> None:
    options = GenerationOptions(modality="v", clips="dialogue", history="none")
    run = GenerationRun.objects.get(pk=start(tiny, corpus, options).pk)
    assert options_of(run) == options
    old = GenerationRun(options={"seed": 3, "beams": 4})
    assert options_of(old) == GenerationOptions(seed=3)


def test_an_emotion_is_asked_where_there_is_a_clip(tiny: ModelVersion, corpus: Corpus) -> None:
    options = GenerationOptions(task="emotion", emotions=("joy", "fear"))
    with pytest.raises(NothingSelectedError, match="has a clip"):
        start(tiny, corpus, options)
    assert start(tiny, corpus, replace(options, modality="text")).total == 6
    last = Turn.objects.filter(speaker="client").order_by("dialogue", "position").last()
    assert last is not None
    last.clip = make_clip(corpus)
    last.save()
    run = start(tiny, corpus, options)
    [asked] = run.selection.select_related("stimulus")
    assert (asked.stimulus.dialogue_id, asked.stimulus.last_position) == (
        last.dialogue_id,
        last.position,
    )
    assert options_of(GenerationRun.objects.get(pk=run.pk)) == options


def test_the_first_sample_keeps_the_seed_that_single_answers_always_had() -> None:
    assert stimulus_seed(7, "dialogue-000:2") == 2081042770
    seeds = [stimulus_seed(7, "dialogue-000:2", sample) for sample in range(4)]
    assert seeds[0] == stimulus_seed(7, "dialogue-000:2")
    assert len(set(seeds)) == 4


def test_every_client_turn_has_its_samples_and_label_probabilities(
    tiny: ModelVersion, corpus: Corpus
) -> None:
    run = start(tiny, corpus, SAMPLED)
    assert run.total == 18
    run = ended(run)
    assert (run.state, run.error, run.done) == (JobState.DONE, "", 18)
    rows = list(run.responses.order_by("stimulus", "sample"))
    assert [row.sample for row in rows] == [0, 1, 2] * 6
    assert len({row.text for row in rows[:3]}) > 1
    for row in rows:
        shares = row.label_probabilities
        assert set(shares) == {"client_emotion", "therapist_emotion", "strategy"}
        assert set(shares["client_emotion"]) == set(EMOTIONS)
        assert set(shares["strategy"]) == set(STRATEGIES)
        assert all(sum(part.values()) == pytest.approx(1) for part in shares.values())
        assert row.client_emotion in EMOTIONS
    one = ended(start(tiny, corpus, GenerationOptions(**{**SAMPLED.__dict__, "samples": 1})))
    assert [row.text for row in rows[::3]] == list(
        one.responses.order_by("stimulus").values_list("text", flat=True)
    )


def test_progress_counts_responses_and_time_the_model_took(
    tiny: ModelVersion, corpus: Corpus
) -> None:
    options = GenerationOptions(**{**SAMPLED.__dict__, "batch_size": 2})
    seen: list[tuple[int, float]] = []

    def look(run: GenerationRun) -> None:
        progress = run_progress(run)
        assert progress.rate is not None
        seen.append((progress.done, progress.rate))
        took = sum(run.responses.values_list("seconds", flat=True))
        assert progress.rate == pytest.approx(progress.done / took)
        assert progress.remaining is not None
        left = (progress.total - progress.done) / progress.rate
        assert progress.remaining.total_seconds() == pytest.approx(left, abs=0.5)

    run = start(tiny, corpus, options)
    run_generation(run.pk, on_chunk=look)
    assert [done for done, _ in seen] == [6, 12, 18]
    run.refresh_from_db()
    assert run.started_at is not None
    assert run.finished_at is not None
    wall = (run.finished_at - run.started_at).total_seconds()
    assert 0 < sum(run.responses.values_list("seconds", flat=True)) <= wall


def test_a_broken_clip_costs_its_own_client_turn_and_is_answered_once_it_is_repaired(
    tiny: ModelVersion, corpus: Corpus, broken_clip: Clip
) -> None:
    run = ended(start(tiny, corpus, SEEN))
    assert (run.state, run.error, run.done) == (JobState.DONE, "", 6)
    (failed,) = run.responses.exclude(error="")
    assert failed.error.startswith("Dialogue “dialogue-000”, turn 4: ")
    assert Path(broken_clip.file.path).name not in failed.error
    assert str(Path(broken_clip.file.path).parent) not in failed.error
    assert (failed.text, failed.raw, failed.client_emotion) == ("", "", "")
    (failure,) = failures_of(run)
    assert failure.stimuli == 1
    assert not failure.reason.startswith("Dialogue")
    assert run_facts(run)["not_answered"] == [{"reason": failure.reason, "stimuli": 1}]
    counts = run_counts(run)
    assert (counts.answered, counts.failed, counts.failed_stimuli) == (5, 1, 1)

    kept = dict(run.responses.filter(error="").values_list("pk", "text"))
    assert answer_failed_again(run) == 1
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.QUEUED, 5)
    assert len(failures_of(ended(run))) == 1, "it is still broken"

    repair(broken_clip)
    answer_failed_again(run)
    run = ended(run)
    assert (run.state, run.done, failures_of(run)) == (JobState.DONE, 6, [])
    assert dict(run.responses.values_list("pk", "text")).items() >= kept.items()
    with pytest.raises(WrongStateError, match="Nothing failed"):
        answer_failed_again(run)


def test_only_failed_samples_are_replaced(tiny: ModelVersion, corpus: Corpus) -> None:
    run = ended(start(tiny, corpus, SAMPLED))
    before = {(r.stimulus_id, r.sample): (r.pk, r.text) for r in run.responses.all()}
    lost = run.responses.order_by("pk")[4]
    Response.objects.filter(pk=lost.pk).update(error="It was lost.", text="", raw="")
    answer_failed_again(run)
    run = ended(run)
    after = {(r.stimulus_id, r.sample): (r.pk, r.text) for r in run.responses.all()}
    changed = {place for place in before if before[place] != after[place]}
    assert changed == {(lost.stimulus_id, lost.sample)}
    assert after[lost.stimulus_id, lost.sample][1] == lost.text, "its seed is its own"


def test_what_failed_is_not_touched_while_the_run_is_at_work(
    tiny: ModelVersion, corpus: Corpus, broken_clip: Clip
) -> None:
    run = ended(start(tiny, corpus, SEEN))
    for state in (JobState.QUEUED, JobState.RUNNING):
        GenerationRun.objects.update(state=state)
        with pytest.raises(WrongStateError, match="still at work"):
            answer_failed_again(run)
    assert run.responses.exclude(error="").count() == 1


def test_reasons_are_grouped_whatever_the_dialogue_is_called(
    tiny: ModelVersion, corpus: Corpus
) -> None:
    run = ended(start(tiny, corpus, TEXT))
    errors = [
        "Dialogue “a”, turn 4: Too long.",
        "Dialogue “b: “c””, turns 1 to 12: Too long.",
        "Dialogue “a”, turn 6: The clip is gone.",
    ]
    for row, error in zip(run.responses.order_by("pk"), errors, strict=False):
        Response.objects.filter(pk=row.pk).update(error=error)
    assert [(f.reason, f.stimuli) for f in failures_of(run)] == [
        ("Too long.", 2),
        ("The clip is gone.", 1),
    ]


def test_naming_the_emotion_leaves_one_label_and_its_probabilities(
    tiny: ModelVersion, corpus: Corpus
) -> None:
    options = GenerationOptions(modality="text", task="emotion", emotions=("calm", "tense"))
    run = ended(start(tiny, corpus, options))
    assert (run.state, run.error) == (JobState.DONE, "")
    for row in run.responses.all():
        assert row.client_emotion in ("calm", "tense")
        assert set(row.label_probabilities) == {"client_emotion"}
        assert set(row.label_probabilities["client_emotion"]) == {"calm", "tense"}
        assert (row.text, row.strategy, row.therapist_emotion) == ("", "", "")
    assert [name for name, _ in run_counts(run).unread] == ["client's emotion"]
    words = dict(option_words(run))
    assert words["Emotions to choose from"] == "calm, tense"


def test_a_run_keeps_the_prompt_it_began_with(tiny_checkpoint: Path, corpus: Corpus) -> None:
    from inference.multimood.prompt_file import shipped

    template = shipped("full").text
    model = register_checkpoint(
        team=corpus.team, name="own words", path=tiny_checkpoint, prompt=template
    )
    assert model.prompt == template
    run = start(model, corpus, TEXT)
    assert PROMPT_KEY not in run.options
    run = ended(run)
    assert run.options[PROMPT_KEY] == shipped("full").sha256
    assert dict(option_words(run))["Prompt, SHA-256"] == shipped("full").sha256
    Response.objects.filter(run=run).delete()
    GenerationRun.objects.update(state=JobState.FAILED, done=0)
    ModelVersion.objects.update(prompt=template.replace("version = 1", "version = 2"))
    resume_generation_run(run)
    run = ended(run)
    assert run.state == JobState.FAILED
    assert "prompt of own words has changed" in run.error


@pytest.mark.django_db
def test_a_faulty_prompt_is_refused_when_the_model_is_registered(
    tiny_checkpoint: Path,
) -> None:
    team = make_team()
    with pytest.raises(DomainError, match="is not TOML"):
        register_checkpoint(team=team, name="m", path=tiny_checkpoint, prompt="system = ")
    assert not ModelVersion.objects.exists()


def test_characters_that_the_database_refuses_are_replaced(
    tiny: ModelVersion, corpus: Corpus
) -> None:
    from inference.contracts import Answer
    from inference.services.generation import _response

    run = start(tiny, corpus, TEXT)
    stimulus = run.stimuli.all()[0]
    row = _response(run, stimulus, 0, Answer(None, None, None, "a\0b", "\0", 1.0, 1, 1))
    row.save()
    assert Response.objects.get().text == "a\ufffdb"


def test_the_commands_say_what_failed_and_answer_it_again(
    tiny: ModelVersion, corpus: Corpus, broken_clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "tiny", "--corpus", corpus.name, "--max-new-tokens", "4"]
    call_command("generate", *arguments, "--wait")
    said = capsys.readouterr().out
    run = GenerationRun.objects.get()
    assert f"Run {run.pk} is done. 1 client turn could not be answered:" in said
    assert f"`manage.py answer_again {run.pk}`" in said
    call_command("runs")
    assert failures_of(run)[0].reason in capsys.readouterr().out
    repair(broken_clip)
    call_command("answer_again", str(run.pk), "--wait")
    assert f"Run {run.pk} is done: 6 of 6 answered." in capsys.readouterr().out
    with pytest.raises(DomainError, match="Nothing failed"):
        answer_failed_again(run)


def test_generate_takes_every_option(tiny: ModelVersion, corpus: Corpus) -> None:
    call_command(
        *("generate", "--model", "tiny", "--corpus", corpus.name, "--samples", "2"),
        *("--temperature", "0.5", "--history", "text", "--free-labels", "--as-published"),
    )
    call_command(
        *("generate", "--model", "tiny", "--corpus", corpus.name, "--task", "emotion"),
        *("--emotions", "calm", "very tense", "--modality", "text", "--clips", "dialogue"),
    )
    first, second = map(options_of, GenerationRun.objects.order_by("pk"))
    assert (first.samples, first.history, first.as_published) == (2, "text", True)
    assert not first.constrain_labels
    assert (second.task, second.emotions) == ("emotion", ("calm", "very tense"))
    assert (second.modality, second.clips) == ("text", "dialogue")
    assert Counter(run.total for run in GenerationRun.objects.all()) == {12: 1, 6: 1}
