from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Model

from inference.corpora import CorpusError
from inference.errors import InvalidOptionsError
from inference.models import Clip, Corpus, CorpusImport, Dialogue, Session, Stimulus, Turn
from inference.services.imports import ChangedDialogueError, import_dialogues
from mood_eval.models import Team, User
from tests.factories import clip_bytes, make_team, make_user

FIXTURES = Path(settings.BASE_DIR) / "tests" / "fixtures" / "corpora"
MESC = FIXTURES / "mesc"
TABLES: list[type[Model]] = [Corpus, CorpusImport, Session, Dialogue, Turn, Stimulus, Clip]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return make_team(owner=ada)


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURES / "jsonl", tmp_path / "corpus")
    return tmp_path / "corpus" / "dialogues.jsonl"


def rows() -> dict[str, int]:
    return {table.__name__: table._default_manager.count() for table in TABLES}


def stored_media() -> list[Path]:
    folder = Path(default_storage.path("clips"))
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def empty_media() -> None:
    shutil.rmtree(default_storage.path("clips"), ignore_errors=True)


def test_import_stores_dialogues_turns_stimuli_and_what_was_counted(team: Team, ada: User) -> None:
    paths = [MESC / "MESC.csv", MESC / "test.json"]
    report = import_dialogues(team=team, format="mesc", paths=paths, user=ada)
    assert report.changed
    assert {name: n for name, n in report.counts.items() if n} == {
        "dialogues": 1,
        "sessions": 1,
        "turns": 10,
        "client_turns": 2,
        "therapist_turns": 8,
        "stimuli": 2,
        "followed_stimuli": 2,
    }
    dialogue = Dialogue.objects.get(corpus__name="MESC", external_id="2")
    assert (dialogue.session.label, dialogue.split) == ("S02E11", "test")
    assert dialogue.problem_type_original == "Childhood shadow "
    turn = dialogue.turns.get(position=5)
    assert (turn.speaker, turn.strategy) == ("therapist", "advisement")
    assert (turn.strategy_original, turn.start_ms) == ("Advisement", 15_100 + 1_000)
    assert turn.cue.startswith("The speaker")
    spans = dialogue.stimuli.order_by("pk").values_list("first_position", "last_position")
    assert list(spans) == [(0, 0), (3, 3)]
    taken_in = CorpusImport.objects.get(corpus=dialogue.corpus)
    assert taken_in.imported_by == ada
    assert [file["name"] for file in taken_in.files] == ["MESC.csv", "test.json"]
    assert "leakage" in dialogue.corpus.note


@pytest.mark.parametrize(
    ("format", "names"),
    [
        ("mesc", ["mesc/MESC.csv", "mesc/test.json", "mesc/train.json"]),
        ("esconv", ["esconv/ESConv.json", "esconv/FailedESConv.json"]),
        ("jsonl", ["jsonl/dialogues.jsonl"]),
    ],
)
def test_the_same_files_again_change_nothing_and_say_so(
    team: Team, format: str, names: list[str]
) -> None:
    paths = [FIXTURES / name for name in names]
    first = import_dialogues(team=team, format=format, paths=paths, corpus_name="C")
    before, media = rows(), stored_media()
    again = import_dialogues(team=team, format=format, paths=paths[::-1], corpus_name="C")
    assert (first.changed, again.changed) == (True, False)
    assert again.counts["dialogues"] == 0
    assert again.counts["unchanged_dialogues"] == first.counts["dialogues"]
    assert rows() == before
    assert stored_media() == media


def test_other_files_add_only_what_is_new(team: Team, tmp_path: Path) -> None:
    csv = MESC / "MESC.csv"
    import_dialogues(team=team, format="mesc", paths=[csv, MESC / "test.json"])
    report = import_dialogues(
        team=team, format="mesc", paths=[csv, MESC / "test.json", MESC / "train.json"]
    )
    assert report.changed
    assert (report.counts["dialogues"], report.counts["unchanged_dialogues"]) == (1, 1)
    assert dict(Dialogue.objects.values_list("external_id", "split")) == {"2": "test", "0": "train"}


def test_changed_dialogue_with_a_known_id_is_refused(team: Team, jsonl: Path) -> None:
    import_dialogues(team=team, format="jsonl", paths=[jsonl])
    before = rows()
    new = {"id": "d0", "session": "s", "turns": [{"speaker": "client", "text": "New."}]}
    jsonl.write_text(
        json.dumps(new) + "\n" + jsonl.read_text().replace("I did.", "I did, in the end.")
    )
    with pytest.raises(ChangedDialogueError, match="Dialogue “d2” is in “dialogues” already"):
        import_dialogues(team=team, format="jsonl", paths=[jsonl])
    assert rows() == before


def test_clip_replaced_under_the_same_name_is_a_change(team: Team, jsonl: Path) -> None:
    import_dialogues(team=team, format="jsonl", paths=[jsonl])
    (jsonl.parent / "clips" / "quiet.mp4").write_bytes(clip_bytes())
    with pytest.raises(ChangedDialogueError, match="“d1”"):
        import_dialogues(team=team, format="jsonl", paths=[jsonl])


def test_fault_late_in_a_file_imports_nothing(team: Team, jsonl: Path) -> None:
    before = rows()
    filler = [
        json.dumps({"id": f"x{n}", "session": "s", "turns": [{"speaker": "client", "text": "t"}]})
        for n in range(250)
    ]
    jsonl.write_text("\n".join([jsonl.read_text().strip(), *filler, '{"id": "last"}']))
    with pytest.raises(CorpusError) as refusal:
        import_dialogues(team=team, format="jsonl", paths=[jsonl])
    assert (refusal.value.line, refusal.value.field) == (253, "session")
    assert rows() == before
    assert stored_media() == []


def test_clips_are_probed_and_stored_once_under_their_hash(team: Team, jsonl: Path) -> None:
    jsonl.write_text(jsonl.read_text().replace("kettle.mp4", "quiet.mp4"))
    report = import_dialogues(team=team, format="jsonl", paths=[jsonl])
    assert report.counts["clips"] == 1
    clip = Clip.objects.get()
    assert set(clip.turns.values_list("position", flat=True)) == {0, 1}
    assert (clip.video_codec, clip.audio_codec, clip.content_type) == ("h264", "aac", "video/mp4")
    assert (clip.width, clip.height) == (64, 64)
    assert 950 <= clip.duration_ms <= 1_050
    assert clip.file.name == f"clips/{clip.corpus_id}/{clip.sha256}.mp4"
    with clip.file.open("rb") as stored:
        assert stored.read() == (jsonl.parent / "clips" / "quiet.mp4").read_bytes()
    assert report.corpus.licence == "CC0-1.0"


def test_broken_clip_imports_nothing_and_names_turn_and_remedy(team: Team, jsonl: Path) -> None:
    before = rows()
    clip = jsonl.parent / "clips" / "kettle.mp4"
    clip.write_bytes(clip.read_bytes()[:3_000])
    with pytest.raises(CorpusError) as refusal:
        import_dialogues(team=team, format="jsonl", paths=[jsonl])
    assert refusal.value.field == "dialogue d1, turn 2"
    assert "kettle.mp4" in str(refusal.value)
    assert refusal.value.remedy
    assert rows() == before
    assert stored_media() == []


def test_what_an_interrupted_import_left_is_overwritten(team: Team, jsonl: Path) -> None:
    report = import_dialogues(team=team, format="jsonl", paths=[jsonl])
    clip = Clip.objects.order_by("pk")[0]
    Turn.objects.update(clip=None)
    Clip.objects.all().delete()
    Path(clip.file.path).write_bytes(b"half a fi")
    Dialogue.objects.all().delete()
    import_dialogues(team=team, format="jsonl", paths=[jsonl])
    again = Clip.objects.get(sha256=clip.sha256)
    assert again.file.name == clip.file.name
    assert Path(again.file.path).stat().st_size == again.size_bytes
    assert report.counts["clips"] == Clip.objects.count() == len(stored_media())


def test_corpus_of_another_format_is_refused(team: Team) -> None:
    import_dialogues(team=team, format="mesc", paths=[MESC / "MESC.csv"], corpus_name="Mine")
    with pytest.raises(InvalidOptionsError, match="“Mine” holds mesc files"):
        import_dialogues(
            team=team,
            format="esconv",
            paths=[FIXTURES / "esconv" / "ESConv.json"],
            corpus_name="Mine",
        )


def test_teams_have_corpora_of_the_same_name_apart(team: Team) -> None:
    sams = make_team("Elsewhere", owner=make_user("sam@example.org"))
    for owner in (team, sams):
        assert import_dialogues(team=owner, format="mesc", paths=[MESC / "MESC.csv"]).changed
    assert Counter(Dialogue.objects.values_list("corpus__team__name", flat=True)) == {
        "Care lab": 3,
        "Elsewhere": 3,
    }


def test_unknown_format_and_no_file_are_refused(team: Team) -> None:
    with pytest.raises(InvalidOptionsError, match=r"Formats: mesc, esconv, .*jsonl"):
        import_dialogues(team=team, format="film", paths=[MESC / "MESC.csv"])
    with pytest.raises(InvalidOptionsError, match="No file"):
        import_dialogues(team=team, format="mesc", paths=[])
    with pytest.raises(CorpusError, match="no such file"):
        import_dialogues(team=team, format="mesc", paths=[MESC / "none.csv"])
    assert not Corpus.objects.exists()
