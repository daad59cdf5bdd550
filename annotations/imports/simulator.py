"""Conversations with a seeker simulator, in which some replies were preferred to others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotations.derivation.evidence import OVERALL, Choice
from annotations.imports.answers import IMPORTED, IMPORTED_JUDGE, Prompt
from annotations.imports.collecting import About, Collector
from annotations.imports.pairs import slug_of
from inference.contracts import ReplyFields, TurnText
from inference.corpora.conversations import Conversation, Preferred, Reply, conversations
from inference.corpora.fields import collapsed
from inference.corpora.simulated import session_of
from inference.labels import STRATEGIES

ANSWERS_NOBODY = "replies that directly follow another reply"
BY_MODELS = "choices of a model or a reward: they count where the rules take judges' answers"


def read(paths: Sequence[Path], collector: Collector) -> None:
    for conversation in conversations(paths):
        _decide(collector, conversation)


def _decide(collector: Collector, conversation: Conversation) -> None:
    said: list[TurnText] = []
    first = 0
    for number, turn in enumerate(conversation.turns):
        if turn.speaker == "client" and (not said or said[-1].speaker != "client"):
            first = number
        if turn.preferences and not (said and said[-1].speaker == "client"):
            collector.leave_out(ANSWERS_NOBODY, len(turn.preferences))
        elif turn.preferences:
            stimulus = collector.stimulus(
                Prompt(conversation.situation, tuple(said[:first]), tuple(said[first:])),
                _about(conversation, first),
            )
            _choose(collector, stimulus, turn.replies, turn.preferences)
        said.append(TurnText(turn.speaker, turn.text))


def _about(conversation: Conversation, first: int) -> About:
    session = conversation.session or session_of(conversation)
    return About(
        key=f"{conversation.id}:{first}",
        group=session,
        split=conversation.split or "",
        session=session,
    )


def _choose(
    collector: Collector, stimulus: int, replies: Sequence[Reply], preferred: Sequence[Preferred]
) -> None:
    strategies = _strategies(replies)
    numbers = [
        collector.response(
            stimulus, ReplyFields(None, None, strategy, reply.text), model=reply.model
        )
        for reply, strategy in zip(replies, strategies, strict=True)
    ]
    for one in preferred:
        collector.note(BY_MODELS, one.rater_kind == "llm")
        collector.choose(
            Choice(
                numbers[one.better],
                numbers[one.worse],
                slug_of(one.criterion) or OVERALL,
                _rater(collector, one),
                0 if one.tie else -one.strength,
            )
        )


def _strategies(replies: Sequence[Reply]) -> list[str | None]:
    """Only where each reply has one of MultiMood's: otherwise the label alone would tell two
    replies apart."""
    named = [collapsed(reply.strategy or "").casefold() for reply in replies]
    if all(name in STRATEGIES for name in named):
        return list(named)
    return [None] * len(replies)


def _rater(collector: Collector, one: Preferred) -> str:
    unnamed = IMPORTED if one.rater_kind == "person" else IMPORTED_JUDGE
    name = f"{one.rater_kind} {one.rater}" if one.rater else unnamed
    return collector.rater(name, one.rater_kind)
