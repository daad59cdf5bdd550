from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference.contracts import GenerationOptions
from inference.errors import (
    DomainError,
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.models import Corpus, GenerationRun, JobState, ModelVersion, Stimulus
from inference.selectors.stimuli import human_replies, stimulus_inputs
from inference.services.generation import (
    cancel_generation_run,
    create_generation_run,
    resume_generation_run,
    run_generation,
    stimulus_seed,
)
from tests.factories import LINES, make_corpus_with_dialogues, make_dialogue, make_team

LONG = (("client", "It is the evenings."), ("therapist", "The evenings?")) * 20
UNANSWERED = (("client", "I do not know where to start."),)


def add_dialogue(corpus: Corpus, name: str, lines: Sequence[tuple[str, str]]) -> None:
    make_dialogue(corpus, corpus.sessions.all()[0], name, lines, split=name)


def make_run(therapists: ModelVersion, corpus: Corpus, **more: Any) -> GenerationRun:
    return create_generation_run(team=corpus.team, model_version=therapists, corpus=corpus, **more)


def test_imported_replies_answer_every_followed_stimulus(
    corpus: Corpus, therapists: ModelVersion
) -> None:
    run = make_run(therapists, corpus, options=GenerationOptions(batch_size=4))
    assert run.total == 6
    assert run_generation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.attempts) == (JobState.DONE, 6, 1)
    assert run.started_at is not None
    assert run.finished_at is not None
    first = run.responses.order_by("stimulus_id").first()
    assert first is not None
    assert first.text == "What goes through your mind then?"
    assert first.strategy == "open question"
    assert (first.client_emotion, first.therapist_emotion) == ("sadness", "neutral")


def test_the_selection_is_stored_in_corpus_order(corpus: Corpus, therapists: ModelVersion) -> None:
    run = make_run(therapists, corpus, limit=4)
    places = run.selection.order_by("position").values_list(
        "stimulus__dialogue__external_id", "stimulus__first_position"
    )
    assert list(places) == [
        ("dialogue-000", 0),
        ("dialogue-000", 2),
        ("dialogue-000", 5),
        ("dialogue-001", 0),
    ]


def test_splits_select_dialogues(corpus: Corpus, therapists: ModelVersion) -> None:
    add_dialogue(corpus, "fresh", LONG[:4])
    assert make_run(therapists, corpus, splits=["fresh"]).total == 2
    assert make_run(therapists, corpus, splits=["fresh", "rate"]).total == 8
    with pytest.raises(UnknownNameError, match=r"no split summer.*fresh, rate"):
        make_run(therapists, corpus, splits=["summer"])


def test_nothing_to_answer_is_refused(therapists: ModelVersion, corpus: Corpus) -> None:
    add_dialogue(corpus, "short", UNANSWERED)
    with pytest.raises(NothingSelectedError):
        make_run(therapists, corpus, splits=["short"])
    assert not GenerationRun.objects.exists()


@pytest.mark.parametrize(
    "options",
    [
        GenerationOptions(modality="smell"),  # type: ignore[arg-type]
        GenerationOptions(max_new_tokens=0),
        GenerationOptions(temperature=-0.1),
        GenerationOptions(top_p=0.0),
        GenerationOptions(batch_size=0),
        GenerationOptions(seed=-1),
    ],
)
def test_options_out_of_range_are_refused(
    corpus: Corpus, therapists: ModelVersion, options: GenerationOptions
) -> None:
    with pytest.raises(InvalidOptionsError):
        make_run(therapists, corpus, options=options)


def test_another_teams_corpus_is_refused(therapists: ModelVersion, corpus: Corpus) -> None:
    foreign = make_corpus_with_dialogues(make_team("Other"))
    with pytest.raises(DomainError):
        create_generation_run(team=corpus.team, model_version=therapists, corpus=foreign)


def test_imported_replies_answer_only_their_own_corpus(
    therapists: ModelVersion, corpus: Corpus
) -> None:
    with pytest.raises(InvalidOptionsError, match="another corpus"):
        make_run(therapists, make_corpus_with_dialogues(corpus.team, name="Second"))


def test_a_missing_checkpoint_fails_the_run_with_its_reason(corpus: Corpus) -> None:
    gone = ModelVersion.objects.create(
        team=corpus.team, name="gone", kind="multimood", path="no/such/folder"
    )
    run = make_run(gone, corpus)
    assert run_generation(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert "no/such/folder" in run.error
    assert run.finished_at is not None


def test_a_waiting_run_is_cancelled_at_once_and_resumed(
    corpus: Corpus, therapists: ModelVersion
) -> None:
    run = make_run(therapists, corpus)
    cancel_generation_run(run)
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert not run_generation(run.pk)
    with pytest.raises(WrongStateError):
        cancel_generation_run(run)
    resume_generation_run(run)
    assert run_generation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done) == (JobState.DONE, 6)
    with pytest.raises(WrongStateError):
        resume_generation_run(run)


def test_a_running_run_stops_between_chunks_and_goes_on_where_it_stopped(
    corpus: Corpus, therapists: ModelVersion
) -> None:
    run = make_run(therapists, corpus, options=GenerationOptions(batch_size=2))
    run_generation(run.pk, on_chunk=cancel_generation_run)
    run.refresh_from_db()
    assert (run.state, run.done, run.responses.count()) == (JobState.CANCELLED, 2, 2)
    resume_generation_run(run)
    run_generation(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.responses.count()) == (JobState.DONE, 6, 6)


def test_seeds_belong_to_the_stimulus() -> None:
    assert stimulus_seed(1, "a:0") == stimulus_seed(1, "a:0")
    assert len({stimulus_seed(s, k) for s in (1, 2) for k in ("a:0", "a:2")}) == 4


def test_inputs_hold_the_history_and_the_whole_run_of_client_turns(corpus: Corpus) -> None:
    stimulus = Stimulus.objects.select_related("dialogue").get(
        dialogue__external_id="dialogue-001", first_position=2
    )
    (given,) = stimulus_inputs([stimulus])
    assert given.key == "dialogue-001:2"
    assert [turn.speaker for turn in given.history] == ["client", "therapist"]
    assert [turn.text for turn in given.client_turns] == [LINES[2][1], LINES[3][1]]
    assert human_replies([stimulus])["dialogue-001:2"].text == LINES[4][1]


def test_a_chunk_costs_the_same_queries_whatever_its_size(
    corpus: Corpus, therapists: ModelVersion
) -> None:
    add_dialogue(corpus, "long", LONG)

    def queries(limit: int) -> int:
        run = make_run(
            therapists,
            corpus,
            splits=["long"],
            limit=limit,
            options=GenerationOptions(batch_size=limit),
        )
        with CaptureQueriesContext(
            connection,
        ) as captured:
            run_generation(run.pk)
        return len(captured)

    assert queries(1) == queries(20)
