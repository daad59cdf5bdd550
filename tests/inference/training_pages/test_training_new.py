"""The page of a new training run: what each method needs, and what is refused where."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from annotations.models import DatasetTraining, PreferenceDataset
from annotations.training_forms import NewTrainingForm
from inference.models import Corpus, ModelVersion, TrainingRun
from inference.training.config import METHODS, ON_CORPORA, Method, TrainingConfig, fields_of
from inference.training.presets import PRESETS, TWO_CORES
from inference.training.rewards.functions import FUNCTIONS
from inference.training_forms import RULES
from inference.training_options import METHOD_WORDS, OPTIONS
from mood_eval.models import Team
from tests.inference.training_pages.conftest import Lab

NEW = "/training/new/"


def form_of(lab: Lab, method: Method, preset: str = "") -> NewTrainingForm:
    return NewTrainingForm(team=lab.team, user=lab.ada, method=method, preset=preset)


def filled_in(form: NewTrainingForm, **changes: Any) -> dict[str, Any]:
    """What a browser sends of the form as it stands."""
    values = {name: form[name].value() for name in form.fields}
    sent = {n: value for n, value in values.items() if value is not None and value is not False}
    return {"shown": form.state} | sent | changes


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_asked_for_what_it_reads(lab: Lab, method: Method) -> None:
    fields = form_of(lab, method).fields.keys()
    read = {field.name for field in fields_of(method)}
    assert {option.key for option in OPTIONS} & fields == {o.key for o in OPTIONS} & read
    assert ("corpus" in fields) == (method not in ("dpo", "reward"))
    assert ("release" in fields) == (method not in ON_CORPORA)
    assert ("reward_models" in fields) == (method in ("ppo", "grpo"))


def test_every_key_of_the_configuration_is_an_option_or_filled_in_by_the_platform() -> None:
    filled_in_elsewhere = {
        *("method", "base", "dataset", "output", "resume", "media_root", "prompt"),
        *("held_out", "emotion_dataset", "nodes", "rewards"),
    }
    keys = {field.name for method in METHODS for field in fields_of(method)}
    assert {option.key for option in OPTIONS} == keys - filled_in_elsewhere
    assert keys <= TrainingConfig.__dataclass_fields__.keys()


def test_the_rules_offered_are_those_there_are() -> None:
    assert RULES.keys() == FUNCTIONS.keys()


def test_the_page_says_of_each_method_what_it_learns_from(lab: Lab, ada: Client) -> None:
    page = ada.get(NEW).content.decode()
    for words in METHOD_WORDS.values():
        assert words.learns_from in page
    assert 'value="sft" id="method-sft" aria-describedby="about-sft" checked' in page


def test_a_preset_fills_in_its_values_and_names_its_source(lab: Lab, ada: Client) -> None:
    sent = {"method": "grpo", "preset": "grpo-multimood", "shown": "grpo", "refresh": "1"}
    page = ada.post(NEW, sent).content.decode()
    assert "arXiv 2511.10011" in page
    assert value_in(page, "beta") == "1.12"
    assert value_in(page, "gradient_accumulation") == "16"
    assert not TrainingRun.objects.exists()


def value_in(page: str, name: str) -> str:
    tag = next(tag for tag in re.findall("<input[^>]*>", page) if f'name="{name}"' in tag)
    found = re.search(r'value="([^"]*)"', tag)
    return found[1] if found else ""


def test_a_demo_model_begins_with_the_preset_for_small_machines(lab: Lab, ada: Client) -> None:
    ModelVersion.objects.update(is_demo=True)
    page = ada.get(NEW, {"method": "sft"}).content.decode()
    assert f'value="sft-two-cores" selected>{TWO_CORES}' in page


def test_nothing_filled_in_is_lost_when_the_method_changes(lab: Lab, ada: Client) -> None:
    sent = filled_in(form_of(lab, "sft"), name="kinder", base=lab.base.pk, corpus=lab.corpus.pk)
    page = ada.post(NEW, {**sent, "method": "ppo", "refresh": "1"}).content.decode()
    assert value_in(page, "name") == "kinder"
    assert f'<option value="{lab.base.pk}" selected>' in page
    assert f'<option value="{lab.corpus.pk}" selected>' in page


def test_own_values_stay_when_the_page_is_refreshed_without_a_change(lab: Lab, ada: Client) -> None:
    sent = filled_in(form_of(lab, "dpo"), learning_rate="0.003", refresh="1")
    del sent["precompute_reference"]
    page = ada.post(NEW, sent).content.decode()
    assert value_in(page, "learning_rate") == "0.003"
    box = re.search('<input[^>]*name="precompute_reference"[^>]*>', page)
    assert box is not None
    assert "checked" not in box[0]


def test_options_that_were_not_shown_are_shown_before_anything_starts(
    lab: Lab, ada: Client
) -> None:
    """Without scripts the method can be changed and the start pressed at once."""
    sent = filled_in(form_of(lab, "sft"), base=lab.base.pk, corpus=lab.corpus.pk)
    for change in ({"method": "compressor"}, {"preset": "sft-one-gpu"}):
        page = ada.post(NEW, {**sent, **change}).content.decode()
        assert "look them over, then start" in page
    assert not TrainingRun.objects.exists()


def test_fine_tuning_starts_on_a_corpus(lab: Lab, ada: Client) -> None:
    sent = filled_in(
        form_of(lab, "sft", "sft-two-cores"),
        base=lab.base.pk,
        corpus=lab.corpus.pk,
        name="second",
        learning_rate="0.002",
    )
    response = ada.post(NEW, sent)
    run = TrainingRun.objects.get()
    assert response.headers["Location"] == reverse("training_detail", args=[run.pk])
    assert (run.name, run.method, run.corpus, run.created_by) == (
        "second",
        "sft",
        lab.corpus,
        lab.ada,
    )
    assert run.preset == "sft-two-cores"
    preset = PRESETS["sft-two-cores"].values
    assert {key: run.config[key] for key in preset} == {**preset, "learning_rate": 0.002}
    assert "weight_decay" not in run.config, "a default that nobody changed"


def test_preferences_start_on_a_release(lab: Lab, ada: Client, release: PreferenceDataset) -> None:
    page = ada.get(NEW, {"release": release.pk}).content.decode()
    assert f'<option value="{release.pk}" selected>' in page
    assert 'name="corpus"' not in page
    sent = filled_in(form_of(lab, "dpo"), base=lab.base.pk, release=release.pk, loss="ipo")
    ada.post(NEW, sent)
    run = TrainingRun.objects.get()
    assert (run.name, run.config["loss"]) == ("tiny-dpo-1", "ipo")
    assert DatasetTraining.objects.get().dataset == release


def test_answers_are_rewarded_by_models_rules_and_likeness(
    lab: Lab, ada: Client, reward_model: ModelVersion
) -> None:
    sent = filled_in(
        form_of(lab, "grpo"),
        base=lab.base.pk,
        corpus=lab.corpus.pk,
        function="asks_a_question",
        function_weight="0.5",
        similarity="on",
    )
    ada.post(NEW, sent)
    run = TrainingRun.objects.get()
    assert run.config["rewards"] == [
        {"kind": "similarity", "weight": 1.0},
        {"kind": "function", "name": "asks_a_question", "weight": 0.5},
    ]
    page = ada.get(NEW, {"method": "ppo", "reward_model": str(reward_model.pk)}).content.decode()
    assert re.search(f'value="{reward_model.pk}"[^>]*checked', page)


@pytest.mark.parametrize(
    ("method", "changes", "field", "said"),
    [
        ("sft", {"corpus": ""}, "corpus", "This field is required"),
        ("sft", {"learning_rate": "0"}, "learning_rate", "greater than or equal to"),
        ("sft", {"split": "rate"}, "split", "has no dialogues in the split"),
        ("sft", {"name": "tiny"}, "name", "already a model named"),
        ("grpo", {}, "reward_models", "Choose at least one reward"),
        ("grpo", {"corpus": ""}, "release", "Choose the release or the corpus"),
        ("grpo", {"generations": "1"}, "generations", "greater than or equal to 2"),
    ],
)
def test_what_is_refused_stands_at_its_field(
    lab: Lab, ada: Client, method: Method, changes: dict[str, str], field: str, said: str
) -> None:
    given = {"base": lab.base.pk, "corpus": lab.corpus.pk, "name": "kept"} | changes
    response = ada.post(NEW, filled_in(form_of(lab, method), **given))
    assert response.status_code == 200
    form = response.context["form"]
    assert said in str(form.errors[field])
    assert str(form.errors[field][0]) in response.content.decode().replace("&#x27;", "'")
    assert value_in(response.content.decode(), "name") == given["name"]
    assert not TrainingRun.objects.exists()


def test_what_is_missing_is_said_with_what_to_do(lab: Lab) -> None:
    sam = lab.as_person("sam")
    page = sam.get(NEW, {"method": "ppo"}).content.decode()
    assert "manage.py register_model" in page
    assert "No release yet" in page
    assert "manage.py import_dialogues" in page
    assert page.count("Ask whoever runs MoodEval here to") == 3
    team = Team.objects.get(name="Another lab")
    link = f'<a href="{NEW}?method=reward&amp;team={team.pk}">train one on a release</a>'
    assert link in page


def test_a_team_is_offered_its_own_and_no_reward_model_to_train(
    lab: Lab, ada: Client, reward_model: ModelVersion, release: PreferenceDataset
) -> None:
    form = form_of(lab, "ppo")
    assert list(choices(form, "base")) == [lab.base]
    assert list(choices(form, "reward_models")) == [reward_model]
    sam = lab.as_person("sam")
    for method in METHODS:
        page = sam.get(NEW, {"method": method, "release": release.pk}).content.decode()
        assert "hush" not in page
        assert "tiny" not in re.sub("multimood-tiny", "", page)
    sent = filled_in(form_of(lab, "sft"), base=lab.base.pk, corpus=lab.corpus.pk)
    assert "Select a valid choice" in sam.post(NEW, sent).content.decode()
    assert not TrainingRun.objects.exists()


def choices(form: NewTrainingForm, name: str) -> Any:
    return form.fields[name].queryset  # type: ignore[attr-defined]


@pytest.mark.parametrize("opened_from", ["release", "corpus", "base", "reward_model"])
def test_in_several_teams_the_form_is_that_of_what_it_is_opened_from(
    lab: Lab, reward_model: ModelVersion, release: PreferenceDataset, opened_from: str
) -> None:
    """Sam works in a team of his own, and is a member of Ada's."""
    held = {
        "release": release,
        "corpus": lab.corpus,
        "base": lab.base,
        "reward_model": reward_model,
    }
    asked = {opened_from: str(held[opened_from].pk), "method": "ppo"}
    sam = lab.as_person("sam")
    assert sam.get(NEW, asked).context["form"].team != lab.team, "a stranger to it"
    lab.team.memberships.create(user=lab.sam)
    page = sam.get(NEW, asked).content.decode()
    assert f'name="team" value="{lab.team.pk}"' in page
    assert re.search(f'value="{held[opened_from].pk}"[^>]*(selected|checked)', page)


def test_a_run_starts_in_the_team_whose_form_it_was(lab: Lab) -> None:
    sam = lab.as_person("sam")
    sent = filled_in(form_of(lab, "sft"), base=lab.base.pk, corpus=lab.corpus.pk, team=lab.team.pk)
    assert "Select a valid choice" in sam.post(NEW, sent).content.decode()
    lab.team.memberships.create(user=lab.sam)
    changed = sam.post(NEW, {**sent, "method": "compressor", "refresh": "1"}).context["form"]
    assert changed.team == lab.team
    assert sam.post(NEW, sent).status_code == 302
    assert TrainingRun.objects.get().team == lab.team


def test_a_reward_model_is_not_asked_for_answers(
    lab: Lab, ada: Client, reward_model: ModelVersion
) -> None:
    page = ada.get(reverse("run_new")).content.decode()
    assert "tiny" in page
    assert reward_model.name not in page


def test_memory_and_disk_are_told_before_the_start(lab: Lab, ada: Client) -> None:
    sent = filled_in(form_of(lab, "dpo"), base=lab.base.pk)
    told = ada.post(NEW, {**sent, "estimate": "1"}).content.decode()
    assert "<html" not in told
    assert re.search(r"about \d+(\.\d)? [MG]B \(weights", told)
    assert re.search(r"at most \d+(\.\d)? [MG]B", told)
    for wrong in ({"base": ""}, {"learning_rate": "-1"}):
        told = ada.post(NEW, {**sent, **wrong, "estimate": "1"}).content.decode()
        assert "once a model is chosen and every option is valid" in told
    refreshed = ada.post(NEW, {**sent, "refresh": "1"}).content.decode()
    assert "free on this machine" in refreshed
    assert not TrainingRun.objects.exists()


def test_what_does_not_fit_is_told_with_remedies(lab: Lab, ada: Client) -> None:
    sent = filled_in(form_of(lab, "dpo"), base=lab.base.pk, batch_size="100000000")
    told = ada.post(NEW, {**sent, "estimate": "1"}).content.decode()
    assert "It does not fit into the memory of this machine" in told
    assert "batch_size" in told


def test_in_production_only_what_is_needed_is_told(
    lab: Lab, ada: Client, settings: Settings
) -> None:
    """Another machine may train."""
    settings.PRODUCTION = True
    sent = filled_in(form_of(lab, "dpo"), base=lab.base.pk, batch_size="100000000")
    told = ada.post(NEW, {**sent, "estimate": "1"}).content.decode()
    assert re.search(r"<dt>Memory</dt><dd>about \d+(\.\d)? [MGT]B \(weights", told)
    assert re.search(r"<dt>Disk</dt><dd>at most \d+(\.\d)? [MG]B</dd>", told)
    assert "free on this machine" not in told
    assert "does not fit" not in told
    assert "the machine that trains" in told


def test_a_model_whose_files_are_gone_is_told(lab: Lab, ada: Client) -> None:
    ModelVersion.objects.update(path="nowhere/at/all")
    sent = filled_in(form_of(lab, "sft"), base=lab.base.pk)
    told = ada.post(NEW, {**sent, "estimate": "1"}).content.decode()
    assert "There is no folder" in told


def test_strange_addresses_do_no_harm(lab: Lab, ada: Client) -> None:
    for asked in ({"method": "magic"}, {"base": "x"}, {"corpus": "9" * 5000}, {"release": "-1"}):
        assert ada.get(NEW, asked).status_code == 200


def test_many_models_take_as_many_queries_as_few(
    lab: Lab, ada: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(QUERIES):
        ada.get(NEW, {"method": "ppo"})
    for number in range(20):
        ModelVersion.objects.create(
            team=lab.team, name=f"m{number}", kind="multimood", path=lab.base.path
        )
        Corpus.objects.create(team=lab.team, name=f"c{number}", format="jsonl")
    with django_assert_num_queries(QUERIES):
        ada.get(NEW, {"method": "ppo"})


QUERIES = 16
