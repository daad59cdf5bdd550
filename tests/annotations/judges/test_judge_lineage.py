"""A judge that supplied a reward judges neither that model nor what comes from it."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.models import (
    DatasetRater,
    DatasetTraining,
    JudgeRun,
    PreferenceDataset,
    Study,
    StudyRater,
)
from annotations.selectors.judge_lineage import (
    is_same,
    plain_name,
    rewards_of_judge,
    wrote_responses,
)
from annotations.services.judging import RewardingJudgeError
from inference.models import JobState, ModelVersion, TrainingRun
from mood_eval.models import Team
from tests.annotations.judges.judged_studies import absolute_study, endpoint_judge, start
from tests.chat_server import ChatServer
from tests.factories import make_model_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(team: Team) -> Study:
    return absolute_study(team, dialogues=1)


def model_in(study: Study) -> ModelVersion:
    model: ModelVersion = study.study_runs.get().run.model_version
    return model


def trained(result: ModelVersion, **config: Any) -> TrainingRun:
    base = make_model_version(result.team, f"base of {result.name}")
    return TrainingRun.objects.create(
        team=result.team,
        name=f"training of {result.name}",
        method="grpo",
        base=base,
        dataset_path="x",
        config=config,
        result=result,
        state=JobState.DONE,
    )


def judge_term(url: str, name: str = "gpt-x") -> dict[str, str]:
    return {"kind": "judge", "url": url, "name": name}


def test_a_judge_that_rewarded_the_model_is_refused(
    study: Study, team: Team, server: ChatServer
) -> None:
    trained(model_in(study), rewards=[{"kind": "similarity"}, judge_term(server.url)])
    with pytest.raises(RewardingJudgeError) as refused:
        start(study, endpoint_judge(team, server.url))
    assert (
        f"“kind” was rewarded by the judge gpt-x at {server.url} (training “training of kind”)."
        in str(refused.value)
    )
    assert not JudgeRun.objects.exists()
    assert not StudyRater.objects.filter(kind="llm").exists()


@pytest.mark.parametrize(
    "name", ["gpt-x", "vendor/gpt-x", "GPT-X", "gpt-x:free", "gpt-x-2024-08-06", "gpt-x-20240806"]
)
def test_the_same_model_at_another_address_is_the_same_judge(
    study: Study, team: Team, server: ChatServer, name: str
) -> None:
    trained(model_in(study), rewards=[judge_term("http://elsewhere/v1", name)])
    with pytest.raises(RewardingJudgeError, match="elsewhere"):
        start(study, endpoint_judge(team, server.url))


def test_a_local_judge_is_known_by_its_name_on_the_hub(study: Study, team: Team) -> None:
    trained(model_in(study), rewards=[judge_term("http://elsewhere/v1", "Vendor/Judge-7B")])
    judge = make_model_version(team, "local", kind="text", path="Vendor/Judge-7B")
    with pytest.raises(RewardingJudgeError):
        start(study, judge)


def test_a_copy_of_a_local_judge_is_known_by_its_weights(study: Study, team: Team) -> None:
    given, copy, other = (
        make_model_version(team, name, kind="text", path=f"{name}-7b", weights_sha256=sha * 64)
        for name, sha in (("given", "a"), ("copy", "a"), ("other", "b"))
    )
    reward = make_model_version(team, "reward", kind="reward", path="x", parent=given)
    trained(model_in(study)).reward_models.add(reward)
    with pytest.raises(RewardingJudgeError, match="comes from “given”, which has the weights of"):
        start(study, copy)
    assert rewards_of_judge(study, other) == []
    assert is_same(given, copy)
    assert not is_same(given, other)


def test_descendants_of_the_rewarded_model_are_not_judged_either(
    study: Study, team: Team, server: ChatServer
) -> None:
    parent = make_model_version(team, "parent")
    model = model_in(study)
    ModelVersion.objects.filter(pk=model.pk).update(parent=parent)
    trained(parent, rewards=[judge_term(server.url)])
    with pytest.raises(RewardingJudgeError, match="“kind” comes from “parent”, which was rewarded"):
        start(study, endpoint_judge(team, server.url))


def test_a_judge_behind_a_reward_model_is_refused(
    study: Study, team: Team, server: ChatServer
) -> None:
    judge = endpoint_judge(team, server.url)
    reward = make_model_version(team, "reward", kind="reward", path="x", parent=judge)
    trained(model_in(study)).reward_models.add(reward)
    with pytest.raises(RewardingJudgeError, match="scores of “reward”, which comes from “judge”"):
        start(study, judge)


def trained_on_judgements(
    study: Study, team: Team, server: ChatServer, kinds: list[str]
) -> ModelVersion:
    """A judge in whose earlier study a release was made, by rules that let these kinds decide."""
    judge = endpoint_judge(team, server.url)
    earlier = absolute_study_named(team, "Earlier")
    rater = start(earlier, judge).rater
    release = PreferenceDataset.objects.create(
        team=team,
        study=earlier,
        version=1,
        folder="x",
        sha256="0" * 64,
        rows=1,
        manifest={"rules": {"rater_kinds": kinds}},
    )
    DatasetRater.objects.create(dataset=release, rater=rater, submitted=3)
    DatasetTraining.objects.create(dataset=release, training_run=trained(model_in(study)))
    return judge


def test_a_judge_whose_own_judgements_were_trained_on_is_refused(
    study: Study, team: Team, server: ChatServer
) -> None:
    judge = trained_on_judgements(study, team, server, ["person", "llm"])
    with pytest.raises(RewardingJudgeError, match="trained on judgements of “judge”, in "):
        start(study, judge)


def test_a_judge_beside_whom_people_alone_decided_may_judge_the_next_round(
    study: Study, team: Team, server: ChatServer
) -> None:
    assert start(study, trained_on_judgements(study, team, server, ["person"])).pk


def test_a_judge_without_a_part_in_it_may_judge(
    study: Study, team: Team, server: ChatServer
) -> None:
    trained(model_in(study), rewards=[judge_term(server.url, "another")])
    other = make_model_version(team, "rewarded by it")
    trained(other, rewards=[judge_term(server.url)])
    assert start(study, endpoint_judge(team, server.url)).pk


def test_a_judge_that_wrote_responses_is_named(team: Team, server: ChatServer) -> None:
    study = absolute_study(team, dialogues=1)
    model = model_in(study)
    ModelVersion.objects.filter(pk=model.pk).update(
        kind="endpoint", config={"url": "http://elsewhere/v1", "model": "vendor/gpt-x"}
    )
    assert wrote_responses(study, endpoint_judge(team, server.url)) == ["kind"]


def test_names_are_compared_without_vendor_and_revision() -> None:
    names = ("openai/GPT-4o", "gpt-4o", "models/openai/gpt-4o/", "openai/gpt-4o@main")
    dated = ("gpt-4o-2024-08-06", "gpt-4o-20240806", "openai/gpt-4o-2024-08-06:free")
    assert {plain_name(name) for name in (*names, *dated)} == {"gpt-4o"}
    assert plain_name("gpt-4o-mini") == "gpt-4o-mini"
    assert plain_name("gpt-4-0613") == "gpt-4-0613"


def absolute_study_named(team: Team, name: str) -> Study:
    from tests.answered_studies import add_item, add_part, make_instrument, make_study

    run = team.generation_runs.get()
    study = make_study(team, [run], name=name)
    part = add_part(study, "absolute", make_instrument("other"))
    response = run.responses.order_by("pk")[0]
    add_item(part, response.stimulus, [response])
    return study
