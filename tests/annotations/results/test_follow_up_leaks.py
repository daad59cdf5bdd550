"""A comparison of old and new shows only what no training behind either of them saw."""

from __future__ import annotations

import random
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotations.derivation.rules import DerivationRules
from annotations.models import (
    Amendment,
    Candidate,
    DatasetRater,
    DatasetSession,
    DatasetTraining,
    PreferenceDataset,
    Study,
    StudyRater,
)
from annotations.selectors.follow_up import follow_up_of, study_corpus
from annotations.selectors.fresh_sessions import (
    LEAST_SESSIONS,
    FreshSessions,
    fresh_sessions,
    learned_from,
)
from annotations.selectors.leaks import leaks_in
from annotations.selectors.lineage import trainings_behind
from annotations.selectors.study_facts import study_facts
from annotations.services.datasets import release_preferences
from annotations.services.studies import create_study, launch_study
from annotations.services.training import (
    TooFewSessionsError,
    generate_for_follow_up,
    offer_follow_up_study,
    train_on_release,
)
from annotations.services.withdrawal import withdraw
from inference.errors import InvalidOptionsError
from inference.models import (
    Corpus,
    CorpusImport,
    Dialogue,
    GenerationRun,
    ModelVersion,
    Session,
    TrainingRun,
    Turn,
)
from mood_eval.models import Team, User
from tests.answered_studies import add_item, add_part, make_instrument, make_study
from tests.factories import make_dialogue, make_model_version, make_run_with_responses, make_user

pytestmark = pytest.mark.django_db
WHOLE = DerivationRules(splitting="none")


@pytest.fixture
def corpus(compared_study: Study) -> Corpus:
    """Two sessions rated in the study, one for training, one called fresh."""
    found = study_corpus(compared_study)
    assert found is not None
    return found


@pytest.fixture
def training(compared_study: Study, tiny: ModelVersion) -> TrainingRun:
    """As if it had been trained: its result has the base's weights."""
    release = release_preferences(study=compared_study, rules=WHOLE)
    run = train_on_release(dataset=release, base=tiny)
    return finished(run, "next")


def finished(run: TrainingRun, name: str) -> TrainingRun:
    run.result = ModelVersion.objects.create(
        team=run.team, name=name, kind=run.base.kind, path=run.base.path, parent=run.base
    )
    run.state = "done"
    run.save()
    return run


def add_session(corpus: Corpus, label: str, *, client: str = "", split: str = "fresh") -> Session:
    session = Session.objects.create(corpus=corpus, label=label, client=client)
    make_dialogue(corpus, session, f"dialogue-{label}", split=split)
    return session


def add_fresh(corpus: Corpus, count: int) -> list[Session]:
    return [add_session(corpus, f"new-{number}") for number in range(count)]


def dataset_of(team: Team, *sessions: Session, name: str = "Elsewhere") -> PreferenceDataset:
    version = PreferenceDataset.objects.filter(name=name).count() + 1
    dataset = PreferenceDataset.objects.create(
        team=team, name=name, version=version, folder="x", sha256="x", rows=1, manifest={}
    )
    for session in sessions:
        DatasetSession.objects.create(dataset=dataset, session=session)
    return dataset


def taught(model: ModelVersion, dataset: PreferenceDataset) -> None:
    """The model came of a training on the dataset."""
    run = TrainingRun.objects.create(
        team=model.team,
        name=f"training of {model}",
        method="dpo",
        base=model.parent or model,
        dataset_path="x",
        dataset_sha256="x",
        result=model,
    )
    DatasetTraining.objects.create(dataset=dataset, training_run=run)


def fresh(training: TrainingRun) -> FreshSessions:
    return follow_up_of(training).fresh


def sessions_of(found: FreshSessions) -> set[int]:
    rows = Dialogue.objects.filter(stimuli__in=found.stimuli)
    return set(rows.values_list("session_id", flat=True))


def text_of(client: Client, url: str) -> str:
    page = client.get(url).content.decode()
    return " ".join(re.sub("<[^>]+>", " ", page).split())


# Which sessions are fresh


def test_sessions_in_a_release_of_any_ancestor_are_left_out(
    training: TrainingRun, corpus: Corpus, tiny: ModelVersion
) -> None:
    """The base's grandparent learned from one of them, a stranger to the line from another."""
    first, second, third = add_fresh(corpus, 3)
    old = make_model_version(tiny.team, "old")
    parent = make_model_version(tiny.team, "parent", parent=old)
    ModelVersion.objects.filter(pk=tiny.pk).update(parent=parent)
    taught(old, dataset_of(tiny.team, first))
    taught(make_model_version(tiny.team, "cousin", parent=old), dataset_of(tiny.team, second))
    chosen = sessions_of(fresh(training))
    assert first.pk not in chosen
    assert {second.pk, third.pk} <= chosen


def test_no_lineage_lets_a_session_through(team: Team, compared_study: Study) -> None:
    """Against a walk that follows parents one by one, over random families."""
    drawn = random.Random(4)
    corpus = study_corpus(compared_study)
    assert corpus is not None
    sessions = add_fresh(corpus, 12)
    models: list[ModelVersion] = []
    saw: dict[int, set[int]] = {}
    for number in range(14):
        parent = drawn.choice(models) if models and drawn.random() < 0.8 else None
        model = make_model_version(team, f"model-{number}", parent=parent)
        saw[model.pk] = set(saw[parent.pk]) if parent else set()
        if drawn.random() < 0.6:
            held = drawn.sample(sessions, drawn.randint(1, 3))
            taught(model, dataset_of(team, *held))
            saw[model.pk] |= {session.pk for session in held}
        models.append(model)
    everything = {session.pk for session in sessions}
    for model in models:
        behind = trainings_behind([model.pk])
        assert learned_from(corpus, behind) == saw[model.pk]
        left = sessions_of(fresh_sessions(compared_study, corpus, behind)) & everything
        assert left == everything - saw[model.pk]
    assert any(saw.values())


def test_a_client_is_never_divided(training: TrainingRun, corpus: Corpus) -> None:
    """Another sitting of somebody whose sitting was released, rated or set aside is not fresh."""
    released = corpus.sessions.get(label="session-000")
    set_aside = corpus.sessions.get(label="session-train")
    for session, client in ((released, "C1"), (set_aside, "C2")):
        Session.objects.filter(pk=session.pk).update(client=client)
    again = [add_session(corpus, f"again-{c}", client=c) for c in ("C1", "C2")]
    twice = [add_session(corpus, f"new-{n}", client="C3") for n in range(2)]
    found = fresh(training)
    chosen = sessions_of(found)
    assert not chosen & {session.pk for session in again}
    assert {session.pk for session in twice} <= chosen
    assert found.sessions == len(chosen) - 1, "two sittings of one client count as one"


def test_the_same_dialogue_imported_twice_is_known_again(
    training: TrainingRun, corpus: Corpus, team: Team
) -> None:
    """By its id and what the client says, whatever session, client or split it is in there."""
    copy = Corpus.objects.create(team=team, name="The same again", format="jsonl")
    source = copy.sessions.create(label="s", client="C1")
    for name in ("dialogue-twin", "dialogue-namesake"):
        make_dialogue(copy, source, name, split="rate")
    Dialogue.objects.filter(corpus=copy).update(fingerprint="of everything, the split included")
    twin, namesake = (add_session(corpus, label) for label in ("twin", "namesake"))
    Turn.objects.filter(dialogue__session=twin, speaker="therapist").update(text="I see.")
    Turn.objects.filter(dialogue__session=namesake, position=0).update(text="It is going well.")
    assert twin.pk in sessions_of(fresh(training))
    taught(training.base, dataset_of(team, source))
    assert twin.pk not in sessions_of(fresh(training))
    assert namesake.pk in sessions_of(fresh(training)), "another talk under the same id"


def test_what_fine_tuning_read_is_left_out_whatever_its_split_is_called(
    training: TrainingRun, corpus: Corpus, tiny: ModelVersion
) -> None:
    CorpusImport.objects.create(
        corpus=corpus, sha256="f" * 64, files=[{"name": "a", "sha256": "a" * 64}], counts={}
    )
    lesson, other = add_session(corpus, "lesson"), add_session(corpus, "other")
    Dialogue.objects.filter(session=lesson).update(split="lessons")
    Dialogue.objects.filter(corpus=corpus, split="fresh").update(split="")
    tuned = TrainingRun.objects.create(
        team=tiny.team,
        name="sft",
        method="sft",
        base=make_model_version(tiny.team, "before"),
        dataset_path="a.jsonl",
        dataset_sha256="b" * 64,
        config={"split": "lessons"},
        result=tiny,
    )
    assert {lesson.pk, other.pk} <= sessions_of(fresh(training)), "of another file"
    TrainingRun.objects.filter(pk=tuned.pk).update(dataset_sha256="a" * 64)
    assert lesson.pk not in sessions_of(fresh(training))
    assert other.pk in sessions_of(fresh(training))


def test_replies_shown_for_another_dialogue_count_as_rated(
    training: TrainingRun, compared_study: Study, corpus: Corpus
) -> None:
    """Whole dialogues of two sources are matched by problem: an item shows two of them."""
    session = add_session(corpus, "shown")
    run = make_run_with_responses(compared_study.team, corpus, "third")
    response = run.responses.get(
        stimulus__dialogue__session=session, stimulus__first_position=0, sample=0
    )
    assert session.pk in sessions_of(fresh(training))
    item = compared_study.parts.get().items.order_by("pk")[0]
    Candidate.objects.create(item=item, response=response)
    assert session.pk not in sessions_of(fresh(training))


def test_what_was_made_elsewhere_is_named_as_unknown(
    training: TrainingRun, team: Team, tiny: ModelVersion, ada: User, client: Client
) -> None:
    taught(tiny, dataset_of(team, name="Bought pairs"))
    assert fresh(training).elsewhere == ("“Bought pairs”, release 1",)
    client.force_login(ada)
    assert "Which sessions are in “Bought pairs”, release 1, which was made elsewhere" in text_of(
        client, reverse("training_next", args=[training.pk])
    )


def test_trainings_on_files_that_nothing_is_known_of_are_named(
    training: TrainingRun, corpus: Corpus, tiny: ModelVersion
) -> None:
    """Pairs of no release, and dialogues that were never imported."""
    before = make_model_version(tiny.team, "before")
    ModelVersion.objects.filter(pk=tiny.pk).update(parent=before)
    for name, method, result in (("by hand", "dpo", tiny), ("at first", "sft", before)):
        TrainingRun.objects.create(
            team=tiny.team,
            name=name,
            method=method,
            base=before,
            dataset_path="x",
            dataset_sha256=name,
            result=result,
        )
    named = ("the dataset of the training “by hand”", "the dataset of the training “at first”")
    assert fresh(training).elsewhere == named
    CorpusImport.objects.create(
        corpus=corpus, sha256="f" * 64, files=[{"name": "a", "sha256": "at first"}], counts={}
    )
    assert fresh(training).elsewhere == named[:1]


def test_a_training_on_what_was_made_elsewhere_has_no_study_to_follow_up(
    training: TrainingRun, team: Team, ada: User, client: Client
) -> None:
    DatasetTraining.objects.update(dataset=dataset_of(team))
    client.force_login(ada)
    text = text_of(client, reverse("training_next", args=[training.pk]))
    assert "so there is no study to follow up" in text


# Too few


def test_six_sessions_can_show_a_difference_and_five_cannot() -> None:
    assert 2 * 0.5**LEAST_SESSIONS < 0.05 < 2 * 0.5 ** (LEAST_SESSIONS - 1)


def test_too_few_sessions_are_refused_with_counts_and_a_remedy(
    training: TrainingRun, corpus: Corpus
) -> None:
    with pytest.raises(TooFewSessionsError) as refusal:
        generate_for_follow_up(training_run=training)
    assert str(refusal.value) == (
        "“Small corpus” has 1 fresh session; the comparison asks for 6. Of its 4 sessions, 2 are "
        "in releases that one of the versions learned from and 1 is set aside or used for "
        "training. Import more dialogues, name a split “fresh” or allow fewer (1 is the least)."
    )
    assert not GenerationRun.objects.filter(model_version__in=[training.base]).exists()
    add_fresh(corpus, LEAST_SESSIONS - 1)
    assert not generate_for_follow_up(training_run=training).missing


def test_a_researcher_may_ask_for_fewer_but_not_for_none(training: TrainingRun) -> None:
    assert not generate_for_follow_up(training_run=training, least=1).missing
    with pytest.raises(InvalidOptionsError, match="At least one session"):
        generate_for_follow_up(training_run=training, least=0)


def test_with_no_fresh_session_there_is_nothing_to_allow(
    training: TrainingRun, corpus: Corpus
) -> None:
    Dialogue.objects.filter(corpus=corpus, split="fresh").update(split="train")
    with pytest.raises(TooFewSessionsError) as refusal:
        generate_for_follow_up(training_run=training, least=1)
    assert "has 0 fresh sessions" in str(refusal.value)
    assert "allow fewer" not in str(refusal.value)


def test_the_page_asks_for_the_number_only_where_it_matters(
    training: TrainingRun, corpus: Corpus, ada: User, client: Client
) -> None:
    client.force_login(ada)
    url, generate = (
        reverse(name, args=[training.pk]) for name in ("training_next", "training_generate")
    )
    text = text_of(client, url)
    assert "1 session is too few to show a difference" in text
    assert "Fewest sessions" in text
    refused = client.post(generate, {"least": ""}, follow=True).content.decode()
    assert "has 1 fresh session; the comparison asks for 6" in refused
    for wrong in ("0", "-1", "many"):
        page = client.post(generate, {"least": wrong}, follow=True).content.decode()
        assert "The least number of sessions is a whole number from 1." in page
    assert not GenerationRun.objects.filter(model_version=training.base).exists()
    client.post(generate, {"least": "1"})
    assert GenerationRun.objects.filter(model_version=training.base).exists()
    add_fresh(corpus, LEAST_SESSIONS)
    assert "Fewest sessions" not in text_of(client, url)


# Who rated


def answered(training: TrainingRun) -> None:
    """As if both versions had answered."""
    generate_for_follow_up(training_run=training, least=1)
    models = [training.base, training.result]
    GenerationRun.objects.filter(model_version__in=models).update(state="done")


def test_raters_who_taught_a_version_are_counted_before_and_noted_with_the_draft(
    training: TrainingRun, compared_study: Study, ada: User, client: Client
) -> None:
    new = make_user("new@example.org")
    StudyRater.objects.create(study=compared_study, user=new, pseudonym="R3")
    found = follow_up_of(training)
    assert (found.shared, found.invited) == (2, 3)
    client.force_login(ada)
    assert "2 of the 3 who would be invited also gave answers" in text_of(
        client, reverse("training_next", args=[training.pk])
    )
    answered(training)
    study = offer_follow_up_study(training, user=ada, least=1)
    note = Amendment.objects.get(study=study)
    assert (note.by, note.what) == (ada, "Drafted to follow up “First study”")
    assert "3 client turns of 1 session that no training of either version saw." in note.reason
    assert "Of 3 raters, 2 also gave answers that a version learned from." in note.reason
    assert "The usual least number of sessions, 6, was lowered." in note.reason
    assert offer_follow_up_study(training) == study, "asked again, the same one"
    assert note.reason.split(".")[0] in text_of(client, reverse("study_detail", args=[study.pk]))


def test_a_person_is_known_again_across_studies(
    training: TrainingRun, compared_study: Study, team: Team, tiny: ModelVersion
) -> None:
    """Not the seat in a study but whoever sat there: an ancestor may be of another study."""
    new = make_user("new@example.org")
    StudyRater.objects.create(study=compared_study, user=new, pseudonym="R3")
    earlier = Study.objects.create(team=team, name="Earlier", template="t", seed=1, state="closed")
    seat = StudyRater.objects.create(study=earlier, user=new, pseudonym="R9")
    dataset = dataset_of(team)
    DatasetRater.objects.create(dataset=dataset, rater=seat, submitted=1)
    taught(tiny, dataset)
    assert follow_up_of(training).shared == 3


def test_whoever_left_the_study_is_not_invited_to_the_next(
    training: TrainingRun, compared_study: Study
) -> None:
    gone = compared_study.raters.select_related("study").get(pseudonym="R1")
    withdraw(gone)
    answered(training)
    study = offer_follow_up_study(training, least=1)
    assert [rater.user for rater in study.raters.all()] == [
        compared_study.raters.get(pseudonym="R2").user
    ]


def test_queries_depend_neither_on_sessions_nor_on_ancestors(
    training: TrainingRun, corpus: Corpus, tiny: ModelVersion
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            follow_up_of(training)
        return len(counted)

    few = queries()
    model = tiny
    for number, session in enumerate(add_fresh(corpus, 12)):
        parent = make_model_version(tiny.team, f"ancestor-{number}")
        ModelVersion.objects.filter(pk=model.pk).update(parent=parent)
        taught(parent, dataset_of(tiny.team, session))
        model = parent
    assert fresh(training).released == 14
    assert queries() == few


# Any study of models that learned something


@pytest.fixture
def draft(training: TrainingRun, compared_study: Study, corpus: Corpus, team: Team) -> Study:
    """Compares the new version with the old one over all sessions: 6 of 12 turns are leaked."""
    assert training.result is not None
    runs = [
        make_run_with_responses(team, corpus, model.name, f"{model.name} says.")
        for model in (training.base, training.result)
    ]
    people = [r.user.email for r in compared_study.raters.select_related("user")]
    return create_study(
        team=team,
        template="multimood-trust-pairwise",
        runs=runs,
        name="Over everything",
        raters=[*people, "new@example.org"],
    )


def test_a_draft_over_what_was_learned_from_says_how_much_of_it(
    draft: Study, ada: User, client: Client
) -> None:
    found = leaks_in(draft)
    assert found is not None
    assert (found.seen, found.turns, found.shared, found.raters) == (6, 12, 2, 3)
    client.force_login(ada)
    for name in ("study_look_over", "study_design_report"):
        text = text_of(client, reverse(name, args=[draft.pk]))
        assert "Of 12 client turns, 6 come from sessions that a model in this study" in text
        assert "Of 3 raters, 2 also gave answers that a model in this study learned from" in text


def test_the_warning_is_kept_with_the_launch_and_is_no_amendment(draft: Study) -> None:
    study = launch_study(draft)
    note = Amendment.objects.get(study=study)
    assert note.what == "Launched in spite of a warning"
    assert "Of 12 client turns, 6 come from sessions" in note.reason
    assert leaks_in(study) == leaks_in(draft)
    assert study_facts(study).amendments == 0


def test_every_reply_that_a_whole_dialogue_item_shows_is_looked_at(
    training: TrainingRun, corpus: Corpus, team: Team
) -> None:
    """Dialogues of two sources are matched by problem: the item's own is one of them."""
    assert training.result is not None
    run = make_run_with_responses(team, corpus, training.result.name)
    study = make_study(team, [run], name="Dialogues")
    new, released = (
        run.responses.filter(stimulus__dialogue__session__label=label).first()
        for label in ("session-fresh", "session-000")
    )
    assert new is not None
    assert released is not None
    part = add_part(study, "pairwise", make_instrument("whole", criteria=()), unit="dialogue")
    add_item(part, new.stimulus, [new, released])
    found = leaks_in(study)
    assert found is not None
    assert (found.seen, found.turns) == (1, 2)


def test_models_that_learned_nothing_here_are_warned_of_nowhere(compared_study: Study) -> None:
    assert leaks_in(compared_study) is None
