"""One model over the same client turns by picture and sound, by each alone, and by words alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import get_args

from django.db import transaction

from inference.contracts import GenerationOptions, Modality
from inference.endpoints import MediaPart
from inference.errors import (
    InvalidOptionsError,
    NothingSelectedError,
    UnknownNameError,
    WrongStateError,
)
from inference.models import Corpus, GenerationRun, JobState, ModelVersion, RunGroup
from inference.selectors.clip_counts import (
    ClipKinds,
    clip_kinds,
    clip_kinds_of_team,
    with_clips,
)
from inference.selectors.endpoints import NEEDED, endpoint_from_row, modalities_of
from inference.selectors.run_groups import group_of, runs_alike, stimuli_of_run
from inference.selectors.run_options import MODALITY_NAMES, ONLY_MODALITY, options_of
from inference.services.generation import create_generation_run, selected_stimuli
from inference.services.generation_options import check_options
from inference.services.model_versions import refuse_reward_model
from mood_eval.models import Team, User

MODALITIES: tuple[Modality, ...] = get_args(Modality)
PARTS: dict[MediaPart, str] = {"frames": "pictures", "audio": "sound"}
STOPPED = (JobState.FAILED, JobState.CANCELLED)
KEPT = (ModelVersion.Kind.IMPORTED, ModelVersion.Kind.RESPONSES)
LONGEST_NAME = 64


class NothingToCompareError(InvalidOptionsError):
    """Fewer than two modalities are left."""


@dataclass(frozen=True)
class Offer:
    modality: Modality
    why_not: str = ""
    """Empty: the model can be run so."""

    @property
    def name(self) -> str:
        return MODALITY_NAMES[self.modality]


@dataclass(frozen=True)
class CorpusOffers:
    corpus: Corpus
    kinds: ClipKinds
    offers: tuple[Offer, ...]

    @property
    def comparable(self) -> bool:
        return sum(not offer.why_not for offer in self.offers) > 1


def corpora_to_compare(model: ModelVersion) -> list[CorpusOffers]:
    """Those of the team, by name, with what can be compared on their client turns with a clip."""
    kinds = clip_kinds_of_team(model.team)
    options = GenerationOptions()
    return [
        CorpusOffers(
            corpus,
            found := kinds.get(corpus.pk, ClipKinds()),
            tuple(modality_offers(model, options, found)),
        )
        for corpus in Corpus.objects.filter(team=model.team).order_by("name")
    ]


def modality_offers(
    model: ModelVersion, options: GenerationOptions, kinds: ClipKinds
) -> list[Offer]:
    """For every modality whether the model and the clips allow it, and if not, why."""
    return [Offer(modality, _why_not(model, options, kinds, modality)) for modality in MODALITIES]


def _why_not(
    model: ModelVersion, options: GenerationOptions, kinds: ClipKinds, modality: Modality
) -> str:
    if model.kind in KEPT:
        return "These replies are there already: nothing can be shown or kept from who gave them."
    return (
        _not_there(kinds, modality)
        or _not_taken(model, modality)
        or _refused(model, replace(options, modality=modality))
    )


def _not_there(kinds: ClipKinds, modality: Modality) -> str:
    counts = {"frames": kinds.seen, "audio": kinds.heard}
    needed = NEEDED[modality]
    missing = [PARTS[part] for part in needed if not counts[part]]
    if not missing:
        return ""
    if len(missing) == len(needed):
        return f"No client turn here has a clip with {' or '.join(missing)}."
    return f"No clip here has {missing[0]}, so it would repeat one of the others."


def _not_taken(model: ModelVersion, modality: Modality) -> str:
    if modality in modalities_of(model) or ONLY_MODALITY in model.config:
        return ""
    if model.kind != ModelVersion.Kind.ENDPOINT:
        return "The model takes words only."
    takes = endpoint_from_row(model).takes
    lacking = [PARTS[part] for part in NEEDED[modality] if part not in takes]
    return f"The address takes no {' and no '.join(lacking)}."


def _refused(model: ModelVersion, options: GenerationOptions) -> str:
    try:
        check_options(options, model)
    except InvalidOptionsError as error:
        return str(error)
    return ""


def compare_modalities(
    *,
    model: ModelVersion,
    corpus: Corpus,
    splits: Sequence[str] = (),
    limit: int | None = None,
    options: GenerationOptions | None = None,
    user: User | None = None,
    budget: Decimal | None = None,
) -> RunGroup:
    """Over the client turns that have a clip, in corpus order; the same group when asked again.

    `budget`: of each run, in the currency of the model's prices.
    """
    if limit is not None and limit < 1:
        raise InvalidOptionsError("The limit must be at least 1.")
    if model.team_id != corpus.team_id:
        raise UnknownNameError("The model and the corpus must belong to one team.")
    refuse_reward_model(model)
    options = options or GenerationOptions()
    stimuli = with_clips(selected_stimuli(model, corpus, splits, None, options))[:limit]
    if not stimuli:
        raise NothingSelectedError(
            f"No client turn of {corpus} in this selection has a clip, so there is nothing but "
            "words to be given. Import the corpus with its clips."
        )
    return _compared(model, corpus, splits, stimuli, options, user, budget)


def compare_modalities_of_run(run: GenerationRun, user: User | None = None) -> RunGroup:
    """The run as it is, beside others over its client turns that differ in the modality alone."""
    return _compared(
        run.model_version,
        run.corpus,
        run.splits,
        stimuli_of_run(run),
        options_of(run),
        user,
        run.budget,
    )


@transaction.atomic
def _compared(
    model: ModelVersion,
    corpus: Corpus,
    splits: Sequence[str],
    stimuli: list[int],
    options: GenerationOptions,
    user: User | None,
    budget: Decimal | None,
) -> RunGroup:
    refuse_reward_model(model)
    offers = modality_offers(model, options, clip_kinds(stimuli, options.clips))
    wanted = [offer.modality for offer in offers if not offer.why_not]
    if len(wanted) < 2:
        reasons = " ".join(f"{offer.name}: {offer.why_not}" for offer in offers if offer.why_not)
        raise NothingToCompareError(f"There are no two modalities to compare. {reasons}")
    Team.objects.select_for_update(no_key=True).get(pk=model.team_id)  # a second click waits here
    alike = runs_alike(model, corpus, stimuli, options)
    known = group_of(alike, wanted)
    if known is not None:
        return known
    group = RunGroup.objects.create(team=model.team, name=_free_name(model, corpus))
    for modality in wanted:
        run = _usable(alike, modality) or create_generation_run(
            team=model.team,
            model_version=model,
            corpus=corpus,
            splits=splits,
            options=replace(options, modality=modality),
            user=user,
            stimuli=stimuli,
            budget=budget,
        )
        group.runs.add(run)
    return group


def _usable(runs: Sequence[GenerationRun], modality: Modality) -> GenerationRun | None:
    """The newest that is done or on its way: what is answered is not asked again."""
    fit = [run for run in runs if options_of(run).modality == modality]
    usable = next((run for run in fit if run.state not in STOPPED), None)
    halfway = next((run for run in fit if run.done), None)
    if usable is None and halfway is not None:
        raise WrongStateError(
            f"Run {halfway.pk} was stopped with {halfway.done:,} of {halfway.total:,} answers. "
            f"Resume run {halfway.pk} first, or its answers would be paid again."
        )
    return usable


def _free_name(model: ModelVersion, corpus: Corpus) -> str:
    base = f"{model.name[:LONGEST_NAME]} on {corpus.name[:LONGEST_NAME]}, by modality"
    taken = set(RunGroup.objects.filter(team=model.team_id).values_list("name", flat=True))
    name, number = base, 2
    while name in taken:
        name, number = f"{base} ({number})", number + 1
    return name
