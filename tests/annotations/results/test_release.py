from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction

from annotations.derivation.rules import DerivationRules
from annotations.derivation.steps import STEPS
from annotations.models import Assignment, PreferenceDataset, Study
from annotations.selectors.release_contents import media_root
from annotations.services.datasets import (
    FolderTakenError,
    ReleaseDamagedError,
    find_or_release,
    release_folder,
    release_preferences,
)
from annotations.services.release_staging import STAGING
from inference.errors import (
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.models import Clip, Response, Turn
from inference.preference_files import clip_hashes, read_pairs, sha256_file, verify_release
from mood_eval.models import Team
from tests.answered_studies import (
    CLEARLY_FIRST,
    CLEARLY_SECOND,
    NEITHER,
    SLIGHTLY_FIRST,
    TIE,
    add_item,
    add_part,
    choose,
    flag_harm,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_run_with_responses,
    make_sound_clip,
    make_team,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_releases() -> None:
    shutil.rmtree(settings.VAR / "releases", ignore_errors=True)


@pytest.fixture
def study() -> Study:
    """Six compared pairs: two decided for "kind", one for "curt", a tie, a split, a neither."""
    team = make_team()
    corpus = make_corpus_with_dialogues(team, 2, clips=True)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs)
    part = add_part(study, "pairwise", make_instrument("pairs"))
    votes: list[tuple[int | str, int | str]] = [
        (CLEARLY_FIRST, CLEARLY_FIRST),
        (CLEARLY_FIRST, SLIGHTLY_FIRST),
        (CLEARLY_SECOND, CLEARLY_SECOND),
        (TIE, TIE),
        (CLEARLY_FIRST, CLEARLY_SECOND),
        (NEITHER, CLEARLY_FIRST),
    ]
    raters = list(study.raters.order_by("pseudonym"))
    for (stimulus, both), values in zip(responses_by_stimulus(runs), votes, strict=True):
        item = add_item(part, stimulus, both)
        for rater, value in zip(raters, values, strict=True):
            choose(item, rater, value)
    return study


def chosen_models(dataset: PreferenceDataset) -> list[str]:
    pairs = read_pairs(release_folder(dataset) / "pairs.jsonl")
    return sorted(pair.meta["chosen_model"] for pair in pairs)


def test_rows_hold_the_prompt_the_replies_and_where_they_come_from(study: Study) -> None:
    dataset = release_preferences(study=study)
    folder = release_folder(dataset)
    pairs = {pair.meta["chosen_response"]: pair for pair in read_pairs(folder / "pairs.jsonl")}
    response = Response.objects.filter(run__model_version__name="kind").order_by("pk")[1]
    pair = pairs[str(response.pk)]
    assert (pair.chosen.text, pair.rejected.text) == ("kind.", "curt.")
    assert (pair.source, pair.strength) == ("preference:overall", 1.5)
    assert pair.stimulus.key == "dialogue-000:2"
    assert [turn.text for turn in pair.stimulus.client_turns] == [
        "Mostly what I should have said to my sister.",
        "And that it is too late now.",
    ]
    assert [turn.speaker for turn in pair.stimulus.history] == ["client", "therapist"]
    assert pair.meta["session"] == "session-000"


def test_clips_are_named_by_path_below_the_media_root_and_hash(study: Study) -> None:
    folder = release_folder(release_preferences(study=study))
    media = media_root()
    hashes = clip_hashes(folder / "pairs.jsonl")
    assert hashes
    for name, sha256 in hashes.items():
        assert sha256_file(media / name) == sha256
    for pair in read_pairs(folder / "pairs.jsonl", media):
        assert len(pair.stimulus.clip_paths) == len(pair.stimulus.client_turns)


def test_a_sound_and_a_clip_with_a_copy_are_named_by_their_originals(study: Study) -> None:
    film = Clip.objects.get()
    film.playback.save("copy.mp4", ContentFile(b"the copy"), save=False)
    film.playback_type = "video/mp4"
    film.save()
    sound = make_sound_clip(film.corpus)
    Turn.objects.filter(position=3).update(clip=sound)
    hashes = clip_hashes(release_folder(release_preferences(study=study)) / "pairs.jsonl")
    assert hashes == {film.file.name: film.sha256, sound.file.name: sound.sha256}


def test_manifest_counts_every_filter_and_names_its_sources(study: Study) -> None:
    dataset = release_preferences(study=study)
    manifest = verify_release(release_folder(dataset))
    assert manifest == dataset.manifest
    counts = {name: n for name, n in manifest["counts"].items() if n}
    assert counts == {
        "choices": 12,
        "choices_counted": 12,
        "preference_comparisons": 6,
        "preference_tied": 1,
        "preference_without_majority": 2,
        "preference_decided": 3,
        "released": 3,
    }
    assert set(manifest["counts"]) == set(STEPS)
    assert manifest["raters"] == [
        {"pseudonym": "R1", "submitted": 6},
        {"pseudonym": "R2", "submitted": 6},
    ]
    assert manifest["corpora"][0]["licences"] == ["CC0-1.0"]
    assert [model["name"] for model in manifest["models"]] == ["kind", "curt"]
    overall = manifest["agreement"][1]
    assert (overall["criterion"], overall["pairable_items"]) == ("overall", 6)
    assert manifest["study"]["response_fields"] == "hidden"
    card = (release_folder(dataset) / "README.md").read_text()
    assert "3 pairs of replies" in card
    assert "CC0-1.0" in card


def test_same_answers_released_again_are_the_existing_release(study: Study) -> None:
    one, created = find_or_release(study=study)
    two, created_again = find_or_release(study=study)
    assert (created, created_again) == (True, False)
    assert one == two
    assert PreferenceDataset.objects.count() == 1


def test_release_is_reproducible_byte_for_byte(study: Study) -> None:
    one = release_preferences(study=study)
    before = {f.name: f.read_bytes() for f in release_folder(one).iterdir()}
    with transaction.atomic():  # as if it had never been released
        PreferenceDataset.objects.filter(pk=one.pk).delete()
    shutil.rmtree(settings.VAR / one.folder)
    two = release_preferences(study=study)
    assert two.pk != one.pk
    assert {f.name: f.read_bytes() for f in release_folder(two).iterdir()} == before


def test_new_answer_makes_a_new_release_and_leaves_the_old_one(study: Study) -> None:
    one = release_preferences(study=study)
    split = study.parts.get().items.order_by("position")[4]
    preference = split.assignments.order_by("rater__pseudonym")[1].preferences.get()
    preference.preferred = split.candidates.order_by("response_id")[0]
    preference.save()
    two = release_preferences(study=study)
    assert (one.version, two.version) == (1, 2)
    assert (one.rows, two.rows) == (3, 4)
    assert len(list(read_pairs(release_folder(one) / "pairs.jsonl"))) == 3


def test_harmful_response_is_rejected_at_most_and_counted(study: Study) -> None:
    item = study.parts.get().items.order_by("position")[0]
    kind = item.candidates.order_by("response_id")[0].response
    assignment = item.assignments.all()[0]
    flag_harm(assignment, kind)
    dataset = release_preferences(study=study)
    assert dataset.manifest["counts"]["chosen_harmful"] == 1
    assert chosen_models(dataset) == ["curt", "kind"]


def test_the_words_of_a_harmful_response_are_not_chosen_from_another_model(team: Team) -> None:
    corpus = make_corpus_with_dialogues(team, 1)
    texts = {"kind": "kind.", "curt": "curt.", "copy": "kind."}
    runs = [make_run_with_responses(team, corpus, name, text) for name, text in texts.items()]
    study = make_study(team, runs)
    stimulus, (kind, curt, copy) = responses_by_stimulus(runs)[0]
    part = add_part(study, "pairwise", make_instrument("pairs"))
    rater = study.raters.all()[0]
    flag_harm(choose(add_item(part, stimulus, [kind, curt]), rater, CLEARLY_FIRST), kind)
    choose(add_item(part, stimulus, [curt, copy]), rater, CLEARLY_SECOND)
    with pytest.raises(NothingSelectedError, match="flagged as harmful: 2"):
        release_preferences(study=study)


def test_harm_flag_in_another_study_and_without_a_named_response_counts_too(study: Study) -> None:
    links = list(study.study_runs.all())
    other = make_study(study.team, [link.run for link in links], name="Other", raters=1)
    part = add_part(other, "pairwise", make_instrument("others"))
    stimulus, both = responses_by_stimulus([link.run for link in links])[0]
    item = add_item(part, stimulus, both)
    assignment = choose(item, other.raters.get(), TIE)
    assignment.flags.create(kind="harm")
    assert release_preferences(study=study).manifest["counts"]["chosen_harmful"] == 1


def test_scores_of_one_rater_make_pairs_where_nobody_compared(study: Study) -> None:
    runs = [link.run for link in study.study_runs.all()]
    other = make_study(study.team, runs, name="Scores")
    part = add_part(other, "absolute", make_instrument("scores", ("empathy", "safety")))
    raters = list(other.raters.order_by("pseudonym"))
    for stimulus, (kind, curt) in responses_by_stimulus(runs)[:2]:
        first, second = add_item(part, stimulus, [kind]), add_item(part, stimulus, [curt])
        for rater in raters:
            score(first, rater, {"empathy": 8, "safety": 7})
            score(second, rater, {"empathy": 5, "safety": "cannot_tell"})
    dataset = release_preferences(study=other, rules=DerivationRules(margin=3))
    pairs = list(read_pairs(release_folder(dataset) / "pairs.jsonl"))
    assert {(p.source, p.strength, p.meta["chosen_model"]) for p in pairs} == {
        ("rating:empathy", 3.0, "kind")
    }
    assert dataset.manifest["rules"]["margin"] == 3
    with pytest.raises(NothingSelectedError, match="the difference lies below the margin: 2"):
        release_preferences(study=other, rules=DerivationRules(margin=4))


def test_only_submitted_answers_are_released(study: Study) -> None:
    item = study.parts.get().items.order_by("position")[0]
    Assignment.objects.filter(item=item).update(state="assigned", submitted_at=None)
    assert release_preferences(study=study).rows == 2


def test_files_are_read_only_and_the_row_cannot_be_changed(study: Study) -> None:
    dataset = release_preferences(study=study)
    for file in release_folder(dataset).iterdir():
        assert file.stat().st_mode & 0o222 == 0
    dataset.rows = 99
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        dataset.save()


def test_damaged_release_is_never_handed_out(study: Study) -> None:
    dataset = release_preferences(study=study)
    file = settings.VAR / dataset.folder / "pairs.jsonl"
    file.chmod(0o644)
    file.write_text("")
    with pytest.raises(ReleaseDamagedError, match="changed after its release"):
        release_folder(dataset)


def test_copy_goes_to_an_empty_folder_only(study: Study, tmp_path: Path) -> None:
    dataset = release_preferences(study=study, out=tmp_path / "copy")
    assert verify_release(tmp_path / "copy") == dataset.manifest
    release_preferences(study=study, out=tmp_path / "copy")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderTakenError, match="not empty"):
        release_preferences(study=study, out=tmp_path / "mine")


def test_refusals_name_the_remedy(study: Study) -> None:
    with pytest.raises(UnknownNameError, match="Its criteria: empathy, overall"):
        release_preferences(study=study, rules=DerivationRules(criteria=("kindness",)))
    with pytest.raises(NothingSelectedError, match="No preference pair"):
        release_preferences(study=study, rules=DerivationRules(criteria=("empathy",)))
    draft = make_study(study.team, [], name="Draft", state="draft")
    with pytest.raises(WrongStateError, match="draft"):
        release_preferences(study=draft)
    assert not list((settings.VAR / "releases" / STAGING).glob("*/"))
