"""Preferences made elsewhere become a dataset of the team: read, derived by rules, stored once."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotations.derivation.derive import derive
from annotations.derivation.evidence import OVERALL
from annotations.derivation.outcome import Derivation
from annotations.derivation.rules import DerivationRules
from annotations.derivation.steps import counted_steps, rules_in_words
from annotations.exports.codebook import AskedCriterion, write_codebook
from annotations.exports.import_card import CONSENT, imported_card
from annotations.exports.preference_release import write_answers, write_material, write_preferences
from annotations.exports.release_rows import barred_counts
from annotations.exports.sealing import seal_release
from annotations.exports.tables.columns import COLUMNS
from annotations.imports import (
    FORMATS,
    HandedIn,
    ImportedAnswers,
    ReadOptions,
    Recognised,
    hand_in,
    read_answers,
    recognise,
)
from annotations.imports.contents import ImportContents
from annotations.imports.handed_in import MOST_BYTES
from annotations.models import PreferenceDataset
from annotations.selectors.release_contents.manifest import software
from annotations.services.datasets import release_folder, store_dataset
from annotations.services.erasures import refuse_erased_rows
from annotations.services.release_staging import check_derivation, staging_folder
from inference.errors import InvalidOptionsError
from inference.preference_files import CODEBOOK_FILE, FORMAT, PAIRS_FILE, json_text, sha256_file
from mood_eval.models import Team, User

CHOSEN = "You chose this format yourself."
SUPERSEDED = "choices on a criterion where the same pair has an overall choice"
PREVIEWED = 3


class NotDeclaredError(InvalidOptionsError):
    """Nobody said that the people agreed, or under which licence the data are."""


@dataclass(frozen=True)
class ImportRequest:
    """What a researcher says about the files."""

    format: str = ""
    """Empty: recognised."""
    rules: DerivationRules = field(default_factory=DerivationRules)
    options: ReadOptions = field(default_factory=ReadOptions)
    most_bytes: int = MOST_BYTES
    """Of a zip, unpacked."""

    def reading(self) -> ReadOptions:
        return replace(self.options, with_words=self.rules.with_words)


@dataclass(frozen=True)
class Preview:
    recognised: Recognised
    label: str
    answers: ImportedAnswers
    derivation: Derivation
    pairs: list[dict[str, Any]]
    """The first ones, as rows of pairs.jsonl."""
    leakage: list[dict[str, Any]]
    """As the manifest says it."""

    @property
    def steps(self) -> list[tuple[str, int]]:
        """Of the derivation, at which anything was counted: in words, and how many."""
        return counted_steps(self.derivation.counts)


@dataclass(frozen=True)
class _Read:
    recognised: Recognised
    handed_in: HandedIn
    contents: ImportContents


def preview_import(
    paths: Sequence[Path], request: ImportRequest, team: Team | None = None
) -> Preview:
    """What an import would make. Refuses whatever the import would refuse but the declarations;
    what `team` may no longer use, where it is named."""
    with _reading(paths, request) as read:
        if team is not None:
            _refuse_erased_copy(team, read.contents.answers)
        rows = read.contents.pairs()
        return Preview(
            recognised=read.recognised,
            label=FORMATS[read.recognised.format].label,
            answers=read.contents.answers,
            derivation=read.contents.derivation,
            pairs=[row for row, _ in zip(rows, range(PREVIEWED), strict=False)],
            leakage=read.contents.leakage("these files"),
        )


def import_dataset(
    *,
    team: Team,
    paths: Sequence[Path],
    name: str,
    licence: str,
    consent_declared: bool,
    request: ImportRequest,
    user: User | None = None,
) -> tuple[PreferenceDataset, bool]:
    """And whether it was made now: the same files, read by the same rules, are there once."""
    name, licence = name.strip(), licence.strip()
    _check_declared(name, licence, consent_declared)
    with _reading(paths, request) as read, staging_folder() as folder:
        _refuse_erased_copy(team, read.contents.answers)
        answers = _write(read.contents, folder)
        manifest = _manifest(read, name, licence, request)
        manifest["rows"]["answers"] = answers
        manifest["import_sha256"] = _fingerprint(manifest, sha256_file(folder / PAIRS_FILE))
        return _keep(team, folder, manifest, read.contents, user)


def _refuse_erased_copy(team: Team, answers: ImportedAnswers) -> None:
    """Of the formats only a release folder says which release it is."""
    refuse_erased_rows(team, str(answers.origin.get("sha256", "")))


def _check_declared(name: str, licence: str, consent_declared: bool) -> None:
    if not name:
        raise InvalidOptionsError("name: the dataset needs a name. Say what it is called.")
    longest = PreferenceDataset._meta.get_field("name").max_length or 0
    if len(name) > longest:
        raise InvalidOptionsError(f"name: longer than {longest} characters. Shorten it.")
    if not consent_declared:
        raise NotDeclaredError(
            f"Consent is not declared: “{CONSENT}” Without it no model may be trained on them, so "
            "nothing was imported."
        )
    if not licence:
        raise NotDeclaredError(
            "licence: missing. Say under which licence or agreement you hold these data; "
            "nothing was imported."
        )


@contextmanager
def _reading(paths: Sequence[Path], request: ImportRequest) -> Iterator[_Read]:
    settings.VAR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="import-", dir=settings.VAR) as folder:
        handed_in = hand_in(paths, Path(folder), request.most_bytes)
        recognised = (
            Recognised(request.format, CHOSEN) if request.format else recognise(handed_in.paths)
        )
        answers = _overall_first(
            read_answers(handed_in.paths, recognised.format, request.reading())
        )
        derivation = derive(answers.evidence, request.rules)
        check_derivation(derivation, request.rules)
        yield _Read(recognised, handed_in, ImportContents(answers, request.rules, derivation))


def _overall_first(answers: ImportedAnswers) -> ImportedAnswers:
    """The overall choice counts where it was asked, as in studies."""
    evidence = answers.evidence
    overall = {(c.first, c.second) for c in evidence.choices if c.criterion == OVERALL}
    kept = tuple(
        choice
        for choice in evidence.choices
        if choice.criterion == OVERALL or (choice.first, choice.second) not in overall
    )
    fewer = len(evidence.choices) - len(kept)
    left_out = {**answers.left_out, **({SUPERSEDED: fewer} if fewer else {})}
    return replace(answers, evidence=replace(evidence, choices=kept), left_out=left_out)


def _write(contents: ImportContents, folder: Path) -> int:
    """Returns how many answers there are."""
    write_material(folder, contents)
    write_preferences(folder, contents)
    write_codebook(folder / CODEBOOK_FILE, COLUMNS, {}, _criteria(contents.answers))
    return write_answers(folder, contents.answer_rows(COLUMNS))


def _criteria(answers: ImportedAnswers) -> list[AskedCriterion]:
    evidence = answers.evidence
    ends = {score.criterion: (score.low, score.high) for score in evidence.scores}
    compared = {choice.criterion for choice in evidence.choices} - {OVERALL}
    return [
        AskedCriterion(
            slug=slug,
            name=slug,
            question="",
            kind="score" if slug in ends else "choice",
            level="ordinal",
            reverse_scored=False,
            instrument="",
            low=ends[slug][0] if slug in ends else None,
            high=ends[slug][1] if slug in ends else None,
        )
        for slug in sorted({*ends, *compared})
    ]


def _manifest(read: _Read, name: str, licence: str, request: ImportRequest) -> dict[str, Any]:
    """All of manifest.json but the hashes; nothing in it knows who imported it, or when."""
    contents, answers = read.contents, read.contents.answers
    found = contents.derivation
    return {
        "format": FORMAT,
        "title": name,
        "licence": licence,
        "source": {
            "tool": FORMATS[read.recognised.format].tool,
            "format": read.recognised.format,
            "recognised": read.recognised.reason,
            "files": [{"name": file, "sha256": sha256} for file, sha256 in read.handed_in.sources],
            "fields": {
                "context": request.options.context,
                "first": request.options.first,
                "second": request.options.second,
                **({"ratings": sorted(named)} if (named := request.options.ratings) else {}),
            },
            "says_of_itself": dict(answers.origin),
        },
        "left_out": dict(answers.left_out),
        "noted": dict(answers.notes),
        "fields_shown": answers.origin.get("fields_shown") or "hidden",
        "parts": [],
        "rules": request.rules.as_json(),
        "rules_in_words": rules_in_words(
            request.rules, {score.criterion for score in answers.evidence.scores}
        ),
        "counts": dict(found.counts),
        "barred": barred_counts(found, contents.ids),
        "rows": {
            "pairs": len(found.pairs),
            "comparisons": len(found.comparisons),
            "responses": len(contents.ids),
            "stimuli": len(contents.stimuli),
        },
        "splits": contents.splits(),
        "leakage": contents.leakage(name),
        "cannot_rate": {},
        "agreement": [],
        "consent": {"declared": True, "statement": CONSENT},
        "raters": _raters(answers),
        "models": [
            {"name": model, "kind": "imported", "weights_sha256": "", "parents": []}
            for model in sorted({one.model for one in answers.responses.values()} - {""})
        ],
        "corpora": [
            {"name": name, "citation": "", "note": "", "licences": [licence], "media_rights": ""}
        ],
        "software": software(),
    }


def _raters(answers: ImportedAnswers) -> list[dict[str, Any]]:
    evidence = answers.evidence
    submitted = Counter(choice.rater for choice in evidence.choices)
    submitted.update(score.rater for score in evidence.scores)
    return [{"pseudonym": name, "submitted": submitted[name]} for name in sorted(submitted)]


def _fingerprint(manifest: dict[str, Any], pairs_sha256: str) -> str:
    """Of what was read, how, and what came out; not of how the dataset is called."""
    names = ("source", "rules", "licence", "left_out", "rows")
    told = {name: manifest[name] for name in names}
    sources = sorted(file["sha256"] for file in manifest["source"]["files"])
    told["source"] = {**told["source"], "files": sources, "recognised": ""}
    return hashlib.sha256((json_text(told) + pairs_sha256).encode()).hexdigest()


@transaction.atomic
def _keep(
    team: Team, folder: Path, manifest: dict[str, Any], contents: ImportContents, user: User | None
) -> tuple[PreferenceDataset, bool]:
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    _refuse_erased_copy(team, contents.answers)
    existing = PreferenceDataset.objects.filter(
        team=team, study=None, manifest__import_sha256=manifest["import_sha256"], erasure=None
    ).first()
    if existing is not None:
        release_folder(existing)
        return existing, False
    dataset = store_dataset(
        team=team,
        staging=folder,
        manifest=seal_release(folder, manifest, imported_card),
        rows=len(contents.derivation.pairs),
        name=manifest["title"],
        user=user,
    )
    return dataset, True
