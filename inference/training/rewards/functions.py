"""Rewards by rule: cheap, exact, and easily gamed; good for tests and as one term among others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from inference.labels import EMOTIONS
from inference.training.config import ConfigError
from inference.training.rewards.contract import Asked, Said

FORMS = {
    "anger": "anger angry angrily furious fury rage raging outraged outrage",
    "sadness": "sadness sad sadly saddened grief grieve grieving sorrow sorrowful mourn mourning",
    "disgust": "disgust disgusted disgusting revulsion revolted revolting repelled loathing",
    "depression": "depression depressed depressing hopeless hopelessness empty emptiness numb "
    "numbness",
    "neutral": "neutral calm calmly composed",
    "joy": "joy joyful joyfully happy happily happiness glad delight delighted cheerful",
    "fear": "fear fearful afraid frightened frightening scared scary terrified terror anxious "
    "anxiety worried dread",
}
FEELING_WORDS = {emotion: frozenset(forms.split()) for emotion, forms in FORMS.items()}
"""Words of a feeling, in the forms in which one names it; ours."""
_WORD = re.compile(r"[^\W\d_]+")

Rule = Callable[[Asked, Said], float | None]


class FunctionReward:
    """A rule by its name. Raises ConfigError where there is none of that name."""

    def __init__(self, name: str) -> None:
        if name not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise ConfigError(f"name: there is no function {name!r}. Known: {known}.")
        self.name = name
        self.rule = FUNCTIONS[name]

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        return [self.rule(a, s) for a, s in zip(asked, said, strict=True)]


def feelings_named(text: str) -> frozenset[str]:
    """The emotions of which `text` holds a word."""
    words = {word.lower() for word in _WORD.findall(text)}
    return frozenset(emotion for emotion in EMOTIONS if words & FEELING_WORDS[emotion])


def names_the_feeling(asked: Asked, said: Said) -> float | None:
    """1 where the response has a word of the client's emotion as the reference names it; None
    where it names none.

    On a corpus this is the label that people gave. On a release the reference is the reply that
    raters preferred, so it is what the model that wrote this reply took the emotion to be.
    """
    emotion = None if asked.reference is None else asked.reference.client_emotion
    if emotion not in FEELING_WORDS:
        return None
    return float(emotion in feelings_named(said.reply.text))


def asks_a_question(asked: Asked, said: Said) -> float:
    return float("?" in said.reply.text)


def four_lines(asked: Asked, said: Said) -> float:
    """1 where the answer ended and all four lines could be read."""
    reply = said.reply
    labels = (reply.client_emotion, reply.therapist_emotion, reply.strategy)
    return float(said.ended and None not in labels and bool(reply.text.strip()))


FUNCTIONS: Mapping[str, Rule] = {
    "names_the_feeling": names_the_feeling,
    "asks_a_question": asks_a_question,
    "format": four_lines,
}
