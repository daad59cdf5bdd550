"""The parts of a report: what was measured of base and result, as figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inference.contracts import PreferencePair, ReplyFields
from inference.multimood.prompt import PromptTemplate
from inference.training.asking import Answered
from inference.training.held_out import HeldOut
from inference.training.report_figures import Change, Figure, change, mean, ratio
from inference.training.rl.rollout import readable

SHOWN = 24
LABELS = ("client_emotion", "therapist_emotion", "strategy")
ESTIMATOR = (
    "Each stimulus is answered once by the result, sampled at temperature 1. At every token of the "
    "answer the divergence of the result's next-token distribution from the base's is computed "
    "over the whole vocabulary, in nats."
)


@dataclass(frozen=True)
class Answers:
    """To the same stimuli, decoded greedily and freely. A label that cannot be read is wrong."""

    readable: Change
    """Share of answers in which every line could be read."""
    ended: Change
    """Share of answers that came to an end within the tokens they may have."""
    tokens: Change
    """Of whole answers."""
    words: Change
    """Of responses."""
    labels: Mapping[str, Change]
    """Share of answers with the corpus' label: of the client's emotion, and of what the therapist
    felt and did. Only what the corpus says."""

    @classmethod
    def of(
        cls,
        found: Sequence[HeldOut],
        before: Sequence[Answered],
        after: Sequence[Answered],
        template: PromptTemplate,
    ) -> Answers:
        sessions = [one.session for one in found]
        names = [name for name, _ in template.answer]

        def changed(measured: Callable[[Answered], float]) -> Change:
            return change(list(map(measured, before)), list(map(measured, after)), sessions)

        return cls(
            readable=changed(lambda one: readable(one.said, names)),
            ended=changed(lambda one: one.said.ended),
            tokens=changed(lambda one: len(one.ids)),
            words=changed(lambda one: len(one.said.reply.text.split())),
            labels=label_changes(found, before, after),
        )


def label_changes(
    found: Sequence[HeldOut], before: Sequence[Answered], after: Sequence[Answered]
) -> dict[str, Change]:
    changes = {}
    for name in LABELS:
        known = [
            (one.session, getattr(one.labels, name), old.said.reply, new.said.reply)
            for one, old, new in zip(found, before, after, strict=True)
            if one.labels is not None and getattr(one.labels, name) is not None
        ]
        if known:
            changes[name] = change(
                [float(getattr(old, name) == label) for _, label, old, _ in known],
                [float(getattr(new, name) == label) for _, label, _, new in known],
                [session for session, *_ in known],
            )
    return changes


@dataclass(frozen=True)
class Beside:
    """One stimulus, answered before and after."""

    key: str
    client: str
    before: ReplyFields
    after: ReplyFields


def examples(
    found: Sequence[HeldOut], before: Sequence[Answered], after: Sequence[Answered]
) -> tuple[Beside, ...]:
    rows = zip(found[:SHOWN], before[:SHOWN], after[:SHOWN], strict=True)
    return tuple(
        Beside(
            one.stimulus.key,
            "\n".join(turn.text for turn in one.stimulus.client_turns),
            old.said.reply,
            new.said.reply,
        )
        for one, old, new in rows
    )


@dataclass(frozen=True)
class Divergence:
    """KL(result || base)."""

    per_token: Figure
    per_answer: Figure
    estimator: str = ESTIMATOR

    @classmethod
    def of(
        cls, found: Sequence[HeldOut], answered: Sequence[Answered], nats: Sequence[float]
    ) -> Divergence:
        """nats: summed over the tokens of each answer."""
        sessions = [one.session for one in found]
        lengths = [float(len(one.ids)) for one in answered]
        return cls(ratio(nats, lengths, sessions), mean(nats, sessions))


Scored = Sequence[tuple[float, float]]
"""Log-probabilities of the chosen and the rejected reply of each pair."""


def session_of(pair: PreferencePair) -> str:
    """What pairs are not independent within."""
    return pair.group or pair.stimulus.key


@dataclass(frozen=True)
class Preferences:
    """On the held-out pairs of `split`; ties are left out."""

    split: str
    accuracy: Figure
    """Share of pairs in which training raised the chosen reply's log-probability by more than the
    rejected one's; a pair in which it did neither counts half."""
    reward_margin: Figure
    """By how much more, times `beta`."""
    beta: float
    likelier: Change
    """Share of pairs whose chosen reply is the likelier one, or where the run averages over tokens
    the likelier one a token. Short replies are likelier, before and after alike."""

    @classmethod
    def of(
        cls,
        pairs: Sequence[PreferencePair],
        before: Scored,
        after: Scored,
        split: str,
        beta: float,
    ) -> Preferences:
        sessions = list(map(session_of, pairs))
        old, new = ([chosen - rejected for chosen, rejected in of] for of in (before, after))
        margins = [late - early for early, late in zip(old, new, strict=True)]
        return cls(
            split=split,
            accuracy=mean(list(map(won, margins)), sessions),
            reward_margin=mean([beta * margin for margin in margins], sessions),
            beta=beta,
            likelier=change(list(map(won, old)), list(map(won, new)), sessions),
        )


def won(margin: float) -> float:
    """Of one pair, as `reward` counts them too."""
    return 0.5 if margin == 0 else float(margin > 0)


Losses = Sequence[tuple[float, int]]
"""(nats, tokens) of each history."""


@dataclass(frozen=True)
class Reconstruction:
    """Nats a token of held-out histories that are written down from their compressed form."""

    before: Figure
    after: Figure
    after_other_history: Figure | None
    """With the compressed history of another dialogue in its place."""
    gain: Figure | None
    """How many nats a token the right history is worth, after training: above 0 where the
    compressed form says something about its own history."""

    @classmethod
    def of(
        cls, sessions: Sequence[str], before: Losses, after: Losses, others: Losses | None
    ) -> Reconstruction:
        def a_token(losses: Losses) -> Figure:
            nats, tokens = zip(*losses, strict=True)
            return ratio(nats, tokens, sessions)

        gain = None
        if others is not None:
            gain = a_token(
                [
                    (strange - right, tokens)
                    for (right, tokens), (strange, _) in zip(after, others, strict=True)
                ]
            )
        other = None if others is None else a_token(others)
        return cls(a_token(before), a_token(after), other, gain)
