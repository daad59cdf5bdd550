"""How tests make runs, and rewards that are easily learned, or given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inference.training.config import ModalityChoice, RewardTerm, TrainingConfig
from inference.training.rewards import Rewards
from inference.training.rewards.contract import Asked, Reward, Said
from inference.training.rl.loop import Loop
from inference.training.rl.methods import MakeRewards

MakeConfig = Callable[..., TrainingConfig]
MakeLoop = Callable[..., Loop]


class Vowels:
    """The share of vowels in what was written."""

    name = "vowels"

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        return [sum(c in "aeiou" for c in one.raw) / max(1, len(one.raw)) for one in said]


class Given:
    """Scores in the order of the answers, again and again."""

    name = "given"

    def __init__(self, *scores: float | None) -> None:
        self.scores = scores
        self.asked: list[Asked] = []
        self.said: list[Said] = []

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> list[float | None]:
        self.asked.extend(asked)
        self.said.extend(said)
        return [self.scores[i % len(self.scores)] for i in range(len(said))]


def rewarded_by(term: Reward) -> MakeRewards:
    def make(terms: Sequence[RewardTerm], *, modality: ModalityChoice, device: str) -> Rewards:
        return Rewards([(term, 1.0)])

    return make
