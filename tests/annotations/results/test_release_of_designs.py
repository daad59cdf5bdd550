"""What a release says of the best of several."""

from __future__ import annotations

import json

import pytest

from annotations.derivation.rules import DerivationRules
from annotations.models import Study
from annotations.services.datasets import release_folder, release_preferences
from inference.models import Response, Stimulus
from inference.preference_files import PAIRS_FILE, read_pairs
from mood_eval.models import Team
from tests.answered_studies import (
    add_item,
    add_part,
    make_instrument,
    make_study,
    pick,
    responses_by_stimulus,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_releases_yet")]

Turns = list[tuple[Stimulus, list[Response]]]


@pytest.fixture
def study(team: Team) -> Study:
    corpus = make_corpus_with_dialogues(team, 1)
    names = ("one", "two", "three")
    runs = [make_run_with_responses(team, corpus, name, f"Reply of {name}.") for name in names]
    return make_study(team, runs)


@pytest.fixture
def turns(study: Study) -> Turns:
    return responses_by_stimulus([link.run for link in study.study_runs.all()])


def test_a_release_names_the_order_in_which_each_rater_saw_what_was_compared(
    study: Study, turns: Turns
) -> None:
    part = add_part(study, "best_of_n", make_instrument(), with_overall=False)
    stimulus, replies = turns[0]
    item = add_item(part, stimulus, replies)
    one, two = study.raters.order_by("pseudonym")
    first = pick(item, one, replies[1], "empathy")
    second = pick(item, two, replies[1], "empathy")
    second.display_order = second.display_order[::-1]
    second.save(update_fields=["display_order"])
    folder = release_folder(release_preferences(study=study, rules=DerivationRules(margin=1)))
    pairs = list(read_pairs(folder / PAIRS_FILE))
    assert len(pairs) == 2
    for pair in pairs:
        assert pair.meta["chosen_response"] == str(replies[1].pk)
        assert json.loads(pair.meta["display_orders"]) == [
            first.display_order,
            first.display_order[::-1],
        ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["agreement"][0]["level"] == "nominal"
    assert "| nominal |" in (folder / "README.md").read_text()
