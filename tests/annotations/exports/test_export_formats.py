"""What each format holds, what it leaves out and says so, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from annotations.exports.formats import FORMATS, ExportOptions, ExportRefusedError, open_export
from tests.annotations.exports.downloads import (
    PAIRWISE,
    archive_of,
    content,
    exported_pairs,
    json_rows,
    rows_of,
)
from tests.annotations.exports.release_folders import (
    WrittenRelease,
    clip_bytes,
    clip_sha256,
    reply,
    said,
    small_release,
    write_clips,
)

RIGHT = "The corpus' authors, by letter of 3 May 2026"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_release().write(tmp_path / "release")


@pytest.fixture
def with_clips(tmp_path: Path) -> dict[str, Any]:
    release = small_release(media_rights=RIGHT)
    return {
        "folder": release.write(tmp_path / "release"),
        "media_root": write_clips(tmp_path / "media", release),
    }


def test_a_dialogue_becomes_messages_that_end_with_what_the_client_said(folder: Path) -> None:
    row = next(row for row in rows_of(folder, "trl-preference") if row["stimulus"] == "a1")
    assert row["prompt"] == [
        {"role": "system", "content": "Situation: A friend died."},
        {"role": "assistant", "content": "Good morning."},
        {"role": "user", "content": "Good morning."},
        {"role": "assistant", "content": "How are you?\nTake your time."},
        {"role": "user", "content": "Badly.\nI cannot sleep."},
    ]
    assert row["chosen"] == [{"role": "assistant", "content": "Tell me more, says 1."}]
    assert row["rejected"] == [{"role": "assistant", "content": "Tell me more, says 2."}]


def test_what_the_client_said_before_and_now_is_one_message(folder: Path) -> None:
    row = next(row for row in rows_of(folder, "trl-preference") if row["stimulus"] == "b1")
    assert row["prompt"] == [{"role": "user", "content": "Well.\nI cannot sleep (b1)."}]


@pytest.mark.parametrize("name", PAIRWISE)
def test_every_pair_leaves_once_and_says_its_split_and_who_judged_it(
    folder: Path, name: str
) -> None:
    stored = json_rows((folder / "pairs.jsonl").read_bytes())
    expected = {
        row["pair_id"]: (row["split"], row["meta"]["rater_kind"], row["stimulus"]["key"])
        for row in stored
        if row["weight"] == 1
    }
    rows = list(exported_pairs(folder, name))
    assert {
        row["pair_id"]: (row["split"], row["rater_kind"], row["stimulus"]) for row in rows
    } == expected
    assert len(rows) == len(expected)


@pytest.mark.parametrize("name", PAIRWISE)
def test_formats_without_weights_leave_out_tied_pairs_and_count_them(
    folder: Path, name: str
) -> None:
    summary = open_export(folder, name).summary
    assert summary["left_out"] == {"tied": 2}
    assert summary["rows"] == {"test": 1, "train": 6, "validation": 1}
    assert "half a weight" in summary["left_out_in_words"]["tied"]


def test_kto_calls_desirable_what_was_only_preferred(folder: Path) -> None:
    labels = {
        (row["response_id"], row["rater_kind"]): row["label"] for row in rows_of(folder, "trl-kto")
    }
    people = {name: label for (name, kind), label in labels.items() if kind == "person"}
    assert people == {
        "1": True, "3": False, "4": True, "5": False, "6": False,
        "7": True, "8": False, "9": False, "10": True,
    }  # fmt: skip
    assert open_export(folder, "trl-kto").summary["left_out"] == {"both": 1}


def test_judges_never_decide_a_label_together_with_people(folder: Path) -> None:
    rows = [row for row in rows_of(folder, "trl-kto") if row["stimulus"] == "a2"]
    assert [(r["response_id"], r["rater_kind"], r["label"]) for r in rows] == [
        ("4", "person", True),
        ("4", "llm", False),
        ("5", "person", False),
        ("5", "llm", True),
        ("6", "person", False),
    ]


def test_a_reply_that_opens_the_file_leaves_for_people_and_for_judges(tmp_path: Path) -> None:
    release = WrittenRelease()
    turn = release.stimulus("a", clips=("clips/a.mp4",))
    one, two = release.response(1, turn), release.response(2, turn)
    release.pair(one, two)
    release.pair(two, one, kind="llm")
    folder = release.write(tmp_path)
    rows = [(r["response_id"], r["rater_kind"], r["label"]) for r in rows_of(folder, "trl-kto")]
    assert rows == [
        ("1", "person", True), ("1", "llm", False), ("2", "person", False), ("2", "llm", True),
    ]  # fmt: skip
    assert open_export(folder, "trl-kto").summary["rows"] == {"train": len(rows)}


def test_replies_that_say_the_same_are_one_to_a_trainer(tmp_path: Path) -> None:
    release = WrittenRelease()
    turn = release.stimulus("a")
    texts = ("Same.", "Same.", "Worse.", "Both.", "Both.")
    same, again, worse, up, down = (
        release.response(number, turn, text) for number, text in enumerate(texts)
    )
    for chosen, rejected in ((same, worse), (again, worse), (up, worse), (worse, down)):
        release.pair(chosen, rejected)
    folder = release.write(tmp_path)
    assert [row["response_id"] for row in rows_of(folder, "trl-kto")] == ["0"]
    assert open_export(folder, "trl-kto").summary["left_out"] == {"both": 3, "same_words": 1}
    assert [row["response_id"] for row in rows_of(folder, "sft")] == ["0", "2", "3"]


def test_a_reply_that_people_and_judges_preferred_in_two_responses_is_one_target(
    tmp_path: Path,
) -> None:
    release = WrittenRelease()
    turn = release.stimulus("a")
    one, same = release.response(1, turn, "Same."), release.response(2, turn, "Same.")
    other = release.response(3, turn, "Other.")
    release.pair(one, other)
    release.pair(same, other, kind="llm")
    folder = release.write(tmp_path)
    assert [row["response_id"] for row in rows_of(folder, "sft")] == ["1"]
    assert len(rows_of(folder, "trl-kto")) == 4


def test_client_turns_of_two_corpora_under_one_key_are_two(tmp_path: Path) -> None:
    release = WrittenRelease()
    for session, answer in (("Session1", "Here."), ("Session2", "There.")):
        turn = release.stimulus("1:0", session, situation=f"In {session}.")
        good = release.response(len(release.responses), turn, answer, scores={"empathy": 5})
        bad = release.response(len(release.responses), turn, "No.", scores={"empathy": 1})
        release.pair(good, bad)
    folder = release.write(tmp_path)
    for name in ("trl-kto", "sft", "reward-regression", "rl-prompts"):
        for row in rows_of(folder, name):
            assert row["prompt"][0]["content"] == f"Situation: In {row['session']}."
    assert [row["reference"] for row in rows_of(folder, "rl-prompts")] == ["Here.", "There."]


def test_fine_tuning_gets_preferred_replies_once_each(folder: Path) -> None:
    rows = rows_of(folder, "sft")
    assert [row["response_id"] for row in rows] == ["1", "10", "2", "4", "5", "7"]
    assert rows[0]["completion"] == [{"role": "assistant", "content": "Tell me more, says 1."}]
    kinds = {row["response_id"]: row["rater_kind"] for row in rows}
    assert (kinds["4"], kinds["5"]) == ("person", "llm")


def test_scores_of_people_and_judges_stand_in_columns_of_their_own(folder: Path) -> None:
    rows = {row["response_id"]: row for row in rows_of(folder, "reward-regression")}
    assert sorted(rows) == ["1", "2", "3", "4"]
    one = rows["1"]
    assert (one["people_empathy_mean"], one["people_empathy_n"]) == (8.0, 2)
    assert (one["judges_empathy_mean"], one["judges_empathy_n"]) == (6.0, 2)
    assert (one["empathy_low"], one["empathy_high"]) == (1.0, 10.0)
    assert rows["3"]["people_safety_mean"] is None
    assert "judges_safety_mean" not in one
    assert {tuple(row) for row in rows.values()} == {tuple(one)}


def test_prompts_for_reinforcement_learning_carry_the_best_reply_and_what_scores_mean(
    folder: Path,
) -> None:
    rows = {row["stimulus"]: row for row in rows_of(folder, "rl-prompts")}
    a1 = rows["a1"]
    assert (a1["reference"], a1["reference_response"]) == ("Tell me more, says 1.", "1")
    assert (a1["people_empathy_mean"], a1["people_empathy_best"]) == (5.0, 8.0)
    assert (a1["judges_empathy_mean"], a1["judges_empathy_best"]) == (6.0, 6.0)
    assert rows["a2"]["people_empathy_mean"] is None
    assert rows["a2"]["reference_rater_kind"] == "person"


def test_scores_say_of_which_criteria_a_low_one_is_better(tmp_path: Path) -> None:
    folder = small_release(reverse_scored=["safety"]).write(tmp_path)
    tables = table_rows(
        archive_of(folder, "parquet"), "data/responses/train-00000-of-00001.parquet"
    )
    for rows in (rows_of(folder, "reward-regression"), rows_of(folder, "rl-prompts"), tables):
        said = {tuple(row[f"{name}_reversed"] for name in ("safety", "empathy")) for row in rows}
        assert said == {(True, False)}
    assert rows_of(folder, "reward-regression")[0]["people_safety_mean"] == 9.0


def test_a_prompt_whose_only_preferred_reply_is_barred_has_no_reference(tmp_path: Path) -> None:
    release = WrittenRelease()
    turn = release.stimulus("a")
    bad, other = release.response(1, turn, barred_by=("harmful",)), release.response(2, turn)
    release.pair(bad, other)
    (row,) = rows_of(release.write(tmp_path), "rl-prompts")
    assert (row["reference"], row["reference_response"]) == (None, None)


def test_a_release_of_barred_preferences_only_is_refused_with_the_count(tmp_path: Path) -> None:
    release = WrittenRelease()
    turn = release.stimulus("a")
    release.pair(release.response(1, turn, barred_by=("harmful",)), release.response(2, turn))
    with pytest.raises(ExportRefusedError, match="1 would prefer a reply that must never be"):
        open_export(release.write(tmp_path), "trl-preference")


def test_what_a_barred_reply_says_is_not_preferred_whoever_says_it(tmp_path: Path) -> None:
    release = WrittenRelease()
    turn = release.stimulus("a")
    release.response(1, turn, "Pull yourself together.", barred_by=("harmful",))
    again, other = release.response(2, turn, "Pull yourself together."), release.response(3, turn)
    release.pair(again, other)
    release.pair(other, again)
    folder = release.write(tmp_path)
    (row,) = rows_of(folder, "trl-preference")
    assert row["chosen_response"] == "3"
    assert [r["response_id"] for r in rows_of(folder, "sft")] == ["3"]
    assert {r["response_id"]: r["label"] for r in rows_of(folder, "trl-kto")} == {"2": False}


def test_llama_factory_gets_turns_that_alternate_from_the_client_on(folder: Path) -> None:
    archive = archive_of(folder, "llama-factory")
    info = json.loads(archive.read("dataset_info.json"))
    assert sorted(info) == ["moodeval_test", "moodeval_train", "moodeval_validation"]
    assert info["moodeval_train"] == {
        "file_name": "moodeval_train.json",
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {
            "messages": "conversations",
            "system": "system",
            "chosen": "chosen",
            "rejected": "rejected",
        },
    }
    rows = [row for name in info for row in json.loads(archive.read(info[name]["file_name"]))]
    for row in rows:
        speakers = [turn["from"] for turn in row["conversations"]]
        assert speakers == (["human", "gpt"] * len(speakers))[: len(speakers)]
        assert speakers[-1] == "human"
        assert row["chosen"]["from"] == row["rejected"]["from"] == "gpt"
    a1 = next(row for row in rows if row["stimulus"] == "a1")
    assert a1["system"] == "Situation: A friend died.\nThe therapist began: Good morning."


def test_openrlhf_gets_a_file_a_split_with_messages_under_its_three_keys(folder: Path) -> None:
    archive = archive_of(folder, "openrlhf")
    files = [name for name in archive.namelist() if name.startswith("data/")]
    assert files == ["data/test.jsonl", "data/train.jsonl", "data/validation.jsonl"]
    for row in json_rows(archive.read("data/train.jsonl")):
        assert row["split"] == "train"
        assert row["prompt"][-1]["role"] == "user"
        assert [m["role"] for m in row["chosen"] + row["rejected"]] == ["assistant"] * 2
        assert row["margin"] == row["strength"]


def test_only_the_splits_that_were_asked_for_leave(folder: Path) -> None:
    for name in ("trl-preference", "trl-kto", "sft", "rl-prompts"):
        rows = rows_of(folder, name, splits=("validation", "test"))
        assert {row["split"] for row in rows} == {"validation", "test"}
        summary = open_export(folder, name, ExportOptions(splits=("test",))).summary
        assert summary["left_out"]["other_splits"] > 0
    names = archive_of(folder, "parquet", splits=("test",)).namelist()
    tables = [name for name in names if name.endswith(".parquet")]
    assert len(tables) == 4
    assert all("/test-00000-of-00001" in name for name in tables)


@pytest.mark.parametrize(
    "place",
    [{}, {"corpus": "", "session": "", "group": ""}],
    ids=["a session that the corpus's own split divides", "an imported dataset"],
)
def test_an_answer_is_in_the_split_of_the_client_turn_it_is_about(
    tmp_path: Path, place: dict[str, str]
) -> None:
    release = WrittenRelease()
    for key, split in (("a", "train"), ("b", "test"), ("c", "train")):
        turn = release.stimulus(key, split=split, **place)
        number = len(release.responses)
        release.pair(release.response(number, turn), release.response(number + 1, turn))
    folder = release.write(tmp_path)
    expected = [("a", "train"), ("b", "test"), ("c", "train")]
    archive = archive_of(folder, "parquet")
    rows = [
        row
        for split in ("train", "test")
        for row in table_rows(archive, f"data/answers/{split}-00000-of-00001.parquet")
    ]
    assert sorted((row["stimulus"], row["split"]) for row in rows) == expected
    assert open_export(folder, "statistics").summary["rows"] == {"test": 1, "train": 2}
    long = archive_of(folder, "statistics", splits=("test",)).read("long.csv").decode()
    assert [row["stimulus"] for row in csv.DictReader(io.StringIO(long))] == ["b"]


def test_an_answer_on_a_client_turn_that_was_not_released_goes_with_its_session(
    folder: Path,
) -> None:
    path = folder / "answers.jsonl"
    panel = {**json_rows(path.read_bytes())[0], "stimulus": "of the panel"}
    path.write_text(json.dumps(panel) + "\n")
    assert open_export(folder, "statistics").summary["rows"] == {"train": 1}


def table_rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(archive.read(name))).to_pylist()
    return rows


def test_a_split_that_is_not_there_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(ExportRefusedError, match=r"dev.*test, train, validation"):
        open_export(folder, "sft", ExportOptions(splits=("dev",)))


def test_all_four_lines_are_exported_only_where_raters_saw_them(tmp_path: Path) -> None:
    hidden = small_release().write(tmp_path / "hidden")
    with pytest.raises(ExportRefusedError, match="nobody judged the emotion and strategy"):
        open_export(hidden, "trl-preference", ExportOptions(fields="all"))
    shown = small_release(fields_shown="beside").write(tmp_path / "shown")
    row = rows_of(shown, "trl-preference", fields="all")[0]
    assert row["chosen"][0]["content"].split("\n") == [
        "Client's emotion: sadness",
        "Therapist's emotion: neutral",
        "Therapist's strategy: open question",
        "Therapist's response: Tell me more, says 1.",
    ]
    assert "neutral" not in content(open_export(shown, "trl-preference")).decode()


def test_a_label_that_could_not_be_read_leaves_its_line_out(tmp_path: Path) -> None:
    release = WrittenRelease(fields_shown="beside")
    turn = release.stimulus("a")
    one, two = release.response(1, turn), release.response(2, turn)
    one["reply"] = {**reply("Go on."), "strategy": None, "client_emotion": None}
    release.pair(one, two)
    (row,) = rows_of(release.write(tmp_path), "trl-preference", fields="all")
    assert row["chosen"][0]["content"] == (
        "Therapist's emotion: neutral\nTherapist's response: Go on."
    )


def test_clips_are_named_by_path_and_hash(folder: Path) -> None:
    rows = {row["stimulus"]: row for row in rows_of(folder, "trl-preference")}
    assert rows["a2"]["clips"] == [{"path": "clips/b1.mp4", "sha256": clip_sha256("clips/b1.mp4")}]
    assert rows["c1"]["clips"] == []


def test_copied_clips_stand_beside_the_rows_that_name_them(with_clips: dict[str, Any]) -> None:
    archive = archive_of(
        with_clips["folder"],
        "trl-preference",
        media="copied",
        media_root=with_clips["media_root"],
    )
    rows = json_rows(archive.read("data.jsonl"))
    for row in rows:
        for clip in row["clips"]:
            assert archive.read(clip["path"]) == clip_bytes(clip["path"].removeprefix("media/"))
    media = [name for name in archive.namelist() if name.startswith("media/")]
    assert media == ["media/clips/a1.mp4", "media/clips/a2.mp4", "media/clips/b1.mp4"]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_clips_without_a_recorded_right_stay(tmp_path: Path, name: str) -> None:
    release = small_release()
    folder, root = release.write(tmp_path / "r"), write_clips(tmp_path / "media", release)
    with pytest.raises(ExportRefusedError, match="clips of mesc may not be passed on"):
        open_export(folder, name, ExportOptions(media="copied", media_root=root))


def test_the_right_of_today_counts_more_than_that_of_the_release(
    with_clips: dict[str, Any], tmp_path: Path
) -> None:
    taken_back = ExportOptions(
        media="copied", media_root=with_clips["media_root"], media_rights={"mesc": ""}
    )
    with pytest.raises(ExportRefusedError, match="may not be passed on"):
        open_export(with_clips["folder"], "sft", taken_back)
    given = ExportOptions(
        media="copied", media_root=with_clips["media_root"], media_rights={"mesc": RIGHT}
    )
    without = small_release().write(tmp_path / "without")
    assert open_export(without, "sft", given).file_name.endswith(".zip")


def test_clips_that_no_exported_row_names_are_not_copied(with_clips: dict[str, Any]) -> None:
    archive = archive_of(
        with_clips["folder"],
        "sft",
        media="copied",
        splits=("test",),
        media_root=with_clips["media_root"],
    )
    assert not [name for name in archive.namelist() if name.startswith("media/")]


def test_a_missing_clip_is_refused_before_anything_leaves(with_clips: dict[str, Any]) -> None:
    (with_clips["media_root"] / "clips/a2.mp4").unlink()
    with pytest.raises(ExportRefusedError, match=r"1 clips are not below .*: clips/a2\.mp4"):
        open_export(
            with_clips["folder"],
            "webdataset",
            ExportOptions(media_root=with_clips["media_root"]),
        )


def test_a_clip_that_is_not_the_released_one_does_not_leave(with_clips: dict[str, Any]) -> None:
    (with_clips["media_root"] / "clips/b1.mp4").write_bytes(b"another film")
    for name, media in (("webdataset", "reference"), ("sft", "copied")):
        options = ExportOptions(media=media, media_root=with_clips["media_root"])  # type: ignore[arg-type]
        with pytest.raises(ExportRefusedError, match=r"b1\.mp4 is not the clip"):
            content(open_export(with_clips["folder"], name, options))


def test_a_clip_that_leads_out_of_the_media_folder_is_refused(tmp_path: Path) -> None:
    release = WrittenRelease(media_rights=RIGHT)
    turn = release.stimulus("a", clips=("../secret.mp4",))
    release.pair(release.response(1, turn), release.response(2, turn))
    (tmp_path / "secret.mp4").write_bytes(clip_bytes("../secret.mp4"))
    (tmp_path / "media").mkdir()
    with pytest.raises(ExportRefusedError, match="leads out of the media folder"):
        open_export(
            release.write(tmp_path / "release"),
            "webdataset",
            ExportOptions(media_root=tmp_path / "media"),
        )


@pytest.mark.parametrize("name", ["openrlhf", "llama-factory", "parquet"])
def test_an_archive_holds_the_release_and_the_account(folder: Path, name: str) -> None:
    archive = archive_of(folder, name)
    for file in ("manifest.json", "README.md", "codebook.csv"):
        assert archive.read(f"release/{file}") == (folder / file).read_bytes()
    account = json.loads(archive.read("export.json"))
    summary = open_export(folder, name).summary
    assert {key: account[key] for key in summary} == summary
    assert (
        account["release"]["sha256"]
        == json.loads((folder / "manifest.json").read_bytes())["files"]["pairs.jsonl"]
    )


def test_what_raters_wrote_is_in_no_training_format(folder: Path) -> None:
    assert b"because" in (folder / "answers.jsonl").read_bytes()
    for name in ("trl-preference", "trl-kto", "sft", "reward-regression", "rl-prompts"):
        assert b"because" not in content(open_export(folder, name))


def test_a_release_of_an_earlier_version_leaves_in_pairs_and_asks_for_a_new_one_otherwise(
    folder: Path,
) -> None:
    for name in ("responses.jsonl", "stimuli.jsonl", "comparisons.jsonl", "answers.jsonl"):
        (folder / name).unlink()
    rows = json_rows((folder / "pairs.jsonl").read_bytes())
    old = [{k: v for k, v in row.items() if k not in ("split", "group", "weight")} for row in rows]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in old))
    assert len(rows_of(folder, "trl-preference")) == len(rows)
    with pytest.raises(ExportRefusedError, match=r"no responses\.jsonl.*Make a new release"):
        open_export(folder, "trl-kto")


def test_a_line_that_is_no_json_is_refused_by_file_and_line(folder: Path) -> None:
    with (folder / "pairs.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(ExportRefusedError, match=r"pairs\.jsonl, line 11: not JSON"):
        open_export(folder, "trl-preference")


def test_a_folder_that_holds_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportRefusedError, match="holds no release"):
        open_export(tmp_path, "sft")


def test_an_unknown_format_or_option_is_refused_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(ExportRefusedError, match=r"no format 'csv'.*trl-preference"):
        open_export(folder, "csv")
    with pytest.raises(ExportRefusedError, match="media: 'linked' is none of reference, copied"):
        ExportOptions(media="linked")  # type: ignore[arg-type]


def test_the_file_is_named_after_the_study_and_the_hash_it_is_cited_by(folder: Path) -> None:
    sha256 = json.loads((folder / "manifest.json").read_bytes())["files"]["pairs.jsonl"]
    download = open_export(folder, "sft")
    assert download.file_name == f"first-study-{sha256[:8]}-sft.jsonl"
    assert download.content_type == "application/x-ndjson"
    assert open_export(folder, "parquet").content_type == "application/zip"


def test_a_dialogue_that_the_therapist_opens_keeps_its_words_everywhere(tmp_path: Path) -> None:
    release = WrittenRelease()
    turn = release.stimulus("a", history=[said("therapist", "What brings you here?")])
    release.pair(release.response(1, turn), release.response(2, turn))
    folder = release.write(tmp_path)
    for name in PAIRWISE:
        assert "What brings you here?" in json.dumps(list(exported_pairs(folder, name)))
