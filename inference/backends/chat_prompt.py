"""From a stimulus to the messages that a chat model is sent.

The words are those of a MultiMood prompt template: the same instruction, the same four lines to be
written, so that answers of all models are read and rated alike. The history is always text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inference.backends.chat_media import (
    Part,
    ShownClip,
    Wanted,
    prompt_record,
    show_clip,
    text_part,
)
from inference.contracts import GenerationOptions, StimulusInput
from inference.endpoints import Endpoint, Message
from inference.errors import DomainError
from inference.labels import EMOTIONS
from inference.media import DEFAULT_LIMITS, MediaLimits
from inference.multimood.prompt import AUDIO, MARKERS, VIDEO, PromptTemplate
from inference.multimood.prompt_file import parse_template, shipped

__all__ = ["Question", "ask_about", "prompt_record", "template_of"]

MOST_CLIPS = 5
"""The newest, as many as MultiMood's checkpoints take."""
CHAT_TOKENS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[INST]",
    "[/INST]",
)
"""With which common chat models begin and end a turn: some servers read them in any text."""
RESERVED = (*MARKERS, *CHAT_TOKENS)
_PLACE = re.compile(f"({re.escape(VIDEO)}|{re.escape(AUDIO)})")


class NothingToShowError(DomainError):
    """The emotion is to be told from the clip alone, and nothing of it can be sent."""


@dataclass(frozen=True)
class Question:
    messages: tuple[Message, ...]
    not_shown: tuple[str, ...]
    """What was wanted and could not be sent, in words."""

    def record(self, options_not_sent: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Of the messages, with a note of what was wanted and not sent."""
        record = prompt_record(self.messages)
        not_sent = [*self.not_shown, *options_not_sent]
        if not_sent:
            told = f"Not sent to the model: {'; '.join(not_sent)}."
            record.append({"role": "note", "content": told})
        return record


def template_of(prompt: str) -> PromptTemplate:
    """`prompt` (TOML); empty: the shipped wording with its instruction."""
    return parse_template(prompt, "the model's prompt") if prompt else shipped("full")


def ask_about(
    stimulus: StimulusInput,
    options: GenerationOptions,
    template: PromptTemplate,
    endpoint: Endpoint,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Question:
    """Raises UnreadableClipError, and NothingToShowError for the task `emotion`."""
    paths, not_shown = _paths(stimulus, options, endpoint)
    wanted = Wanted.of(options.modality, endpoint)
    clips = [show_clip(path, wanted, endpoint.frames, limits) for path in paths]
    for number, clip in enumerate(clips, start=1):
        which = f"clip {number} of {len(clips)}: " if len(clips) > 1 else "the clip: "
        not_shown += [which + reason for reason in clip.not_shown]
    shown = [clip for clip in clips if clip.parts]
    markers = [VIDEO if clip.has_frames else AUDIO for clip in shown]
    if options.task == "emotion":
        if not shown:
            reason = (
                "the run gives it words only"
                if options.modality == "text"
                else "; ".join(not_shown) or "there is no clip"
            )
            raise NothingToShowError(
                "The emotion is told from the clip alone, and nothing of it can be sent to this "
                f"model: {reason}."
            )
        user = template.emotion_user(markers, options.emotions or EMOTIONS, RESERVED)
    else:
        if options.history == "none":
            stimulus = replace(stimulus, history=())
        user = template.user(stimulus, markers, memory=False, reserved=RESERVED)
    return Question(tuple(_messages(template.system, user, shown)), tuple(not_shown))


def _paths(
    stimulus: StimulusInput, options: GenerationOptions, endpoint: Endpoint
) -> tuple[Sequence[Path], list[str]]:
    """The clips to be read, and what cannot be shown of those that there are."""
    earlier = stimulus.earlier_clip_paths if options.clips == "dialogue" else ()
    paths = (*earlier, *stimulus.clip_paths)
    if options.modality == "text" or not paths:
        return (), []
    wanted = Wanted.of(options.modality, endpoint)
    not_shown = []
    if "v" in options.modality and not wanted.frames:
        not_shown.append("the pictures of the clips, which this model is not sent")
    if "a" in options.modality and not wanted.sound:
        not_shown.append("the sound of the clips, which this model is not sent")
    if not wanted.frames and not wanted.sound:
        return (), not_shown
    if len(paths) > MOST_CLIPS:
        older = len(paths) - MOST_CLIPS
        not_shown.append(f"{older} older clip{'s' * (older > 1)}, beyond the newest {MOST_CLIPS}")
    return paths[-MOST_CLIPS:], not_shown


def _messages(system: str, user: str, clips: Sequence[ShownClip]) -> Iterator[Message]:
    if system:
        yield {"role": "system", "content": system}
    content = user if not clips else list(_parts(user, clips))
    yield {"role": "user", "content": content}


def _parts(user: str, clips: Sequence[ShownClip]) -> Iterator[Part]:
    """The text, with each clip in its place."""
    coming = iter(clips)
    for piece in _PLACE.split(user):
        if piece in (VIDEO, AUDIO):
            yield from next(coming).parts
        elif piece.strip():
            yield text_part(piece.strip("\n"))
