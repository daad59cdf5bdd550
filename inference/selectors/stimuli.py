"""From rows to what a model is given, and to what the therapist really said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from inference.contracts import HumanReply, StimulusInput, TurnText
from inference.labels import CHAIN
from inference.models import Stimulus, Turn


def stimulus_key(stimulus: Stimulus) -> str:
    """Stable across databases: it names the dialogue as the corpus does. Needs `dialogue`."""
    return f"{stimulus.dialogue.external_id}:{stimulus.first_position}"


def stimulus_inputs(stimuli: Sequence[Stimulus]) -> list[StimulusInput]:
    """In the order given, with one query. The stimuli come with `dialogue` selected."""
    turns = _turns(stimuli)
    return [_input(stimulus, turns[stimulus.dialogue_id]) for stimulus in stimuli]


def clip_positions(stimulus: Stimulus) -> list[int]:
    """Of the client turns that have clips, as in `earlier_clip_paths` and then `clip_paths`."""
    turns = Turn.objects.filter(
        dialogue=stimulus.dialogue_id,
        speaker="client",
        position__lte=stimulus.last_position,
        clip__isnull=False,
    )
    return list(turns.order_by("position").values_list("position", flat=True))


def human_replies(stimuli: Sequence[Stimulus]) -> dict[str, HumanReply]:
    """By stimulus key: the therapist turn that directly follows, with the corpus' labels."""
    turns = _turns(stimuli)
    return {
        stimulus_key(stimulus): _reply(stimulus, turns[stimulus.dialogue_id])
        for stimulus in stimuli
        if stimulus.followed
    }


def _turns(stimuli: Sequence[Stimulus]) -> dict[int, dict[int, Turn]]:
    """By dialogue, then by position."""
    rows = Turn.objects.filter(dialogue__in={s.dialogue_id for s in stimuli})
    found: dict[int, dict[int, Turn]] = defaultdict(dict)
    for turn in rows.select_related("clip").order_by("dialogue_id", "position"):
        found[turn.dialogue_id][turn.position] = turn
    return found


def _input(stimulus: Stimulus, turns: dict[int, Turn]) -> StimulusInput:
    before = [turn for position, turn in turns.items() if position < stimulus.first_position]
    asked = [
        turn
        for position, turn in turns.items()
        if stimulus.first_position <= position <= stimulus.last_position
    ]
    return StimulusInput(
        key=stimulus_key(stimulus),
        situation=stimulus.dialogue.situation,
        history=tuple(map(_text, before)),
        client_turns=tuple(map(_text, asked)),
        clip_paths=_clips(asked),
        earlier_clip_paths=_clips(before),
    )


def _clips(turns: Sequence[Turn]) -> tuple[Path, ...]:
    """Of the client: a model is to see who it answers."""
    return tuple(
        Path(turn.clip.file.path) for turn in turns if turn.clip and turn.speaker == "client"
    )


def _text(turn: Turn) -> TurnText:
    return TurnText("client" if turn.speaker == "client" else "therapist", turn.text)


def _reply(stimulus: Stimulus, turns: dict[int, Turn]) -> HumanReply:
    client, therapist = turns[stimulus.last_position], turns[stimulus.last_position + 1]
    return HumanReply(
        client_emotion=client.emotion or None,
        therapist_emotion=therapist.emotion or None,
        strategy=therapist.strategy or None,
        text=therapist.text,
        chain=_chain(therapist),
    )


def _chain(turn: Turn) -> dict[str, str]:
    """The reasoning that the corpus gives for this turn; empty for most."""
    written = turn.extra.get("chain")
    if not isinstance(written, dict):
        return {}
    return {part: written[part] for part in CHAIN if isinstance(written.get(part), str)}
