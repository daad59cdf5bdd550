"""Preferences of seeker simulators, turn by turn, and pairs as ES-VR makes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from annotations.derivation.derive import derive
from annotations.derivation.rules import DerivationRules
from annotations.imports import ImportedAnswers, read_answers, recognise
from annotations.imports.simulator import ANSWERS_NOBODY, BY_MODELS
from annotations.services.dataset_imports import ImportRequest, import_dataset, preview_import
from inference.errors import DomainError
from mood_eval.models import Team
from tests import factories

CONVERSATIONS = (
    Path(settings.BASE_DIR) / "tests" / "fixtures" / "corpora" / "simulated" / "conversations.jsonl"
)
JUDGED = DerivationRules(splitting="none", rater_kinds=("person", "llm"))


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def pairs_of(answers: ImportedAnswers, rules: DerivationRules = JUDGED) -> list[tuple[str, str]]:
    return [
        (answers.responses[pair.chosen].reply.text, answers.responses[pair.rejected].reply.text)
        for pair in derive(answers.evidence, rules).pairs
    ]


# Conversations


def test_each_turn_is_a_prompt_with_all_that_was_said_before_it() -> None:
    assert recognise([CONVERSATIONS]).format == "simulator"
    answers = read_answers([CONVERSATIONS], "simulator")
    first, second, third = answers.stimuli.values()
    assert [turn.text for turn in first.prompt.client_turns] == ["The flat is so quiet."]
    assert first.prompt.history == ()
    assert [turn.text for turn in second.prompt.history] == [
        *("The flat is so quiet.", "What do you miss most?")
    ]
    assert second.prompt.situation == "Mira moved to a town where she knows nobody."
    assert (first.key, second.key, third.key) == ("c1:0", "c1:2", "c3:0")
    assert first.group == second.group != third.group
    assert first.split == "train"


def test_the_reply_given_is_preferred_to_each_alternative_or_one_of_them_is() -> None:
    answers = read_answers([CONVERSATIONS], "simulator")
    said = pairs_of(answers)
    assert ("What do you miss most?", "Try a sports club.") in said
    assert ("What do you miss most?", "Cheer up.") in said
    assert ("You tried, and it took courage.", "You tried.") in said
    models = {one.reply.text: one.model for one in answers.responses.values()}
    assert (models["Cheer up."], models["Call her."]) == ("model-two", "model-one")


def test_what_a_person_said_counts_by_itself_and_what_models_decided_where_they_are_taken() -> None:
    answers = read_answers([CONVERSATIONS], "simulator")
    people = DerivationRules(splitting="none")
    assert pairs_of(answers, people) == [
        ("You miss her noise: what was it like at home?", "Call her.")
    ]
    assert answers.notes[BY_MODELS] == 4
    kinds = {name: facts.kind for name, facts in answers.evidence.raters.items()}
    assert sorted(kinds.values()) == ["llm", "llm", "person"]
    assert not any("r-7" in name or "judge-1" in name for name in kinds)
    criteria = {choice.criterion for choice in answers.evidence.choices}
    assert criteria == {"overall", "value-reinforcement"}


def test_ties_and_strengths_are_kept() -> None:
    answers = read_answers([CONVERSATIONS], "simulator")
    values = sorted(choice.value for choice in answers.evidence.choices)
    assert values == [-1, -1, 0, 1, 2]


def test_a_reply_after_a_reply_answers_nobody(tmp_path: Path) -> None:
    turns = [
        {"speaker": "seeker", "text": "I failed."},
        {"speaker": "supporter", "text": "Oh."},
        {"speaker": "supporter", "text": "Again?", "alternatives": [{"text": "When?"}],
         "preferred": 1},
    ]  # fmt: skip
    answers = read_answers([lines(tmp_path / "c.jsonl", {"id": "c", "turns": turns})], "simulator")
    assert answers.left_out == {ANSWERS_NOBODY: 1}


def test_a_strategy_is_taken_where_all_replies_name_one_of_ours(tmp_path: Path) -> None:
    def strategies(given: str, other: str) -> set[str | None]:
        turn = {"speaker": "supporter", "text": "When?", "strategy": given, "preferred": 0}
        turn["alternatives"] = [{"text": "Cheer up.", "strategy": other}]
        row = {"id": "c", "turns": [{"speaker": "seeker", "text": "I failed."}, turn]}
        answers = read_answers([lines(tmp_path / "c.jsonl", row)], "simulator")
        return {one.reply.strategy for one in answers.responses.values()}

    assert strategies("Open question", "advisement") == {"open question", "advisement"}
    assert strategies("Open question", "Sermon") == {None}


# Pairs as ES-VR makes them

HISTORY = [
    {"role": "seeker", "content": "It is over since May."},
    {"role": "supporter", "content": "That hurts."},
    {"role": "seeker", "content": "I do not know what I want."},
]
PAIR = {
    "history": HISTORY,
    "persona": {"problem": "Breakup", "situation": "Jo's partner left in May."},
    "chosen": "What would you like to decide by yourself?",
    "rejected": "You will find somebody.",
    "chosen_reward": 3.2,
    "rejected_reward": 1,
}


def esvr(path: Path, **changes: Any) -> ImportedAnswers:
    file = lines(path / "pairs.jsonl", PAIR | changes)
    assert recognise([file]).format == "es-vr"
    return read_answers([file], "es-vr")


def test_a_pair_is_a_choice_of_the_reward_on_its_criterion(tmp_path: Path) -> None:
    answers = esvr(tmp_path)
    (stimulus,) = answers.stimuli.values()
    assert stimulus.prompt.situation == "Jo's partner left in May."
    assert [turn.speaker for turn in stimulus.prompt.history] == ["client", "therapist"]
    assert stimulus.group.startswith("persona-")
    (choice,) = answers.evidence.choices
    assert (choice.criterion, choice.rater) == ("value-reinforcement", "imported-judge")
    assert pairs_of(answers) == [(PAIR["chosen"], PAIR["rejected"])]
    assert pairs_of(answers, DerivationRules(splitting="none")) == []


def test_a_row_may_say_that_a_person_decided_on_what_and_in_which_session(tmp_path: Path) -> None:
    told = {"rater_kind": "person", "rater": "T1", "criterion": "experience", "session": "s9"}
    answers = esvr(tmp_path, **told)
    (choice,) = answers.evidence.choices
    assert choice.criterion == "experience"
    assert answers.evidence.raters[choice.rater].kind == "person"
    assert [one.group for one in answers.stimuli.values()] == ["s9"]
    assert BY_MODELS not in answers.notes


@pytest.mark.parametrize("name", ["history", "dialogue_history", "dialogue", "dialog", "context"])
def test_the_history_goes_by_several_names_and_may_be_a_transcript(
    tmp_path: Path, name: str
) -> None:
    text = "Seeker: It is over.\nSupporter: Since when?\nSeeker: Since May."
    answers = esvr(tmp_path, **{"history": None, name: text})
    (stimulus,) = answers.stimuli.values()
    assert [turn.text for turn in stimulus.prompt.history] == ["It is over.", "Since when?"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"history": 3}, "line 1, history: messages were expected, not '3'"),
        ({"history": HISTORY[:2]}, "history: the last message is the assistant's"),
        ({"history": [{"role": "cat", "content": "x"}]}, "history[0].role: 'cat' is no role"),
        ({"chosen": None}, "chosen: it is missing. Add the field 'chosen'"),
        ({"chosen_reward": "much"}, "chosen_reward: a number was expected, not 'much'"),
        ({"rejected_reward": 4}, "rejected_reward: the rejected reply has the higher reward (4"),
    ],
)
def test_a_row_that_is_wrong_is_refused_by_line_and_field(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    file = lines(tmp_path / "pairs.jsonl", PAIR | changes)
    with pytest.raises(DomainError) as refusal:
        read_answers([file], "es-vr")
    assert named in str(refusal.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "text", "speaker"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "turns", "history", "chosen", "rejected", "persona", "session", "chosen_reward"]
)


@pytest.mark.parametrize("format", ["es-vr", "simulator"])
@given(rows=st.lists(st.dictionaries(KEYS, ANYTHING), min_size=1, max_size=3))
def test_whatever_a_file_holds_it_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, format: str, rows: list[dict[str, Any]]
) -> None:
    file = lines(tmp_path_factory.getbasetemp() / f"any-{format}.jsonl", *rows)
    refusal = refusal_of(lambda: derive(read_answers([file], format).evidence, JUDGED))
    assert refusal is None or refusal.startswith(file.name)


def refusal_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except DomainError as error:
        return str(error)
    return None


# As datasets


@pytest.mark.django_db
def test_conversations_become_a_dataset_whose_splits_divide_no_persona(tmp_path: Path) -> None:
    team: Team = factories.make_team(owner=factories.make_user())
    rows = [
        {"id": f"c{n}", "persona": f"Persona {n // 4}", "turns": [
            {"speaker": "seeker", "text": f"Evening {n}."},
            {"speaker": "supporter", "text": "Tell me.", "alternatives": [{"text": "Smile."}],
             "preferred": 0},
            {"speaker": "seeker", "text": f"It was long, {n}."},
            {"speaker": "supporter", "text": "And then?", "alternatives": [{"text": "Oh."}],
             "preferences": [{"better": 0, "worse": 1, "rater": "ada@example.org",
                              "rater_kind": "person"}]},
        ]}
        for n in range(40)
    ]  # fmt: skip
    file = lines(tmp_path / "conversations.jsonl", *rows)
    request = ImportRequest(rules=DerivationRules(rater_kinds=("person", "llm")))
    preview = preview_import([file], request, team)
    assert (preview.recognised.format, len(preview.derivation.pairs)) == ("simulator", 80)
    dataset, made = import_dataset(
        team=team,
        paths=[file],
        name="Simulated",
        licence="CC0-1.0",
        consent_declared=True,
        request=request,
    )
    assert made
    assert dataset.manifest["source"]["format"] == "simulator"
    assert dataset.manifest["noted"] == {BY_MODELS: 40}
    assert "ada@example.org" not in json.dumps(dataset.manifest)
    splits: dict[str, set[str]] = {}
    for pair in preview.derivation.pairs:
        group = preview.answers.stimuli[preview.answers.responses[pair.chosen].stimulus].group
        splits.setdefault(group, set()).add(pair.split)
    assert len(splits) == 10
    assert all(len(names) == 1 for names in splits.values())


@pytest.mark.django_db
def test_on_the_page_somebody_says_that_models_choices_count(client: Client) -> None:
    ada = factories.make_user()
    factories.make_team(owner=ada)
    client.force_login(ada)
    form = {"name": "Simulated", "licence": "CC0-1.0", "consent": "on", "splitting": "none"}
    form |= {"seed": "0", "margin": "2", "ties": "dropped"}
    url = reverse("dataset_import")

    def preview(**more: str) -> str:
        upload = SimpleUploadedFile("conversations.jsonl", CONVERSATIONS.read_bytes())
        return client.post(url, {**form, **more, "uploads": [upload]}).content.decode()

    assert "No preference pair comes out of the answers by these rules" in preview()
    page = preview(judges="on")
    assert "Conversations with a seeker simulator" in page
    assert "Import 3 pairs<" in page
    assert "choices of a model or a reward" in page
