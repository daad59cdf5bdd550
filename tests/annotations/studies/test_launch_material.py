"""What a launch draws as whole dialogues, and which items it gives a content note."""

from __future__ import annotations

import pytest

from annotations.models import Item
from annotations.selectors.planned_study import plan_study
from annotations.services.studies import launch_study
from inference.errors import NothingSelectedError
from inference.models import Dialogue, GenerationRun, Stimulus, Turn
from mood_eval.models import Team
from tests import factories
from tests.annotations.studies.drafts import make_draft, make_runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return factories.make_team(owner=factories.make_user("ada@example.org"))


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    return make_runs(team)


class TestWholeDialogues:
    def test_are_matched_by_their_id_within_one_corpus(
        self, team: Team, runs: list[GenerationRun]
    ) -> None:
        parts = [{"design": "pairwise", "unit": "dialogue"}]
        study = launch_study(make_draft(team, runs[:2], parts=parts))
        items = Item.objects.filter(part__study=study)
        assert items.count() == 4
        last = set(
            Stimulus.objects.order_by("dialogue", "-first_position")
            .distinct("dialogue")
            .values_list("pk", flat=True)
        )
        assert set(items.values_list("stimulus", flat=True)) == last
        for item in items:
            shown = item.candidates.values_list("response__stimulus__dialogue", flat=True)
            assert len(set(shown)) == 1

    def test_of_two_corpora_are_matched_by_the_same_id(self, team: Team) -> None:
        made = self.two_corpora(team)
        parts = [{"design": "pairwise", "unit": "dialogue"}]
        launch_study(make_draft(team, made, parts=parts))
        for item in Item.objects.all():
            names = item.candidates.values_list(
                "response__stimulus__dialogue__external_id", flat=True
            )
            assert len(names) == 2
            assert len(set(names)) == 1

    def test_without_a_common_id_are_matched_by_the_type_of_problem(self, team: Team) -> None:
        made = self.two_corpora(team)
        theirs = Dialogue.objects.filter(corpus=made[1].corpus).order_by("pk")
        for number, dialogue in enumerate(theirs):
            dialogue.external_id = f"other-{number}"
            dialogue.problem_type = "Grief " if number else "work"
            dialogue.save()
        ours = Dialogue.objects.filter(corpus=made[0].corpus)
        ours.update(problem_type="grief")
        parts = [{"design": "pairwise", "unit": "dialogue"}]
        study = make_draft(team, made, parts=parts)
        first = [item.replies for item in plan_study(study, 3)[0].items]
        assert first == [item.replies for item in plan_study(study, 3)[0].items], "by seed"
        launch_study(study)
        assert Item.objects.count() == 3, "one of the other corpus is about work"
        for item in Item.objects.all():
            corpora = item.candidates.values_list("response__run__corpus", flat=True)
            assert len(set(corpora)) == 2

    def test_without_anything_in_common_are_refused(self, team: Team) -> None:
        made = self.two_corpora(team)
        for number, dialogue in enumerate(Dialogue.objects.filter(corpus=made[1].corpus)):
            dialogue.external_id, dialogue.problem_type = f"other-{number}", ""
            dialogue.save()
        parts = [{"design": "pairwise", "unit": "dialogue"}]
        with pytest.raises(NothingSelectedError, match="types of problem alike"):
            launch_study(make_draft(team, made, parts=parts))

    def two_corpora(self, team: Team) -> list[GenerationRun]:
        return [
            factories.make_run_with_responses(
                team, factories.make_corpus_with_dialogues(team, 4, name=name), f"model-{name}"
            )
            for name in ("One", "Two")
        ]


class TestContentNotes:
    def test_name_the_themes_of_all_that_is_shown(
        self, team: Team, runs: list[GenerationRun]
    ) -> None:
        turn = Turn.objects.filter(speaker="client", position=2).order_by("pk")[0]
        Turn.objects.filter(pk=turn.pk).update(text="I wanted to die, so I cut myself.")
        launch_study(make_draft(team, runs[:1], raters=2))
        noted = Item.objects.filter(stimulus__dialogue=turn.dialogue_id).order_by("position")
        notes = {
            item.stimulus.first_position: item.content_note
            for item in noted.select_related("stimulus")
        }
        # The first client turn comes before it; the later ones show it in the dialogue so far.
        assert notes == {0: "", 2: "suicide, self-harm", 5: "suicide, self-harm"}
        others = Item.objects.exclude(stimulus__dialogue=turn.dialogue_id)
        assert set(others.values_list("content_note", flat=True)) == {""}

    def test_keep_to_the_chosen_themes(self, team: Team, runs: list[GenerationRun]) -> None:
        Dialogue.objects.update(situation="After her miscarriage she drank too much.")
        study = launch_study(make_draft(team, runs[:1], raters=2), ["alcohol or drugs"])
        notes = set(Item.objects.filter(part__study=study).values_list("content_note", flat=True))
        assert notes == {"alcohol or drugs"}

    def test_can_be_left_out(self, team: Team, runs: list[GenerationRun]) -> None:
        Dialogue.objects.update(problem_type="Suicidal thoughts")
        launch_study(make_draft(team, runs[:1], raters=2), [])
        assert set(Item.objects.values_list("content_note", flat=True)) == {""}
