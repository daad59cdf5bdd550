"""From the terms of a configuration to one reward, all of it in [0, 1].

MultiMood (Le et al., arXiv 2511.10011) averages a judge's trust and a similarity to the reference.
Here every term has that one scale before it is averaged, and a term that cannot tell is left out
instead of counted as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.contracts import Modality
from inference.errors import CheckpointError
from inference.reward_files import criteria_of
from inference.training.config import ConfigError, ModalityChoice, RewardKind, RewardTerm
from inference.training.modality import MODALITIES
from inference.training.rewards.contract import Asked, Reward, Said, Scored
from inference.training.rewards.functions import FunctionReward
from inference.training.rewards.judge import Judge
from inference.training.rewards.similarity import EncoderSimilarity, RougeL

Scores = list[float | None]


@dataclass(frozen=True)
class Shown:
    """How terms that run a model run it."""

    modality: Modality
    device: str
    batch_size: int


class Rewards:
    """Terms and their weights."""

    def __init__(self, terms: Sequence[tuple[Reward, float]]) -> None:
        self.terms = _with_own_names(terms)

    def score(self, asked: Sequence[Asked], said: Sequence[Said]) -> Scored:
        """`asked` and `said` are equally long. Raises ValueError where a term leaves [0, 1]."""
        if len(asked) != len(said):
            raise ValueError(f"{len(said)} answers to {len(asked)} stimuli")
        by_term = {name: _checked(name, term, asked, said) for name, term, _ in self.terms}
        weights = [weight for _, _, weight in self.terms]
        total = [mean_of_known(scores, weights) for scores in zip(*by_term.values(), strict=True)]
        return Scored(total, by_term)


def mean_of_known(scores: Iterable[float | None], weights: Iterable[float]) -> float | None:
    """Weighted mean of what is known; None where nothing is."""
    known = [(s, w) for s, w in zip(scores, weights, strict=True) if s is not None]
    if not known:
        return None
    return sum(s * w for s, w in known) / sum(w for _, w in known)


def load_rewards(
    terms: Sequence[RewardTerm],
    *,
    modality: ModalityChoice = "av",
    device: str = "cpu",
    batch_size: int = 16,
) -> Rewards:
    """`modality`: of the client's media that a reward model is given; a random choice gives both.

    Raises ConfigError, naming the entry and the key, where a term cannot be made.
    """
    if not terms:
        raise ConfigError("rewards: missing. Name at least one, such as a reward model.")
    shown = Shown(one_modality(modality), device, batch_size)
    loaded = []
    for number, term in enumerate(terms, 1):
        try:
            loaded.append((MAKERS[term.kind](term, shown), term.weight))
        except (ConfigError, CheckpointError) as error:
            raise ConfigError(f"rewards, entry {number}: {error}") from error
    return Rewards(loaded)


def trust_and_similarity(
    url: str, judge: str, key_variable: str = "", encoder: Path | None = None
) -> tuple[RewardTerm, ...]:
    """The reward of MultiMood (arXiv 2511.10011): the mean of a judge's trust over seven dimensions
    and the similarity to what the therapist said. The paper compares by BGE-M3; here by a text
    encoder's folder, or ROUGE-L without one."""
    return (
        RewardTerm("judge", url=url, name=judge, key_variable=key_variable),
        RewardTerm("similarity", path=encoder),
    )


def one_modality(choice: ModalityChoice) -> Modality:
    return choice if choice in MODALITIES else "av"


def check_heads(folder: Path, wanted: Sequence[str]) -> None:
    heads = criteria_of(folder)
    unknown = [name for name in wanted if name not in heads]
    if unknown:
        has = f"heads for {', '.join(heads)}" if heads else "one head that learned from pairs"
        raise ConfigError(
            f"criteria: {folder} has no head for {', '.join(unknown)}; it has {has}. "
            "Name some of these, or leave criteria out."
        )


def _folder(term: RewardTerm) -> Path:
    if term.path is None:
        raise ConfigError("path: missing, and a model needs it.")
    return term.path


def _model(term: RewardTerm, shown: Shown) -> Reward:
    from inference.training.rewards.model import ModelReward  # only where one is asked for

    folder = _folder(term)
    check_heads(folder, term.criteria)
    return ModelReward.load(
        folder, term.criteria, shown.modality, shown.device, batch_size=shown.batch_size
    )


def _similarity(term: RewardTerm, shown: Shown) -> Reward:
    if term.path is None:
        return RougeL()
    return EncoderSimilarity.load(term.path, shown.device, batch_size=shown.batch_size)


MAKERS: Mapping[RewardKind, Callable[[RewardTerm, Shown], Reward]] = {
    "model": _model,
    "judge": lambda term, _: Judge.of(term),
    "similarity": _similarity,
    "function": lambda term, _: FunctionReward(term.name),
}


def _with_own_names(terms: Sequence[tuple[Reward, float]]) -> list[tuple[str, Reward, float]]:
    """Two of a kind are told apart in the curves: model, model_2."""
    named: list[tuple[str, Reward, float]] = []
    for term, weight in terms:
        taken = sum(other.name == term.name for _, other, _ in named)
        named.append((f"{term.name}_{taken + 1}" if taken else term.name, term, weight))
    return named


def _checked(name: str, term: Reward, asked: Sequence[Asked], said: Sequence[Said]) -> Scores:
    scores = term.score(asked, said)
    if len(scores) != len(said):
        raise ValueError(f"reward {name}: {len(scores)} scores for {len(said)} answers")
    outside = [score for score in scores if score is not None and not 0 <= score <= 1]
    if outside:
        raise ValueError(f"reward {name}: {outside[0]} is outside 0 to 1")
    return scores
