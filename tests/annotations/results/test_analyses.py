"""Figures as a job: made once per state of the data, resumed, refused, and opened on record."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from annotations.analysis.filters import ResultsFilter
from annotations.models import (
    AnalysisPlan,
    Assignment,
    EarlyLook,
    ResultFigure,
    Study,
    StudyAnalysis,
    StudyRater,
)
from annotations.selectors.analyses import (
    model_labels,
    section_results,
    shown_analysis,
)
from annotations.selectors.data_version import data_state
from annotations.services.analyses import (
    KEPT,
    ReasonMissingError,
    look_early,
    request_analysis,
    reveal_models,
    run_analysis,
)
from annotations.services.plans import freeze_plan
from annotations.services.studies import close_study
from inference.errors import WrongStateError
from inference.models import JobState
from mood_eval.models import Team, User
from tests.answered_studies import (
    add_item,
    add_part,
    make_instrument,
    make_study,
    responses_by_stimulus,
    score,
)
from tests.factories import make_corpus_with_dialogues, make_run_with_responses, make_user
from tests.factories import make_study as make_launched_study

pytestmark = pytest.mark.django_db
EVERYTHING = ResultsFilter()
SCORES = [[7, 9, 2, 5, 8, 4], [6, 9, 3, 5, 10, 4], [5, 9, 4, 5, 8, 3]]


@pytest.fixture
def study(team: Team) -> Study:
    """Six responses of two models, scored by three raters."""
    corpus = make_corpus_with_dialogues(team, 2)
    runs = [make_run_with_responses(team, corpus, name, f"{name}.") for name in ("kind", "curt")]
    study = make_study(team, runs, raters=3)
    part = add_part(study, "absolute", make_instrument())
    raters = list(study.raters.order_by("pseudonym"))
    for index, (stimulus, both) in enumerate(responses_by_stimulus(runs)):
        item = add_item(part, stimulus, both[index % 2 :][:1])
        for number, rater in enumerate(raters):
            score(item, rater, {"empathy": SCORES[number][index]}, active_ms=9000)
    return study


def computed(study: Study, chosen: ResultsFilter = EVERYTHING) -> StudyAnalysis:
    job = request_analysis(study, chosen)
    run_analysis(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE, job.error
    return job


def answer_again(study: Study) -> None:
    assignment = study.raters.first().assignments.first()  # type: ignore[union-attr]
    assert assignment is not None
    assignment.comment, assignment.saved_at = "Changed my mind.", assignment.submitted_at
    assignment.save()


def test_the_same_answers_are_computed_once(study: Study) -> None:
    assert computed(study).pk == request_analysis(study).pk
    assert StudyAnalysis.objects.count() == 1


def test_a_new_answer_makes_figures_stale_and_they_stay_to_be_read(study: Study) -> None:
    first = computed(study)
    assert shown_analysis(study, EVERYTHING).current
    answer_again(study)
    shown = shown_analysis(study, EVERYTHING)
    assert shown.analysis == first
    assert not shown.current
    assert shown.wanted
    assert not shown.overdue  # it was made a moment ago
    second = request_analysis(study)
    assert second.pk != first.pk
    assert shown_analysis(study, EVERYTHING).waiting


def test_the_worker_is_told_after_the_commit(
    study: Study, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        request_analysis(study)
    assert len(callbacks) == 1


def test_sections_of_a_worker_that_died_are_not_made_again(study: Study) -> None:
    job = request_analysis(study)
    made: list[str] = []

    class Killed(BaseException):
        pass

    def die_after_the_first(row: StudyAnalysis) -> None:
        raise Killed

    with pytest.raises(Killed):
        run_analysis(job.pk, on_section=die_after_the_first)
    StudyAnalysis.objects.update(state=JobState.QUEUED, lease_token=None)
    before = list(job.sections.values_list("pk", flat=True))
    assert len(before) == 1
    run_analysis(job.pk, on_section=lambda row: made.append(row.state))
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert job.done == job.total == job.sections.count()
    assert before[0] in job.sections.values_list("pk", flat=True)
    assert len(made) == job.total - 1


def test_sections_on_other_answers_are_made_again(study: Study) -> None:
    job = request_analysis(study)
    with transaction.atomic():
        StudyAnalysis.objects.filter(pk=job.pk).update(data_sha256="0" * 64)
        job.sections.create(name="agreement", results={"parts": []}, seconds=1)
    run_analysis(job.pk)
    found = section_results(StudyAnalysis.objects.get(pk=job.pk), "agreement")
    assert found is not None
    assert found["parts"]


def test_comparisons_are_not_computed_while_the_study_is_open(study: Study) -> None:
    open_job = computed(study)
    assert section_results(open_job, "models") == {"parts": []}
    close_study(study)
    study.refresh_from_db()
    closed = section_results(computed(study), "models")
    assert closed is not None
    assert closed["parts"][0]["criteria"][0]["means"]


def test_an_early_look_is_recorded_and_computed_apart(study: Study, ada: User) -> None:
    computed(study)
    with pytest.raises(ReasonMissingError):
        look_early(study, user=ada, reason="  ")
    job = look_early(study, user=ada, reason="The funder asked.")
    run_analysis(job.pk)
    look = EarlyLook.objects.get()
    assert (look.user, look.reason, look.submitted, look.assignments) == (
        ada,
        "The funder asked.",
        18,
        18,
    )
    assert section_results(StudyAnalysis.objects.get(pk=job.pk), "models")
    shown = shown_analysis(study, EVERYTHING).analysis
    assert shown is not None
    assert shown.look is None
    close_study(study)
    study.refresh_from_db()
    with pytest.raises(WrongStateError):
        look_early(study, user=ada, reason="Too late.")


def test_a_look_cannot_be_changed_afterwards(study: Study, ada: User) -> None:
    look_early(study, user=ada, reason="The funder asked.")
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        EarlyLook.objects.update(reason="Nobody asked.")


def test_a_blind_team_sees_numbers_until_the_names_are_revealed(study: Study, ada: User) -> None:
    assert list(model_labels(study).values()) == ["kind", "curt"]
    with pytest.raises(WrongStateError):
        reveal_models(study, user=ada, reason="Why not.")
    Study.objects.update(blind_researchers=True)
    study.refresh_from_db()
    assert sorted(model_labels(study).values()) == ["Model 1", "Model 2"]
    before = request_analysis(study).data_version
    reveal_models(study, user=ada, reason="A rater asked.")
    assert list(model_labels(study).values()) == ["kind", "curt"]
    assert request_analysis(study).data_version != before


def test_a_filter_is_an_analysis_of_its_own(study: Study) -> None:
    whole, part = computed(study), computed(study, ResultsFilter(without=("R3",)))
    assert whole.pk != part.pk
    counts = []
    for job in (whole, part):
        found = section_results(job, "agreement")
        assert found is not None
        counts.append(found["parts"][0]["criteria"][0]["counts"]["n_raters"])
    assert counts == [3, 2]


def test_a_picture_never_changes(study: Study) -> None:
    computed(study)
    kept = ResultFigure.objects.count()
    assert kept > 0
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        ResultFigure.objects.update(svg="<svg/>")
    answer_again(study)
    computed(study)
    assert ResultFigure.objects.count() == kept  # the same data gives the same picture


def test_old_analyses_are_forgotten_and_their_pictures_are_not(study: Study) -> None:
    rater = study.raters.order_by("pseudonym")[0]
    for number in range(KEPT + 2):
        assignment = rater.assignments.order_by("position")[number % 6]
        rating = assignment.ratings.get()
        rating.score = 1 + (rating.score or 0) % 9
        rating.save()
        assignment.saved_at = timezone.now()
        assignment.save(update_fields=["saved_at"])
        newest = computed(study)
    assert StudyAnalysis.objects.count() == KEPT + 1
    assert StudyAnalysis.objects.filter(pk=newest.pk).exists()
    assert ResultFigure.objects.filter(key="agreement-part0").count() == KEPT + 2


def test_a_draft_has_no_figures(team: Team) -> None:
    with pytest.raises(WrongStateError, match="launch"):
        request_analysis(make_study(team, [], state="draft"))


def test_the_launch_freezes_the_plan(team: Team) -> None:
    corpus = make_corpus_with_dialogues(team, 1)
    runs = [make_run_with_responses(team, corpus, name) for name in ("one", "two")]
    raters = [make_user(f"{name}@example.org") for name in ("rui", "mina")]
    study = make_launched_study(team, runs, raters, template="multimood-trust-both")
    plan = AnalysisPlan.objects.get(study=study)
    assert plan.frozen_at is not None
    assert plan.primary_criteria == ["2/overall"]
    assert plan.seed == study.seed
    with pytest.raises(WrongStateError, match="frozen"):
        freeze_plan(study)
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        AnalysisPlan.objects.update(stopping_rule="When it suits.")


def test_answers_of_a_closed_study_are_counted_again_when_figures_are_asked_for(
    study: Study,
) -> None:
    study.state = Study.State.CLOSED
    study.save(update_fields=["state"])
    known = data_state(study)
    Assignment.objects.filter(rater__study=study).update(saved_at=timezone.now())
    assert data_state(study) == known, "no page counts them again"
    assert request_analysis(study).data_version != known.version
    assert data_state(study).version != known.version
    withdrawn = study.raters.order_by("pk")[0]
    withdrawn.stage = StudyRater.Stage.WITHDRAWN
    before = data_state(study)
    withdrawn.save(update_fields=["stage"])
    assert data_state(study) != before, "who leaves may take answers along"
