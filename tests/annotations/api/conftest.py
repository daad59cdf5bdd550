"""Ada owns the team, Max is in it, Rui rates in its study, Sam runs another lab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from annotations.models import (
    Amendment,
    Dispute,
    Flag,
    Gate,
    GateAttempt,
    ReleaseJob,
    Study,
    StudyRater,
    Webhook,
    WebhookDelivery,
)
from annotations.services.api_tokens import renew_token
from annotations.services.consent import give_consent
from annotations.services.instruments import copy_instrument, ensure_instrument
from annotations.services.invitations import create_invitations
from annotations.services.webhooks import add_webhook, announce
from inference.models import ModelVersion, TrainingRun
from mood_eval.models import Team, User
from tests import factories

PEOPLE = ("owner", "member", "rater", "stranger", "anonymous")
BOTH = "multimood-trust-both"
MODELS = ("hush-first", "hush-second")


@dataclass(frozen=True)
class World:
    team: Team
    study: Study
    draft: Study
    place: StudyRater
    people: dict[str, User]
    keys: dict[str, Any]
    """Name of an argument of a route -> its value; a dot says of which route."""


def make_world() -> World:
    owner, member, stranger, rui, mia = (
        factories.make_user(f"{name}@example.org") for name in ("ada", "max", "sam", "rui", "mia")
    )
    team = factories.make_team(owner=owner, members=[member])
    factories.make_team("Another lab", owner=stranger)
    corpus = factories.make_corpus_with_dialogues(team, 1, name="hush-corpus", clips=True)
    runs = [
        factories.make_run_with_responses(team, corpus, name, f"Words number {number}.")
        for number, name in enumerate(MODELS)
    ]
    # Before the launch, so that no message of it waits beside the one made below.
    study = factories.make_study(team, runs, [rui, mia], template=BOTH, name="Quiet study")
    draft = factories.make_study(
        team, runs, [rui, mia], template=BOTH, launched=False, consented=False, name="Draft study"
    )
    webhook = add_webhook(team=team, url="http://localhost/hook", events=["flag.raised"])
    place = study.raters.select_related("study").get(user=rui)
    give_consent(place, training=True)
    assignment = place.assignments.order_by("position").first()
    assert assignment is not None
    flag = Flag.objects.create(assignment=assignment, kind=Flag.Kind.FAULT, text="hush-flag")
    announce(Webhook.Event.FLAG_RAISED, study, flag=flag.pk, rater=place.pseudonym)
    gate = Gate.objects.create(part=study.parts.order_by("position")[0], items=2)
    attempt = GateAttempt.objects.create(
        rater=study.raters.exclude(pk=place.pk).get(),
        gate=gate,
        number=1,
        finished_at=study.launched_at,
        passed=False,
        kappa=0.1,
    )
    criterion = assignment.item.part.instrument.criteria.first()
    Dispute.objects.create(item=assignment.item, criterion=criterion, rule=Dispute.Rule.RANGE)
    Dispute.objects.create(item=assignment.item, rule=Dispute.Rule.FLAG)
    (link,) = create_invitations(study=study, by=owner, unnamed=1)
    own = copy_instrument(team=team, instrument=ensure_instrument("multimood-trust"))
    Amendment.objects.create(study=study, by=owner, what="hush-change", reason="A reason.")
    releasing = ReleaseJob.objects.create(study=study, rules={"margin": 1})
    training = make_training(runs[0].model_version)
    keys = {
        "study": study.pk,
        "api_study.pk": study.pk,
        "api_study-launch.pk": draft.pk,
        "api_corpus.pk": corpus.pk,
        "api_model.pk": runs[0].model_version_id,
        "api_run.pk": runs[0].pk,
        "api_training.pk": training.pk,
        "api_release.pk": releasing.pk,
        "rater": study.raters.exclude(pk=place.pk).get().pk,
        "invitation": link.invitation.pk,
        "flag": flag.pk,
        "attempt": attempt.pk,
        "item": assignment.item_id,
        "ref": str(own.pk),
        "uuid": place.uuid,
        "api_item.pk": assignment.pk,
        "number": 1,
        "webhook": webhook.pk,
        "api_webhook.pk": webhook.pk,
        "api_delivery.pk": WebhookDelivery.objects.get().pk,
    }
    people = {"owner": owner, "member": member, "rater": rui, "stranger": stranger}
    return World(team, study, draft, place, people, keys)


def make_training(base: ModelVersion) -> TrainingRun:
    run = TrainingRun.objects.create(
        team=base.team, name="hush-training", method="dpo", base=base, dataset_path="x", total=2
    )
    run.points.create(step=1, values={"loss": 0.7})
    run.samples.create(step=1, key="d:0", client="hush-client", text="hush-answer")
    return run


@pytest.fixture
def world(db: None) -> World:
    return make_world()


Signed = Callable[[str], Client]


@pytest.fixture
def signed(world: World) -> Signed:
    """A client with the person's key to the API, as a program has it."""

    def client_of(name: str) -> Client:
        if name == "anonymous":
            return Client()
        key = renew_token(world.people[name])
        return Client(headers={"authorization": f"Token {key}"})

    return client_of
