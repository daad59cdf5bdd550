"""Every answer as a file: nothing missing without its reason, nothing shown without its order."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from annotations.exports.tables.columns import COLUMNS, NESTED
from annotations.models import Assignment, Criterion, Preference, Rating, Study, StudyRater
from annotations.selectors import answer_batches
from annotations.selectors.answer_table import answer_rows
from inference.models import Response, Stimulus
from mood_eval.models import Team, User
from tests.answered_studies import (
    NEITHER,
    TIE,
    add_criterion,
    add_item,
    add_part,
    answer,
    assign,
    choose,
    make_instrument,
    make_study,
    options,
    pick,
    rank,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db

Turns = list[tuple[Stimulus, list[Response]]]


@pytest.fixture
def study(team: Team) -> Study:
    corpus = make_corpus_with_dialogues(team, 1)
    names = ("one", "two", "three")
    runs = [make_run_with_responses(team, corpus, name, f"Reply of {name}.") for name in names]
    return make_study(team, runs, state=Study.State.CLOSED)


@pytest.fixture
def turns(study: Study) -> Turns:
    return responses_by_stimulus([link.run for link in study.study_runs.all()])


def lines(client: Client, study: Study) -> list[dict[str, Any]]:
    response = client.get(reverse("results_answers", args=[study.pk, "jsonl"]))
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def table(client: Client, study: Study) -> list[dict[str, str]]:
    response = client.get(reverse("results_answers", args=[study.pk, "csv"]))
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(StringIO(text)))


def test_choices_can_be_read_back_by_the_order_in_which_they_were_shown(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    part = add_part(study, "best_of_n", make_instrument(), with_overall=False)
    stimulus, replies = turns[0]
    item = add_item(part, stimulus, replies)
    one, two = study.raters.order_by("pseudonym")
    pick(item, one, replies[2], "empathy")
    turned = pick(item, two, replies[0], "empathy")
    Assignment.objects.filter(pk=turned.pk).update(display_order=[reply.pk for reply in replies])
    was = item.candidates.get(response=replies[1]).pk
    Preference.objects.filter(assignment=turned).update(
        first_answer={"preferred": was, "strength": 1, "ranks": None, "cannot_rate": ""}
    )
    client.force_login(ada)
    first, second = lines(client, study)
    assert first["display_order"] == [reply.pk for reply in reversed(replies)]
    assert (first["preferred"], first["preferred_model"]) == (replies[2].pk, "three")
    assert second["display_order"] == [reply.pk for reply in replies]
    assert second["first_answer"]["preferred"] == replies[1].pk
    in_table = table(client, study)
    assert [json.loads(row["display_order"]) for row in in_table] == [
        first["display_order"],
        second["display_order"],
    ]


def test_rankings_options_words_and_passages_are_whole(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    kind = Criterion.Kind
    instrument = make_instrument("kinds", criteria=())
    add_criterion(instrument, "sorts", kind=kind.MULTIPLE, options=options("Drug", "Diet"))
    add_criterion(instrument, "where", kind=kind.SPANS)
    add_criterion(instrument, "why", kind=kind.TEXT)
    stimulus, replies = turns[0]
    one, _ = study.raters.order_by("pseudonym")
    scored = add_item(add_part(study, "absolute", instrument), stimulus, replies[:1])
    answer(scored, one, {"sorts": [1], "where": [(0, 5)], "why": "=SUM(A1)"})
    ranked = add_part(study, "ranking", make_instrument("ranked"), with_overall=False)
    ranks = dict(zip(replies, (2, 1, 2), strict=True))
    rank(add_item(ranked, stimulus, replies), one, ranks, "empathy")
    client.force_login(ada)
    sorts, where, why, order = lines(client, study)
    assert (sorts["content"], sorts["response"], sorts["model"]) == ([1], replies[0].pk, "one")
    assert where["content"][0]["end"] == 5
    assert why["content"] == "=SUM(A1)"
    assert order["ranks"] == {str(reply.pk): place for reply, place in ranks.items()}
    assert table(client, study)[2]["content"] == "'=SUM(A1)", "no spreadsheet runs it"


def test_each_reason_for_a_missing_answer_has_its_code_and_each_answer_its_role(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    instrument = make_instrument(criteria=())
    add_criterion(instrument, "level", kind=Criterion.Kind.CHOICE, options=options("No", "Yes"))
    only = {"criterion": "level", "values": [1]}
    add_criterion(instrument, "why", kind=Criterion.Kind.TEXT, only_if=only)
    part = add_part(study, "absolute", instrument)
    items = [add_item(part, stimulus, replies[:1]) for stimulus, replies in turns]
    one, two = study.raters.order_by("pseudonym")
    answer(items[0], one, {"level": 0})
    answer(items[0], one, {"level": 1}, role=Assignment.Role.REPEAT)
    answer(items[1], one, {"level": "cannot_tell"})
    assign(items[0], two, state=Assignment.State.ASSIGNED)
    assign(items[1], two, state=Assignment.State.SKIPPED)
    assign(items[2], two, role=Assignment.Role.RELEASED, state=Assignment.State.ASSIGNED)
    client.force_login(ada)
    found = {
        (row["item"], row["rater"], row["role"], row["question"]): row["missing"]
        for row in lines(client, study)
    }
    first, second, _ = (item.pk for item in items)
    assert found == {
        (first, "R1", "independent", "level"): "",
        (first, "R1", "independent", "why"): "not_asked",
        (first, "R1", "repeat", "level"): "",
        (first, "R1", "repeat", "why"): "no_answer",
        (first, "R2", "independent", "level"): "lost",
        (first, "R2", "independent", "why"): "lost",
        (second, "R1", "independent", "level"): "cannot_tell",
        (second, "R1", "independent", "why"): "not_asked",
        (second, "R2", "independent", "level"): "skipped",
        (second, "R2", "independent", "why"): "skipped",
    }


def test_single_answers_wait_for_the_close(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    client.force_login(ada)
    response = client.get(reverse("results_answers", args=[study.pk, "csv"]), follow=True)
    assert "Single answers can be had once the study is closed." in response.content.decode()


def test_number_of_queries_does_not_grow_with_the_answers(
    client: Client,
    ada: User,
    study: Study,
    turns: Turns,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    part = add_part(study, "absolute", make_instrument())
    for stimulus, replies in turns:
        item = add_item(part, stimulus, replies[:1])
        for rater in study.raters.all():
            answer(item, rater, {"empathy": 5})
    client.force_login(ada)
    with django_assert_max_num_queries(20):
        assert len(lines(client, study)) == Rating.objects.count() == 6


@pytest.fixture
def of_every_design(study: Study, turns: Turns) -> Study:
    """With what may stand in a row: branches, words, passages, ties, ranks, changed answers, every
    role and state, a judge, and somebody who does not allow training."""
    kind = Criterion.Kind
    instrument = make_instrument("kinds", criteria=("empathy",))
    add_criterion(instrument, "level", kind=kind.CHOICE, options=options("No", "Yes", "Very"))
    yes = {"criterion": "level", "values": [1, 2]}
    add_criterion(instrument, "sorts", kind=kind.MULTIPLE, options=options("A", "B"), only_if=yes)
    chosen = {"criterion": "sorts", "values": [1]}
    add_criterion(instrument, "why", kind=kind.TEXT, only_if=chosen)
    add_criterion(instrument, "where", kind=kind.SPANS)
    (first, one), (second, two), (third, three) = turns
    ada, rui = study.raters.order_by("pseudonym")
    judge = StudyRater.objects.create(
        study=study,
        user=ada.user.__class__.objects.create_user("j@example.org", "a judge's key"),
        pseudonym="J1",
        kind=StudyRater.Kind.LLM,
    )
    absolute = add_part(study, "absolute", instrument)
    items = [add_item(absolute, stimulus, replies[:1]) for stimulus, replies in turns]
    words = 'Sie sagt: \u201eja\u201c,\u2028\n\t"quoted" \\ \u0085, 100 %'
    answer(items[0], ada, {"empathy": 5, "level": 1, "sorts": [1], "why": words, "where": [(0, 4)]})
    answer(items[0], rui, {"empathy": 1, "level": 0, "sorts": [1], "why": "no longer asked"})
    answer(items[0], judge, {"empathy": 9, "level": 2, "sorts": []})
    answer(items[1], ada, {"empathy": "cannot_tell", "level": "not_applicable", "where": []})
    answer(items[1], rui, {"level": 2, "sorts": [0, 1], "why": "=SUM(A1)"}, comment="Hm, \n@you")
    answer(items[1], ada, {"empathy": 4}, role=Assignment.Role.REPEAT, attempt=1)
    answer(items[2], ada, {"empathy": 3, "level": 1}, state=Assignment.State.ASSIGNED)
    assign(items[2], rui, state=Assignment.State.SKIPPED)
    answer(items[2], judge, {"empathy": 3}, role=Assignment.Role.RELEASED)
    answer(items[2], judge, {"empathy": 2}, role=Assignment.Role.WITHDRAWN)
    answer(items[2], judge, {"empathy": 2}, role=Assignment.Role.GATE, track="gate", attempt=1)
    Rating.objects.filter(assignment__rater=rui, score=1).update(
        first_answer={"score": 2, "content": None, "cannot_rate": ""}
    )
    pairwise = add_part(study, "pairwise", make_instrument("pairs"))
    pair = add_item(pairwise, first, one[:2])
    choose(pair, ada, -2, "empathy")
    choose(pair, ada, NEITHER)
    changed = choose(pair, rui, TIE, "empathy")
    choose(pair, rui, "cannot_tell")
    was = pair.candidates.get(response=one[1]).pk
    Preference.objects.filter(assignment=changed, criterion__isnull=False).update(
        first_answer={"preferred": was, "strength": 1, "ranks": None, "tie_kind": ""}
    )
    best = add_part(study, "best_of_n", make_instrument("best"), with_overall=False)
    several = add_item(best, second, two)
    pick(several, ada, two[2], "empathy")
    pick(several, rui, None, "empathy")
    ranking = add_part(study, "ranking", make_instrument("ranks"), with_overall=True)
    ranked = add_item(ranking, third, three)
    rank(ranked, ada, dict(zip(three, (2, 1, 2), strict=True)), "empathy")
    rank(ranked, ada, "outside_competence")
    assign(ranked, rui)
    Assignment.objects.filter(rater=ada).update(criteria_order=["level", "empathy"], active_ms=1234)
    StudyRater.objects.filter(pk=rui.pk).update(allows_training=False)
    return study


def slow_rows(study: Study) -> Iterator[dict[str, Any]]:
    """What a row holds, said once more, an answer at a time."""
    for part in study.parts.order_by("position"):
        for item in part.items.order_by("position"):
            given = item.assignments.exclude(role="released")
            for assignment in given.order_by("rater__pseudonym", "role", "attempt"):
                criteria: list[Criterion | None] = [*part.instrument.criteria.order_by("position")]
                if part.design != "absolute" and part.with_overall:
                    criteria.append(None)
                for criterion in criteria:
                    yield slow_row(study, assignment, criterion)


def slow_row(study: Study, given: Assignment, criterion: Criterion | None) -> dict[str, Any]:
    item, session = given.item, given.item.stimulus.dialogue.session
    about = {
        "part": item.part.position,
        "design": item.part.design,
        "item": item.pk,
        "pool": item.pool,
        "stimulus": item.stimulus.pk,
        "corpus": session.corpus.name,
        "session": session.label,
        "client": session.client,
        "rater": given.rater.pseudonym,
        "rater_kind": given.rater.kind,
        "role": given.role,
        "attempt": given.attempt,
        "position": given.position,
        "state": given.state,
        "question": criterion.slug if criterion else "overall",
        "display_order": given.display_order,
        "criteria_order": given.criteria_order,
        "opened_at": None,
        "submitted_at": given.submitted_at
        and given.submitted_at.isoformat(timespec="microseconds"),
        "active_seconds": given.active_ms / 1000,
        "comment": given.comment or None,
    }
    row = {**dict.fromkeys(COLUMNS), **about}
    rating = given.ratings.filter(criterion=criterion).first() if criterion else None
    choice = given.preferences.filter(criterion=criterion).first()
    if item.part.design == "absolute":
        response = item.candidates.get().response
        row |= {"response": response.pk, "model": response.run.model_version.name}
    if rating:
        row |= {name: getattr(rating, name) for name in ("score", "content", "first_answer")}
    elif choice:
        row |= {"strength": choice.strength, "ranks": choice.ranks}
        row["tie_kind"] = choice.tie_kind or None
        if choice.preferred:
            row["preferred"] = choice.preferred.response.pk
            row["preferred_model"] = choice.preferred.response.run.model_version.name
        if choice.first_answer:
            was = item.candidates.get(pk=choice.first_answer["preferred"])
            row["first_answer"] = {**choice.first_answer, "preferred": was.response.pk}
    if given.state == "assigned":
        row["missing"] = "lost" if study.state == "closed" else "not_submitted"
    elif given.state == "skipped":
        row["missing"] = "skipped"
    elif criterion and not slow_asked(given, criterion):
        row["missing"] = "not_asked"
    else:
        stored = rating or choice
        row["missing"] = stored.cannot_rate if stored else "no_answer"
    return row


def slow_asked(given: Assignment, criterion: Criterion) -> bool:
    if not criterion.only_if:
        return True
    earlier = criterion.instrument.criteria.get(slug=criterion.only_if["criterion"])
    rating = given.ratings.filter(criterion=earlier).first()
    if rating is None or not slow_asked(given, earlier):
        return False
    said = [rating.score] if rating.score is not None else rating.content or []
    return bool({*said} & {*criterion.only_if["values"]})


@pytest.mark.parametrize("state", [Study.State.CLOSED, Study.State.OPEN])
def test_rows_are_what_an_answer_at_a_time_says(of_every_design: Study, state: str) -> None:
    Study.objects.filter(pk=of_every_design.pk).update(state=state)
    of_every_design.refresh_from_db()
    expected = list(slow_rows(of_every_design))
    assert len(expected) == 60
    assert {row["missing"] for row in expected} == {
        *("", "skipped", "not_asked", "no_answer", "cannot_tell", "not_applicable"),
        *("outside_competence", "lost" if state == Study.State.CLOSED else "not_submitted"),
    }
    assert list(answer_rows(of_every_design)) == expected


def test_batches_of_a_row_give_the_same_rows(
    of_every_design: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(answer_rows(of_every_design))
    for name in ("ROWS", "FIRST_ROWS", "ITEMS"):
        monkeypatch.setattr(answer_batches, name, 1)
    assert list(answer_rows(of_every_design)) == whole


def test_all_three_files_hold_the_same_rows(
    client: Client, ada: User, of_every_design: Study
) -> None:
    client.force_login(ada)
    rows = list(answer_rows(of_every_design))
    assert lines(client, of_every_design) == rows
    in_csv = table(client, of_every_design)
    assert [list(row) for row in in_csv] == [list(COLUMNS)] * len(rows)
    assert [{name: csv_text(row, name) for name in COLUMNS} for row in rows] == in_csv
    assert parquet(client, of_every_design) == [
        {name: parquet_cell(row, name) for name in COLUMNS} for row in rows
    ]


def csv_text(row: Mapping[str, Any], name: str) -> str:
    cell = row[name]
    if isinstance(cell, str):
        return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
    return "" if cell is None else str(cell)


def parquet_cell(row: Mapping[str, Any], name: str) -> Any:
    cell = row[name]
    if name in NESTED and cell is not None and not isinstance(cell, str):
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
    return cell


def parquet(client: Client, study: Study) -> list[dict[str, Any]]:
    response = client.get(reverse("results_answers", args=[study.pk, "parquet"]))
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    rows: list[dict[str, Any]] = pq.read_table(BytesIO(content)).to_pylist()
    moments = [(row, name) for row in rows for name in ("opened_at", "submitted_at")]
    for row, name in moments:
        row[name] = row[name] and row[name].isoformat(timespec="microseconds")
    return rows


def test_parquet_is_read_by_datasets(
    client: Client, ada: User, of_every_design: Study, tmp_path: Path
) -> None:
    from datasets import load_dataset

    client.force_login(ada)
    response = client.get(reverse("results_answers", args=[of_every_design.pk, "parquet"]))
    file = tmp_path / "answers.parquet"
    file.write_bytes(b"".join(response.streaming_content))  # type: ignore[attr-defined]
    loaded = load_dataset(
        "parquet", data_files=str(file), cache_dir=str(tmp_path / "cache"), split="train"
    )
    assert loaded.column_names == list(COLUMNS)
    assert loaded["score"] == [row["score"] for row in answer_rows(of_every_design)]


def test_a_release_takes_only_what_may_leave(of_every_design: Study) -> None:
    rows = list(answer_rows(of_every_design, training_only=True, with_words=False))
    assert {row["rater"] for row in rows} == {"R1", "J1"}
    assert {row["role"] for row in rows} == {"independent", "repeat"}
    said = ("score", "content", "preferred", "ranks", "first_answer")
    not_counted = [row for row in rows if row["missing"] in ("lost", "not_asked", "no_answer")]
    assert not_counted
    assert not any(row[name] for row in not_counted for name in said)
    assert not any(row["comment"] for row in rows)
    words = [row for row in rows if row["question"] == "why" and row["missing"] != "not_asked"]
    assert [row["missing"] for row in words] == ["withheld", "lost"]
    assert not any(row["content"] for row in words)
    kept = list(answer_rows(of_every_design, training_only=True))
    assert [row["content"] for row in kept if row["question"] == "why" and row["content"]] == [
        'Sie sagt: \u201eja\u201c,\u2028\n\t"quoted" \\ \u0085, 100 %'
    ]


def test_notes_on_passages_stay_out_of_a_release_without_words(study: Study, turns: Turns) -> None:
    instrument = make_instrument("marks", criteria=())
    add_criterion(instrument, "where", kind=Criterion.Kind.SPANS)
    item = add_item(add_part(study, "absolute", instrument), turns[0][0], turns[0][1][:1])
    answer(item, study.raters.order_by("pseudonym")[0], {"where": [(0, 4)]})
    marked = [{"start": 0, "end": 4, "text": "Repl", "note": "She is my neighbour."}]
    was = {"score": None, "content": marked, "cannot_rate": ""}
    Rating.objects.update(content=marked, first_answer=was)
    [row] = answer_rows(study, training_only=True, with_words=False)
    bare = [{**marked[0], "note": ""}]
    assert (row["content"], row["first_answer"]["content"], row["missing"]) == (bare, bare, "")


def test_the_file_is_named_after_study_and_day_and_not_sent_twice(
    client: Client, ada: User, study: Study, turns: Turns
) -> None:
    item = add_item(add_part(study, "absolute", make_instrument()), turns[0][0], turns[0][1][:1])
    one, two = study.raters.order_by("pseudonym")
    score(item, one, {"empathy": 5})
    client.force_login(ada)
    address = reverse("results_answers", args=[study.pk, "jsonl"])
    first = client.get(address)
    assert first["Content-Disposition"].startswith('attachment; filename="first-study-answers-20')
    again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    score(item, two, {"empathy": 1})
    changed = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]
