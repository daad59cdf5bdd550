"""What may be asked of a generation run, and why not, in words."""

from __future__ import annotations

from typing import get_args

from inference.contracts import ClipScope, GenerationOptions, HistoryForm, Modality, Task
from inference.errors import InvalidOptionsError
from inference.models import ModelVersion
from inference.selectors.endpoints import modalities_of
from inference.selectors.run_options import MODALITY_NAMES, ONLY_MODALITY

MAX_NEW_TOKENS = 2048
MAX_BATCH = 256
MAX_SAMPLES = 64
MAX_EMOTIONS = 32
MAX_EMOTION_LENGTH = 60
"""As long as a response's label may be."""
SAMPLES_NEED_CHANCE = (
    "Several answers a client turn need a temperature above 0: at 0 all of them would be the same."
)


def check_options(options: GenerationOptions, model_version: ModelVersion) -> None:
    rules = _ranges(options) | _choices(options) | _combinations(options)
    kind = model_version.kind
    if kind == ModelVersion.Kind.RESPONSES:
        rules = rules | {SAMPLES_NEED_CHANCE: True} | _from_a_file(options)
    if kind == ModelVersion.Kind.IMPORTED:
        rules |= _imported(options)
    if kind in (ModelVersion.Kind.ENDPOINT, ModelVersion.Kind.TEXT):
        rules |= _chat(options, model_version)
    if ONLY_MODALITY in model_version.config:
        rules |= _one_modality(options, model_version.config[ONLY_MODALITY])
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise InvalidOptionsError(" ".join(broken))


def _ranges(options: GenerationOptions) -> dict[str, bool]:
    return {
        f"The number of new tokens must lie between 1 and {MAX_NEW_TOKENS}.": 1
        <= options.max_new_tokens
        <= MAX_NEW_TOKENS,
        "The temperature must lie between 0 and 5.": 0 <= options.temperature <= 5,
        "top_p must be above 0 and at most 1.": 0 < options.top_p <= 1,
        f"The batch size must lie between 1 and {MAX_BATCH}.": 1 <= options.batch_size <= MAX_BATCH,
        "The seed must lie between 0 and 2147483647.": 0 <= options.seed < 2**31,
        f"The number of answers a client turn must lie between 1 and {MAX_SAMPLES}.": 1
        <= options.samples
        <= MAX_SAMPLES,
    }


def _choices(options: GenerationOptions) -> dict[str, bool]:
    return {
        f"The {name} must be one of {', '.join(get_args(known))}.": chosen in get_args(known)
        for name, chosen, known in (
            ("modality", options.modality, Modality),
            ("choice of clips", options.clips, ClipScope),
            ("form of the dialogue before", options.history, HistoryForm),
            ("task", options.task, Task),
        )
    }


def _combinations(options: GenerationOptions) -> dict[str, bool]:
    emotions = options.emotions
    of_emotion = options.task == "emotion"
    return {
        SAMPLES_NEED_CHANCE: options.samples <= 1 or options.temperature > 0,
        "Naming the emotion gives one answer a client turn.": not of_emotion
        or options.samples <= 1,
        "A list of emotions belongs to the task “emotion”.": of_emotion or not emotions,
        f"There can be at most {MAX_EMOTIONS} emotions.": len(emotions) <= MAX_EMOTIONS,
        "An emotion is a word or a few on one line, of at most "
        f"{MAX_EMOTION_LENGTH} characters.": all(map(_is_label, emotions)),
        "An emotion is listed twice.": len({name.lower() for name in emotions}) == len(emotions),
    }


def _is_label(name: str) -> bool:
    plain = " ".join(name.split())
    return name == plain and 0 < len(name) <= MAX_EMOTION_LENGTH


def _imported(options: GenerationOptions) -> dict[str, bool]:
    return {
        "Imported replies hold one answer a client turn.": options.samples <= 1,
        "Imported replies are replies: they cannot be asked for emotions.": options.task == "reply",
    }


def _from_a_file(options: GenerationOptions) -> dict[str, bool]:
    return {
        "Responses from a file are replies: they cannot be asked for emotions.": options.task
        == "reply"
    }


def _chat(options: GenerationOptions, model_version: ModelVersion) -> dict[str, bool]:
    """Of models that are no MultiMood checkpoint. They write labels freely and are given the
    dialogue before as text, whatever the options say."""
    known = modalities_of(model_version)
    names = ", ".join(f"“{name}” ({MODALITY_NAMES[name]})" for name in known)
    takes = f"“{model_version}” cannot be given this. Modalities that it takes: {names}."
    return {
        takes: options.modality in known,
        "This model is not asked as the published code asks: leave that option out.": not (
            options.as_published
        ),
        "The emotion is told from the clip alone, so the model must be given its picture or its "
        "sound. Models that take words only are asked for replies, which name the emotion "
        "too.": options.task == "reply" or options.modality != "text",
    }


def _one_modality(options: GenerationOptions, only: Modality) -> dict[str, bool]:
    return {
        f"This model may be given one thing only: choose the modality “{only}” "
        f"({MODALITY_NAMES[only]}).": options.modality == only
    }
