"""A study that asks how responses were reasoned needs responses that say so."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotations.models import Candidate, Instrument, Item, Study
from annotations.selectors.launch_checks import launch_advice, launch_problems
from annotations.services.instruments import ensure_instrument
from annotations.services.studies import launch_study
from annotations.services.study_drafts import edit_draft, start_draft
from inference.errors import InvalidOptionsError
from inference.labels import CHAIN
from inference.models import GenerationRun, Response
from mood_eval.models import Team, User
from tests import factories
from tests.annotations.studies.drafts import make_draft, make_runs
from tests.rating_items import make_instrument

pytestmark = pytest.mark.django_db
WHOLE = dict.fromkeys(CHAIN, "She feels alone.")
ASKS = {"design": "absolute", "instrument": "shipped:escot-chain"}


@pytest.fixture
def ada() -> User:
    return factories.make_user("ada@example.org")


@pytest.fixture
def team(ada: User) -> Team:
    return factories.make_team(owner=ada)


@pytest.fixture
def runs(team: Team) -> list[GenerationRun]:
    """Three answers to each of twelve client turns."""
    runs = make_runs(team)
    Response.objects.update(chain=WHOLE)
    return runs


def said(study: Study) -> list[str]:
    return [str(problem) for problem in launch_problems(study)]


def test_responses_with_their_reasoning_can_be_asked_about(
    team: Team, runs: list[GenerationRun]
) -> None:
    study = make_draft(team, runs, parts=(ASKS,), show_chain=True)
    assert list(launch_problems(study)) == []
    assert not [advice for advice in launch_advice(study) if "reasoning" in advice]
    assert launch_study(study).state == Study.State.OPEN


def test_the_launch_counts_what_lacks_it_and_names_the_links(
    team: Team, runs: list[GenerationRun]
) -> None:
    first, second = Response.objects.order_by("pk")[:2]
    Response.objects.filter(pk=first.pk).update(chain={})
    Response.objects.filter(pk=second.pk).update(chain=WHOLE | {"appraisal": "  "})
    study = make_draft(team, runs, parts=({"design": "absolute"}, ASKS))
    (problem,) = said(study)
    assert problem.startswith(
        "Part 2 asks about the reasoning behind responses (emotion, stimulus, appraisal, strategy "
        "reason), and 2 of the 36 responses of the chosen runs come without it."
    )
    with pytest.raises(InvalidOptionsError, match="2 of the 36 responses"):
        launch_study(study)
    assert Item.objects.count() == 0


def test_only_the_links_that_are_asked_about_have_to_be_there(
    team: Team, runs: list[GenerationRun]
) -> None:
    instrument = make_instrument([{"slug": "view", "about_chain": "appraisal"}])
    parts = ({"design": "absolute", "instrument": str(instrument.pk)},)
    Response.objects.update(chain={"appraisal": "Nobody noticed."})
    assert said(make_draft(team, runs, parts=parts)) == []
    Response.objects.update(chain={"emotion": "Alone."})
    (problem,) = said(Study.objects.get())
    assert "(appraisal), and 36 of the 36" in problem


def test_whole_dialogues_are_counted_by_their_last_response(
    team: Team, runs: list[GenerationRun]
) -> None:
    Response.objects.filter(run=runs[0]).update(chain={})
    study = make_draft(team, runs, parts=(ASKS | {"unit": "dialogue"},))
    (problem,) = said(study)
    assert "4 of the 12 responses" in problem


def test_items_of_the_reference_panel_need_it_too(team: Team, runs: list[GenerationRun]) -> None:
    study = make_draft(team, runs[1:], parts=(ASKS,))
    part = study.parts.get()
    bare = Response.objects.filter(run=runs[0]).order_by("pk")[0]
    Response.objects.filter(pk=bare.pk).update(chain={})
    item = Item.objects.create(
        part=part, stimulus=bare.stimulus, pool=Item.Pool.REFERENCE, position=1
    )
    Candidate.objects.create(item=item, response=bare)
    assert any("1 of the 1 responses of the reference panel" in problem for problem in said(study))


def test_reasoning_that_some_lack_can_be_shown_with_a_word_of_warning(
    team: Team, runs: list[GenerationRun]
) -> None:
    Response.objects.filter(run=runs[0]).update(chain={})
    study = make_draft(team, runs, show_chain=True)
    assert said(study) == []
    (advice,) = [advice for advice in launch_advice(study) if "reasoning" in advice]
    assert "12 of 36 come without one" in advice
    Response.objects.update(chain={})
    (advice,) = [advice for advice in launch_advice(study) if "reasoning" in advice]
    assert advice.endswith("no response comes with one.")


@pytest.mark.parametrize(("design", "warned"), [("absolute", True), ("pairwise", False)])
def test_beside_single_responses_a_reasoning_that_some_lack_tells_who_speaks(
    team: Team, runs: list[GenerationRun], design: str, warned: bool
) -> None:
    Response.objects.filter(run=runs[0]).update(chain={})
    study = make_draft(team, runs, parts=({"design": design},), show_chain=True)
    (advice,) = [advice for advice in launch_advice(study) if "reasoning" in advice]
    assert ("models from people" in advice) == warned


def test_the_template_asks_link_by_link_and_shows_the_whole(team: Team) -> None:
    study = start_draft(team=team, template="escot-chain")
    assert study.show_chain
    instrument = ensure_instrument("escot-chain")
    assert set(instrument.criteria.values_list("about_chain", flat=True)) == set(CHAIN)
    assert Instrument.objects.filter(parts__study=study).get() == instrument


def test_the_wizard_offers_it_where_there_is_any(
    client: Client, ada: User, team: Team, runs: list[GenerationRun]
) -> None:
    study = make_draft(team, runs)
    client.force_login(ada)
    url = reverse("study_parts", args=[study.pk])
    assert 'name="show_chain"' in client.get(url).content.decode()
    client.post(url, {"response_fields": "hidden", "show_chain": "on"})
    assert Study.objects.get().show_chain
    Response.objects.update(chain={})
    assert 'name="show_chain"' in client.get(url).content.decode(), "so that it can be taken back"
    client.post(url, {"response_fields": "hidden"})
    assert not Study.objects.get().show_chain
    assert 'name="show_chain"' not in client.get(url).content.decode()
    client.post(url, {"response_fields": "hidden", "show_chain": "on"})
    assert not Study.objects.get().show_chain


def test_a_member_may_choose_it_and_a_stranger_finds_nothing(
    client: Client, team: Team, runs: list[GenerationRun]
) -> None:
    study = make_draft(team, runs)
    url = reverse("study_parts", args=[study.pk])
    member, stranger = (
        factories.make_user("max@example.org"),
        factories.make_user("sam@example.org"),
    )
    factories.make_team(owner=stranger, name="Elsewhere")
    team.memberships.create(user=member)
    client.force_login(stranger)
    sent = {"response_fields": "hidden", "show_chain": "on"}
    assert client.post(url, sent).status_code == 404
    assert not Study.objects.get().show_chain
    client.force_login(member)
    assert client.post(url, sent).status_code == 302
    assert Study.objects.get().show_chain
    edit_draft(study=study, show_chain=False)
    client.logout()
    assert client.post(url, sent).status_code == 302
    assert not Study.objects.get().show_chain
