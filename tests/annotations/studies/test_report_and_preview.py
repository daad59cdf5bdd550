"""What Ada sees of a draft before she launches it: its design in figures, and any item."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.models import Assignment, Candidate, Item, Study
from annotations.selectors import design_report
from annotations.selectors.design_report import (
    is_quick,
    kept_report,
    parts_of,
    report_on,
    usual_assumptions,
)
from annotations.selectors.study_preview import page_of, preview_of
from annotations.services.studies import launch_study
from annotations.services.study_drafts import edit_draft, save_part
from inference.models import Dialogue, GenerationRun, Response, Turn
from mood_eval.models import Team, User
from tests import factories
from tests.annotations.studies.drafts import INSTRUMENT, make_draft, make_runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    cache.clear()


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    return make_runs(team)


@pytest.fixture
def signed_in(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


BOTH = ({"design": "absolute", "same_raters": True}, {"design": "pairwise", "with_strength": True})


class TestDesignReport:
    def test_counts_what_the_launch_then_stores(
        self, team: Team, runs: list[GenerationRun]
    ) -> None:
        study = make_draft(team, runs, parts=BOTH, repeat_share=0.1, block_size=10)
        report = report_on(study, usual_assumptions(study, parts_of(study)))
        scores, choices = report.parts
        assert (scores.cells["item"].cells, scores.cells["item"].most) == (36, 2)
        assert scores.within_rater_pairs == 2 * 3 * 12, "both raters of a turn judge every pair"
        assert {row.ratings for row in choices.pairs} == {24}
        assert all(abs(row.one_first - row.other_first) <= 2 for row in choices.pairs)
        launch_study(study)
        role = Assignment.Role
        for place, row in enumerate(report.raters):
            rater = study.raters.order_by("pseudonym")[place]
            mine = rater.assignments
            assert mine.filter(role=role.INDEPENDENT).count() == row.items
            assert mine.filter(role=role.REPEAT).count() == row.repeats
            assert sum(row.blocks) == mine.count()

    def test_names_models_as_the_team_may_see_them(
        self, team: Team, runs: list[GenerationRun]
    ) -> None:
        study = make_draft(team, runs, blind_researchers=True)
        report = report_on(study, usual_assumptions(study, parts_of(study)))
        assert {row.name for row in report.parts[0].sources} == {"Model 1", "Model 2", "Model 3"}

    def test_is_kept_until_the_draft_changes(self, team: Team, runs: list[GenerationRun]) -> None:
        study = make_draft(team, runs)
        assumed = usual_assumptions(study, parts_of(study))
        assert kept_report(study, assumed) is None
        made = report_on(study, assumed)
        assert kept_report(study, assumed) == made
        changed = (
            lambda: edit_draft(study=study, overlap=3),
            lambda: save_part(study=study, instrument=INSTRUMENT, design="ranking"),
        )
        for change in changed:
            change()
            study.refresh_from_db()
            assert kept_report(study, assumed) is None
            report_on(study, assumed)
        Response.objects.filter(run=runs[0])[0].delete()
        assert kept_report(study, assumed) is None

    def test_can_be_asked_before_anybody_is_invited(
        self, signed_in: Client, team: Team, runs: list[GenerationRun]
    ) -> None:
        study = make_draft(team, runs, raters=0)
        url = reverse("study_design_report", args=[study.pk])
        assert "Ratings per cell" in signed_in.get(url).content.decode()
        page = signed_in.get(url, {"raters": 1}).content.decode()
        assert "overlap 2 needs" in page or "at least" in page.lower()

    def test_says_what_should_be_looked_at(
        self, signed_in: Client, team: Team, runs: list[GenerationRun]
    ) -> None:
        study = make_draft(team, runs, overlap=1)
        url = reverse("study_design_report", args=[study.pk])
        page = signed_in.get(url, {"seconds": 3600}).content.decode()
        assert "With one rater per item no agreement can be computed" in page
        assert "more than 4 hours of work" in page

    def test_of_a_large_study_waits_to_be_asked(
        self,
        signed_in: Client,
        team: Team,
        runs: list[GenerationRun],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        study = make_draft(team, runs)
        monkeypatch.setattr(design_report, "AT_ONCE", 71)
        assert not is_quick(study, parts_of(study)), "36 items with two raters each"
        url = reverse("study_design_report", args=[study.pk])
        assert "Press “Work it out”" in signed_in.get(url).content.decode()
        assert "Ratings per cell" in signed_in.get(url, {"ask": 1}).content.decode()
        assert "Ratings per cell" in signed_in.get(url).content.decode(), "kept"

    def test_of_nothing_says_why(self, signed_in: Client, team: Team) -> None:
        study = make_draft(team, make_runs(team, 1))
        Response.objects.update(error="Gone.")
        page = signed_in.get(reverse("study_design_report", args=[study.pk])).content.decode()
        assert "No stimulus was answered by all runs" in page

    def test_page_asks_the_database_as_often_for_many_items_as_for_few(
        self, signed_in: Client, team: Team
    ) -> None:
        def queries(dialogues: int) -> int:
            corpus = factories.make_corpus_with_dialogues(team, dialogues, name=f"{dialogues}")
            run = factories.make_run_with_responses(team, corpus, f"m{dialogues}")
            study = make_draft(team, [run])
            Study.objects.filter(pk=study.pk).update(name=f"{dialogues}")
            url = reverse("study_design_report", args=[study.pk])
            with CaptureQueriesContext(connection) as captured:
                assert "Ratings per cell" in signed_in.get(url).content.decode()
            return len(captured)

        assert queries(2) == queries(12)


class TestPreview:
    @pytest.mark.parametrize(
        ("design", "shown"), [("absolute", 1), ("pairwise", 2), ("best_of_n", 3), ("ranking", 3)]
    )
    def test_shows_any_item_of_any_design(
        self, signed_in: Client, team: Team, runs: list[GenerationRun], design: str, shown: int
    ) -> None:
        study = make_draft(team, runs, parts=[{"design": design}])
        seen = set()
        for number in (1, 7, 12):
            preview = preview_of(study, 1, number)
            assert (preview.number, preview.total, len(preview.replies)) == (number, 12, shown)
            seen.add(preview.replies[0].stimulus)
            page = page_of(preview)
            assert page.is_preview
            assert len(page.candidates) == shown
        assert len(seen) == 3
        url = reverse("study_preview_item", args=[study.pk, 1, 7])
        response = signed_in.get(url)
        content = response.content.decode()
        assert "Answer " in content
        assert "model-" not in content, "blind, as for a rater"
        assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in response.headers["Content-Security-Policy"]

    def test_saves_nothing(self, signed_in: Client, team: Team, runs: list[GenerationRun]) -> None:
        study = make_draft(team, runs)
        for name in ("study_preview", "study_preview_item"):
            url = reverse(name, args=[study.pk, 1, 1])
            assert signed_in.get(url).status_code == 200
            assert signed_in.post(url).status_code == 405
        assert not Item.objects.exists()
        assert not Assignment.objects.exists()

    def test_of_whole_dialogues(self, team: Team, runs: list[GenerationRun]) -> None:
        study = make_draft(team, runs, parts=[{"design": "pairwise", "unit": "dialogue"}])
        preview = preview_of(study, 1, 4)
        assert preview.total == 4
        page = page_of(preview)
        assert all(len(candidate.lines) > 3 for candidate in page.candidates)

    def test_covers_what_has_a_content_note(self, team: Team, runs: list[GenerationRun]) -> None:
        Dialogue.objects.update(problem_type="Suicidal thoughts")
        assert page_of(preview_of(make_draft(team, runs), 1, 1)).content_note == "suicide"

    def test_leaves_out_the_panel(self, team: Team, runs: list[GenerationRun]) -> None:
        study = make_draft(team, runs)
        response = Response.objects.filter(run=runs[0]).order_by("stimulus")[0]
        item = Item.objects.create(
            part=study.parts.get(),
            pool=Item.Pool.TRAINING,
            position=1,
            stimulus=response.stimulus,
        )
        Candidate.objects.create(item=item, response=response)
        preview = preview_of(study, 1, 1)
        assert preview.total == 11
        assert preview.replies[0].stimulus != response.stimulus_id

    def test_beyond_the_last_leads_to_the_last(
        self, signed_in: Client, team: Team, runs: list[GenerationRun]
    ) -> None:
        study = make_draft(team, runs)
        response = signed_in.get(reverse("study_preview", args=[study.pk, 1, 99]))
        assert response.headers["Location"] == reverse("study_preview", args=[study.pk, 1, 12])
        response = signed_in.get(reverse("study_preview", args=[study.pk, 1, 0]))
        assert response.headers["Location"] == reverse("study_preview", args=[study.pk, 1, 1])
        assert signed_in.get(reverse("study_preview", args=[study.pk, 3, 1])).status_code == 404

    def test_of_too_few_runs_says_so(
        self, signed_in: Client, team: Team, runs: list[GenerationRun]
    ) -> None:
        study = make_draft(team, runs[:1], parts=[{"design": "pairwise"}])
        page = signed_in.get(reverse("study_preview", args=[study.pk, 1, 1])).content.decode()
        assert "Choose more generation runs" in page

    def test_takes_as_many_queries_for_many_client_turns_as_for_few(
        self, signed_in: Client, team: Team
    ) -> None:
        def queries(dialogues: int) -> int:
            corpus = factories.make_corpus_with_dialogues(team, dialogues, name=f"{dialogues}")
            made = [
                factories.make_run_with_responses(team, corpus, f"{n}-{dialogues}") for n in "ab"
            ]
            study = make_draft(team, made, parts=[{"design": "pairwise"}])
            Study.objects.filter(pk=study.pk).update(name=f"{dialogues}")
            url = reverse("study_preview_item", args=[study.pk, 1, 1])
            with CaptureQueriesContext(connection) as captured:
                assert signed_in.get(url).status_code == 200
            return len(captured)

        assert queries(1) == queries(9)


def test_suggested_notes_name_the_words_they_were_found_by(
    signed_in: Client, team: Team, runs: list[GenerationRun]
) -> None:
    turn = Turn.objects.filter(speaker="client").order_by("pk")[0]
    Turn.objects.filter(pk=turn.pk).update(text="He beat me when he was drunk.")
    study = make_draft(team, runs)
    url = reverse("study_notes", args=[study.pk])
    page = signed_in.get(url).content.decode()
    assert "violence, alcohol or drugs" in page
    assert "“beat me”, “drunk”" in page
    assert "He beat me when he was drunk." in page
    assert reverse("study_preview", args=[study.pk, 1, 1]) in page
    Dialogue.objects.update(situation="")
    Turn.objects.update(text="Nothing of the kind.")
    cache.clear()
    assert "None of these words was found" in signed_in.get(url).content.decode()
