"""From a draft to frozen, balanced assignments; Ada runs the study, Rui and Mia rate."""

from __future__ import annotations

import json
from collections import Counter
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from annotations.instruments import read_instrument, study_templates
from annotations.models import Assignment, Candidate, Criterion, Instrument, Item, Study
from annotations.services.instruments import InstrumentChangedError, ensure_instrument
from annotations.services.studies import BlindingError, close_study, create_study, launch_study
from inference.errors import (
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.management.base import Refused
from inference.models import Dialogue, GenerationRun, JobState, Response
from mood_eval.models import Team, User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    corpus = factories.make_corpus_with_dialogues(team, 4)
    return [
        factories.make_run_with_responses(team, corpus, name, text)
        for name, text in (("model-one", "One answer."), ("model-two", "Another answer."))
    ]


@pytest.fixture
def raters() -> list[User]:
    return [factories.make_user(f"{name}@example.org") for name in ("rui", "mia", "noor")]


def test_shipped_instrument_has_the_seven_criteria_in_full() -> None:
    instrument = ensure_instrument("multimood-trust")
    criteria = list(instrument.criteria.all())
    assert [criterion.name for criterion in criteria] == [
        "Truthfulness",
        "Safety",
        "Fairness",
        "Privacy",
        "Empathy",
        "Reliability",
        "Ethical guidance",
    ]
    for criterion in criteria:
        assert (criterion.scale_min, criterion.scale_max) == (1, 10)
        assert criterion.guiding_question.endswith("?")
        assert criterion.definition
        assert criterion.good_example != criterion.poor_example
    assert "not a validated scale" in instrument.note
    assert "2511.10011" in instrument.citation


def test_ensuring_an_instrument_again_changes_nothing_but_an_edit_is_refused() -> None:
    first = ensure_instrument("multimood-trust")
    assert ensure_instrument("multimood-trust") == first
    assert Instrument.objects.count() == 1
    Criterion.objects.filter(slug="safety").update(definition="Something else.")
    with pytest.raises(InstrumentChangedError, match="new version number"):
        ensure_instrument("multimood-trust")


def test_every_template_names_an_instrument_that_exists() -> None:
    templates = study_templates()
    assert len(templates) == len({t.slug for t in templates}) > 3
    for template in templates:
        assert template.consent_text
        assert template.contacts
        assert all(read_instrument(part.instrument) for part in template.parts)


def test_launch_gives_every_item_its_raters_and_even_loads(
    team: Team, runs: list[GenerationRun], raters: list[User]
) -> None:
    study = factories.make_study(team, runs, raters, template="multimood-trust-both", overlap=2)
    assert study.state == Study.State.OPEN
    stimuli = Response.objects.filter(run=runs[0]).count()
    assert Item.objects.filter(part__study=study).count() == stimuli * 2 + stimuli
    per_item = Counter(Assignment.objects.values_list("item", flat=True))
    assert set(per_item.values()) == {2}
    loads = Counter(Assignment.objects.values_list("rater", flat=True))
    assert max(loads.values()) - min(loads.values()) <= 1
    for rater in study.raters.all():
        positions = list(rater.assignments.order_by("position").values_list("position", flat=True))
        assert positions == list(range(1, len(positions) + 1))
        designs = list(
            rater.assignments.order_by("position").values_list("item__part__position", flat=True)
        )
        assert designs == sorted(designs), "scores come before choices"


def test_display_order_is_stored_seeded_and_balanced(
    team: Team, runs: list[GenerationRun], raters: list[User]
) -> None:
    def sides(name: str, seed: int) -> dict[tuple[str, int], list[int]]:
        study = factories.make_study(
            team,
            runs,
            raters[:2],
            template="multimood-trust-pairwise",
            name=name,
            seed=seed,
        )
        rows = Assignment.objects.filter(rater__study=study).order_by("position")
        found: dict[tuple[str, int], list[int]] = {}
        for row in rows.select_related("rater", "item"):
            assert set(row.display_order) == set(
                Candidate.objects.filter(item=row.item).values_list("response", flat=True)
            )
            found[row.rater.user.email, row.item.stimulus_id] = row.display_order
        return found

    first, again, other = sides("first", 5), sides("again", 5), sides("other", 6)
    assert first == again
    assert first != other
    run_of = dict(Response.objects.values_list("pk", "run"))
    for email in ("rui@example.org", "mia@example.org"):
        lefts = Counter(run_of[order[0]] for (who, _), order in first.items() if who == email)
        assert abs(lefts[runs[0].pk] - lefts[runs[1].pk]) <= 1


def test_only_stimuli_answered_by_all_runs_are_used(team: Team, raters: list[User]) -> None:
    corpus = factories.make_corpus_with_dialogues(team, 4)
    whole = factories.make_run_with_responses(team, corpus, "whole")
    part = factories.make_run_with_responses(team, corpus, "part", answered=5)
    study = factories.make_study(
        team, [whole, part], raters, template="multimood-trust-pairwise", overlap=1
    )
    used = set(Item.objects.filter(part__study=study).values_list("stimulus", flat=True))
    assert used == set(part.responses.values_list("stimulus", flat=True))


def test_limit_draws_the_same_sample_for_the_same_seed(
    team: Team, runs: list[GenerationRun], raters: list[User]
) -> None:
    samples = []
    for name in ("first", "again"):
        study = factories.make_study(team, runs, raters, name=name, limit=5, seed=3)
        items = Item.objects.filter(part__study=study)
        samples.append(set(items.values_list("stimulus", flat=True)))
    assert len(samples[0]) == 5
    assert samples[0] == samples[1]


def test_pseudonyms_do_not_follow_the_list_of_addresses(
    team: Team, runs: list[GenerationRun]
) -> None:
    emails = [f"rater{number}@example.org" for number in range(8)]
    study = create_study(
        team=team, template="multimood-trust-rating", runs=runs, raters=emails, seed=1
    )
    by_email = dict(study.raters.values_list("user__email", "pseudonym"))
    assert sorted(by_email.values()) == [f"R{number:02d}" for number in range(1, 9)]
    assert [by_email[email] for email in emails] != sorted(by_email.values())


def test_drafts_that_cannot_work_are_refused(
    team: Team, runs: list[GenerationRun], raters: list[User]
) -> None:
    def draft(**options: object) -> Study:
        return create_study(
            **{"team": team, "template": "multimood-trust-rating", "runs": runs, **options}  # type: ignore[arg-type]
        )

    with pytest.raises(UnknownNameError, match="multimood-trust-both"):
        draft(template="nonsense")
    with pytest.raises(InvalidOptionsError, match="at least 2"):
        draft(template="multimood-trust-pairwise", runs=runs[:1])
    with pytest.raises(InvalidOptionsError, match="twice"):
        draft(runs=[runs[0], runs[0]])
    with pytest.raises(BlindingError, match="model-two"):
        draft(name="How good is Model-Two?")
    with pytest.raises(UnknownNameError):
        draft(team=factories.make_team("Another lab"))
    study = draft(raters=[raters[0].email])
    with pytest.raises(InvalidOptionsError, match="only 1"):
        launch_study(study)
    assert not Item.objects.exists()


def test_launch_refuses_unfinished_runs_and_empty_intersections(
    team: Team, runs: list[GenerationRun], raters: list[User]
) -> None:
    study = factories.make_study(team, runs, raters, launched=False, consented=False)
    GenerationRun.objects.filter(pk=runs[1].pk).update(state=JobState.RUNNING)
    with pytest.raises(WrongStateError, match="not finished"):
        launch_study(study)
    GenerationRun.objects.filter(pk=runs[1].pk).update(state=JobState.DONE)
    Response.objects.filter(run=runs[1]).delete()
    with pytest.raises(NothingSelectedError):
        launch_study(study)


def test_states_only_go_forward(team: Team, runs: list[GenerationRun], raters: list[User]) -> None:
    study = factories.make_study(team, runs, raters)
    with pytest.raises(WrongStateError):
        launch_study(study)
    closed = close_study(study)
    assert closed.closed_at is not None
    with pytest.raises(WrongStateError):
        close_study(study)


def test_launch_command_reports_and_makes_accounts(
    team: Team, runs: list[GenerationRun], raters: list[User], client: Client
) -> None:
    out = StringIO()
    call_command(
        "launch_study",
        "multimood-trust-rating",
        "--runs",
        str(runs[0].pk),
        str(runs[1].pk),
        "--raters",
        "rui@example.org",
        "New@example.org",
        "--limit",
        "3",
        "--seed",
        "11",
        "--json",
        stdout=out,
    )
    report = json.loads(out.getvalue())
    assert (report["items"], report["assignments"], report["seed"]) == (6, 12, 11)
    links = {rater["email"]: rater["set_password"] for rater in report["raters"]}
    assert links["rui@example.org"] is None
    page = client.get(links["new@example.org"], follow=True)
    assert page.status_code == 200
    assert b"bad token" not in page.content.lower()
    form_url = page.redirect_chain[-1][0]
    client.post(form_url, {"password1": "walks-by-the-sea", "password2": "walks-by-the-sea"})
    assert User.objects.get(email="new@example.org").check_password("walks-by-the-sea")


def test_launch_command_matches_lengths_and_leaves_notes_out(
    team: Team, runs: list[GenerationRun]
) -> None:
    Dialogue.objects.update(situation="After the suicide of a friend.")
    Response.objects.filter(run=runs[0]).update(text="One two three four five six seven.")
    alike = Response.objects.filter(run=runs[0])[0]
    Response.objects.filter(pk=alike.pk).update(text="One two.")
    options = ["--runs", *(str(run.pk) for run in runs), "--overlap", "1", "--longest-ratio", "1.5"]

    def launch(rater: str, *more: str) -> None:
        words = ["launch_study", "multimood-trust-rating", "--raters", rater, *options, *more]
        call_command(*words, stdout=StringIO())

    launch("a@example.org")
    items = Item.objects.all()
    assert set(items.values_list("stimulus", "content_note")) == {(alike.stimulus_id, "suicide")}
    launch("b@example.org", "--no-content-notes")
    assert set(items.values_list("content_note", flat=True)) == {"suicide", ""}


def test_launch_command_refuses_unknown_runs(team: Team) -> None:
    with pytest.raises(Refused, match="no generation run 99"):
        call_command(
            "launch_study", "multimood-trust-rating", "--runs", "99", "--raters", "a@example.org"
        )
    assert not Study.objects.exists()


def test_password_links_are_shown_for_raters_of_this_team_alone(
    ada: User, team: Team, runs: list[GenerationRun], client: Client
) -> None:
    """A link makes its holder the person: another lab's people are not there for the taking."""
    other = factories.make_team("Another lab", owner=User.objects.create_user("owner@lab.example"))
    corpus = factories.make_corpus_with_dialogues(other, 1)
    theirs = [factories.make_run_with_responses(other, corpus, "their-model")]
    create_study(
        team=other, template="multimood-trust-rating", runs=theirs, raters=["both@lab.example"]
    )
    User.objects.create_superuser("admin@lab.example")
    colleague = User.objects.create_user("colleague@example.org")
    team.memberships.create(user=colleague)
    new = ["d@example.org", "a@example.org", "c@example.org", "b@example.org"]
    kept = ["owner@lab.example", "both@lab.example", "admin@lab.example", "colleague@example.org"]
    study = create_study(
        team=team, template="multimood-trust-rating", runs=runs, raters=[*new, *kept], seed=1
    )
    client.force_login(ada)
    response = client.get(reverse("study_raters", args=[study.pk]))
    page = response.content.decode()
    assert page.count("reset/key") == 4
    assert not [email for email in kept if email in page]
    places = [page.index(email) for email in sorted(new)]
    assert places == sorted(places), "in an order that tells no pseudonym"
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("name", ["study_detail", "study_launch", "study_close"])
def test_studies_do_not_exist_for_strangers(
    name: str, team: Team, runs: list[GenerationRun], raters: list[User], client: Client
) -> None:
    study = factories.make_study(team, runs, raters)
    sam = factories.make_user("sam@example.org")
    factories.make_team("Another lab", owner=sam)
    url = reverse(name, args=[study.pk])
    for visitor in (sam, raters[0]):
        client.force_login(visitor)
        response = client.get(url) if name == "study_detail" else client.post(url)
        assert response.status_code == 404
    client.logout()
    response = client.get(url) if name == "study_detail" else client.post(url)
    assert response.status_code == 302


def test_lists_ask_the_database_the_same_number_of_times(
    ada: User,
    team: Team,
    runs: list[GenerationRun],
    raters: list[User],
    client: Client,
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(ada)

    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    study = factories.make_study(team, runs, raters[:1], limit=1, overlap=1)
    url = reverse("study_detail", args=[study.pk])
    client.get(url)
    one_list, one_detail = queries(reverse("study_list")), queries(url)
    for number in range(8):
        factories.make_study(team, runs, raters, name=f"More {number}", limit=2)
    more = Study.objects.get(name="More 0")
    assert queries(reverse("study_list")) == one_list
    assert queries(reverse("study_detail", args=[more.pk])) == one_detail
