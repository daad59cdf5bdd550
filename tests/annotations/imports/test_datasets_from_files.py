"""Files of other tools become a dataset of the team: stored once, sealed, and trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from annotations.derivation.rules import DerivationRules
from annotations.exports.formats import FORMATS as EXPORTS
from annotations.exports.formats import ExportOptions, open_export
from annotations.imports import ReadOptions
from annotations.models import PreferenceDataset
from annotations.services.dataset_imports import ImportRequest, import_dataset, preview_import
from annotations.services.datasets import release_folder
from annotations.services.training import offer_follow_up_study, train_on_release
from inference.contracts import PreferencePair
from inference.errors import DomainError
from inference.models import JobState, ModelVersion
from inference.preference_files import PAIRS_FILE, read_pairs, read_rows, verify_release
from inference.services.model_versions import register_checkpoint
from inference.services.training_supervision import run_training
from mood_eval.models import Team
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db

CLIENTS = (
    "I could not sleep again.",
    "My brother has stopped calling.",
    "I failed the exam.",
    "Nobody at work speaks to me.",
    "The house is so quiet now.",
)


def pair(client: str, **more: Any) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": client}],
        "chosen": [{"role": "assistant", "content": f"You said: {client} How is that for you?"}],
        "rejected": [{"role": "assistant", "content": "Try to relax."}],
        **more,
    }


@pytest.fixture
def team() -> Team:
    return make_team(owner=make_user())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.of.a.lab.jsonl"
    path.write_text("".join(json.dumps(pair(client)) + "\n" for client in CLIENTS))
    return path


def imported(team: Team, *paths: Path, **more: Any) -> tuple[PreferenceDataset, bool]:
    given = {
        "name": "Elsewhere",
        "licence": "CC BY 4.0",
        "consent_declared": True,
        "request": ImportRequest(),
        **more,
    }
    return import_dataset(team=team, paths=paths, **given)


def test_a_dataset_made_elsewhere_is_a_sealed_release_folder_without_a_study(
    team: Team, file: Path
) -> None:
    dataset, created = imported(team, file)
    folder = release_folder(dataset)
    assert created
    assert dataset.study is None
    assert dataset.title == "Elsewhere"
    assert dataset.rows == len(CLIENTS)
    manifest = verify_release(folder)
    assert manifest["source"]["files"][0]["name"] == file.name
    assert manifest["consent"]["declared"] is True
    assert manifest["licence"] == "CC BY 4.0"
    pairs = list(read_pairs(folder / PAIRS_FILE))
    assert {p.stimulus.client_turns[0].text for p in pairs} == set(CLIENTS)
    assert {p.rejected.text for p in pairs} == {"Try to relax."}
    assert not any((folder / name).stat().st_mode & 0o222 for name in manifest["files"])


def test_the_same_files_by_the_same_rules_are_there_once_whatever_they_are_called(
    team: Team, file: Path, tmp_path: Path
) -> None:
    dataset, _ = imported(team, file)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(file.read_bytes())
    again, created = imported(team, copy, name="Another name")
    assert again == dataset
    assert not created
    assert PreferenceDataset.objects.count() == 1


def test_other_rules_or_another_licence_make_another_dataset(team: Team, file: Path) -> None:
    dataset, _ = imported(team, file)
    other, created = imported(
        team, file, request=ImportRequest(rules=DerivationRules(splitting="none"))
    )
    licensed, licensed_now = imported(team, file, licence="On request")
    assert created
    assert licensed_now
    assert len({dataset.pk, other.pk, licensed.pk}) == 3
    assert [d.version for d in (dataset, other, licensed)] == [1, 2, 3]


def test_another_team_has_a_dataset_of_its_own(team: Team, file: Path) -> None:
    dataset, _ = imported(team, file)
    other, created = imported(make_team("Another lab"), file)
    assert created
    assert other.sha256 == dataset.sha256
    assert other.folder != dataset.folder


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"consent_declared": False}, "Consent is not declared"),
        ({"licence": "  "}, "licence: missing"),
        ({"name": " "}, "name"),
    ],
)
def test_without_declarations_nothing_is_stored(
    team: Team, file: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(DomainError, match=said):
        imported(team, file, **wrong)
    assert not PreferenceDataset.objects.exists()


def test_a_file_that_is_wrong_in_its_last_line_stores_nothing(
    team: Team, file: Path, settings: Any
) -> None:
    with file.open("a") as lines:
        lines.write(json.dumps({**pair("x"), "chosen": None}) + "\n")
    with pytest.raises(DomainError, match=rf"{file.name}, line 6, chosen"):
        imported(team, file)
    assert not PreferenceDataset.objects.exists()
    left = list(settings.VAR.glob("import-*"))
    assert left == []


def test_splits_never_divide_a_conversation(team: Team, tmp_path: Path) -> None:
    rows = [
        {
            "prompt": [
                {"role": "user", "content": f"I am client {client}."},
                *(
                    {"role": role, "content": f"{role} says {turn}"}
                    for turn in range(turns)
                    for role in ("assistant", "user")
                ),
            ],
            "chosen": [{"role": "assistant", "content": "I hear you."}],
            "rejected": [{"role": "assistant", "content": "No."}],
        }
        for client in range(12)
        for turns in range(4)
    ]
    path = tmp_path / "slices.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset, _ = imported(team, path)
    splits: dict[str, set[str]] = {}
    for found in read_pairs(release_folder(dataset) / PAIRS_FILE):
        first = (*found.stimulus.history, *found.stimulus.client_turns)[0].text
        splits.setdefault(first, set()).add(found.split)
    assert len(splits) == 12
    assert all(len(names) == 1 for names in splits.values())
    assert len(set().union(*splits.values())) > 1


def test_rows_that_name_one_session_stay_together_though_they_begin_differently(
    team: Team, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.jsonl"
    path.write_text(
        "".join(
            json.dumps(pair(f"{client} ({number})", session=f"s{number % 5}")) + "\n"
            for number, client in enumerate(CLIENTS * 4)
        )
    )
    dataset, _ = imported(team, path)
    rows = list(read_rows(release_folder(dataset) / PAIRS_FILE))
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["group"], set()).add(row["split"])
    assert sorted(splits) == ["s0", "s1", "s2", "s3", "s4"]
    assert all(len(names) == 1 for names in splits.values())


def test_an_import_by_the_files_own_splits_says_which_sessions_they_divide(
    team: Team, tmp_path: Path
) -> None:
    path = tmp_path / "split.jsonl"
    rows = [
        pair(client, session=f"s{number // 2}", split=("train", "test")[number % 2])
        for number, client in enumerate(CLIENTS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    request = ImportRequest(rules=DerivationRules(splitting="corpus"))
    (told,) = preview_import([path], request).leakage
    assert (told["divided_sessions"], told["sessions"]) == (2, 3)
    dataset, _ = imported(team, path, request=request)
    assert dataset.manifest["leakage"] == [{**told, "corpus": "Elsewhere"}]
    card = (release_folder(dataset) / "README.md").read_text()
    assert "The corpus's own split of Elsewhere divides 2 of 3 sessions." in card


def test_a_preview_stores_nothing_and_shows_what_an_import_would_make(
    team: Team, file: Path
) -> None:
    preview = preview_import([file], ImportRequest())
    assert preview.recognised.format == "trl-preference"
    assert len(preview.derivation.pairs) == len(CLIENTS)
    assert len(preview.pairs) == 3
    assert not PreferenceDataset.objects.exists()


def test_words_are_kept_only_if_somebody_says_so(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([label_studio_task(n, text) for n, text in enumerate(CLIENTS)]))
    dataset, _ = imported(team, path)
    told = release_folder(dataset) / "answers.jsonl"
    assert "because it listens" not in told.read_text()
    assert dataset.manifest["left_out"] == {"answers in words": 5}
    rules = DerivationRules(with_words=True)
    kept, _ = imported(team, path, request=ImportRequest(rules=rules, options=ReadOptions()))
    rows = list(read_rows(release_folder(kept) / "answers.jsonl"))
    assert [row["content"] for row in rows if row["question"] == "why"] == [
        "because it listens"
    ] * 5


def label_studio_task(number: int, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "data": {"context": text, "response_a": "Tell me more.", "response_b": "Cheer up."},
        "annotations": [
            {
                "completed_by": {"id": 7, "email": "rui@example.org"},
                "was_cancelled": False,
                "lead_time": 20.5,
                "result": [
                    {
                        "from_name": "pw",
                        "to_name": "a",
                        "type": "pairwise",
                        "value": {"selected": "left"},
                    },
                    {
                        "from_name": "why",
                        "to_name": "a",
                        "type": "textarea",
                        "value": {"text": ["because it listens"]},
                    },
                ],
            }
        ],
    }


def test_addresses_of_raters_are_in_no_file(team: Team, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    tasks = [label_studio_task(n, text) for n, text in enumerate(CLIENTS)]
    for task in tasks:
        task["annotations"][0]["completed_by"] = "rui@example.org"
    path.write_text(json.dumps(tasks))
    dataset, _ = imported(team, path)
    folder = release_folder(dataset)
    assert dataset.manifest["raters"] == [{"pseudonym": "rater-1", "submitted": 5}]
    assert not any("rui@example.org" in file.read_text() for file in folder.iterdir())


def test_the_command_imports_and_reports_as_json(team: Team, file: Path, capsys: Any) -> None:
    arguments = ["import_preferences", str(file), "--name", "Elsewhere", "--licence", "CC BY 4.0"]
    call_command(*arguments, "--consent-declared", "--splitting", "none", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["created"]
    assert report["rows"] == 5
    assert report["format"] == "trl-preference"
    call_command(*arguments, "--consent-declared", "--splitting", "none")
    assert "was there already: 5 pairs" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Consent is not declared"):
        call_command(*arguments)


def test_somebody_of_the_team_imports_on_the_page_in_two_steps(
    team: Team, file: Path, client: Client
) -> None:
    user = team.memberships.get().user
    client.force_login(user)
    url = reverse("dataset_import")
    form = {
        "name": "Elsewhere",
        "licence": "CC BY 4.0",
        "consent": "on",
        "splitting": "seeded",
        "seed": "0",
        "margin": "2",
        "ties": "dropped",
    }
    upload = SimpleUploadedFile("pairs.jsonl", file.read_bytes())
    response = client.post(url, {**form, "uploads": [upload]})
    assert response.status_code == 200
    page = response.content.decode()
    assert "TRL preference pairs" in page
    assert "Rows have prompt, chosen and rejected." in page
    assert "Import 5 pairs" in page
    assert CLIENTS[0] in page or CLIENTS[1] in page
    assert not PreferenceDataset.objects.exists()
    staged = response.context["staged"]
    response = client.post(url, {**form, "staged": staged, "confirm": "1"}, follow=True)
    dataset = PreferenceDataset.objects.get()
    assert response.redirect_chain[-1][0] == reverse("release_detail", args=[dataset.pk])
    assert "holds 5 pairs" in response.content.decode()
    gone = client.post(url, {**form, "staged": staged, "confirm": "1"})
    assert gone.status_code == 422
    assert PreferenceDataset.objects.count() == 1


def test_the_page_says_what_is_wrong_and_keeps_the_files(
    team: Team, tmp_path: Path, client: Client
) -> None:
    client.force_login(team.memberships.get().user)
    url = reverse("dataset_import")
    upload = SimpleUploadedFile("odd.jsonl", b'{"what": 1}\n')
    form = {"name": "x", "licence": "y", "splitting": "seeded", "seed": 0, "margin": 2}
    response = client.post(url, {**form, "ties": "dropped", "consent": "on", "uploads": [upload]})
    assert response.status_code == 422
    page = response.content.decode()
    assert "odd.jsonl, line 1: no known format has the fields what" in page
    assert "Chosen: odd.jsonl" in page
    response = client.post(url, {**form, "ties": "dropped", "staged": response.context["staged"]})
    assert response.status_code == 422
    assert "Without this no model may be trained" in response.content.decode()


def test_nobody_finds_the_files_that_somebody_else_uploaded(
    team: Team, file: Path, client: Client
) -> None:
    client.force_login(team.memberships.get().user)
    url = reverse("dataset_import")
    form = {"name": "x", "licence": "y", "splitting": "none", "seed": 0, "margin": 2}
    form |= {"ties": "dropped", "consent": "on"}
    upload = SimpleUploadedFile("pairs.jsonl", file.read_bytes())
    staged = client.post(url, {**form, "uploads": [upload]}).context["staged"]
    stranger = make_user("sam@example.org")
    make_team("Another lab", owner=stranger)
    client.force_login(stranger)
    response = client.post(url, {**form, "staged": staged, "confirm": "1"})
    assert response.status_code == 422
    assert "The files are no longer here" in response.content.decode()
    assert not PreferenceDataset.objects.exists()


@pytest.fixture
def tiny(team: Team, tiny_checkpoint: Path) -> ModelVersion:
    return register_checkpoint(team=team, name="tiny", path=tiny_checkpoint)


CONFIG = {"max_steps": 2, "learning_rate": 1e-3, "batch_size": 2, "device": "cpu", "report": False}


@pytest.mark.django_db(transaction=True)
def test_a_model_is_trained_on_text_alone_and_no_study_follows(
    team: Team, file: Path, tiny: ModelVersion, client: Client
) -> None:
    request = ImportRequest(rules=DerivationRules(splitting="none"))
    dataset, _ = imported(team, file, request=request)
    with pytest.raises(DomainError, match="names no clips"):
        train_on_release(dataset=dataset, base=tiny, config={**CONFIG, "modality": "av"})
    run = train_on_release(dataset=dataset, base=tiny, config=CONFIG)
    assert run.config["modality"] == "text"
    assert run_training(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (JobState.DONE, "")
    assert run.result is not None
    with pytest.raises(DomainError, match="no study to follow up"):
        offer_follow_up_study(run, least=1)
    client.force_login(team.memberships.get().user)
    for name in ("training_detail", "training_next"):
        assert client.get(reverse(name, args=[run.pk])).status_code == 200, name


def test_pages_and_programs_cope_with_a_dataset_without_a_study(
    team: Team, file: Path, tiny: ModelVersion, client: Client
) -> None:
    dataset, _ = imported(team, file)
    client.force_login(team.memberships.get().user)
    page = client.get(reverse("release_detail", args=[dataset.pk]))
    assert page.status_code == 200
    assert "Elsewhere, release 1" in page.content.decode()
    assert "CC BY 4.0" in page.content.decode()
    assert file.name in page.content.decode()
    training = client.get(reverse("training_new"), {"release": dataset.pk})
    assert training.context["form"].initial["base"] == tiny
    assert training.context["form"].initial["release"] == dataset
    assert "Elsewhere" in client.get(reverse("dataset_list")).content.decode()
    card = client.get(reverse("release_file", args=[dataset.pk, "README.md"]))
    assert b"".join(card).startswith(b"---\n")
    for name in ("api_dataset-list", "api_dataset-detail"):
        arguments = [dataset.pk] if name.endswith("detail") else []
        assert client.get(reverse(name, args=arguments)).status_code == 200, name


@pytest.mark.parametrize("name", sorted(set(EXPORTS) - {"webdataset"}))
def test_an_imported_dataset_leaves_in_every_format(team: Team, tmp_path: Path, name: str) -> None:
    path = tmp_path / "export.json"
    tasks = [label_studio_task(n, text) for n, text in enumerate(CLIENTS)]
    for task in tasks:
        task["annotations"][0]["result"].append(
            {"from_name": "warmth", "to_name": "a", "type": "rating", "value": {"rating": 4}}
        )
    path.write_text(json.dumps(tasks))
    dataset, _ = imported(team, path)
    download = open_export(release_folder(dataset), name, ExportOptions())
    assert sum(len(chunk) for chunk in download.chunks) > 100


def test_an_imported_dataset_is_imported_again_as_the_same_pairs(team: Team, file: Path) -> None:
    dataset, _ = imported(team, file)
    again, created = imported(team, release_folder(dataset))
    assert created
    first, second = (
        [(p.stimulus, p.chosen, p.rejected, p.split) for p in sorted_pairs(d)]
        for d in (dataset, again)
    )
    assert first == second


def sorted_pairs(dataset: PreferenceDataset) -> list[PreferencePair]:
    pairs = read_pairs(release_folder(dataset) / PAIRS_FILE)
    return sorted(pairs, key=lambda pair: pair.stimulus.client_turns[0].text)


def test_the_long_table_of_an_imported_dataset_says_the_same_again(
    team: Team, tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([label_studio_task(n, text) for n, text in enumerate(CLIENTS)]))
    dataset, _ = imported(team, path)
    folder = release_folder(dataset)
    names = ("answers.jsonl", "stimuli.jsonl", "responses.jsonl", "codebook.csv")
    again, _ = imported(team, *(folder / name for name in names))
    assert again.manifest["source"]["format"] == "answers"
    assert [p.chosen for p in sorted_pairs(again)] == [p.chosen for p in sorted_pairs(dataset)]
    assert {p.strength for p in sorted_pairs(again)} == {1.0}
