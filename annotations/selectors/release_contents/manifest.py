"""What a release says of itself: where it comes from, by which rules, what fell out and why."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from annotations import derivation
from annotations.analysis.settings import AnalysisSettings, ratings_of
from annotations.derivation.steps import rules_in_words
from annotations.exports.release_rows import barred_counts, split_sizes
from annotations.models import Study
from annotations.selectors.evidence import (
    permissions_of_answers,
    raters_who_answered,
    scored_criteria,
    unanswered_by_reason,
)
from annotations.selectors.judge_evidence import judges_named
from annotations.selectors.release_contents.contents import ReleaseContents
from annotations.selectors.release_contents.leakage import leakage_of
from annotations.selectors.release_contents.versions import amendments_of, consents_of_answers
from annotations.selectors.study_data import part_data
from inference.models import Corpus, ModelVersion
from inference.preference_files import FORMAT


def manifest_of(contents: ReleaseContents) -> dict[str, Any]:
    """All of manifest.json but the hashes of the files."""
    study, rules, found = contents.study, contents.rules, contents.derivation
    corpora = list(_corpora(study))
    kinds = sorted(set(rules.rater_kinds))
    judges = judges_named(study)  # whoever decides: their answers are in the files
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
            **({"show_chain": True} if study.show_chain else {}),
            "amendments": amendments_of(study),
            "consents": consents_of_answers(study),
        },
        "fields_shown": study.response_fields,
        "parts": _parts(study),
        "rules": rules.as_json(),
        "rules_in_words": rules_in_words(rules, scored_criteria(study)),
        "counts": dict(found.counts),
        "barred": barred_counts(found, contents.responses),
        "rows": _rows(contents),
        "splits": split_sizes(found, rules, contents.placed()),
        "leakage": leakage_of(corpora),
        "cannot_rate": unanswered_by_reason(study, kinds),
        "agreement": _agreement(study),
        "consent": permissions_of_answers(study),
        "raters": [
            {"pseudonym": name, "submitted": n}
            for name, n in raters_who_answered(study, kinds).items()
        ],
        **({"judges": judges} if judges or "llm" in kinds else {}),
        "models": _models(study),
        "corpora": [_corpus(corpus) for corpus in corpora],
        "software": software(),
    }


def _rows(contents: ReleaseContents) -> dict[str, int]:
    found = contents.derivation
    return {
        "pairs": len(found.pairs),
        "comparisons": len(found.comparisons),
        "responses": len(contents.responses),
        "stimuli": len(contents.material.stimuli),
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
                "note": part.instrument.note,
            },
        }
        for part in study.parts.select_related("instrument")
    ]


def _agreement(study: Study) -> list[dict[str, Any]]:
    """Alpha on the level of each criterion; of rankings, of the ranks. Words have none."""
    from annotations.analysis.families import family_of
    from annotations.statistics.alpha import alpha
    from annotations.statistics.chance_corrected import percent_exact

    rows = []
    for part in study.parts.select_related("instrument").prefetch_related("instrument__criteria"):
        data = part_data(part)
        for answers in data.answers:
            if not answers.criterion.has_coefficient:
                continue
            level = family_of(answers.criterion).level
            table = ratings_of(data, answers, AnalysisSettings())
            found, exact = alpha(table, level, resamples=0), percent_exact(table).value
            rows.append(
                {
                    "part": part.position,
                    "criterion": answers.criterion.slug,
                    "alpha": found.value,
                    "undefined_because": found.undefined_because,
                    "level": level,
                    "percent_exact": None if exact is None else 100 * exact,
                    "items": len(data.units),
                    "pairable_items": found.n_pairable,
                    "raters": found.n_raters,
                    "ratings": found.n_ratings,
                    "missing": answers.missing,
                }
            )
    return rows


def _models(study: Study) -> list[dict[str, Any]]:
    links = study.study_runs.select_related("run__model_version").order_by("position")
    return [
        {
            "name": link.run.model_version.name,
            "kind": link.run.model_version.kind,
            "weights_sha256": link.run.model_version.weights_sha256,
            "parents": _parents(link.run.model_version),
            "run": link.run_id,
            "options": link.run.options,
        }
        for link in links
    ]


def _parents(model: ModelVersion) -> list[dict[str, str]]:
    """What it was trained from, and what that was, up to one that was not trained here."""
    found = []
    while model.parent is not None:
        model = model.parent
        found.append({"name": model.name, "weights_sha256": model.weights_sha256})
    return found


def _corpora(study: Study) -> QuerySet[Corpus]:
    found = Corpus.objects.filter(generation_runs__study_runs__study=study).distinct()
    return found.order_by("name")


def _corpus(corpus: Corpus) -> dict[str, Any]:
    licences = {corpus.licence, *corpus.dialogues.values_list("licence", flat=True)}
    return {
        "name": corpus.name,
        "citation": corpus.citation,
        "note": corpus.note,
        "licences": sorted(licences - {""}),
        "media_rights": corpus.media_rights,
    }


def software() -> dict[str, str]:
    """The version, and one hash over the rules' own code: it may change between versions."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "name": "MoodEval",
        "version": str(project["project"]["version"]),
        "derivation_sha256": sha256_of_sources(Path(derivation.__path__[0])),
    }


def sha256_of_sources(package: Path) -> str:
    """Over the names and bytes of a package's modules, by name."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
