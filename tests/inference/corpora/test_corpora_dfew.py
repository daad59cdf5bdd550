from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.corpora import CORPUS_INFO, CorpusError, DialogueRecord, dfew, stimuli
from tests.dfew_files import all_files, files_of_tests, write_dfew, write_set

CLIPS = {number: (1 + number % 7, 1 + number % 5) for number in range(1, 15)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "DFEW"


@pytest.fixture
def labels(root: Path) -> Path:
    return write_dfew(root, CLIPS)


def read(*paths: Path) -> list[DialogueRecord]:
    return list(dfew.read(paths))


def refusal(*paths: Path) -> CorpusError:
    with pytest.raises(CorpusError) as caught:
        read(*paths)
    assert caught.value.problem
    assert caught.value.remedy
    assert caught.value.file in paths
    return caught.value


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copy(source, target))


def test_each_clip_is_one_wordless_client_turn_in_the_fold_that_tests_it(
    root: Path, labels: Path
) -> None:
    records = read(*all_files(labels))
    assert sorted(record.external_id for record in records) == [f"{n:05d}" for n in CLIPS]
    clip = next(record for record in records if record.external_id == "00003")
    assert (clip.split, clip.session, clip.licence) == ("fold-4", "00003", dfew.INFO.licence)
    assert clip.extra == {"test_fold": 4, "training_folds": [1, 2, 3, 5]}
    (turn,) = clip.turns
    assert (turn.speaker, turn.text, turn.emotion_original) == ("client", "", "angry")
    assert turn.clip_path == (root / "Clip/original/part_1/00003.mp4").resolve()
    assert [(s.first, s.last, s.followed) for s in stimuli(clip)] == [(0, 0, False)]


def test_labels_become_multimoods_where_it_has_one_and_keep_dfews_word(labels: Path) -> None:
    turns = [record.turns[0] for record in read(*files_of_tests(labels))]
    assert {turn.emotion_original: turn.emotion for turn in turns} == {
        "happy": "joy",
        "sad": "sadness",
        "neutral": "neutral",
        "angry": "anger",
        "surprise": "surprise",
        "disgust": "disgust",
        "fear": "fear",
    }
    assert dfew.EMOTIONS == ("joy", "sadness", "neutral", "anger", "surprise", "disgust", "fear")


def test_training_files_change_no_record(labels: Path) -> None:
    alone = read(*files_of_tests(labels))
    assert [r.fingerprint() for r in read(*all_files(labels))] == [r.fingerprint() for r in alone]


def test_one_test_file_gives_its_fold_alone_with_its_own_training_file_beside_it(
    labels: Path,
) -> None:
    files = [path for path in all_files(labels) if path.stem == "set_2"]
    assert {record.split for record in read(*files)} == {"fold-2"}


def test_the_licence_allows_research_only() -> None:
    assert "non-commercial research" in CORPUS_INFO["dfew"].licence
    assert CORPUS_INFO["dfew"].has_clips


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffvideo_name,label\r\n1,2\r\n7,1\r\n",
        "Video Name, Label\n00001.mp4, 2 \n7.MP4,1\n",
        "label,clip_name\n2,00001\n1,7\n",
        ",video_name,label\n0,1,2\n1,7,1\n\n",
        '"video_name","annotation"\n"1","2"\n"7","1"\n',
    ],
)
def test_headers_marks_and_line_ends_vary(root: Path, text: str) -> None:
    write_dfew(root, {1: (2, 1), 7: (1, 1)})
    path = root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_1.csv"
    path.write_bytes(text.encode())
    assert [(r.external_id, r.turns[0].emotion) for r in read(path)] == [
        ("00001", "sadness"),
        ("00007", "joy"),
    ]


def test_a_set_file_outside_dfews_folders_holds_test_clips(root: Path, labels: Path) -> None:
    plain = root / "set_3.csv"
    shutil.copy(labels / "test(single-labeled)" / "set_3.csv", plain)
    assert {record.split for record in read(plain)} == {"fold-3"}
    named = root / "train_set_1.csv"
    shutil.copy(labels / "train(single-labeled)" / "set_1.csv", named)
    assert {record.split for record in read(plain, named)} == {"fold-3"}


@pytest.mark.parametrize(
    ("content", "line", "field", "said"),
    [
        ("", None, None, "empty"),
        ("video_name,label\n", None, None, "no rows"),
        ("1,2\n3,4\n", 1, "video_name", "column is missing"),
        ("video_name,emo\n1,2\n", 1, "label", "column is missing"),
        ("video_name,label\n1,2\n2,8\n", 3, "label", "not one of DFEW's labels"),
        ("video_name,label\n1,0\n", 2, "label", "did not agree"),
        ("video_name,label\n1,happy\n", 2, "label", "not one of DFEW's labels"),
        ("video_name,label\n1,\n", 2, "label", "not one of DFEW's labels"),
        ("video_name,label\n1,2\n00001,2\n", 3, "video_name", "stands twice"),
        ("video_name,label\n../1,2\n", 2, "video_name", "not the number of a clip"),
        ("video_name,label\n0,2\n", 2, "video_name", "not the number of a clip"),
        ("video_name,label\n123456,2\n", 2, "video_name", "not the number of a clip"),
        ("video_name,label\n1,2,3\n", 2, None, "3 values for 2 columns"),
    ],
)
def test_a_wrong_row_is_named_with_line_field_and_remedy(
    labels: Path, content: str, line: int | None, field: str | None, said: str
) -> None:
    path = labels / "test(single-labeled)" / "set_1.csv"
    path.write_text(content)
    error = refusal(path)
    assert (error.line, error.field) == (line, field)
    assert said in error.problem


def test_a_clip_in_two_test_folds_is_refused(labels: Path) -> None:
    path = write_set(labels / "test(single-labeled)" / "set_2.csv", {1: 2, 5: 6})
    error = refusal(*files_of_tests(labels))
    assert error.file == path
    assert "clip 00005 is tested in set 1 already" in error.problem


def test_labels_that_contradict_each_other_are_refused(labels: Path) -> None:
    trained = labels / "train(single-labeled)" / "set_2.csv"
    trained.write_text(trained.read_text().replace("\n3,4\n", "\n3,5\n"))
    error = refusal(*all_files(labels))
    assert (error.file, error.field) == (trained, "label")
    assert "clip 00003 is 5 (surprise) here and 4 (angry) in" in error.problem


def test_a_clip_trained_on_and_tested_in_one_set_is_refused(labels: Path) -> None:
    trained = labels / "train(single-labeled)" / "set_4.csv"
    trained.write_text(trained.read_text() + "3,4\n")
    assert "is trained on and tested in set 4" in refusal(*all_files(labels)).problem


def test_a_clip_that_training_leaves_out_or_invents_is_refused(labels: Path) -> None:
    trained = labels / "train(single-labeled)" / "set_2.csv"
    whole = trained.read_text()
    trained.write_text(whole.replace("\n3,4\n", "\n"))
    assert "missing from the training part of set 2" in refusal(*all_files(labels)).problem
    trained.write_text(whole + "99,1\n")
    assert "clip 00099 is in no set's test part" in refusal(*all_files(labels)).problem


def test_a_set_given_twice_without_number_or_without_test_files_is_refused(
    root: Path, labels: Path
) -> None:
    first, trained = labels / "test(single-labeled)/set_1.csv", labels / "train(single-labeled)"
    assert "given twice" in refusal(first, copied(first, root / "set_1.csv")).problem
    assert "which of the five sets" in refusal(copied(first, root / "labels.csv")).problem
    assert "which of the five sets" in refusal(copied(first, root / "set_6.csv")).problem
    assert refusal(trained / "set_1.csv").problem == "no test file was given"


def test_missing_clips_are_counted_and_the_first_is_named(root: Path, labels: Path) -> None:
    path = labels / "test(single-labeled)" / "set_1.csv"
    (root / "Clip/original/part_2/00005.mp4").unlink()
    error = refusal(path)
    assert (error.line, error.field) == (2, "video_name")
    assert "there is no video 00005.mp4 below" in error.problem
    assert "Clip/original/part_1/00001.mp4" in error.remedy
    (root / "Clip/original/part_3/00010.mp4").unlink()
    assert "00005.mp4, and 1 more below" in refusal(path).problem
    shutil.rmtree(root / "Clip")
    assert "there is no folder Clip for clip 00005" in refusal(path).problem


def test_pictures_of_faces_are_no_clip(root: Path, labels: Path) -> None:
    shutil.rmtree(root / "Clip" / "original")
    (root / "Clip/clip_224x224/00005").mkdir(parents=True)
    (root / "Clip/clip_224x224/00005/1.jpg").write_bytes(b"picture")
    error = refusal(labels / "test(single-labeled)" / "set_1.csv")
    assert "clip 00005, and 1 more are there only as pictures" in error.problem


def test_the_original_is_taken_before_other_versions_and_two_originals_are_refused(
    root: Path, labels: Path
) -> None:
    path = labels / "test(single-labeled)" / "set_1.csv"
    (root / "Clip/clip_224x224_avi").mkdir()
    (root / "Clip/clip_224x224_avi/00005.avi").write_bytes(b"face")
    assert {str(r.turns[0].clip_path).endswith(".mp4") for r in read(path)} == {True}
    (root / "Clip/original/part_9").mkdir()
    (root / "Clip/original/part_9/00005.mp4").write_bytes(b"other")
    assert "clip 00005 is there twice" in refusal(path).problem


def test_a_linked_clip_folder_is_followed_and_a_link_out_of_it_is_not(
    root: Path, labels: Path, tmp_path: Path
) -> None:
    path = labels / "test(single-labeled)" / "set_1.csv"
    (root / "Clip").rename(tmp_path / "elsewhere")
    (root / "Clip").symlink_to(tmp_path / "elsewhere")
    assert len(read(path)) == 2
    secret = tmp_path / "private.mp4"
    secret.write_bytes(b"secret")
    clip = tmp_path / "elsewhere/original/part_2/00005.mp4"
    clip.unlink()
    clip.symlink_to(secret)
    assert "leads out of the clips' folder" in refusal(path).problem
    clip.unlink()
    clip.touch()
    assert "is empty" in refusal(path).problem


cells = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["video_name", "label", "5", "00010", "1", "0", "10.mp4", "²", '"', "\r", ""]),
)


@given(st.lists(st.lists(cells, max_size=4), max_size=6), st.booleans())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_read_or_refused_in_words(
    labels: Path, rows: list[list[str]], header: bool
) -> None:
    path = labels / "test(single-labeled)" / "set_1.csv"
    lines = ["video_name,label"] * header + [",".join(row) for row in rows]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        records = read(path)
    except CorpusError as refused:  # and no other exception
        records, said = [], refused.remedy
    else:
        said = "read"
    assert said
    assert all(record.turns[0].emotion in dfew.EMOTIONS for record in records)
