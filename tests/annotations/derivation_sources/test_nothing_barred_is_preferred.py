"""From the database to the pairs: what must never be preferred, in studies answered at random."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from annotations.derivation.derive import derive
from annotations.derivation.outcome import Derivation
from annotations.derivation.rules import DerivationRules
from annotations.models import Assignment, Candidate, Flag, Preference, Rating, Study
from annotations.selectors.evidence import study_evidence
from inference.models import Response
from mood_eval.models import Team
from tests.answered_studies import (
    NEITHER,
    add_item,
    add_part,
    choose,
    flag_harm,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses

pytestmark = pytest.mark.django_db
SEEDS = (1, 2, 3)
WORDS = ("So hard.", "Tell me more.", "Cheer up.", "And then?", "I see.", "")
LIMIT, FLOOR = 128, 5.5
KINDS: dict[str, dict[str, Any]] = {
    "by default": {},
    "of scores": {"evidence": "scores", "margin": 1.0},
    "every rater, ties as equal": {"decision": "every_rater", "ties": "equal"},
    "each criterion": {"per_criterion": True, "criteria": ("empathy", "safety"), "margin": 1.0},
    "weighted": {
        "weights": (("empathy", 9.0), ("safety", 1.0)),
        "evidence": "scores",
        "margin": 0.5,
    },
}


def answered(team: Team, seed: int) -> Study:
    """Four sessions, two of one client; R3 and R4 do not allow training."""
    random = Random(seed)
    corpus = make_corpus_with_dialogues(team, 4)
    corpus.sessions.filter(label__in=("session-000", "session-003")).update(client="Ann")
    runs = [make_run_with_responses(team, corpus, name) for name in ("one", "two", "three")]
    for reply in Response.objects.filter(run__in=runs).order_by("pk"):
        reply.text = random.choice(WORDS)
        reply.new_tokens = LIMIT if random.random() < 0.1 else 20
        reply.save()
    study = make_study(team, runs, raters=4)
    study.raters.filter(pseudonym__in=("R3", "R4")).update(allows_training=False)
    instrument = make_instrument(criteria=("empathy", "safety"))
    pairs = add_part(study, "pairwise", instrument)
    alone = add_part(study, "absolute", instrument)
    raters = list(study.raters.order_by("pseudonym"))
    for stimulus, replies in responses_by_stimulus(runs):
        pair = add_item(pairs, stimulus, random.sample(replies, 2))
        for rater in raters:
            value = random.choice((-2, -1, 0, 1, 2))
            given = choose(pair, rater, NEITHER if random.random() < 0.04 else value)
            if random.random() < 0.02:
                flag_harm(given, random.choice(replies[:1] + list(_shown(given))))
        for reply in replies:
            item = add_item(alone, stimulus, [reply])
            for rater in raters:
                safety = 3 if random.random() < 0.02 else random.randint(6, 10)
                score(item, rater, {"empathy": random.randint(1, 10), "safety": safety})
    return study


def _shown(given: Assignment) -> list[Response]:
    return list(Response.objects.filter(candidates__item=given.item_id).order_by("pk"))


def derived(study: Study, **rules: Any) -> Derivation:
    wanted = DerivationRules(**rules)
    return derive(study_evidence(study, wanted), wanted)


def barred(study: Study) -> set[int]:
    """Said of them by anybody, of the same words to the same client turn as well."""
    bad = set(
        Candidate.objects.filter(flags__kind=Flag.Kind.HARM).values_list("response", flat=True)
    )
    neither = Preference.objects.filter(tie_kind="neither_acceptable")
    bad |= set(neither.values_list("assignment__item__candidates__response", flat=True))
    unsafe = Rating.objects.filter(criterion__slug="safety", score__lt=FLOOR)
    bad |= set(unsafe.values_list("candidate__response", flat=True))
    bad |= set(Response.objects.filter(text="").values_list("pk", flat=True))
    said = set(Response.objects.filter(pk__in=bad).values_list("stimulus", "text"))
    rows = Response.objects.values_list("pk", "stimulus", "text")
    return {pk for pk, *words in rows if tuple(words) in said}


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_anybody_objected_to_is_preferred(team: Team, seed: int) -> None:
    study = answered(team, seed)
    bad = barred(study)
    replies = Response.objects.in_bulk()
    assert 0 < len(bad) < len(replies)
    for name, rules in KINDS.items():
        found = derived(study, **rules)
        assert found.pairs, name
        for pair in found.pairs:
            chosen, rejected = replies[pair.chosen], replies[pair.rejected]
            assert pair.chosen not in bad, name
            assert chosen.stimulus_id == rejected.stimulus_id
            assert chosen.text != rejected.text
            assert LIMIT not in (chosen.new_tokens, rejected.new_tokens)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_raters_who_do_not_allow_training_prefer_decides_nothing(
    team: Team, seed: int
) -> None:
    study = answered(team, seed)
    before = {name: derived(study, **rules) for name, rules in KINDS.items()}
    theirs = {"assignment__rater__allows_training": False}
    for choice in Preference.objects.filter(**theirs, tie_kind=""):
        candidates = choice.assignment.item.candidates.exclude(preferences=choice)
        choice.preferred, choice.strength = candidates.order_by("pk")[0], 2
        choice.save()
    Rating.objects.filter(**theirs, criterion__slug="empathy").update(score=1)
    assert {name: derived(study, **rules) for name, rules in KINDS.items()} == before


@pytest.mark.parametrize("seed", SEEDS)
def test_no_client_and_no_session_is_on_two_sides_of_a_split(team: Team, seed: int) -> None:
    study = answered(team, seed)
    shares = (("train", 0.5), ("test", 0.5))
    found = derived(study, shares=shares, seed=seed, evidence="scores", margin=1.0)
    sides: dict[object, set[str]] = {}
    replies = Response.objects.select_related("stimulus__dialogue__session").in_bulk()
    for pair in found.pairs:
        session = replies[pair.chosen].stimulus.dialogue.session
        sides.setdefault(session.client or session.label, set()).add(pair.split)
    assert len(sides) > 1
    assert {len(splits) for splits in sides.values()} == {1}


def test_a_study_gives_the_same_pairs_however_often_it_is_read(team: Team) -> None:
    study = answered(team, 1)
    rules = DerivationRules()
    first, again = (study_evidence(study, rules) for _ in "ab")
    assert first == again
    turned = replace(first, choices=first.choices[::-1], scores=first.scores[::-1])
    assert derive(turned, rules) == derive(first, rules)
