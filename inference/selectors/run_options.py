"""The options of a run, as data and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from inference.contracts import ClipScope, GenerationOptions, HistoryForm, Modality, Task
from inference.models import GenerationRun, ModelVersion

PROMPT_KEY = "prompt_sha256"
"""Beside the options on the run's row: which prompt the model was given."""

ONLY_MODALITY = "only_modality"
"""In a model version's config: the only modality that it may be given."""

ANSWERED_ELSEWHERE: dict[str, str] = {
    ModelVersion.Kind.IMPORTED: "As they stand in the corpus; options change nothing",
    ModelVersion.Kind.RESPONSES: "As the file had them; options change nothing",
}
CHATS = (ModelVersion.Kind.ENDPOINT, ModelVersion.Kind.TEXT)
"""They are asked by messages: the dialogue before as text, labels written freely."""

TASK_NAMES: dict[Task, str] = {
    "reply": "A reply to the client, with emotions and strategy",
    "emotion": "Only the client's emotion, from the clip alone",
}
MODALITY_NAMES: dict[Modality, str] = {
    "av": "Video and audio",
    "a": "Audio only",
    "v": "Video only",
    "text": "Text only",
}
CLIP_NAMES: dict[ClipScope, str] = {
    "turns": "The newest of the turns it answers",
    "dialogue": "The client's newest in the whole dialogue up to there",
}
HISTORY_NAMES: dict[HistoryForm, str] = {
    "compressed": "Compressed by the model, where it can",
    "text": "Word for word, as text",
    "none": "Left out",
}


def options_of(run: GenerationRun) -> GenerationOptions:
    known = {field.name for field in fields(GenerationOptions)}
    given: dict[str, Any] = {key: value for key, value in run.options.items() if key in known}
    if "emotions" in given:
        given["emotions"] = tuple(given["emotions"])  # JSON knows lists only
    return GenerationOptions(**given)


def names_emotions_only(options: Mapping[str, Any]) -> bool:
    return options.get("task") == "emotion"


def option_words(run: GenerationRun) -> list[tuple[str, str]]:
    """Needs `model_version`."""
    kind = run.model_version.kind
    if kind in ANSWERED_ELSEWHERE:
        return [("Answers", ANSWERED_ELSEWHERE[kind])]
    options = options_of(run)
    words = [("Task", TASK_NAMES[options.task])]
    if options.emotions:
        words.append(("Emotions to choose from", ", ".join(options.emotions)))
    words.append(("What the model perceives", MODALITY_NAMES[options.modality]))
    if options.modality != "text":
        words.append(("Clips", CLIP_NAMES[options.clips]))
    chats = kind in CHATS
    if options.task == "reply":
        history = "text" if chats and options.history == "compressed" else options.history
        words.append(("The dialogue before", HISTORY_NAMES[history]))
        words.append(("Answers a client turn", str(options.samples)))
    words += [
        ("Choice of words", _choice_of_words(options)),
        ("Labels", _labels(constrained=options.constrain_labels and not chats)),
        ("Longest reply", f"{options.max_new_tokens} tokens"),
        ("Seed", str(options.seed)),
        ("Client turns answered together", str(options.batch_size)),
    ]
    if options.as_published:
        words.append(("Media and prompt", "As the published code treats them"))
    if run.options.get(PROMPT_KEY):
        words.append(("Prompt, SHA-256", str(run.options[PROMPT_KEY])))
    return words


def _choice_of_words(options: GenerationOptions) -> str:
    if not options.temperature:
        return "Always the likeliest"
    drawn = f"Drawn at temperature {options.temperature:g}"
    if options.top_p == 1:
        return drawn
    return f"{drawn}, among the likeliest that make up {100 * options.top_p:g} %"


def _labels(*, constrained: bool) -> str:
    if constrained:
        return "Chosen among the known ones, with a probability for each"
    return "Written freely, then read from the text"
