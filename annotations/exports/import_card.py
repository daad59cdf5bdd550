"""The card of a dataset that was made elsewhere: where it comes from, as far as that is known."""

from __future__ import annotations

from annotations.exports.card import (
    FILES,
    Facts,
    barred_text,
    bullets,
    counts_text,
    front_matter,
    hashes_text,
    leakage_text,
    section,
    splits_text,
    table,
)
from inference.preference_files import PAIRS_FILE

CONSENT = "The people whose answers these are agreed that models are trained on them."


def imported_card(manifest: Facts) -> str:
    title = f"Preferences imported as “{manifest['title']}”"
    sections = [
        f"# {title}",
        _what_it_is(manifest),
        *section("Where it comes from", _source(manifest)),
        *section("Consent and licence, as declared", _declared(manifest)),
        *section("What was left out on import", _left_out(manifest["left_out"])),
        *section("What was read with care", _noted(manifest.get("noted", {}))),
        *section("How the pairs came about", bullets(manifest["rules_in_words"])),
        *section("What fell out, and why", counts_text(manifest["counts"])),
        *section("The safety floor", barred_text(manifest["barred"])),
        *section("Splits", splits_text(manifest)),
        *section("Leakage", leakage_text(manifest["leakage"])),
        *section("Limits", bullets(LIMITS)),
        *section("Files", FILES),
        *section("How to verify it", _verify(manifest)),
    ]
    return f"{front_matter(title, manifest)}\n" + "\n\n".join(sections) + "\n"


LIMITS = (
    "The answers were not given in this software: who answered, what they saw and how they were "
    "asked is known as far as the files tell it.",
    "Where files name no session, prompts that begin with the same words of the client count as "
    "one conversation, and splits drawn here do not divide it.",
    "Harm is known only where the files say so.",
)


def _what_it_is(manifest: Facts) -> str:
    rows, raters = manifest["rows"], len(manifest["raters"])
    return (
        f"{rows['pairs']} pairs of replies to the same client turn, one preferred to the other, "
        f"from the answers of {raters} {'rater' if raters == 1 else 'raters'}, with the "
        f"{rows['comparisons']} comparisons behind them and the {rows['responses']} responses "
        "that were judged."
    )


def _source(manifest: Facts) -> str:
    source = manifest["source"]
    files = table(
        ("file", "sha256"), [(f"`{one['name']}`", f"`{one['sha256']}`") for one in source["files"]]
    )
    return f"Read from {source['tool']} ({source['format']}).\n\n{files}"


def _declared(manifest: Facts) -> str:
    return (
        f"Whoever imported it declared: “{manifest['consent']['statement']}” Nobody here could "
        f"check it.\n\nLicence: {manifest['licence']}"
    )


def _left_out(left_out: Facts) -> str:
    rows = [(reason, number) for reason, number in left_out.items()]
    return table(("what", "number"), rows) if rows else "Nothing."


def _noted(noted: Facts) -> str:
    return bullets([f"{number} {what}" for what, number in noted.items()])


def _verify(manifest: Facts) -> str:
    return (
        f"`sha256sum {PAIRS_FILE}` prints what this dataset is cited by. The same files imported "
        f"by the same rules give the same bytes.\n\n{hashes_text(manifest['files'])}"
    )
