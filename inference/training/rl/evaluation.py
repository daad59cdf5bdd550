"""What the policy earns for answers to what is held out.

Always the same prompts by the same random numbers, so that two evaluations differ by weights alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from inference.training.rewards.contract import Asked
from inference.training.rl.learner import Learner
from inference.training.rl.losses import k3
from inference.training.rl.measures import Means
from inference.training.rl.methods import ScoresAnswers
from inference.training.rl.pieces import pieces_of
from inference.training.rl.rollout import Drawn, Sampler

PROMPTS = 64
"""That are answered, spread over what is held out."""
PASS = -1
"""In the place of the number of a pass over the data."""


@dataclass(frozen=True)
class Evaluation:
    held_out: Sequence[Asked]
    sampler: Sampler
    rewards: ScoresAnswers
    learner: Learner
    together: int
    """Prompts that are answered at a time."""

    def values(self) -> dict[str, float]:
        """Of all processes, which all call it; under `eval_` names, none without prompts."""
        if not self.held_out:
            return {}
        self.learner.policy.eval()
        means = Means()
        own = self._own()
        for start in range(0, len(own), self.together):
            self._measure(own[start : start + self.together], means)
        return {f"eval_{name}": value for name, value in means.taken(self.learner.reduced).items()}

    def _measure(self, drawn: Sequence[Drawn], means: Means) -> None:
        answers = self.sampler.sample(drawn, 1)
        scored = self.rewards.score(answers.asked, answers.said)
        means.add_answers(answers, scored, tuple(self.sampler.processor.template.names))
        nothing = torch.zeros(len(drawn), 1)
        for piece in pieces_of(answers, nothing, self.together, self.sampler.batch):
            logps = self.learner.of_policy(piece).logps
            distance = k3(logps, self.learner.of_reference(piece))
            means.add("kl", distance[piece.mask.bool()])

    def _own(self) -> list[Drawn]:
        """This process' part, never empty: all processes measure under the same names."""
        there, count = len(self.held_out), min(len(self.held_out), PROMPTS)
        chosen = [self.held_out[number * there // count] for number in range(count)]
        own = chosen[self.learner.rank :: self.learner.world] or chosen[:1]
        return [Drawn(asked, PASS) for asked in own]
