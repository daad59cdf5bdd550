"""Responses that were given elsewhere become models: everything of a file, or nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from inference.contracts import GenerationOptions
from inference.corpora.files import file_sha256
from inference.corpora.response_files import LABELS, ResponseRecord
from inference.errors import NothingSelectedError
from inference.models import (
    Corpus,
    GenerationRun,
    ImportedResponse,
    JobState,
    ModelVersion,
    Response,
    RunStimulus,
    Stimulus,
)
from inference.selectors.response_contents import (
    CONTENT_KEY,
    FileContents,
    ModelCount,
    matched_rows,
    no_contents,
)
from inference.services.model_versions import NameTakenError, create_model_version
from mood_eval.models import Team, User

BATCH = 500
"""Rows written together; what is held of the texts at once."""


@dataclass(frozen=True)
class ImportedModel:
    model: ModelVersion
    created: bool
    run: GenerationRun | None


@dataclass(frozen=True)
class ResponsesReport:
    contents: FileContents
    models: tuple[ImportedModel, ...]

    @property
    def changed(self) -> bool:
        return any(one.created for one in self.models)


@transaction.atomic
def import_responses(
    *,
    team: Team,
    corpus: Corpus,
    path: Path,
    about: str = "",
    leave_out_unmatched: bool = False,
    with_runs: bool = True,
    user: User | None = None,
) -> ResponsesReport:
    """A model a name, its card beginning with `about`; a name that is there already with the same
    responses stays as it is. `with_runs`: each gets a finished run, so that studies can use it."""
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    contents = no_contents(team, corpus)
    models: dict[str, ModelVersion] = {}
    rows = matched_rows(contents, team, path)
    while batch := list(islice(rows, BATCH)):
        _refuse_unmatched(contents, leave_out_unmatched)
        _write(batch, contents, models)
    _refuse_unmatched(contents, leave_out_unmatched)
    _refuse_nothing(contents)
    _refuse_changed(contents)
    source = {"file": path.name, "sha256": file_sha256(path)}
    done = []
    for name, count in contents.models.items():
        model = count.existing or _describe(models[name], count, source, about)
        run = _finished_run(model, corpus, count, user) if with_runs else None
        done.append(ImportedModel(model, count.existing is None, run))
    return ResponsesReport(contents, tuple(done))


def _refuse_unmatched(contents: FileContents, leave_out: bool) -> None:
    if leave_out or not contents.first_unmatched:
        return
    row = contents.first_unmatched[0]
    raise row.place.error(
        None,
        row.why,
        f"Check that “{contents.corpus}” is the corpus that was answered; or say that rows which "
        "belong to none of its client turns are left out",
    )


def _refuse_nothing(contents: FileContents) -> None:
    if not contents.models:
        raise NothingSelectedError(
            f"The file holds no response to a client turn of {contents.corpus}: "
            f"{contents.unmatched:,} rows belong to no client turn, {contents.failed:,} say that "
            f"there is no response and the text of {contents.blank:,} is blank. Choose another "
            "corpus or file."
        )


def _refuse_changed(contents: FileContents) -> None:
    if contents.changed:
        names = ", ".join(f"“{model.name}”" for model in contents.changed)
        raise NameTakenError(
            f"{names}: there already, with other responses, which studies may use. Give the model "
            "of the file another name, such as one with a version."
        )


def _write(
    batch: list[tuple[ResponseRecord, int]], contents: FileContents, models: dict[str, ModelVersion]
) -> None:
    rows = []
    for record, stimulus in batch:
        if contents.models[record.model].existing is not None:
            continue
        if record.model not in models:
            models[record.model] = create_model_version(
                team=contents.corpus.team,
                name=record.model,
                kind=ModelVersion.Kind.RESPONSES,
                config={"corpus": contents.corpus.pk, "corpus_name": contents.corpus.name},
            )
        rows.append(
            ImportedResponse(
                model_version=models[record.model],
                stimulus_id=stimulus,
                sample=record.sample,
                text=record.text,
                raw=record.raw,
                chain=dict(record.chain),
                **{name: getattr(record, name) for name in LABELS},
            )
        )
    ImportedResponse.objects.bulk_create(rows)


def _describe(
    model: ModelVersion, count: ModelCount, source: dict[str, str], about: str
) -> ModelVersion:
    model.config |= {
        **source,
        "responses": count.responses,
        "stimuli": len(count.stimuli),
        "samples": count.most_samples,
        CONTENT_KEY: count.content_sha256,
    }
    read = (
        f"{count.responses:,} responses to {len(count.stimuli):,} client turns of "
        f"{model.config['corpus_name']}, read from the file {source['file']}, SHA-256 "
        f"{source['sha256']}. The model did not run here: with what it was asked, nothing here "
        "can tell."
    )
    model.card = "\n\n".join(filter(None, [about.strip(), read]))
    model.save(update_fields=["config", "card"])
    return model


def _finished_run(
    model: ModelVersion, corpus: Corpus, count: ModelCount, user: User | None
) -> GenerationRun:
    """The model's run over everything, made where it has none."""
    whole = model.generation_runs.filter(state=JobState.DONE, done=count.responses)
    existing = whole.order_by("pk").first()
    if existing is not None:
        return existing
    now = timezone.now()
    run = GenerationRun.objects.create(
        team=model.team,
        model_version=model,
        corpus=corpus,
        options=asdict(GenerationOptions(samples=count.most_samples)),
        state=JobState.DONE,
        done=count.responses,
        total=count.responses,
        created_by=user,
        started_at=now,
        finished_at=now,
    )
    answered = Stimulus.objects.filter(pk__in=count.stimuli)
    keys = answered.order_by("dialogue_id", "first_position").values_list("pk", flat=True)
    RunStimulus.objects.bulk_create(
        [RunStimulus(run=run, stimulus_id=pk, position=i) for i, pk in enumerate(keys)],
        batch_size=5000,
    )
    rows = model.imported_responses.order_by("pk").iterator(chunk_size=BATCH)
    copies = (_response(run, row) for row in rows)
    while batch := list(islice(copies, BATCH)):
        Response.objects.bulk_create(batch)
    return run


def _response(run: GenerationRun, row: ImportedResponse) -> Response:
    return Response(
        run=run,
        stimulus_id=row.stimulus_id,
        sample=row.sample,
        client_emotion=row.client_emotion,
        therapist_emotion=row.therapist_emotion,
        strategy=row.strategy,
        text=row.text,
        raw=row.raw or row.text,
        chain=row.chain,
        seconds=0.0,
    )
