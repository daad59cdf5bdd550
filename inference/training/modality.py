"""Which of the client's media an example shows."""

from __future__ import annotations

from random import Random
from typing import get_args

from inference.contracts import Modality
from inference.training.config import ModalityChoice

MODALITIES: tuple[Modality, ...] = get_args(Modality)


def choose_modality(choice: ModalityChoice, *seed: int | str) -> Modality:
    """The same for the same seed, so that a resumed run goes on as an unbroken one would."""
    if choice == "random":
        return draw(*seed, "modality").choice(MODALITIES)
    return choice


def draw(*seed: int | str) -> Random:
    return Random(" ".join(map(str, seed)))  # noqa: S311  (not for secrets)
