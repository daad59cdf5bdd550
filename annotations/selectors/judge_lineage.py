"""Whether a judge has had a hand in a study's models: who supplied a reward is no fair judge."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from annotations.models import DatasetRater, DatasetTraining, JudgeRun, Study, StudyRater
from annotations.selectors.lineage import ancestry
from inference.models import ModelVersion, TrainingRun

DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")


def names_of(judge: ModelVersion) -> frozenset[str]:
    """Under which servers and hubs know it. An address adds the vendor, "openai/gpt-4o", another
    one leaves it out: the last part decides."""
    named = judge.config.get("model") if judge.kind == ModelVersion.Kind.ENDPOINT else judge.path
    return frozenset({plain_name(str(named))} if named else ())


def plain_name(name: str) -> str:
    """Without vendor, revision ("@main"), tag (":free", ":8b") and the date of a snapshot."""
    last = name.strip().rstrip("/").rpartition("/")[2]
    return DATED.sub("", re.split("[@:]", last)[0]).casefold()


def is_same(judge: ModelVersion, other: ModelVersion) -> bool:
    return (
        judge.pk == other.pk
        or has_same_weights(judge, other)
        or bool(names_of(judge) & names_of(other))
    )


def has_same_weights(judge: ModelVersion, other: ModelVersion) -> bool:
    return bool(judge.weights_sha256) and judge.weights_sha256 == other.weights_sha256


def models_in(study: Study) -> dict[int, ModelVersion]:
    links = study.study_runs.select_related("run__model_version")
    return {link.run.model_version_id: link.run.model_version for link in links}


def rewards_of_judge(study: Study, judge: ModelVersion) -> list[str]:
    """A sentence for each reward that the judge supplied to a model of the study, or to one that
    it was trained from."""
    models = models_in(study)
    lines = ancestry(models)
    line = set().union(*lines.values())
    return list(
        dict.fromkeys(
            [
                *_as_reward(models, lines, line, judge),
                *_as_reward_model(models, lines, line, judge),
                *_as_rater(models, lines, line, judge),
            ]
        )
    )


def wrote_responses(study: Study, judge: ModelVersion) -> list[str]:
    """Names of the study's models that are the judge itself: judges tend to like their own."""
    return [model.name for model in models_in(study).values() if is_same(judge, model)]


Lines = Mapping[int, Collection[int]]


def _as_reward(
    models: Mapping[int, ModelVersion], lines: Lines, line: Collection[int], judge: ModelVersion
) -> Iterator[str]:
    names = names_of(judge)
    runs = TrainingRun.objects.filter(result__in=line).select_related("result").order_by("pk")
    for run in runs:
        for term in judges_among(run.config.get("rewards")):
            if plain_name(str(term.get("name", ""))) in names:
                how = f"rewarded by the judge {term.get('name')} at {term.get('url')}"
                yield from _sentences(models, lines, run, how)


def judges_among(terms: Any) -> list[dict[str, Any]]:
    """Of `rewards` in a training's configuration."""
    found = terms if isinstance(terms, list) else []
    return [term for term in found if isinstance(term, dict) and term.get("kind") == "judge"]


def _as_reward_model(
    models: Mapping[int, ModelVersion], lines: Lines, line: Collection[int], judge: ModelVersion
) -> Iterator[str]:
    """The judge, or what was trained from it, scored answers as a reward model."""
    scored = TrainingRun.objects.filter(result__in=line, reward_models__isnull=False)
    runs = {run.pk: run for run in scored.select_related("result").order_by("pk")}
    through = TrainingRun.reward_models.through.objects.filter(trainingrun__in=runs)
    pairs = list(through.order_by("pk").values_list("trainingrun", "modelversion"))
    behind = ancestry({model for _, model in pairs})
    known = ModelVersion.objects.in_bulk(set(behind).union(*behind.values()))
    for pk, model in pairs:
        sources = [known[source] for source in sorted(behind[model])]
        found = judge if judge in sources else _copy_of(judge, sources)
        if found is not None:
            how = f"rewarded by the scores of “{known[model].name}”"
            if model != found.pk:
                how += f", which comes from “{found.name}”"
            if found != judge:
                how += ", which has the weights of this judge"
            yield from _sentences(models, lines, runs[pk], how)


def _copy_of(judge: ModelVersion, sources: Collection[ModelVersion]) -> ModelVersion | None:
    return next((source for source in sources if has_same_weights(judge, source)), None)


def _as_rater(
    models: Mapping[int, ModelVersion], lines: Lines, line: Collection[int], judge: ModelVersion
) -> Iterator[str]:
    """The judge's own preferences were trained on: a reward by another name. Where people alone
    decide, all that its answers can do is to bar a response as unsafe."""
    links = DatasetTraining.objects.filter(training_run__result__in=line)
    by_dataset = {
        link.dataset_id: link
        for link in links.select_related("training_run__result", "dataset__study")
        if "llm" in link.dataset.manifest.get("rules", {}).get("rater_kinds", ())
    }
    rows = DatasetRater.objects.filter(
        dataset__in=by_dataset, submitted__gt=0, rater__kind=StudyRater.Kind.LLM
    )
    judges = JudgeRun.objects.filter(rater__in=rows.values("rater")).select_related("judge")
    used = {run.rater_id: run.judge for run in judges}
    for dataset, rater in rows.order_by("pk").values_list("dataset_id", "rater_id"):
        known = used.get(rater)
        if known is not None and is_same(judge, known):
            link = by_dataset[dataset]
            how = f"trained on judgements of “{known.name}”, in {link.dataset}"
            yield from _sentences(models, lines, link.training_run, how)


def _sentences(
    models: Mapping[int, ModelVersion], lines: Lines, run: TrainingRun, how: str
) -> Iterator[str]:
    """One for each model of the study behind which the training stands."""
    result = run.result
    if result is None:
        return
    for pk, model in models.items():
        if result.pk not in lines[pk]:
            continue
        if result.pk == pk:
            yield f"“{model.name}” was {how} (training “{run.name}”)."
        else:
            yield (
                f"“{model.name}” comes from “{result.name}”, which was {how} (training "
                f"“{run.name}”)."
            )
