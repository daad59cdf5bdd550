"""What goes into a release: the rows with their stimuli, and the facts of the manifest."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage

from annotations import preferences
from annotations.models import Study
from annotations.preferences import RULES, Derivation, DerivedPair
from annotations.selectors.preference_answers import raters_who_answered, unanswered_by_reason
from annotations.selectors.results import study_results
from inference.contracts import PreferencePair, ReplyFields, StimulusInput
from inference.models import Clip, Corpus, Response
from inference.selectors.stimuli import stimulus_inputs

FORMAT = "moodeval-preferences/1"


@dataclass(frozen=True)
class ReleaseRows:
    pairs: tuple[PreferencePair, ...]
    clip_sha256: dict[str, str]


def media_root() -> Path:
    return Path(default_storage.path(""))


def release_rows(study: Study, derived: Sequence[DerivedPair]) -> ReleaseRows:
    wanted = {pk for pair in derived for pk in (pair.chosen, pair.rejected)}
    responses = {
        response.pk: response
        for response in Response.objects.filter(pk__in=wanted).select_related(
            "stimulus__dialogue__session", "stimulus__dialogue__corpus", "run__model_version"
        )
    }
    stimuli = _stimuli(responses.values())
    pairs = tuple(_row(study, pair, responses, stimuli) for pair in derived)
    names = {path.as_posix() for pair in pairs for path in pair.stimulus.clip_paths}
    clips = Clip.objects.filter(file__in=names).values_list("file", "sha256")
    return ReleaseRows(pairs, dict(clips))


def _stimuli(responses: Iterable[Response]) -> dict[int, StimulusInput]:
    """With clip paths relative to the media root, so that the rows hold on any machine."""
    found = {response.stimulus_id: response.stimulus for response in responses}
    inputs = stimulus_inputs(list(found.values()))
    return {
        pk: replace(
            stimulus,
            clip_paths=tuple(path.relative_to(media_root()) for path in stimulus.clip_paths),
        )
        for pk, stimulus in zip(found, inputs, strict=True)
    }


def _row(
    study: Study,
    pair: DerivedPair,
    responses: dict[int, Response],
    stimuli: dict[int, StimulusInput],
) -> PreferencePair:
    chosen, rejected = responses[pair.chosen], responses[pair.rejected]
    dialogue = chosen.stimulus.dialogue
    stimulus = stimuli[chosen.stimulus_id]
    identity = f"{study.pk}/{stimulus.key}/{pair.chosen}/{pair.rejected}/{pair.source}"
    return PreferencePair(
        pair_id=hashlib.sha256(identity.encode()).hexdigest()[:24],
        stimulus=stimulus,
        chosen=_reply(chosen),
        rejected=_reply(rejected),
        source=pair.source,
        strength=pair.strength,
        meta={
            "study": str(study.pk),
            "corpus": dialogue.corpus.name,
            "session": dialogue.session.label,
            "split": dialogue.split,
            "chosen_response": str(pair.chosen),
            "rejected_response": str(pair.rejected),
            "chosen_model": chosen.run.model_version.name,
            "rejected_model": rejected.run.model_version.name,
            "votes_for": str(pair.votes_for),
            "votes_against": str(pair.votes_against),
            "votes_tied": str(pair.votes_tied),
            "agreeing_sources": ",".join(pair.agreeing),
            **_probabilities("chosen", chosen),
            **_probabilities("rejected", rejected),
        },
    )


def _probabilities(side: str, response: Response) -> dict[str, str]:
    """How likely the model held each label, as JSON; nothing where it was not asked."""
    if not response.label_probabilities:
        return {}
    text = json.dumps(response.label_probabilities, sort_keys=True, ensure_ascii=False)
    return {f"{side}_label_probabilities": text}


def _reply(response: Response) -> ReplyFields:
    return ReplyFields(
        client_emotion=response.client_emotion or None,
        therapist_emotion=response.therapist_emotion or None,
        strategy=response.strategy or None,
        text=response.text,
    )


def manifest_of(
    study: Study, derivation: Derivation, margin: int, criteria: Collection[str] | None
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "study": {
            "id": study.pk,
            "name": study.name,
            "template": study.template,
            "state": study.state,
            "seed": study.seed,
            "overlap": study.overlap,
            "response_fields": study.response_fields,
        },
        "parts": _parts(study),
        "filters": {
            "margin": margin,
            "criteria": None if criteria is None else sorted(criteria),
            "roles": ["independent"],
            "rater_kinds": ["person"],
            "states": ["submitted"],
        },
        "rules": RULES,
        "counts": dict(derivation.counts),
        "cannot_rate": unanswered_by_reason(study),
        "agreement": _agreement(study),
        "raters": [
            {"pseudonym": name, "submitted": n} for name, n in raters_who_answered(study).items()
        ],
        "models": _models(study),
        "corpora": _corpora(study),
        "software": software(),
    }


def _parts(study: Study) -> list[dict[str, Any]]:
    return [
        {
            "position": part.position,
            "design": part.design,
            "items": part.items.count(),
            "tie_allowed": part.tie_allowed,
            "with_strength": part.with_strength,
            "with_overall": part.with_overall,
            "instrument": {
                "slug": part.instrument.slug,
                "version": part.instrument.version,
                "name": part.instrument.name,
                "citation": part.instrument.citation,
            },
        }
        for part in study.parts.select_related("instrument")
    ]


def _agreement(study: Study) -> list[dict[str, Any]]:
    return [
        {
            "part": part.position,
            "criterion": found.slug,
            "alpha": found.agreement.alpha.value,
            "undefined_because": found.agreement.alpha.undefined_because,
            "level": found.agreement.level,
            "percent_exact": found.agreement.percent_exact.value,
            "items": found.agreement.items,
            "pairable_items": found.agreement.pairable_items,
            "raters": found.agreement.raters,
            "ratings": found.agreement.ratings,
            "missing": dict(found.agreement.missing),
        }
        for part in study_results(study).parts
        for found in part.criteria
    ]


def _models(study: Study) -> list[dict[str, Any]]:
    return [
        {
            "name": link.run.model_version.name,
            "kind": link.run.model_version.kind,
            "weights_sha256": link.run.model_version.weights_sha256,
            "run": link.run_id,
            "options": link.run.options,
        }
        for link in study.study_runs.select_related("run__model_version").order_by("position")
    ]


def _corpora(study: Study) -> list[dict[str, Any]]:
    corpora = Corpus.objects.filter(generation_runs__study_runs__study=study).distinct()
    return [
        {
            "name": corpus.name,
            "citation": corpus.citation,
            "licences": sorted(
                {corpus.licence, *corpus.dialogues.values_list("licence", flat=True)} - {""}
            ),
        }
        for corpus in corpora.order_by("name")
    ]


def software() -> dict[str, str]:
    """The version, and the hash of the rules themselves: they may change between versions."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    rules = Path(preferences.__file__).read_bytes()
    return {
        "name": "MoodEval",
        "version": str(project["project"]["version"]),
        "derivation_sha256": hashlib.sha256(rules).hexdigest(),
    }
