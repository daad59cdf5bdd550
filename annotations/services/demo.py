"""The demonstration: a team, three people, a fictional corpus, models and an open study."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import transaction

from annotations.models import Study
from annotations.services.demo_answers import NAME as SCRIPTED
from annotations.services.demo_answers import scripted_study
from annotations.services.studies import create_study, launch_study
from inference.contracts import GenerationOptions
from inference.errors import DomainError
from inference.models import Corpus, GenerationRun, JobState, ModelVersion
from inference.services.demo_model import DemoModel, offer_demo_model
from inference.services.generation import (
    create_generation_run,
    run_generation,
    selected_stimuli,
)
from inference.services.imports import import_dialogues
from inference.services.model_versions import register_checkpoint, register_imported
from mood_eval.demo_accounts import RATERS, RESEARCHER, DemoAccount
from mood_eval.models import Membership, Team, User

TEAM = "Demonstration"
CORPUS = "Fictional dialogues"
MODEL = "multimood-tiny"
THERAPISTS = "written replies"
STUDY = "Replies to clients, a first look"
CORPUS_FILE = "demo/corpus/dialogues.jsonl"
CHECKPOINT = "demo/models/multimood-tiny"
STIMULI_TO_RATE = 8
SEED = 20260

Tell = Callable[[str], None]


class DemoRefusedError(DomainError):
    pass


def load_demo(tell: Tell) -> Study:
    """Does what is missing, so that a second call changes nothing."""
    if settings.PRODUCTION:
        raise DemoRefusedError("The demonstration has public passwords; production refuses it.")
    study = Study.objects.filter(team__name=TEAM, name=STUDY).first()
    if study is not None and study.state != Study.State.DRAFT:
        return study
    team, researcher = make_people()
    tell("Importing the fictional corpus")
    corpus = import_dialogues(
        team=team,
        format="jsonl",
        paths=[settings.BASE_DIR / CORPUS_FILE],
        corpus_name=CORPUS,
        user=researcher,
    ).corpus
    runs = [
        finished_run(team, corpus, version, researcher, tell)
        for version in make_models(team, corpus)
    ]
    demo_model = offer_demo_model(team, tell)
    if study is None:
        study = create_study(
            team=team,
            template="multimood-trust-both",
            runs=runs_to_rate(demo_model, corpus, runs, researcher, tell),
            name=STUDY,
            raters=[account.email for account in RATERS],
            overlap=2,
            seed=SEED,
            user=researcher,
            limit=STIMULI_TO_RATE,
        )
    tell("Launching the study")
    study = launch_study(study)
    if not Study.objects.filter(team=team, name=SCRIPTED).exists():
        tell("Answering a second study by script, to show results")
        scripted_study(team, runs, researcher)
    answer_live(team, corpus, researcher, demo_model)
    return study


def runs_to_rate(
    demo_model: DemoModel | None,
    corpus: Corpus,
    runs: Sequence[GenerationRun],
    user: User,
    tell: Tell,
) -> list[GenerationRun]:
    """The larger model in place of the small one, where it can answer here: it writes English that
    is worth rating."""
    if demo_model is None:
        return list(runs)
    version = demo_model.whole
    few = spread_stimuli(version, corpus)
    try:
        first = finished_run(version.team, corpus, version, user, tell, few)
    except DomainError as error:
        tell(f"{version} is left out of the study: {error}")
        return list(runs)
    return [first, *runs[1:]]


def spread_stimuli(version: ModelVersion, corpus: Corpus) -> list[int]:
    """As many as the study needs, from all sessions set aside for rating."""
    every = selected_stimuli(version, corpus, ["rate"], None, GenerationOptions())
    return every[:: max(1, len(every) // STIMULI_TO_RATE)][:STIMULI_TO_RATE]


def answer_live(team: Team, corpus: Corpus, user: User, demo_model: DemoModel | None) -> None:
    """Leaves the sessions kept for a next study to the worker: its runs can be watched."""
    version = ModelVersion.objects.get(team=team, name=MODEL)
    if not GenerationRun.objects.filter(model_version=version, splits=["fresh"]).exists():
        create_generation_run(
            team=team, model_version=version, corpus=corpus, splits=["fresh"], user=user
        )
    if demo_model is None or demo_model.words_only.generation_runs.exists():
        return
    create_generation_run(
        team=team,
        model_version=demo_model.words_only,
        corpus=corpus,
        splits=["rate"],
        stimuli=spread_stimuli(demo_model.whole, corpus),
        options=GenerationOptions(modality="text"),
        user=user,
    )
    create_generation_run(
        team=team, model_version=demo_model.whole, corpus=corpus, splits=["fresh"], user=user
    )


@transaction.atomic
def make_people() -> tuple[Team, User]:
    team, _ = Team.objects.get_or_create(name=TEAM)
    researcher = make_account(RESEARCHER)
    Membership.objects.get_or_create(
        team=team, user=researcher, defaults={"role": Membership.Role.OWNER}
    )
    for account in RATERS:
        make_account(account)
    return team, researcher


def make_account(account: DemoAccount) -> User:
    user = User.objects.filter(email=account.email).first()
    return user or User.objects.create_user(
        account.email, account.password, first_name=account.name
    )


def make_models(team: Team, corpus: Corpus) -> list[ModelVersion]:
    known = {version.name: version for version in ModelVersion.objects.filter(team=team)}
    return [
        known.get(MODEL)
        or register_checkpoint(team=team, name=MODEL, path=CHECKPOINT, is_demo=True),
        known.get(THERAPISTS) or register_imported(team, THERAPISTS, corpus),
    ]


def finished_run(
    team: Team,
    corpus: Corpus,
    version: ModelVersion,
    user: User,
    tell: Tell,
    stimuli: Sequence[int] | None = None,
) -> GenerationRun:
    """Answers the stimuli set aside for rating, or these of them, here and now: the study needs
    them."""
    run = GenerationRun.objects.filter(team=team, model_version=version, splits=["rate"]).first()
    run = run or create_generation_run(
        team=team,
        model_version=version,
        corpus=corpus,
        splits=["rate"],
        user=user,
        stimuli=stimuli,
    )
    if run.state != JobState.DONE:
        tell(f"{version} answers {run.total} client turns")
        run_generation(run.pk)
        run.refresh_from_db()
    if run.state != JobState.DONE:
        raise DomainError(run.error or f"Run {run.pk} of {version} is {run.state}.")
    return run
