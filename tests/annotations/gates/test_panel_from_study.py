"""Items of a closed study on which chosen raters agreed, as a panel of another study."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from annotations.models import Item, ReferenceAnswer, Study, StudyPart, StudyRater
from annotations.selectors.panel_sources import middle, panel_sources, possible_panel
from annotations.services.reference_panel import (
    add_panel_from_study,
    mark_for_training,
    remove_panel_items,
    set_pool,
)
from inference.errors import InvalidOptionsError, NothingSelectedError, UnknownNameError
from inference.models import GenerationRun
from mood_eval.models import Team
from tests.annotations.gates.worlds import add_panel, draft, team_with_runs
from tests.answered_studies import (
    add_item,
    add_part,
    choose,
    make_study,
    responses_by_stimulus,
    score,
)

pytestmark = pytest.mark.django_db
Raters = list[StudyRater]


def scored(
    *scores: Sequence[int | str | None], state: str = Study.State.CLOSED
) -> tuple[StudyPart, StudyPart, Raters]:
    """A draft, and a part of a closed study in which raters gave these scores, one row an item;
    None: the rater did not have the item."""
    team, runs = team_with_runs()
    part = draft(team, runs)
    source, raters = source_for(team, runs, part, len(scores[0]), state)
    for (stimulus, responses), row in zip(responses_by_stimulus(runs), scores, strict=False):
        item = add_item(source, stimulus, responses[:1])
        for rater, value in zip(raters, row, strict=True):
            if value is not None:
                score(item, rater, {"empathy": value})
    return part, source, raters


def source_for(
    team: Team, runs: Sequence[GenerationRun], part: StudyPart, raters: int, state: str
) -> tuple[StudyPart, Raters]:
    study = make_study(team, runs, raters=raters, name="Earlier", state=state)
    source = add_part(study, part.design, part.instrument, with_overall=part.with_overall)
    return source, list(study.raters.order_by("pseudonym"))


def test_items_on_which_raters_agree_are_copied_with_the_median() -> None:
    part, source, raters = scored([7, 8, 7], [2, 9, 4], [5, 5, 5])
    added = add_panel_from_study(part=part, source=source, raters=raters, tolerance=1)
    assert (added.items, added.left) == (2, ["1 item on which they differ by more"])
    said = ReferenceAnswer.objects.order_by("item__position")
    assert [row.score for row in said] == [7, 5]
    assert said[0].source == "Study Earlier, R1, R2, R3"
    first, original = part.items.order_by("position")[0], source.items.order_by("position")[0]
    assert first.stimulus == original.stimulus
    assert first.candidates.get().response == original.candidates.get().response


def test_only_the_chosen_raters_count() -> None:
    part, source, raters = scored([7, 7, 1], [4, 4, 9])
    assert add_panel_from_study(part=part, source=source, raters=raters[:2]).items == 2


def test_items_that_fewer_than_two_answered_are_left_out_and_counted() -> None:
    part, source, raters = scored([7, None], [4, "cannot_tell"], [3, 3])
    added = add_panel_from_study(part=part, source=source, raters=raters)
    assert added.items == 1
    assert added.left == ["2 items that fewer than two of them answered in full"]


def test_what_the_panel_has_already_stays_as_it_is() -> None:
    part, source, raters = scored([7, 7], [4, 4])
    add_panel_from_study(part=part, source=source, raters=raters)
    again = add_panel_from_study(part=part, source=source, raters=raters)
    assert (again.items, again.left) == (0, ["2 items that the panel has already"])


def test_of_choices_between_two_the_middle_counts() -> None:
    team, runs = team_with_runs()
    part = draft(team, runs, "pairwise")
    source, raters = source_for(team, runs, part, 2, Study.State.CLOSED)
    for (stimulus, responses), row in zip(
        responses_by_stimulus(runs), [(-2, -1), (1, -1), (0, 0), (2, 2)], strict=False
    ):
        item = add_item(source, stimulus, responses)
        for rater, value in zip(raters, row, strict=True):
            choose(item, rater, value, "empathy")
    added = add_panel_from_study(part=part, source=source, raters=raters, tolerance=1)
    assert added.items == 3
    rows = ReferenceAnswer.objects.select_related("preferred__response").order_by("item__position")
    assert [(r.preferred and r.preferred.response.run_id, r.strength) for r in rows] == [
        (runs[0].pk, 1),
        (None, 0),
        (runs[1].pk, 2),
    ]


@pytest.mark.parametrize(
    ("values", "tolerance", "expected"),
    [
        ([4, 5], 1, 4),
        ([4, 6], 2, 5),
        ([-2, -1], 1, -1),
        ([3, 3, 4], 1, 3),
        ([1, 4], 2, None),
        ([7, 7], 0, 7),
    ],
)
def test_the_middle(values: list[int], tolerance: int, expected: int | None) -> None:
    assert middle(values, tolerance) == expected


def test_sources_are_closed_studies_of_the_team_that_asked_the_same() -> None:
    part, source, _ = scored([7, 7])
    assert list(panel_sources(part)) == [source]
    assert [r.pseudonym for r in possible_panel(source)] == ["R1", "R2"]
    source.study.state = Study.State.OPEN
    source.study.save()
    assert not panel_sources(part).exists()


def test_an_open_study_is_no_source() -> None:
    part, source, raters = scored([7, 7], state=Study.State.OPEN)
    with pytest.raises(InvalidOptionsError, match="Close it first"):
        add_panel_from_study(part=part, source=source, raters=raters)


def test_another_teams_study_is_unknown() -> None:
    _, source, raters = scored([7, 7])
    team, runs = team_with_runs(name="Elsewhere")
    part = draft(team, runs, instrument=source.instrument)
    with pytest.raises(UnknownNameError):
        add_panel_from_study(part=part, source=source, raters=raters)


def test_one_rater_is_no_panel_and_no_agreement_is_no_panel() -> None:
    part, source, raters = scored([7, 1])
    with pytest.raises(InvalidOptionsError, match="at least two raters"):
        add_panel_from_study(part=part, source=source, raters=raters[:1])
    with pytest.raises(NothingSelectedError, match="allow a larger difference"):
        add_panel_from_study(part=part, source=source, raters=raters)


# What the team does with the panel's items


def panel_of_four() -> StudyPart:
    team, runs = team_with_runs()
    part = draft(team, runs)
    add_panel(part, [1, 2, 3, 4])
    return part


def test_items_for_training_are_marked_by_seed_those_with_an_explanation_first() -> None:
    part = panel_of_four()
    without = part.items.order_by("position")[0]
    ReferenceAnswer.objects.filter(item=without).update(explanation="")
    mark_for_training(part=part, count=3)
    training = part.items.filter(pool=Item.Pool.TRAINING)
    assert training.count() == 3
    assert without not in training
    mark_for_training(part=part, count=0)
    assert not training.all().exists()
    with pytest.raises(InvalidOptionsError, match="from 0 to 4"):
        mark_for_training(part=part, count=5)


def test_an_item_changes_its_use_or_leaves_the_panel() -> None:
    part = panel_of_four()
    item = part.items.order_by("position")[0]
    set_pool(part=part, item=item.pk, pool=Item.Pool.TRAINING)
    item.refresh_from_db()
    assert item.pool == Item.Pool.TRAINING
    with pytest.raises(InvalidOptionsError):
        set_pool(part=part, item=item.pk, pool=Item.Pool.STUDY)
    assert remove_panel_items(part=part, items=[item.pk]) == 1
    assert remove_panel_items(part=part) == 3
    assert not ReferenceAnswer.objects.exists()
