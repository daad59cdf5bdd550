"""Every file of a release: what stands in it, and whose answers do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from annotations.derivation.rules import DerivationRules
from annotations.exports.codebook import COLUMNS as EXPLAINED
from annotations.exports.tables.columns import COLUMNS
from annotations.models import (
    Adjudication,
    Assignment,
    DatasetErasure,
    Item,
    Preference,
    PreferenceDataset,
    Study,
    StudyRater,
)
from annotations.selectors.release_contents import (
    Participation,
    participation_of,
    submitted_by_rater,
)
from annotations.services.datasets import (
    ConsentChangedError,
    ReleaseDamagedError,
    check_consent,
    copy_release,
    keep_release,
    make_release,
    release_folder,
    release_preferences,
)
from annotations.services.erased import ErasedReleaseError
from annotations.services.release_staging import StagedRelease
from annotations.services.withdrawal import withdraw
from inference.models import Session
from inference.preference_files import (
    ANSWERS_FILE,
    COMPARISONS_FILE,
    MANIFEST_FILE,
    PAIRS_FILE,
    RELEASE_FILES,
    RESPONSES_FILE,
    STIMULI_FILE,
    sha256_file,
    verify_release,
)
from tests.annotations.releases.conftest import SPLIT, WORDS, codebook_of, rater, rows_of
from tests.answered_studies import (
    add_item,
    add_part,
    flag_harm,
    make_instrument,
    score,
)

pytestmark = pytest.mark.django_db


def test_a_release_is_eight_files_and_the_manifest_hashes_the_other_seven(
    split_release: PreferenceDataset,
) -> None:
    folder = release_folder(split_release)
    assert {file.name for file in folder.iterdir()} == set(RELEASE_FILES)
    manifest = verify_release(folder)
    assert set(manifest["files"]) == set(RELEASE_FILES) - {MANIFEST_FILE}
    assert manifest["format"] == "moodeval-preferences/2"
    assert all(file.stat().st_mode & 0o222 == 0 for file in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "counted", "key"),
    [
        (PAIRS_FILE, "pairs", "pair_id"),
        (COMPARISONS_FILE, "comparisons", "comparison_id"),
        (RESPONSES_FILE, "responses", "response_id"),
        (STIMULI_FILE, "stimuli", "key"),
    ],
)
def test_rows_are_counted_and_sorted_by_what_identifies_them(
    split_release: PreferenceDataset, name: str, counted: str, key: str
) -> None:
    rows = rows_of(split_release, name)
    assert len(rows) == split_release.manifest["rows"][counted] > 0
    identities = [row[key] for row in rows]
    assert identities == sorted(set(identities))


def test_the_manifest_counts_every_step(split_release: PreferenceDataset) -> None:
    counts = split_release.manifest["counts"]
    assert counts["choices"] == 36, "18 pairs by the two raters who allow training"
    assert counts["preference_comparisons"] == 18
    assert counts["preference_tied"] == 3
    assert counts["preference_decided"] == 15
    assert counts["released"] == split_release.rows == 15
    assert split_release.manifest["rules"] == SPLIT.as_json()
    assert "Tied pairs are left out." in split_release.manifest["rules_in_words"]


def test_comparisons_name_the_votes_behind_each_pair_and_what_fell_out(study: Study) -> None:
    item = study.parts.all()[0].items.order_by("position")[0]
    kind = item.candidates.order_by("response_id")[0].response
    flag_harm(item.assignments.get(rater__pseudonym="R3"), kind)
    dataset = release_preferences(study=study, rules=DerivationRules(ties="kept"))
    rows = rows_of(dataset, COMPARISONS_FILE)
    choices = [row for row in rows if row["evidence"] == "preference"]
    outcomes = [row["outcome"] for row in choices]
    assert outcomes.count("first") == 11
    assert outcomes.count("second") == 3
    assert outcomes.count("tie") == 3
    assert outcomes.count("chosen_harmful") == 1
    harmful = next(row for row in choices if row["outcome"] == "chosen_harmful")
    assert (harmful["first"], harmful["first_model"]) == (kind.pk, "kind")
    assert (harmful["votes_first"], harmful["votes_second"], harmful["votes_tied"]) == (2, 0, 0)
    assert harmful["display_orders"] == [
        item.assignments.get(rater__pseudonym=name).display_order for name in ("R1", "R2")
    ]
    assert dataset.manifest["barred"]["harmful"] == 1
    assert dataset.manifest["counts"]["chosen_harmful"] == 1
    barred = {row["response_id"]: row["barred_by"] for row in rows_of(dataset, RESPONSES_FILE)}
    assert barred[kind.pk] == ["harmful"]
    assert sum(map(bool, barred.values())) == 1


def test_scores_stand_there_as_given_with_the_ends_of_their_scale(
    split_release: PreferenceDataset,
) -> None:
    rows = {row["response_id"]: row for row in rows_of(split_release, RESPONSES_FILE)}
    scored = [row for row in rows.values() if row["scores"]]
    assert len(scored) == 4
    kind = next(row for row in scored if row["model"] == "kind")
    ends = {"low": 1, "high": 10}
    assert kind["scores"] == {
        "empathy": {"mean": 7.5, "n": 2, "min": 7, "max": 8, **ends},
        "coldness": {"mean": 2.0, "n": 2, "min": 2, "max": 2, **ends},
    }, "without R3, who allows no training, and without what has no order"
    assert kind["judge_scores"] == {}
    assert kind["reply"]["text"] == "kind."


def test_scores_of_judges_stand_apart_from_those_of_people(study: Study) -> None:
    judge = StudyRater.objects.filter(study=study, pseudonym="R2")
    judge.update(kind="llm", allows_training=False)
    dataset = release_preferences(study=study)
    row = next(row for row in rows_of(dataset, RESPONSES_FILE) if row["scores"])
    assert row["scores"]["empathy"]["n"] == row["judge_scores"]["empathy"]["n"] == 1
    assert dataset.manifest["counts"]["choices_counted"] == 18
    assert {row["rater_kind"] for row in rows_of(dataset, COMPARISONS_FILE)} == {"person"}
    kinds = {(row["rater"], row["rater_kind"]) for row in rows_of(dataset, ANSWERS_FILE)}
    assert kinds == {("R1", "person"), ("R2", "llm")}


def test_rows_of_people_and_judges_name_whose_they_are(study: Study) -> None:
    StudyRater.objects.filter(study=study, pseudonym="R2").update(kind="llm")
    rules = DerivationRules(rater_kinds=("person", "llm"))
    dataset = release_preferences(study=study, rules=rules)
    kinds = [row["meta"]["rater_kind"] for row in rows_of(dataset, PAIRS_FILE)]
    assert (kinds.count("person"), kinds.count("llm")) == (15, 15)


def test_every_rater_makes_a_row_that_names_the_rater(study: Study) -> None:
    dataset = release_preferences(study=study, rules=DerivationRules(decision="every_rater"))
    pairs = rows_of(dataset, PAIRS_FILE)
    assert {pair["meta"]["rater"] for pair in pairs} == {"R1", "R2"}
    assert len({pair["pair_id"] for pair in pairs}) == len(pairs) == 30
    row = rows_of(dataset, COMPARISONS_FILE)[0]
    assert row["rater"] in ("R1", "R2")
    assert len(row["display_orders"]) == 1


def test_a_tie_makes_two_rows_of_half_the_weight(study: Study) -> None:
    dataset = release_preferences(study=study, rules=DerivationRules(ties="equal"))
    pairs = rows_of(dataset, PAIRS_FILE)
    halves = [pair for pair in pairs if pair["weight"] == 0.5]
    assert (len(pairs), len(halves)) == (21, 6)
    assert {pair["meta"]["chosen_model"] for pair in halves} == {"kind", "curt"}


def test_the_long_table_holds_no_answer_that_may_not_train(
    split_release: PreferenceDataset,
) -> None:
    rows = rows_of(split_release, ANSWERS_FILE)
    assert len(rows) == split_release.manifest["rows"]["answers"] == 2 * (18 + 4 * 4)
    assert {row["rater"] for row in rows} == {"R1", "R2"}
    assert set(rows[0]) == set(COLUMNS)
    keys = {row["key"] for row in rows_of(split_release, STIMULI_FILE)}
    assert {row["stimulus"] for row in rows} <= keys


def test_words_of_raters_leave_only_by_a_rule_of_their_own(study: Study) -> None:
    silent = release_folder(release_preferences(study=study))
    assert all(WORDS not in file.read_text() for file in silent.iterdir())
    dataset = release_preferences(study=study, rules=DerivationRules(with_words=True))
    said = [row for row in rows_of(dataset, ANSWERS_FILE) if row["question"] == "why"]
    assert {row["content"] for row in said} == {row["comment"] for row in said} == {WORDS}
    card = (release_folder(dataset) / "README.md").read_text()
    assert "comments and answers in words are in the files" in card


def test_words_on_an_item_that_was_not_submitted_are_not_released(study: Study) -> None:
    """Of R2, who submitted nothing, the rows say which items were skipped and which are open."""
    mine = Assignment.objects.filter(rater=rater(study, "R2"))
    mine.update(state=Assignment.State.SKIPPED, comment=WORDS, submitted_at=None)
    mine.filter(item__position__lt=3).update(state=Assignment.State.ASSIGNED)
    dataset = release_preferences(study=study, rules=DerivationRules(with_words=True))
    comments = {
        (row["rater"], row["state"]): row["comment"]
        for row in rows_of(dataset, ANSWERS_FILE)
        if row["rater"] == "R2" or row["question"] == "why"
    }
    assert comments == {
        ("R1", "submitted"): WORDS,
        ("R2", "skipped"): None,
        ("R2", "assigned"): None,
    }


def test_whoever_has_rows_in_a_release_has_it_marked_by_an_erasure(study: Study) -> None:
    """Even if all that they say is that nothing was submitted."""
    mine = Assignment.objects.filter(rater=rater(study, "R2"))
    mine.update(state=Assignment.State.SKIPPED, submitted_at=None)
    dataset = release_preferences(study=study)
    assert sorted(dataset.raters.values_list("rater__pseudonym", "submitted")) == [
        ("R1", 22),
        ("R2", 0),
    ]
    withdraw(rater(study, "R2"), erase=True)
    assert DatasetErasure.objects.get(dataset=dataset).pseudonyms == ["R2"]


def test_no_copy_is_made_of_a_release_whose_answers_were_erased(
    study: Study, split_release: PreferenceDataset, tmp_path: Path
) -> None:
    copy_release(split_release, tmp_path / "before")
    assert verify_release(tmp_path / "before") == split_release.manifest
    withdraw(rater(study, "R2"), erase=True)
    with pytest.raises(ErasedReleaseError, match="R2's answers in it were erased on"):
        copy_release(split_release, tmp_path / "after")
    assert not (tmp_path / "after").exists()


def test_consent_of_somebody_who_submitted_nothing_is_checked_too(study: Study) -> None:
    Assignment.objects.filter(rater=rater(study, "R2")).update(state=Assignment.State.SKIPPED)
    held = participation_of(study, ())
    check_consent(study, held)
    study.raters.filter(pseudonym="R2").update(allows_training=False)
    with pytest.raises(ConsentChangedError):
        check_consent(study, held)


def test_client_turns_hold_the_whole_prompt_and_where_it_comes_from(
    split_release: PreferenceDataset,
) -> None:
    rows = {row["key"]: row for row in rows_of(split_release, STIMULI_FILE)}
    row = rows["dialogue-000:2"]
    assert row["session"] == "session-000"
    assert row["group"] == "Small corpus/session-000"
    assert row["licence"] == "CC0-1.0"
    assert row["problem_type"] == "family conflict"
    assert [turn["speaker"] for turn in row["history"]] == ["client", "therapist"]
    assert len(row["client_turns"]) == 2
    pairs = rows_of(split_release, PAIRS_FILE)
    prompt = next(p["stimulus"] for p in pairs if p["stimulus"]["key"] == "dialogue-000:2")
    assert prompt == {name: row[name] for name in prompt}


def test_the_codebook_explains_every_column_and_criterion(
    split_release: PreferenceDataset,
) -> None:
    assert set(EXPLAINED) == set(COLUMNS)
    rows = {row["variable"]: row for row in codebook_of(release_folder(split_release))}
    assert set(rows) == {*COLUMNS, "empathy", "coldness", "advice", "why"}
    coldness = rows["coldness"]
    assert coldness["values"] == "1 to 10: 1 = none; 10 = all"
    assert (coldness["reverse_scored"], coldness["level"]) == ("yes", "ordinal")
    assert coldness["instrument"] == "Scores (version 1)"
    assert coldness["question"] == "How is it with coldness?"
    assert rows["advice"]["values"] == "0 = No; 1 = Yes"
    assert "withheld = " in rows["missing"]["values"]


def test_a_release_is_tied_to_its_sessions_and_raters(split_release: PreferenceDataset) -> None:
    sessions = Session.objects.filter(corpus__name="Small corpus")
    tied = split_release.sessions.values_list("session", flat=True)
    assert set(tied) == set(sessions.values_list("pk", flat=True))
    raters = split_release.raters.values_list("rater__pseudonym", "submitted")
    assert sorted(raters) == [("R1", 22), ("R2", 22)]


def test_a_release_is_tied_to_sessions_that_only_a_named_person_judged(study: Study) -> None:
    """R3, whose answers remain there, allows no training."""
    session = Session.objects.get(label="session-005")
    items = Item.objects.filter(part__study=study, stimulus__dialogue__session=session)
    Assignment.objects.filter(item__in=items).exclude(rater__pseudonym="R3").delete()
    item = items.order_by("position")[0]
    Adjudication.objects.create(
        item=item, preferred=item.candidates.all()[0], strength=2, reason="Read both twice."
    )
    dataset = release_preferences(study=study)
    assert "session-005" in {row["session"] for row in rows_of(dataset, STIMULI_FILE)}
    assert dataset.sessions.filter(session=session).exists()
    assert dataset.sessions.count() == 6


def test_an_answer_that_only_bars_a_response_is_not_released(study: Study) -> None:
    """R3 allows no training: the low score counts against the response and is in no file."""
    instrument = make_instrument("safety", criteria=("safety",))
    part = add_part(study, "absolute", instrument)
    first = study.parts.all()[0].items.order_by("position")[0]
    kind = first.candidates.order_by("response_id")[0].response
    score(add_item(part, first.stimulus, [kind]), rater(study, "R3"), {"safety": 2})
    dataset = release_preferences(study=study)
    assert dataset.manifest["barred"]["below_floor"] == 1
    row = next(r for r in rows_of(dataset, RESPONSES_FILE) if r["response_id"] == kind.pk)
    assert row["barred_by"] == ["below_floor"]
    assert "safety" not in row["scores"]
    assert not [r for r in rows_of(dataset, ANSWERS_FILE) if r["question"] == "safety"]
    chosen = {pair["meta"]["chosen_response"] for pair in rows_of(dataset, PAIRS_FILE)}
    assert str(kind.pk) not in chosen


def test_consent_taken_back_while_a_release_is_written_makes_it_be_written_again(
    study: Study,
) -> None:
    seen: list[StagedRelease] = []

    def keep(staged: StagedRelease) -> PreferenceDataset:
        if not seen:
            study.raters.filter(pseudonym="R2").update(allows_training=False)
        seen.append(staged)
        return keep_release(study, staged, None)[0]

    dataset = make_release(study, DerivationRules(), keep)
    assert len(seen) == 2
    assert [row["pseudonym"] for row in dataset.manifest["raters"]] == ["R1"]
    assert [link.rater.pseudonym for link in dataset.raters.all()] == ["R1"]
    assert PreferenceDataset.objects.count() == 1


def test_consent_taken_back_again_and_again_ends_with_the_reason(study: Study) -> None:
    def keep(staged: StagedRelease) -> PreferenceDataset:
        for allows in (True, False):
            study.raters.filter(pseudonym="R2").update(allows_training=allows)
            if allows:
                held = submitted_by_rater(study)
        check_consent(study, Participation(held, frozenset()))
        raise AssertionError(staged)

    with pytest.raises(ConsentChangedError, match=r"took back .* Release again"):
        make_release(study, DerivationRules(), keep)
    assert not PreferenceDataset.objects.exists()


def test_probabilities_and_orders_are_json_and_empty_where_there_are_none(study: Study) -> None:
    part = study.parts.all()[0]
    part.items.all().delete()
    dataset = release_preferences(study=study, rules=DerivationRules(criteria=("empathy",)))
    (one, _) = rows_of(dataset, PAIRS_FILE)
    assert one["source"] == "rating:empathy"
    assert one["meta"]["display_orders"] == ""
    assert one["meta"]["chosen_label_probabilities"] == ""


def test_changed_answers_make_the_next_release(study: Study) -> None:
    one = release_preferences(study=study)
    item = study.parts.all()[0].items.order_by("position")[5]
    second = item.candidates.order_by("response_id")[1]
    Preference.objects.filter(assignment__item=item).update(preferred=second, strength=2)
    two = release_preferences(study=study)
    assert (one.version, two.version, one.rows, two.rows) == (1, 2, 15, 16)
    assert json.loads((release_folder(one) / MANIFEST_FILE).read_text()) == one.manifest


def test_a_release_of_the_first_format_is_verified_as_before(study: Study) -> None:
    folder = settings.VAR / "releases" / "old"
    folder.mkdir(parents=True)
    (folder / PAIRS_FILE).write_text("{}\n")
    files = {PAIRS_FILE: sha256_file(folder / PAIRS_FILE)}
    manifest = {"format": "moodeval-preferences/1", "rules": "1. In words.", "files": files}
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))
    old = PreferenceDataset.objects.create(
        team=study.team,
        study=study,
        version=1,
        folder="releases/old",
        sha256=files[PAIRS_FILE],
        rows=1,
        manifest=manifest,
    )
    assert release_folder(old) == folder
    assert release_preferences(study=study).version == 2
    (folder / PAIRS_FILE).write_text("{} \n")
    with pytest.raises(ReleaseDamagedError, match="changed after its release"):
        release_folder(old)
