"""From a release over the real trainer and the real model to a draft study of old against new."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from annotations.models import Amendment, DatasetTraining, Item, Study
from annotations.selectors.follow_up import follow_up_of, study_corpus
from annotations.services.datasets import release_preferences
from annotations.services.training import (
    NothingToFollowUpError,
    TooFewSessionsError,
    follow_up_name,
    generate_for_follow_up,
    offer_follow_up_study,
    train_on_release,
)
from inference.errors import WrongStateError
from inference.models import Dialogue, GenerationRun, ModelVersion, TrainingRun
from inference.services.generation import run_generation
from mood_eval.models import Team, User
from tests.factories import make_user

CONFIG = {"max_steps": 3, "learning_rate": 1e-3, "batch_size": 2, "device": "cpu"}


def write_config(tmp_path: Path) -> Path:
    path = tmp_path / "dpo.json"
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.mark.django_db(transaction=True)
def test_command_trains_and_the_next_version_goes_into_a_draft_study(
    compared_study: Study, tiny: ModelVersion, ada: User, client: Client, tmp_path: Path
) -> None:
    release_preferences(study=compared_study, out=tmp_path / "release")
    out = StringIO()
    call_command(
        "train",
        "dpo",
        f"--dataset={tmp_path / 'release'}",
        "--base=tiny",
        f"--config={write_config(tmp_path)}",
        "--wait",
        "--json",
        stdout=out,
    )
    report = json.loads(out.getvalue())
    assert (report["state"], report["done"], report["result"]) == ("done", 3, "tiny-dpo-1")
    assert report["measures"]["reward_margin"] > report["first_values"]["reward_margin"]
    training = TrainingRun.objects.get()
    assert DatasetTraining.objects.get().training_run == training
    assert training.result is not None
    assert training.result.parent == tiny

    client.force_login(ada)
    detail = client.get(reverse("training_detail", args=[training.pk])).content.decode()
    assert '<polyline class="series"' in detail
    assert reverse("training_next", args=[training.pk]) in detail
    for _ in range(2):
        client.post(reverse("training_generate", args=[training.pk]), {"least": "1"})
    old, new = GenerationRun.objects.filter(model_version__kind="multimood").order_by("pk")
    assert (old.model_version, new.model_version) == (tiny, training.result)
    assert (old.total, old.splits) == (3, ["fresh"])
    follow = reverse("training_follow_up", args=[training.pk])
    page = client.post(follow, {"least": "1"}, follow=True).content.decode()
    assert "once both versions have answered" in page

    for run in (old, new):
        assert run_generation(run.pk)
    page = client.get(reverse("training_next", args=[training.pk])).content.decode()
    assert "Start the blind study old against new" in page
    response = client.post(follow, {"least": "1"})
    study = Study.objects.get(name="Version 1 against version 2")
    assert response.headers["Location"] == reverse("study_detail", args=[study.pk])
    assert study.state == Study.State.DRAFT
    assert [link.run for link in study.study_runs.all()] == [old, new]
    assert {r.user for r in study.raters.all()} == {r.user for r in compared_study.raters.all()}
    assert offer_follow_up_study(training) == study


@pytest.fixture
def training(compared_study: Study, tiny: ModelVersion) -> TrainingRun:
    """As if it had been trained: its result has the base's weights."""
    run = train_on_release(dataset=release_preferences(study=compared_study), base=tiny)
    run.result = ModelVersion.objects.create(
        team=tiny.team, name="next", kind=tiny.kind, path=tiny.path, parent=tiny
    )
    run.state = "done"
    run.save()
    return run


@pytest.mark.django_db
def test_fresh_turns_come_from_sessions_neither_rated_nor_trained_on(
    compared_study: Study, training: TrainingRun
) -> None:
    fresh = Dialogue.objects.get(split="fresh")
    assert set(follow_up_of(training).fresh.stimuli) == set(
        fresh.stimuli.values_list("pk", flat=True)
    )
    Dialogue.objects.filter(pk=fresh.pk).update(split="rate")
    stimuli = follow_up_of(training).fresh.stimuli
    assert len(stimuli) == 3
    rated = Item.objects.filter(part__study=compared_study)
    assert not rated.filter(stimulus__in=stimuli).exists()
    Dialogue.objects.filter(split="train").update(session=fresh.session)
    assert follow_up_of(training).fresh.stimuli == []


@pytest.mark.django_db
def test_runs_are_reused_and_offered_study_waits_for_them(training: TrainingRun) -> None:
    with pytest.raises(WrongStateError, match="once both versions have answered"):
        offer_follow_up_study(training, least=1)
    found = generate_for_follow_up(training_run=training, least=1)
    assert GenerationRun.objects.filter(model_version__kind="multimood").count() == 2
    assert not found.missing
    assert not found.ready


@pytest.fixture
def tuned(compared_study: Study, tiny: ModelVersion) -> TrainingRun:
    """As if it had been fine-tuned on the corpus' split "train"."""
    new = ModelVersion.objects.create(
        team=tiny.team, name="tuned", kind=tiny.kind, path=tiny.path, parent=tiny
    )
    return TrainingRun.objects.create(
        team=tiny.team,
        name="tuning",
        method="sft",
        base=tiny,
        result=new,
        state="done",
        dataset_path="training-corpora/x/dialogues.jsonl",
        dataset_sha256="a" * 64,
        corpus=study_corpus(compared_study),
        config={"split": "train", "modality": "text"},
    )


@pytest.mark.django_db
def test_what_was_trained_on_a_corpus_is_rated_against_the_old_version(
    tuned: TrainingRun, ada: User, client: Client
) -> None:
    """No release and no study came before it: nobody is invited, nothing was rated."""
    fresh = Dialogue.objects.get(split="fresh")
    found = follow_up_of(tuned)
    assert found.fresh.stimuli == list(fresh.stimuli.values_list("pk", flat=True))
    assert (found.fresh.trained, found.fresh.rated, found.invited) == (1, 0, 0)
    client.force_login(ada)
    following = reverse("training_next", args=[tuned.pk])
    assert "Invite raters to the draft." in client.get(following).content.decode()
    client.post(reverse("training_generate", args=[tuned.pk]), {"least": "1"})
    assert tuned.result is not None
    old, new = (GenerationRun.objects.get(model_version=m) for m in (tuned.base, tuned.result))
    assert old.options == new.options
    assert (old.options["modality"], old.splits, old.total) == ("text", ["fresh"], 3)
    GenerationRun.objects.filter(pk__in=[old.pk, new.pk]).update(state="done")
    client.post(reverse("training_follow_up", args=[tuned.pk]), {"least": "1"})
    study = Study.objects.get(name="Version 1 against version 2")
    assert study.state == Study.State.DRAFT
    assert [link.run for link in study.study_runs.all()] == [old, new]
    assert not study.raters.exists()
    note = Amendment.objects.get(study=study)
    assert note.what == "Drafted to follow up the training “tuning”"
    assert "nobody is invited yet" in note.reason
    assert offer_follow_up_study(tuned) == study, "asked again, the same one"
    assert reverse("study_detail", args=[study.pk]) in client.get(following).content.decode()


@pytest.mark.django_db
def test_both_versions_answer_as_the_old_one_did_in_the_corpus(tuned: TrainingRun) -> None:
    assert tuned.corpus is not None
    GenerationRun.objects.create(
        team=tuned.team,
        model_version=tuned.base,
        corpus=tuned.corpus,
        state="done",
        options={"modality": "a", "samples": 3, "temperature": 0.5, "seed": 7},
    )
    found = generate_for_follow_up(training_run=tuned, least=1)
    assert found.old is not None
    options = found.old.options
    assert (options["modality"], options["seed"], options["samples"]) == ("a", 7, 1)


@pytest.mark.django_db
def test_after_training_on_a_whole_corpus_nothing_of_it_is_fresh(tuned: TrainingRun) -> None:
    TrainingRun.objects.update(config={"split": ""})
    tuned.refresh_from_db()
    with pytest.raises(TooFewSessionsError, match="4 are set aside or used for training"):
        generate_for_follow_up(training_run=tuned, least=1)


@pytest.mark.django_db
def test_what_was_trained_on_a_file_is_answered_by_hand(
    tuned: TrainingRun, ada: User, client: Client
) -> None:
    TrainingRun.objects.update(corpus=None)
    tuned.refresh_from_db()
    with pytest.raises(NothingToFollowUpError, match="no study to follow up"):
        offer_follow_up_study(tuned, least=1)
    client.force_login(ada)
    page = client.get(reverse("training_next", args=[tuned.pk])).content.decode()
    for model in (tuned.base_id, tuned.result_id):
        assert f'href="{reverse("run_new")}?model={model}"' in page


@pytest.mark.django_db
def test_name_of_the_follow_up_names_no_model_and_is_free(training: TrainingRun) -> None:
    assert follow_up_name(training) == "Version 1 against version 2"
    Study.objects.update(name="Version 1 against version 2")
    assert follow_up_name(training) == "Version 1 against version 2 (2)"
    training.base = training.result  # type: ignore[assignment]
    assert follow_up_name(training) == "Version 2 against version 3"


@pytest.mark.django_db
def test_train_command_refuses_what_is_no_release(tiny: ModelVersion, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not a released dataset") as refusal:
        call_command("train", "dpo", f"--dataset={tmp_path}", "--base=tiny")
    assert refusal.value.returncode == 1
    assert not TrainingRun.objects.exists()


@pytest.mark.django_db
def test_train_command_without_wait_leaves_the_run_to_a_worker(
    compared_study: Study, tiny: ModelVersion, tmp_path: Path
) -> None:
    release_preferences(study=compared_study, out=tmp_path / "release")
    out = StringIO()
    folder = f"--dataset={tmp_path / 'release'}"
    call_command("train", "dpo", folder, "--base=tiny", "--name=second", stdout=out)
    assert "waits for a worker" in out.getvalue()
    assert TrainingRun.objects.get(name="second").state == "queued"
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    for name, reason in ((broken, "one JSON object"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(CommandError, match=reason):
            call_command("train", "dpo", folder, "--base=tiny", f"--config={name}")
    with pytest.raises(CommandError, match="no model named “huge”"):
        call_command("train", "dpo", folder, "--base=huge")


@pytest.mark.django_db
def test_training_pages_are_for_the_team_only(
    client: Client, team: Team, training: TrainingRun
) -> None:
    member, sam = make_user("member@example.org"), make_user("sam@example.org")
    team.memberships.create(user=member)
    reading = [
        reverse(name, args=[training.pk])
        for name in ("training_detail", "training_log", "training_next")
    ]
    writing = [
        reverse(name, args=[training.pk])
        for name in (
            "training_cancel",
            "training_resume",
            "training_generate",
            "training_follow_up",
        )
    ]
    for url in (*reading, reverse("training_list")):
        assert "login" in client.get(url).headers["Location"]
    for url in writing:
        assert "login" in client.post(url).headers["Location"]
        assert client.get(url).status_code in (302, 405)
    client.force_login(sam)
    assert [client.get(url).status_code for url in reading] == [404] * 3
    assert [client.post(url).status_code for url in writing] == [404] * 4
    client.force_login(member)
    assert [client.get(url).status_code for url in reading] == [200] * 3
    assert [client.post(url).status_code for url in writing] == [302] * 4
    assert "tiny-dpo-1" in client.get(reverse("training_list")).content.decode()


@pytest.mark.django_db
def test_training_page_polls_while_active_and_reloads_at_the_end(
    client: Client, ada: User, training: TrainingRun
) -> None:
    client.force_login(ada)
    url = reverse("training_detail", args=[training.pk])
    fragment = client.get(url, headers={"HX-Request": "true"})
    assert fragment.headers["HX-Refresh"] == "true"
    TrainingRun.objects.update(state="running", done=2, total=8)
    training.points.create(step=1, values={"loss": 0.69, "reward_margin": 0.0})
    training.points.create(step=2, values={"loss": 0.5, "reward_margin": 0.4})
    content = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every 2s"' in content
    assert "<html" not in content
    assert "<strong" in content
    assert "Reward margin from 0 at step 1 to 0.4 at step 2" in content
    assert "style=" not in content
