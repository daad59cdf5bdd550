"""Every address, for everyone: owner, member, rater, stranger, and who has not signed in.

A new address without a line here fails the first test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from annotations.derivation.rules import DerivationRules
from annotations.judging.contract import JudgeOptions
from annotations.models import Flag, Gate, GateAttempt, Instrument, Webhook
from annotations.services.analyses import request_analysis, run_analysis
from annotations.services.consent import give_consent
from annotations.services.datasets import release_preferences
from annotations.services.instruments import copy_instrument, ensure_instrument
from annotations.services.invitations import create_invitations
from annotations.services.judging import start_judging
from annotations.services.release_jobs import request_release
from annotations.services.studies import create_study
from annotations.services.webhooks import add_webhook, announce
from inference.benchmarks.contract import Options
from inference.models import Clip, Dialogue, RunGroup, TrainingRun
from inference.services.benchmarks import create_benchmark, run_benchmark
from mood_eval.models import User
from tests.answered_studies import (
    CLEARLY_FIRST,
    add_item,
    add_part,
    choose,
    make_instrument,
    make_study,
    responses_by_stimulus,
)
from tests.factories import (
    make_corpus_with_dialogues,
    make_model_version,
    make_run_with_responses,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
OTHERS = ("admin/", "accounts/")
"""Not written here: Django's and allauth's own pages, with their own tests."""
PEOPLE = ("owner", "member", "rater", "stranger", "anonymous")
Statuses = tuple[int, int, int, int, int]

EVERYONE: Statuses = (200, 200, 200, 200, 200)
SIGNED_IN: Statuses = (200, 200, 200, 200, 302)
RESEARCHERS: Statuses = (200, 200, 404, 200, 302)
TEAM: Statuses = (200, 200, 404, 404, 302)
TEAM_ACTS: Statuses = (302, 302, 404, 404, 302)
RESEARCHER_ACTS: Statuses = (302, 302, 404, 302, 302)
RATER: Statuses = (404, 404, 200, 404, 302)
RATER_ACTS: Statuses = (404, 404, 302, 404, 302)
API_LIST: Statuses = (200, 200, 200, 200, 403)
API_ROW: Statuses = (200, 200, 404, 404, 403)
API_RESEARCHERS: Statuses = (200, 200, 404, 200, 403)
API_RATER: Statuses = (404, 404, 200, 404, 403)
API_NOWHERE: Statuses = (404, 404, 404, 404, 403)
API_RATER_ACTS: Statuses = (404, 404, 415, 404, 403)
"""Reached, and refused for what was sent: a form instead of JSON."""
API_TEAM_ACTS: Statuses = (415, 415, 404, 404, 403)

# In this order for each person: what changes the world for the lines below stands last.
ADDRESSES: dict[str, tuple[str, str, Statuses]] = {
    "home": ("get", "", EVERYONE),
    "healthz": ("get", "", EVERYONE),
    "set_language": ("post", "", (302, 302, 302, 302, 302)),
    "demo_sign_in": ("post", "", (404, 404, 404, 404, 404)),
    "corpus_list": ("get", "", RESEARCHERS),
    "corpus_detail": ("get", "corpus", TEAM),
    "dialogue_detail": ("get", "dialogue", TEAM),
    "clip": ("get", "clip", TEAM),
    "clip_original": ("get", "clip", TEAM),
    "model_list": ("get", "", RESEARCHERS),
    "model_detail": ("get", "model", TEAM),
    "endpoint_new": ("get", "", RESEARCHERS),
    "text_model_new": ("get", "", RESEARCHERS),
    "responses_new": ("get", "", RESEARCHERS),
    "run_list": ("get", "", RESEARCHERS),
    "run_new": ("get", "", RESEARCHERS),
    "run_detail": ("get", "run", TEAM),
    "run_responses_jsonl": ("get", "run", TEAM),
    "run_responses_csv": ("get", "run", TEAM),
    "run_calls_jsonl": ("get", "run", TEAM),
    "run_calls_csv": ("get", "run", TEAM),
    "run_benchmarks": ("get", "run", TEAM),
    "benchmark_detail": ("get", "benchmark", TEAM),
    "benchmark_file": ("get", "benchmark file", TEAM),
    "benchmark_compare": ("get", "", RESEARCHERS),
    "benchmark_compare_csv": ("get", "", (404, 404, 404, 404, 302)),  # no run is named
    "model_modalities": ("get", "model", TEAM),
    "run_group": ("get", "run group", TEAM),
    "run_recognition": ("get", "run", TEAM),
    "run_recognition_file": ("get", "recognition file", TEAM),
    "training_list": ("get", "", RESEARCHERS),
    "training_detail": ("get", "training", TEAM),
    "training_log": ("get", "training", TEAM),
    "training_new": ("get", "", RESEARCHERS),
    "training_samples": ("get", "training", TEAM),
    "training_progress_jsonl": ("get", "training", TEAM),
    "training_next": ("get", "training", TEAM),
    "study_list": ("get", "", RESEARCHERS),
    "study_new": ("get", "", RESEARCHERS),
    "study_detail": ("get", "study", TEAM),
    "instrument_list": ("get", "", RESEARCHERS),
    "instrument_new": ("get", "", RESEARCHERS),
    "instrument_import": ("get", "", RESEARCHERS),
    "instrument_shipped": ("get", "shipped instrument", RESEARCHERS),
    "instrument_shipped_toml": ("get", "shipped instrument", RESEARCHERS),
    "instrument_detail": ("get", "instrument", TEAM),
    "instrument_edit": ("get", "instrument", TEAM),
    "instrument_toml": ("get", "instrument", TEAM),
    **{
        f"study_{name}": ("get", "draft", TEAM)
        for name in (
            *("name", "replies", "turns", "parts", "part_new", "sessions", "texts", "plan"),
            *("look_over", "design_report", "notes"),
        )
    },
    "study_part": ("get", "draft part", TEAM),
    "study_preview": ("get", "draft item", TEAM),
    "study_preview_item": ("get", "draft item", TEAM),
    "study_amend": ("get", "study", TEAM),
    "study_item_notes": ("get", "study", TEAM),
    "study_item_note": ("get", "study item", TEAM),
    "study_raters": ("get", "study", TEAM),
    "raters_upload": ("get", "study", TEAM),
    "raters_csv": ("get", "study", TEAM),
    "invitation_open": ("get", "secret", EVERYONE),
    "study_progress": ("get", "study", TEAM),
    "progress_items": ("get", "study", TEAM),
    "work_share": ("get", "study", TEAM),
    "study_checklists": ("get", "study", TEAM),
    "checklist_file": ("get", "checklist", TEAM),
    **{
        f"rater_{name}": ("get", "rater", TEAM)
        for name in ("detail", "withdraw", "back", "release", "extend")
    },
    "rater_reopen": ("get", "rater's item", TEAM),
    "study_gate": ("get", "study", TEAM),
    "panel_form": ("get", "draft part", TEAM),
    "panel_from_study": ("get", "draft part", TEAM),
    "panel_items": ("get", "draft part", TEAM),
    "panel_clear": ("get", "draft part", TEAM),
    "gate_decide": ("get", "attempt", TEAM),
    "rating_gate": ("get", "place", RATER),
    "training_answer": ("get", "item", (404, 404, 404, 404, 302)),
    "study_results": ("get", "study", TEAM),
    "results_agreement": ("get", "study", TEAM),
    "results_raters": ("get", "study", TEAM),
    "results_items": ("get", "study", TEAM),
    "results_item": ("get", "study item", TEAM),
    "results_models": ("get", "study", TEAM),
    "results_judges": ("get", "study", TEAM),
    "judge_list": ("get", "study", TEAM),
    "judge_detail": ("get", "judge", TEAM),
    "results_planner": ("get", "study", TEAM),
    "results_report": ("get", "study", TEAM),
    "results_table": ("get", "table", TEAM),
    "results_answer_tables": ("get", "study", TEAM_ACTS),  # nor these
    "results_answers": ("get", "answers file", TEAM_ACTS),  # an open study has none to give
    "results_progress": ("get", "study", TEAM),
    "results_figure": ("get", "figure", TEAM),
    "results_figure_file": ("get", "figure file", TEAM),
    "dataset_import": ("get", "", RESEARCHERS),
    "dataset_list": ("get", "", RESEARCHERS),
    "release_job": ("get", "release job", TEAM),
    "release_detail": ("get", "release", TEAM),
    "release_export": ("get", "release", TEAM_ACTS),
    "release_file": ("get", "release file", TEAM),
    "study_disputes": ("get", "study", TEAM),
    "study_dispute": ("get", "study item", (404, 404, 404, 404, 302)),
    "study_flags": ("get", "study", TEAM),
    "study_flag": ("get", "flag", TEAM),
    "study_consents": ("get", "study", TEAM),
    "rating_home": ("get", "", SIGNED_IN),
    "rating_recorded": ("get", "", SIGNED_IN),
    "rating_study": ("get", "place", RATER),
    "rating_agreement": ("get", "place", RATER),
    "rating_about": ("get", "place", RATER),
    "rating_withdraw": ("get", "place", RATER),
    "rating_record": ("get", "place", RATER),
    "rating_record_json": ("get", "place", RATER),
    "rating_record_csv": ("get", "place", RATER),
    "rating_guesses": ("get", "place", RATER_ACTS),
    "rating_item": ("get", "item", RATER),
    "rating_next": ("get", "item", RATER),
    "rating_clip": ("get", "item clip", RATER),
    "rating_captions": ("get", "item clip", RATER),
    "rating_consent": ("post", "place", RATER_ACTS),
    "rating_save": ("post", "item", (404, 404, 400, 404, 401)),
    "rating_flag": ("post", "item", (404, 404, 400, 404, 302)),
    "rating_fields": ("post", "item", (404, 404, 422, 404, 302)),
    "rating_submit": ("post", "item", (404, 404, 422, 404, 302)),
    "rating_skip": ("post", "item", RATER_ACTS),
    "api_schema": ("get", "", API_LIST),
    **{
        f"api_{name}-list": ("get", "", API_LIST)
        for name in ("corpus", "model", "run", "training", "study", "dataset")
    },
    "api_corpus-detail": ("get", "corpus", API_ROW),
    "api_model-detail": ("get", "model", API_ROW),
    "api_run-detail": ("get", "run", API_ROW),
    "api_run-responses": ("get", "run", API_ROW),
    **{
        f"api_training-{act}": ("get", "training", API_ROW)
        for act in ("detail", "points", "samples", "progress")
    },
    "api_training-resume": ("post", "training", (409, 409, 404, 404, 403)),
    "api_training-cancel": ("post", "training", API_ROW),
    "api_study-detail": ("get", "study", API_ROW),
    "api_study-results": ("get", "study", API_ROW),
    "api_dataset-detail": ("get", "release", API_ROW),
    "api_dataset-export": ("get", "release", (400, 400, 404, 404, 403)),
    "api_release-list": ("post", "study", API_TEAM_ACTS),
    "api_release-detail": ("get", "release job", API_ROW),
    "api_study-amendments": ("get", "study", API_ROW),
    "api_study-progress": ("get", "study", API_ROW),
    "api_judge-list": ("get", "study", API_ROW),
    "api_template-list": ("get", "", API_RESEARCHERS),
    "api_instrument-list": ("get", "", API_RESEARCHERS),
    "api_instrument-detail": ("get", "instrument", API_ROW),
    "api_rater-list": ("get", "study", API_ROW),
    "api_invitation-list": ("get", "study", API_ROW),
    "api_flag-list": ("get", "study", API_ROW),
    "api_attempt-list": ("get", "study", API_ROW),
    "api_dispute-list": ("get", "study", API_ROW),
    "api_dispute-detail": ("get", "study item", API_NOWHERE),
    "api_dispute-settle": ("post", "study item", API_NOWHERE),
    "api_webhook-list": ("get", "", API_RESEARCHERS),
    "api_webhook-detail": ("get", "webhook", API_ROW),
    "api_delivery-list": ("get", "webhook", API_ROW),
    "api_place-list": ("get", "", API_LIST),
    "api_place-detail": ("get", "place", API_RATER),
    "api_place-next": ("get", "place", API_RATER),
    "api_item-detail": ("get", "item", API_RATER),
    "api_item-clip": ("get", "item clip", API_RATER),
    "api_item-reference": ("get", "item", API_NOWHERE),
    "api_nothing": ("get", "nothing", (404, 404, 404, 404, 404)),
    # Without JSON, so that nothing happens; all acts: tests/annotations/api/test_every_act.py.
    "api_place-consent": ("post", "place", API_RATER_ACTS),
    "api_item-answers": ("post", "item", API_RATER_ACTS),
    "api_item-fields": ("post", "item", API_RATER_ACTS),
    "api_item-flag": ("post", "item", API_RATER_ACTS),
    "api_item-submit": ("post", "item", API_RATER_ACTS),
    "api_item-skip": ("post", "item", API_RATER_ACTS),
    "api_study-amend": ("post", "study", API_TEAM_ACTS),
    "api_flag-read": ("post", "flag", API_TEAM_ACTS),
    "api_attempt-decide": ("post", "attempt", API_TEAM_ACTS),
    "api_rater-withdraw": ("post", "rater", API_TEAM_ACTS),
    "api_invitation-revoke": ("post", "invitation", API_ROW),
    "api_delivery-again": ("post", "message", API_ROW),
    "webhook_list": ("get", "", RESEARCHERS),
    "webhook_detail": ("get", "webhook", TEAM),
    "webhook_remove": ("get", "webhook", TEAM),
    "webhook_pause": ("post", "webhook", TEAM_ACTS),
    "webhook_resume": ("post", "webhook", TEAM_ACTS),
    "webhook_renew": ("post", "webhook", TEAM_ACTS),
    "webhook_again": ("post", "message", TEAM_ACTS),
    "webhook_delete": ("post", "webhook", TEAM_ACTS),
    "api_access": ("get", "", SIGNED_IN),
    "api_access_revoke": ("post", "", (302, 302, 302, 302, 302)),
    "corpus_media_rights": ("post", "corpus", TEAM_ACTS),
    "therapists_register": ("post", "corpus", TEAM_ACTS),
    "run_answer_again": ("post", "run", TEAM_ACTS),
    "run_cancel": ("post", "run", TEAM_ACTS),
    "run_resume": ("post", "run", TEAM_ACTS),
    "run_modalities": ("post", "run", TEAM_ACTS),
    "run_group_study": ("post", "run group", TEAM_ACTS),
    "benchmark_cancel": ("post", "benchmark", TEAM_ACTS),
    "benchmark_resume": ("post", "benchmark", TEAM_ACTS),
    "training_cancel": ("post", "training", TEAM_ACTS),
    "training_resume": ("post", "training", TEAM_ACTS),
    "training_generate": ("post", "training", TEAM_ACTS),
    "training_follow_up": ("post", "training", TEAM_ACTS),
    "results_compute": ("post", "study", TEAM_ACTS),
    "results_look": ("post", "study", TEAM_ACTS),
    "results_reveal": ("post", "study", TEAM_ACTS),
    "judge_cancel": ("post", "judge", TEAM_ACTS),
    "judge_resume": ("post", "judge", TEAM_ACTS),
    "instrument_shipped_copy": ("post", "shipped instrument", RESEARCHER_ACTS),
    "instrument_copy": ("post", "instrument", TEAM_ACTS),
    "instrument_delete": ("post", "instrument", TEAM_ACTS),
    "release_new": ("get", "study", TEAM),
    "release_job_act": ("post", "release job", TEAM_ACTS),
    "gate_rules": ("post", "draft part", (422, 422, 404, 404, 302)),
    "panel_upload": ("post", "draft part", (422, 422, 404, 404, 302)),
    "panel_mark": ("post", "draft part", TEAM_ACTS),
    "panel_item_change": ("post", "draft item", TEAM_ACTS),
    "study_part_remove": ("post", "draft part", TEAM_ACTS),
    "raters_invite": ("post", "study", (422, 422, 404, 404, 302)),
    "invitation_extend": ("post", "invitation", TEAM_ACTS),
    "invitation_revoke": ("post", "invitation", TEAM_ACTS),
    "invitation_sign_up": ("post", "secret", (302, 302, 302, 302, 422)),
    "invitation_accept": ("post", "secret", (302, 302, 302, 302, 302)),
    "study_launch": ("post", "study", TEAM_ACTS),
    "study_close": ("post", "study", TEAM_ACTS),
    "api_study-launch": ("post", "study", (409, 409, 404, 404, 403)),
    "api_study-close": ("post", "study", (409, 409, 404, 404, 403)),
}


@dataclass(frozen=True)
class World:
    people: dict[str, User]
    keys: dict[str, tuple[Any, ...]]


@pytest.fixture
def world() -> World:
    owner, member, stranger = (make_user(f"{name}@example.org") for name in ("ada", "max", "sam"))
    team = make_team(owner=owner, members=[member])
    make_team("Another lab", owner=stranger)
    corpus = make_corpus_with_dialogues(team, 1, name="hush-corpus", clips=True)
    runs = [
        make_run_with_responses(team, corpus, name, f"{name[5:]} words")
        for name in ("hush-first", "hush-second")
    ]
    study = make_study(team, runs, raters=1, name="Quiet study")
    place = study.raters.get()
    give_consent(place, training=True)
    part = add_part(study, "pairwise", make_instrument())
    stimulus, both = responses_by_stimulus(runs)[0]
    assignment = choose(add_item(part, stimulus, both), place, CLEARLY_FIRST)
    flag = Flag.objects.create(assignment=assignment, kind=Flag.Kind.FAULT)
    release = release_preferences(study=study)
    releasing = request_release(study=study, rules=DerivationRules(margin=5))
    run_analysis(request_analysis(study).pk)
    figure = study.figures.all()[0]
    model = runs[0].model_version
    make_model_version(team, "hush-third", kind="multimood", path="x", weights_sha256="0" * 64)
    recognising = make_run_with_responses(team, corpus, "hush-third")
    benchmark = create_benchmark(run=recognising, suite="mesc", options=Options(resamples=100))
    run_benchmark(benchmark.pk)
    group = RunGroup.objects.create(team=team, name="hush-group")
    group.runs.set(runs)
    training = TrainingRun.objects.create(
        team=team, name="hush-training", method="dpo", base=model, dataset_path=release.folder
    )
    shipped = ensure_instrument("multimood-trust")
    own = copy_instrument(team=team, instrument=shipped)
    Instrument.objects.filter(pk=own.pk).update(name="hush-instrument")
    judge = make_model_version(team, "hush-judge", kind="text", path="nobody/judge")
    judging = start_judging(study=study, judge=judge, options=JudgeOptions())
    draft = create_study(team=team, template="multimood-trust-both", runs=runs, name="A draft")
    link, other = create_invitations(study=study, by=owner, unnamed=2)
    gate = Gate.objects.create(part=part, items=4)
    attempt = GateAttempt.objects.create(rater=place, gate=gate, number=1, passed=True)
    GateAttempt.objects.filter(pk=attempt.pk).update(finished_at=timezone.now(), kappa=0.6)
    webhook = add_webhook(team=team, url="http://localhost/hush", events=["study.closed"])
    announce(Webhook.Event.STUDY_CLOSED, study)
    keys = {
        "": (),
        "nothing": ("nowhere",),
        "webhook": (webhook.pk,),
        "message": (webhook.pk, webhook.deliveries.get().pk),
        "attempt": (study.pk, attempt.pk),
        "secret": (link.secret,),
        "invitation": (study.pk, other.invitation.pk),
        "rater": (study.pk, place.pk),
        "rater's item": (study.pk, place.pk, assignment.pk),
        "checklist": (study.pk, "heds"),
        "draft": (draft.pk,),
        "draft part": (draft.pk, 1),
        "draft item": (draft.pk, 2, 1),
        "corpus": (corpus.pk,),
        "dialogue": (Dialogue.objects.get().pk,),
        "clip": (Clip.objects.all()[0].pk,),
        "model": (model.pk,),
        "run": (runs[0].pk,),
        "benchmark": (recognising.pk, benchmark.pk),
        "benchmark file": (recognising.pk, benchmark.pk, "figures.csv"),
        "run group": (group.pk,),
        "recognition file": (recognising.pk, "confusion.csv"),
        "training": (training.pk,),
        "study": (study.pk,),
        "study item": (study.pk, assignment.item_id),
        "table": (study.pk, "agreement.csv"),
        "answers file": (study.pk, "csv"),
        "judge": (study.pk, judging.pk),
        "figure": (study.pk, figure.sha256[:16]),
        "figure file": (study.pk, figure.sha256[:16], "csv"),
        "release": (release.pk,),
        "release job": (releasing.pk,),
        "release file": (release.pk, "pairs.jsonl"),
        "flag": (study.pk, flag.pk),
        "shipped instrument": ("epitome",),
        "instrument": (own.pk,),
        "place": (place.uuid,),
        "item": (assignment.pk,),
        "item clip": (assignment.pk, 1),
    }
    people = {"owner": owner, "member": member, "rater": place.user, "stranger": stranger}
    return World(people, keys)


def names(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if path.startswith(OTHERS):
            continue
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns, path)
        else:
            yield pattern.name or path


def test_every_address_stands_in_the_table() -> None:
    assert set(names(get_resolver().url_patterns)) == set(ADDRESSES)


def words_of(response: HttpResponse) -> str:
    if getattr(response, "streaming", False):
        return ""
    return response.content.decode(errors="replace") + str(response.headers)


@pytest.mark.parametrize("person", PEOPLE)
def test_every_address_answers_as_the_table_says(world: World, client: Client, person: str) -> None:
    if person != "anonymous":
        client.force_login(world.people[person])
    for name, (method, key, statuses) in ADDRESSES.items():
        url = reverse(name, args=world.keys[key])
        response = getattr(client, method)(url)
        assert response.status_code == statuses[PEOPLE.index(person)], (name, url)
        if person == "anonymous" and response.status_code == 302 and name != "set_language":
            assert response.headers["Location"].startswith("/accounts/login/"), name
        if person not in ("owner", "member"):
            assert "hush" not in words_of(response), name
        if method == "post":
            visited = client.get(url).status_code
            assert visited in (302, 403, 404, 405), f"{name} acts on a mere visit"
