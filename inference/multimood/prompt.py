"""The text a MultiMood model reads and the four lines it is to write (arXiv 2511.10011).

Places of media are written as `<video>`, `<audio>`, `<history>`; `<MEM>` closes each utterance of
the history that goes to the compressor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from inference.contracts import ReplyFields, StimulusInput, TurnText
from inference.labels import EMOTIONS, STRATEGIES

VIDEO, AUDIO, HISTORY, MEMORY = "<video>", "<audio>", "<history>", "<MEM>"
MARKERS = (VIDEO, AUDIO, HISTORY, MEMORY)

SYSTEM = (
    "You support a client as a careful therapist would. Watch and listen to the client, read what "
    "was said, and answer the client's last words."
)
FORMAT = (
    "Write four lines and nothing else:\n"
    f"Client's emotion: one of {', '.join(EMOTIONS)}\n"
    "Therapist's emotion: one of the same\n"
    f"Therapist's strategy: one of {', '.join(STRATEGIES)}\n"
    "Therapist's response: what you say to the client"
)
MASKED = "[not heard]"
SPEAKERS = {"client": "Client", "therapist": "Therapist"}


def user_prompt(
    stimulus: StimulusInput, clips: Sequence[str], *, memory: bool, brief: bool = False
) -> str:
    """`clips` are the markers of the clips; `memory` says that the history is compressed.

    `brief` leaves the instruction out, for a small model that knows one task only.
    """
    lines = []
    if stimulus.history:
        lines.append(HISTORY if memory else "\n".join(map(spoken, stimulus.history)))
    if stimulus.situation:
        lines.append(f"Situation: {neutral(stimulus.situation)}")
    lines.extend(clips)
    lines.extend(spoken(turn) for turn in stimulus.client_turns)
    if not brief:
        lines.append(FORMAT)
    return "\n".join(lines)


def history_text(history: Sequence[TurnText]) -> str:
    return "".join(f"{spoken(turn)} {MEMORY} " for turn in history)


def spoken(turn: TurnText) -> str:
    return f"{SPEAKERS[turn.speaker]}: {neutral(turn.text)}"


def neutral(text: str, markers: Iterable[str] = MARKERS) -> str:
    """What somebody said must not be able to place media or to end a turn."""
    for marker in markers:
        text = text.replace(marker, f"({marker.strip('<|>')})")
    return text


def with_texts(stimulus: StimulusInput, change: Callable[[str], str]) -> StimulusInput:
    """The same stimulus with every text changed."""
    return replace(
        stimulus,
        situation=change(stimulus.situation),
        history=tuple(replace(turn, text=change(turn.text)) for turn in stimulus.history),
        client_turns=tuple(replace(turn, text=change(turn.text)) for turn in stimulus.client_turns),
    )


def reply_lines(reply: ReplyFields) -> str:
    """The four lines; a field that is None leaves its line out."""
    lines = (
        ("Client's emotion", reply.client_emotion),
        ("Therapist's emotion", reply.therapist_emotion),
        ("Therapist's strategy", reply.strategy),
        ("Therapist's response", reply.text),
    )
    return "\n".join(f"{name}: {value}" for name, value in lines if value is not None)


def without_words(stimulus: StimulusInput) -> StimulusInput:
    """The same stimulus with the client's words masked: what is left is the clip."""
    masked = tuple(replace(turn, text=MASKED) for turn in stimulus.client_turns)
    return replace(stimulus, situation="", history=(), client_turns=masked)
