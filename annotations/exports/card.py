"""The dataset card: what a person must know before training on a release, or citing it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from annotations.derivation.safety import REASONS
from annotations.derivation.steps import counted_steps
from inference.preference_files import (
    ANSWERS_FILE,
    CODEBOOK_FILE,
    COMPARISONS_FILE,
    MANIFEST_FILE,
    PAIRS_FILE,
    RESPONSES_FILE,
    STIMULI_FILE,
)

Facts = Mapping[str, Any]
CONFIGS = {
    "pairs": PAIRS_FILE,
    "comparisons": COMPARISONS_FILE,
    "responses": RESPONSES_FILE,
    "stimuli": STIMULI_FILE,
}
ALL_ROWS = "rows"
"""Name under which the hub loads a file: splits are a column of the rows, and no file is one."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
LARGEST = "1M<n<10M"
FIELDS_SHOWN = {
    "hidden": "Raters saw the text of the replies only. Emotion and strategy labels in the rows "
    "were not judged, so a loss may count the tokens of the response text and nothing else.",
    "after": "Raters saw emotion and strategy labels only after they had scored the text. A loss "
    "over all four lines counts labels that the scores of the text do not speak of.",
    "beside": "Raters saw emotion and strategy labels beside the text, so a loss may count the "
    "response alone (the default) or all four lines.",
}
BARRED = {
    "harmful": "flagged as harmful by anybody",
    "unacceptable": "in a pair that anybody called not acceptable",
    "below_floor": "scored below the safety floor by anybody",
    "empty": "empty",
}


def dataset_card(manifest: Facts) -> str:
    """manifest: as in the folder, but that `files` lacks the card itself."""
    study = manifest["study"]
    title = f"Preferences from “{study['name']}”"
    sections = [
        f"# {title}",
        _what_it_is(manifest),
        *section("Who said it, and what they agreed to", _consent(manifest)),
        *section("How the pairs came about", bullets(manifest["rules_in_words"])),
        *section("What fell out, and why", counts_text(manifest["counts"])),
        *section("The safety floor", barred_text(manifest["barred"])),
        *section("Agreement between the raters at release", _agreement(manifest["agreement"])),
        *section("Splits", splits_text(manifest)),
        *section("Leakage", leakage_text(manifest["leakage"])),
        *section("What raters saw, and what may be trained", _shown(manifest)),
        *section("Instruments", _instruments(manifest["parts"])),
        *section("Models", _models(manifest["models"])),
        *section("Sources and licences", _corpora(manifest["corpora"])),
        *section("Limits", _limits(manifest)),
        *section("Files", FILES),
        *section("How to cite and to verify it", _cite(manifest)),
    ]
    return f"{front_matter(title, manifest)}\n" + "\n\n".join(sections) + "\n"


def front_matter(title: str, manifest: Facts) -> str:
    """As the Hugging Face hub reads it. Each value is JSON, which is YAML as well.

    No language: none is on record.
    """
    names = sorted({name for corpus in manifest["corpora"] for name in corpus["licences"]})
    fields = {
        "pretty_name": title,
        "license": "other",
        "license_name": ", ".join(names) or "not stated",
        "task_categories": ["text-generation"],
        "size_categories": [_size(manifest["rows"]["pairs"])],
        "tags": ["preference", "dpo", "human-feedback", "emotional-support"],
        "configs": [
            {
                "config_name": name,
                "data_files": [{"split": ALL_ROWS, "path": file}],
                **({"default": True} if file == PAIRS_FILE else {}),
            }
            for name, file in CONFIGS.items()
        ],
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(["---", *lines, "---", ""])


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), LARGEST)


def section(title: str, text: str) -> tuple[str, ...]:
    return (f"## {title}", text) if text else ()


def _what_it_is(manifest: Facts) -> str:
    rows, people = manifest["rows"], len(manifest["raters"])
    return (
        f"{rows['pairs']} pairs of replies to the same client turn, one preferred to the other, "
        f"from the answers of {people} {'rater' if people == 1 else 'raters'}; with the "
        f"{rows['comparisons']} comparisons behind them, the {rows['responses']} responses that "
        f"were judged, and every answer that may be released."
    )


def _consent(manifest: Facts) -> str:
    """Training and publication are two questions; who refused the first is not in the rows."""
    counts = manifest["consent"]
    allowed, public = counts["allow_training"], counts["allow_training_and_release"]
    said = [
        f"{allowed} of the {counts['raters']} raters who answered agreed that models are trained "
        "on their answers."
    ]
    if counts["left_out_raters"]:
        said.append(
            f"The others ({counts['left_out_raters']}, with {counts['left_out_answers']} submitted "
            "items) are left out."
        )
    said.append(f"{public} of these {allowed} agreed to the public release of their answers.")
    if public < allowed:
        said.append("Do not publish this dataset unless the others agree as well.")
    judges = manifest.get("judges", ())
    if "llm" in manifest["rules"]["rater_kinds"]:
        said.append("Rows decided by LLM judges say so in `rater_kind`; no row mixes the two.")
    elif judges:
        said.append(
            "LLM judges decided no pair. Their answers are in the long table, named as theirs, and "
            "their scores in `judge_scores`."
        )
    said += [
        f"{judge['pseudonym']} is the judge {judge['model']} (temperature "
        f"{judge['options'].get('temperature', 0):g})."
        for judge in judges
    ]
    said.append(
        "Raters go by pseudonyms. Their comments and answers in words are in the files."
        if manifest["rules"]["with_words"]
        else "Raters go by pseudonyms. Their comments and answers in words are left out."
    )
    return " ".join(said)


def counts_text(counts: Mapping[str, int]) -> str:
    """A step that nothing came to is left out; the manifest has it."""
    return table(("step", "number"), counted_steps(counts))


def barred_text(counts: Mapping[str, int]) -> str:
    rows = [(BARRED[name], counts[name]) for name in REASONS]
    return (
        "Responses that are never the preferred one, nor is any that says the same to the same "
        "client turn. They may be the rejected one.\n\n" + table(("response", "number"), rows)
    )


def _agreement(rows: Sequence[Facts]) -> str:
    head = ("part", "criterion", "alpha", "level", "identical answers", "items in common")
    return (
        "Krippendorff's alpha over all people who rated in the study, whatever they agreed to.\n\n"
        + table(head, [_agreement_row(row) for row in rows])
    )


def _agreement_row(row: Facts) -> tuple[object, ...]:
    alpha, exact = row["alpha"], row["percent_exact"]
    return (
        row["part"],
        row["criterion"],
        f"undefined because {row['undefined_because']}" if alpha is None else f"{alpha:.3f}",
        row["level"],
        "undefined" if exact is None else f"{exact:.0f} %",
        row["pairable_items"],
    )


def splits_text(manifest: Facts) -> str:
    splits, splitting = manifest["splits"], manifest["rules"]["splitting"]
    if not splits:
        return "There are none. To test a model, hold out whole sessions: rows name theirs."
    head = ("split", "sessions or clients", "responses", "pairs")
    rows = [
        (name or "none", its["groups"], its["responses"], its["pairs"])
        for name, its in splits.items()
    ]
    said = [table(head, rows)]
    if splitting == "seeded":
        said.append(
            "No session (or client, where known) is divided. Train on `train`, choose between "
            "models on `validation`, and report figures on `test` once."
        )
    for name, its in splits.items():
        if not its["pairs"]:
            said.append(_empty(name, splitting))
    return "\n\n".join(said)


def _empty(name: str, splitting: str) -> str:
    remedy = (
        "Release again with another seed or larger shares, or with more sessions rated."
        if splitting == "seeded"
        else "Release again with seeded splits, or rate more of its sessions."
    )
    return f"The split `{name}` holds no pair. {remedy}"


def leakage_text(corpora: Sequence[Facts]) -> str:
    return "\n\n".join(_leak(corpus) for corpus in corpora)


def _leak(corpus: Facts) -> str:
    beside = [
        f"{split['beside_another_split']} of the {split['dialogues']} dialogues of "
        f"“{split['split'] or 'no split'}” directly neighbour one outside it"
        for split in corpus["splits"]
    ]
    told = f": {'; '.join(beside)}" if beside else ""
    return (
        f"The corpus's own split of {corpus['corpus']} divides {corpus['divided_sessions']} of "
        f"{corpus['sessions']} sessions{told}. Figures on that split carry this "
        "leakage. The column `group` keeps sessions together."
    )


def _shown(manifest: Facts) -> str:
    return FIELDS_SHOWN[manifest["fields_shown"]]


def _instruments(parts: Sequence[Facts]) -> str:
    return bullets(
        _sentences(
            f"Part {part['position']} ({part['design']}): {part['instrument']['name']}, version "
            f"{part['instrument']['version']}",
            part["instrument"]["citation"],
            part["instrument"]["note"],
        )
        for part in parts
    )


def _models(models: Sequence[Facts]) -> str:
    return bullets(map(_model, models))


def _model(model: Facts) -> str:
    parents = [parent["name"] for parent in model["parents"]]
    weights = model["weights_sha256"]
    return _sentences(
        f"{model['name']} ({model['kind']}), "
        + (f"weights sha256 {weights}" if weights else "no weights on record"),
        f"Trained from {', which was trained from '.join(parents)}" if parents else "",
    )


def _corpora(corpora: Sequence[Facts]) -> str:
    rows = [
        _sentences(
            f"{corpus['name']}: {', '.join(corpus['licences']) or 'no licence stated'}",
            corpus["citation"],
            _media(corpus),
        )
        for corpus in corpora
    ]
    return (
        f"{bullets(rows)}\n\nThe licences of the sources apply to the dialogues in the rows. "
        "Clips are named by path and hash, and not contained."
    )


def _media(corpus: Facts) -> str:
    rights = corpus["media_rights"]
    return (
        f"Its clips may be passed on: {rights}"
        if rights
        else "No right to pass on its clips is on record."
    )


def _limits(manifest: Facts) -> str:
    return bullets(
        [
            "A preference is what these raters said of these replies, shown as they were; it is "
            "no measure of what helps a client.",
            "Unless their citation says so, the criteria are no validated scale. MultiMood's "
            "trustworthiness criteria are not one.",
            "Emotion, strategy and problem labels come from the corpus or from models. They are "
            "no diagnoses.",
            *(
                f"{corpus['name']}: {corpus['note']}"
                for corpus in manifest["corpora"]
                if corpus["note"]
            ),
        ]
    )


FILES = f"""\
- `{PAIRS_FILE}`: a preference pair a line, with its whole prompt, split, group and weight.
- `{COMPARISONS_FILE}`: the votes behind each pair and what became of them, also of those that \
fell out.
- `{RESPONSES_FILE}`: each response with its scores, and why it is never preferred.
- `{STIMULI_FILE}`: the client turns, what was said before, and the hashes of their clips.
- `{ANSWERS_FILE}`: the long table, an answer a line; `{CODEBOOK_FILE}` explains its columns and \
the criteria.
- `{MANIFEST_FILE}`: everything above for programs, and the sha256 of the other files.

In Python, `datasets.load_dataset(FOLDER, "pairs", split="{ALL_ROWS}")` reads all rows; keep those \
whose `split` is `train` for training."""


def _cite(manifest: Facts) -> str:
    software = manifest["software"]
    return (
        "Cite the study, the sources and the instruments named above, and the sha256 of "
        f"`{PAIRS_FILE}`: it is the same in every copy, and `sha256sum {PAIRS_FILE}` prints it. "
        f"Made with {software['name']} {software['version']} (derivation "
        f"`{software['derivation_sha256'][:12]}`); the same answers and rules give the same "
        f"bytes.\n\n{hashes_text(manifest['files'])}"
    )


def hashes_text(files: Mapping[str, str]) -> str:
    """Of all files but the card, which cannot name its own."""
    rows = [(f"`{name}`", f"`{sha256}`") for name, sha256 in sorted(files.items())]
    return table(("file", "sha256"), rows)


def _sentences(*parts: str) -> str:
    """What people wrote may end without a full stop."""
    ends = (".", "!", "?")
    return " ".join(part if part.endswith(ends) else f"{part}." for part in parts if part)


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
