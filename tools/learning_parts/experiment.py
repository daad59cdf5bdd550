"""One seed: pairs from the start model, a reward model, each method, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from inference.contracts import PreferencePair
from inference.multimood.generation import MultiMoodGenerator
from inference.training.evaluate import has_four_lines
from inference.training.rewards.functions import feelings_named
from tools.learning_parts import runs, start
from tools.learning_parts.compare import Comparison, by_session, compare
from tools.learning_parts.raters import (
    Prompt,
    answers_of,
    names_the_feeling,
    pairs_of,
    read_prompts,
    write_release,
)
from tools.learning_parts.runs import Done

START_SEED = 0
EVALUATION_SEED = 1_000_003
"""The same for all models of all seeds: before and after differ by the model alone."""
PAIR_ANSWERS = {False: 24, True: 12}
"""By whether a prompt is held out."""
PAIR_TEMPERATURE = 0.6
"""At 1 half of what this small model says is no sentence, and drowns what raters look at."""
AGAINST = {False: 3, True: 1}
"""Answers that each one that names the feeling is compared with."""
EVALUATED = 2
"""Sampled answers a held-out prompt."""


@dataclass(frozen=True)
class Behaviour:
    """Of one model on the held-out sessions."""

    named: Mapping[str, float]
    """Session -> share of its sampled answers that name the client's feeling."""
    greedy: float
    """The share among greedy answers."""
    other: float
    """Share that names another feeling."""
    readable: float
    words: float


@dataclass(frozen=True)
class Trial:
    method: str
    source: str
    """What it learned from: pairs, model (the reward model) or rule."""
    seed: int
    comparison: Comparison
    before: Behaviour
    after: Behaviour
    run: Done
    reward_accuracy: float | None
    """Held-out pair accuracy of the reward model that was learned from."""
    pairs: int
    device: str

    @property
    def pair_accuracy(self) -> float | None:
        """Of DPO: share of held-out pairs whose chosen reply it raised more."""
        return runs.last(self.run.curves, "eval_accuracy") if self.method == "dpo" else None

    def as_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "source": self.source,
            "seed": self.seed,
            **asdict(self.comparison),
            "greedy_before": self.before.greedy,
            "greedy_after": self.after.greedy,
            "other_before": self.before.other,
            "other_after": self.after.other,
            "readable_before": self.before.readable,
            "readable_after": self.after.readable,
            "words_before": self.before.words,
            "words_after": self.after.words,
            "pair_accuracy": self.pair_accuracy,
            "reward_accuracy": self.reward_accuracy,
            "pairs": self.pairs,
            "device": self.device,
            "seconds": round(self.run.seconds),
            "curve": self._curve(),
        }

    def _curve(self) -> list[tuple[float, float]]:
        shown = "accuracy" if self.method == "dpo" else "reward"
        return [(values["step"], values[shown]) for values in self.run.curves if shown in values]


@dataclass
class Experiment:
    corpus: Path
    work: Path
    base: Path
    quick: bool = False
    reward: str = "model"
    """What PPO and GRPO learn from: the reward model that learned from the pairs, or the rule."""
    device: str = "cpu"
    """Of training; answers are measured on the CPU."""

    def prepare(self) -> None:
        """The start model, once for all seeds, and how it behaves."""
        folder = self.work / "start"
        if not (folder / "final").is_dir():
            _say("start: further fine-tuning")
            corpus = start.write_corpus(self.corpus, self.work / "corpus", START_SEED)
            settings = {**runs.SFT, **(runs.QUICK if self.quick else {})}
            runs.train(
                folder,
                method="sft",
                base=self.base,
                dataset=corpus,
                seed=START_SEED,
                eval_split="",
                device=self.device,
                **settings,
            )
        self.start = folder / "final"
        prompts = read_prompts(self.corpus)
        if self.quick:
            prompts = prompts[::12]
        self.prompts = prompts
        told = folder / "behaviour.json"
        if not told.is_file():
            told.write_text(json.dumps(asdict(self.behaviour(self.start))), encoding="utf-8")
        self.before = Behaviour(**json.loads(told.read_text(encoding="utf-8")))
        _say(f"start: {_told(self.before)}")

    @property
    def held_out(self) -> list[Prompt]:
        return [prompt for prompt in self.prompts if prompt.held_out]

    def behaviour(self, model: Path) -> Behaviour:
        generator = MultiMoodGenerator.load(model, device="cpu")
        prompts = self.held_out
        sampled = answers_of(generator, prompts, EVALUATED, EVALUATION_SEED)
        greedy = [one for (one,) in answers_of(generator, prompts, 0, 0)]
        each = list(zip(prompts, sampled, strict=True))
        answers = [(prompt, answer) for prompt, some in each for answer in some]
        return Behaviour(
            named=by_session(
                [prompt.session for prompt in prompts],
                [_mean(names_the_feeling(p, a.text) for a in some) for p, some in each],
            ),
            greedy=_mean(
                names_the_feeling(p, a.text) for p, a in zip(prompts, greedy, strict=True)
            ),
            other=_mean(bool(feelings_named(a.text) - {p.emotion}) for p, a in answers),
            readable=_mean(has_four_lines(answer) for _, answer in answers),
            words=_mean(len(answer.text.split()) for _, answer in answers),
        )

    def settings(self, method: Any) -> dict[str, Any]:
        values = dict(runs.SETTINGS[method])
        if self.reward == "model":
            values |= runs.FROM_A_MODEL.get(method, {})
        return {**values, "device": self.device, **(runs.QUICK if self.quick else {})}


def learn(experiment: Experiment, seed: int, methods: Sequence[str]) -> list[Trial]:
    folder = experiment.work / f"seed-{seed}"
    release = folder / "release"
    sources = {_source(method, experiment) for method in methods}
    count = write_pairs(experiment, release, seed) if sources != {"rule"} else 0
    _say(f"seed {seed}: {count} pairs")
    given = {"base": experiment.start, "media_root": experiment.corpus.parent, "seed": seed}
    reward: Done | None = None
    trials = []
    for method in methods:
        learned_from: dict[str, Any] = {"dataset": release}
        source = _source(method, experiment)
        if source == "model":
            reward = reward or train_reward(experiment, folder, given)
        if source != "pairs":
            terms = [
                {"kind": "model", "path": str(reward.final)}
                if reward is not None
                else {"kind": "function", "name": "names_the_feeling"}
            ]
            learned_from = {"dataset": experiment.corpus, "eval_split": "", "rewards": terms}
        output = folder / (f"{method}-rule" if source == "rule" else method)
        run = runs.train(
            output,
            method=method,
            **given,
            **learned_from,
            **experiment.settings(method),
        )
        after = experiment.behaviour(run.final)
        trial = Trial(
            method=method,
            source=source,
            seed=seed,
            comparison=compare(experiment.before.named, after.named),
            before=experiment.before,
            after=after,
            run=run,
            reward_accuracy=_held_out_accuracy(reward) if source == "model" else None,
            pairs=0 if source == "rule" else count,
            device=_device(experiment.device),
        )
        (output / "trial.json").write_text(json.dumps(trial.as_json()), encoding="utf-8")
        trials.append(trial)
        _say(
            f"seed {seed}: {method} ({source}) {_told(after)}; p {trial.comparison.p:.4f}; "
            f"{_short(run.values)} in {run.seconds:.0f} s"
        )
    return trials


def _source(method: str, experiment: Experiment) -> str:
    return "pairs" if method == "dpo" else experiment.reward


def train_reward(experiment: Experiment, folder: Path, given: Mapping[str, Any]) -> Done:
    settings = experiment.settings("reward")
    release = folder / "release"
    reward = runs.train(folder / "reward", method="reward", dataset=release, **given, **settings)
    _say(f"{folder.name}: reward model {_short(reward.values)} in {reward.seconds:.0f} s")
    return reward


def write_pairs(experiment: Experiment, release: Path, seed: int) -> int:
    generator = MultiMoodGenerator.load(experiment.start, device="cpu")
    pairs: list[PreferencePair] = []
    for held_out, each in PAIR_ANSWERS.items():
        prompts = [prompt for prompt in experiment.prompts if prompt.held_out is held_out]
        drawn = (seed + 1) * EVALUATION_SEED
        sampled = answers_of(generator, prompts, each, drawn, PAIR_TEMPERATURE)
        for prompt, answers in zip(prompts, sampled, strict=True):
            pairs += pairs_of(prompt, answers, AGAINST[held_out], seed)
    return write_release(release, pairs, experiment.corpus.parent)


def _device(chosen: str) -> str:
    on_gpu = chosen == "auto" and torch.cuda.is_available()
    return torch.cuda.get_device_name() if on_gpu else "CPU"


def _held_out_accuracy(reward: Done | None) -> float | None:
    return None if reward is None else reward.values.get("eval_accuracy")


def _mean(values: Any) -> float:
    found = [float(value) for value in values]
    return sum(found) / len(found)


def _told(behaviour: Behaviour) -> str:
    return (
        f"names the feeling in {_mean(behaviour.named.values()):.1%} (greedy "
        f"{behaviour.greedy:.1%}), another in {behaviour.other:.1%}, readable "
        f"{behaviour.readable:.1%}, {behaviour.words:.1f} words"
    )


def _short(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in sorted(values.items()))


def _say(text: str) -> None:
    print(text, flush=True)
