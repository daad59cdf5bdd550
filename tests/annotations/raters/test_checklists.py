"""Drafts of HEDS and of ACL's checklist say what the study knows, and no more."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from annotations.checklists import acl_draft, as_markdown, heds_draft
from annotations.models import Study
from annotations.selectors.study_facts import study_facts
from annotations.services.reassignment import withdraw_rater
from mood_eval.models import Team, User
from tests.annotations.raters.conftest import open_study, submit, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(study: Study, ada: User) -> Study:
    Study.objects.filter(pk=study.pk).update(
        recruitment="By a notice\nin two clinics.", ethics_approval="Board of Care, 2026/17"
    )
    first, second, third = study.raters.order_by("pseudonym")
    first.profession, first.years_of_practice, first.languages = "Psychologist", 4, "English; Dutch"
    second.profession, second.licence, second.years_of_practice = "psychologist ", "state", 9
    first.save()
    second.save()
    submit(work(first)[0])
    withdraw_rater(rater=third, by=ada, reason="Left.")
    return Study.objects.get(pk=study.pk)


def test_raters_are_described_as_a_group_and_the_unknown_is_counted(told: Study) -> None:
    facts = study_facts(told)
    assert (facts.raters, facts.submitting, facts.withdrawn, facts.described) == (3, 1, 1, 2)
    assert facts.professions == {"psychologist": 2}
    assert facts.languages == {"english": 1, "dutch": 1}
    assert (facts.licensed, facts.years) == (1, (2, 4, 6, 9))
    text = as_markdown(acl_draft(facts), facts)
    assert "Something is known of 2 of 3 raters" in text
    assert "nothing is known of 1 rater." in text
    assert "Years of practice of 2: median 6, from 4 to 9." in text


def test_what_only_people_know_is_left_to_them(told: Study) -> None:
    facts = study_facts(told)
    text = as_markdown(heds_draft(facts), facts)
    assert "- By a notice in two clinics." in text
    assert "- Board of Care, 2026/17" in text
    paid = text.split("**How were they paid?**")[1].split("**")[0]
    assert "Median active time an item: 20 s" in paid
    recruited = text.split("**How were they recruited?**")[1].split("**")[0]
    assert "To be completed by you" not in recruited
    reference = text.split("## 1.")[1].split("## 2.")[0]
    assert reference.count("- [ ] To be completed by you") == 3


def test_each_criterion_has_its_section_with_the_words_raters_read(told: Study) -> None:
    facts = study_facts(told)
    criteria = told.parts.get().instrument.criteria.all()
    text = as_markdown(heds_draft(facts), facts)
    assert text.count("## 4. Criterion") == len(criteria)
    for criterion in criteria:
        assert criterion.guiding_question in text
        assert " ".join(criterion.definition.split()) in text
    assert "Whole scores from 1" in text
    assert "not a validated scale" in text


def test_a_draft_that_knows_nothing_claims_nothing(team: Team) -> None:
    study = open_study(team, raters=0, launched=False)
    facts = study_facts(study)
    for draft in (heds_draft(facts), acl_draft(facts)):
        text = as_markdown(draft, facts)
        assert "None" not in text
        assert "frozen in MoodEval" not in text
        assert not re.search(r"\*\*\n\n(?!- )", text)
        assert draft.complete < draft.asked
        for section in draft.sections:
            assert all(answer.lines or answer.to_do for answer in section.answers)


def test_a_blind_team_reads_no_models_name(team: Team) -> None:
    study = open_study(team, models=("kind", "curt"), blind_researchers=True)
    facts = study_facts(study)
    text = as_markdown(heds_draft(facts), facts)
    assert "Model 1 and Model 2." in text
    assert "kind (" not in text
    assert "imported" not in text.lower()


def test_the_page_and_the_files_hold_the_same(told: Study, ada: User, client: Client) -> None:
    client.force_login(ada)
    page = client.get(f"/studies/{told.pk}/checklists/").content.decode()
    assert "Board of Care, 2026/17" in page
    assert "to be completed by you" in page
    for name in ("heds", "acl"):
        response = client.get(f"/studies/{told.pk}/checklists/{name}.md")
        assert response.headers["Content-Type"].startswith("text/markdown")
        assert "Board of Care, 2026/17" in response.content.decode()
    assert client.get(f"/studies/{told.pk}/checklists/other.md").status_code == 404
