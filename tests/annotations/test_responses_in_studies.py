"""What of a run reaches raters: the first answer to a client turn, its text, and no probability."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from annotations.models import Assignment, Candidate, Study
from annotations.selectors.studies import runs_to_judge
from annotations.services.datasets import release_folder, release_preferences
from annotations.services.studies import create_study
from annotations.services.study_drafts import start_draft
from annotations.study_forms import RepliesForm
from inference.errors import InvalidOptionsError, NothingSelectedError
from inference.models import GenerationRun, ModelVersion, Response
from inference.preference_files import read_pairs
from inference.services.generation import answer_failed_again
from mood_eval.models import Team, User
from tests import factories
from tests.answered_studies import (
    CLEARLY_FIRST,
    add_item,
    add_part,
    choose,
    make_instrument,
    responses_by_stimulus,
)
from tests.answered_studies import make_study as make_answered_study

pytestmark = pytest.mark.django_db
PAIRWISE = "multimood-trust-pairwise"
SHARES = {
    "client_emotion": {"sadness": 0.8173, "joy": 0.1827},
    "strategy": {"open question": 0.6129, "others": 0.3871},
}


@pytest.fixture
def team() -> Team:
    return factories.make_team(owner=factories.make_user("ada@example.org"))


@pytest.fixture
def rui() -> User:
    return factories.make_user("rui@example.org")


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    """Two models over six client turns; the second gave three answers to each."""
    corpus = factories.make_corpus_with_dialogues(team, 2, clips=True)
    for name in ("hush-one", "hush-two"):
        factories.make_model_version(team, name, kind=ModelVersion.Kind.MULTIMOOD, path="x")
    made = [
        factories.make_run_with_responses(team, corpus, name, f"First answer of {name[5:]}.")
        for name in ("hush-one", "hush-two")
    ]
    for row in list(made[1].responses.all()):
        for sample in (1, 2):
            row.pk, row.sample, row.text = None, sample, f"Sample {sample}."
            row.save()
    Response.objects.update(label_probabilities=SHARES)
    GenerationRun.objects.filter(pk=made[1].pk).update(
        options={"samples": 3, "temperature": 1.0}, total=18, done=18
    )
    return made


def fail(run: GenerationRun, first_position: int) -> set[int]:
    rows = run.responses.filter(stimulus__first_position=first_position)
    rows.update(error="Dialogue “d”, turn 1: Gone.", text="", raw="")
    return set(rows.values_list("stimulus_id", flat=True))


def test_of_several_answers_the_first_is_judged(
    team: Team, runs: list[GenerationRun], rui: User
) -> None:
    factories.make_study(team, runs, [rui], template=PAIRWISE)
    judged = Response.objects.filter(candidates__isnull=False)
    assert judged.count() == 12
    assert set(judged.values_list("sample", flat=True)) == {0}


def test_what_could_not_be_answered_is_in_no_study(
    team: Team, runs: list[GenerationRun], rui: User
) -> None:
    failed = fail(runs[0], 0)
    study = factories.make_study(team, runs, [rui], template="multimood-trust-both")
    stimuli = set(Candidate.objects.values_list("item__stimulus", flat=True))
    assert len(stimuli) == 4
    assert not stimuli & failed
    assert not Candidate.objects.exclude(response__error="").exists()
    assert study.state == Study.State.OPEN


def test_a_failed_second_sample_keeps_no_client_turn_out(
    team: Team, runs: list[GenerationRun], rui: User
) -> None:
    runs[1].responses.filter(sample=1).update(error="Gone.")
    factories.make_study(team, runs, [rui], template=PAIRWISE)
    assert Candidate.objects.count() == 12


def test_nothing_is_launched_over_failures_alone(
    team: Team, runs: list[GenerationRun], rui: User
) -> None:
    Response.objects.filter(run=runs[0]).update(error="Gone.")
    with pytest.raises(NothingSelectedError):
        factories.make_study(team, runs, [rui])


def test_answering_again_leaves_what_a_study_shows_as_it_is(
    team: Team, runs: list[GenerationRun], rui: User
) -> None:
    fail(runs[0], 0)
    factories.make_study(team, runs, [rui], template=PAIRWISE)
    shown = set(Candidate.objects.values_list("response", flat=True))
    assert answer_failed_again(runs[0]) == 2
    assert set(Candidate.objects.values_list("response", flat=True)) == shown
    assert Response.objects.filter(pk__in=shown).count() == 8


def test_runs_that_name_emotions_only_are_not_for_judging(
    team: Team, runs: list[GenerationRun]
) -> None:
    GenerationRun.objects.filter(pk=runs[0].pk).update(options={"task": "emotion"})
    runs[0].refresh_from_db()
    assert list(runs_to_judge(team)) == [runs[1]]
    with pytest.raises(InvalidOptionsError, match="names emotions only"):
        create_study(team=team, template="multimood-trust-rating", runs=runs)


def test_the_form_counts_client_turns_not_rows(team: Team, runs: list[GenerationRun]) -> None:
    fail(runs[1], 2)
    page = str(RepliesForm(study=start_draft(team=team)))
    assert "hush-two on Small corpus (4 client turns answered, " in page
    assert "hush-one on Small corpus (6 client turns answered, " in page


@pytest.mark.parametrize("template", ["multimood-trust-rating", PAIRWISE])
def test_no_probability_reaches_a_rater(
    team: Team, runs: list[GenerationRun], rui: User, client: Client, template: str
) -> None:
    study = factories.make_study(team, runs, [rui], template=template)
    assignment = Assignment.objects.get(rater__study=study, position=1)
    place, item = [assignment.rater.uuid], [assignment.pk]
    client.force_login(rui)
    answers = {"criterion": "empathy", "value": "7", "sequence": 1}
    seen = [
        client.get(reverse("rating_home")),
        client.get(reverse("rating_recorded")),
        client.get(reverse("rating_study", args=place)),
        client.get(reverse("rating_item", args=item)),
        client.get(reverse("rating_captions", args=[*item, 1])),
        client.post(
            reverse("rating_save", args=item), json.dumps(answers), content_type="application/json"
        ),
        client.post(reverse("rating_submit", args=item), {"sequence": "5"}),
        client.get(reverse("rating_item", args=item)),
    ]
    numbers = [share for part in SHARES.values() for share in part.values()]
    for response in seen:
        words = response.content.decode() + str(response.headers)
        assert "probabilit" not in words.lower()
        assert "sadness" not in words
        for number in numbers:
            assert str(number) not in words
            assert not re.search(rf"\b{100 * number:.1f}\b", words)
    for name in ("run_detail", "run_responses_csv", "run_responses_jsonl", "run_recognition"):
        assert client.get(reverse(name, args=[runs[0].pk])).status_code == 404
    assert client.get(f"/api/runs/{runs[0].pk}/responses/").status_code == 404


def test_a_release_holds_the_probabilities_beside_the_labels(
    team: Team, runs: list[GenerationRun]
) -> None:
    Response.objects.filter(run=runs[1]).update(label_probabilities={})
    study = make_answered_study(team, runs)
    part = add_part(study, "pairwise", make_instrument("pairs"))
    Response.objects.exclude(sample=0).delete()
    stimulus, both = responses_by_stimulus(runs)[0]
    for rater in study.raters.all():
        choose(add_item(part, stimulus, both), rater, CLEARLY_FIRST)
    (pair,) = read_pairs(release_folder(release_preferences(study=study)) / "pairs.jsonl")
    assert json.loads(pair.meta["chosen_label_probabilities"]) == SHARES
    assert pair.meta["rejected_label_probabilities"] == ""
