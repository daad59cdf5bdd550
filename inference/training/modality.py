"""Which of the client's media an example shows."""

from __future__ import annotations

from random import Random
from typing import get_args

from inference.contracts import Modality
from inference.training.config import ModalityChoice

MODALITIES: tuple[Modality, ...] = get_args(Modality)
DRAWN_FROM: dict[ModalityChoice, tuple[Modality, ...]] = {
    "random": MODALITIES,
    "random_media": ("av", "a", "v"),
}
"""The second as Le et al. train (arXiv 2511.10011); the first teaches to do without media too."""


def choose_modality(choice: ModalityChoice, *seed: int | str) -> Modality:
    """The same for the same seed, so that a resumed run goes on as an unbroken one would."""
    if choice == "random" or choice == "random_media":
        return draw(*seed, "modality").choice(DRAWN_FROM[choice])
    return choice


def draw(*seed: int | str) -> Random:
    return Random(" ".join(map(str, seed)))  # noqa: S311  (not for secrets)
