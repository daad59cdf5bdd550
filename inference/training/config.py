"""The one file that describes a training run. Imports no torch: a supervisor may read it.

Every key says which methods read it; given to another method it is refused, so that nobody
believes in a setting that does nothing. `config_reading` reads and checks the file.
"""

from __future__ import annotations

from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

Method = Literal["sft", "compressor", "reward", "dpo", "ppo", "grpo"]
ModalityChoice = Literal["av", "a", "v", "text", "random", "random_media"]
TrainedText = Literal["response", "all"]
Device = Literal["auto", "cpu"]
Precision = Literal["auto", "float32", "bfloat16"]
Schedule = Literal["linear", "cosine", "constant"]
Projectors = Literal["train", "frozen"]
Sharding = Literal["none", "fsdp2"]
PreferenceLoss = Literal["sigmoid", "ipo"]
RewardTarget = Literal["pairs", "criteria"]
RewardKind = Literal["model", "judge", "similarity", "function"]

METHODS: tuple[Method, ...] = get_args(Method)
ON_CORPORA: tuple[Method, ...] = ("sft", "compressor")
"""Learn from dialogues."""
ON_RELEASES: tuple[Method, ...] = ("dpo", "reward")
"""Learn from what raters preferred or scored."""
ON_PROMPTS: tuple[Method, ...] = ("ppo", "grpo")
"""Answer stimuli, of a corpus or of a release, and learn from a reward."""
OF_WHOLE_MODELS: tuple[Method, ...] = ("sft", "reward", "dpo", "ppo", "grpo")
"""Train the LLM, or adapters in it; the compressor's pre-training leaves it as it is."""
READ_BY = "methods"


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key and the remedy."""


def only(*methods: Method) -> dict[str, tuple[Method, ...]]:
    """Metadata of a key that no other method reads."""
    return {READ_BY: methods}


@dataclass(frozen=True)
class RewardTerm:
    """One source of a reward in [0, 1]; several are averaged by weight."""

    kind: RewardKind
    weight: float = 1.0
    path: Path | None = None
    """model: folder of a reward model; similarity: folder of a text encoder (none: ROUGE-L)."""
    name: str = ""
    """function: a name of inference.training.rewards.functions; judge: the model's name."""
    url: str = ""
    """judge: an OpenAI-compatible `/v1` address."""
    key_variable: str = ""
    """judge: the environment variable that holds the key."""
    criteria: tuple[str, ...] = ()
    """model: heads to average (none: all); judge: dimensions (none: the seven)."""


@dataclass(frozen=True)
class TrainingConfig:
    method: Method
    base: Path
    """Folder of the checkpoint to start from, and for dpo, ppo and grpo the reference."""
    dataset: Path
    """dpo, reward: a released dataset's folder or its pairs file; sft, compressor: a generic corpus
    JSONL; ppo, grpo: either, for its stimuli."""
    output: Path
    """The run's own folder; made where it is missing."""
    seed: int = 0
    resume: bool = True
    """Go on from the last complete checkpoint in `output`, if there is one."""
    max_steps: int = 0
    """Optimiser steps; 0 leaves it to `epochs`."""
    epochs: float = 1.0
    """Passes over the pairs, dialogues or prompts."""
    learning_rate: float = 1e-5
    """Of AdamW, at its highest."""
    schedule: Schedule = "linear"
    warmup_ratio: float = 0.0
    """Share of the steps in which the learning rate rises from 0."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    """A longer gradient is shortened to it."""
    batch_size: int = 4
    """Pairs, dialogues or prompts a process and forward pass."""
    gradient_accumulation: int = 1
    """Batches whose gradients make one step."""
    logging_steps: int = 1
    """Steps between two points of the curves."""
    save_steps: int = 50
    """Steps between two checkpoints."""
    keep_checkpoints: int = 2
    """Older ones are removed."""
    eval_steps: int = 0
    """Steps between two evaluations on what is held out; 0: only at the end."""
    eval_split: str = "validation"
    """Held-out pairs or dialogues; where the dataset has none of it, nothing is evaluated."""
    sample_stimuli: int = 4
    """Stimuli that are answered at every evaluation, always the same; 0: none."""
    held_out: Path | None = None
    """A generic corpus JSONL: its stimuli are answered as samples, and its labels measured before
    and after for the report. None: the dataset's own held-out part."""
    report: bool = True
    """Compare base and result at the end: output/report.json."""
    processes: int = 1
    """On this node."""
    nodes: int = 1
    sharding: Sharding = field(default="none", metadata=only("sft", "compressor", "reward", "dpo"))
    """fsdp2: weights, gradients and the optimiser's state divided over all processes, each with a
    GPU of its own."""
    device: Device = "auto"
    """auto: GPUs where there are some."""
    precision: Precision = "auto"
    """auto: bfloat16 on a GPU, float32 on a CPU."""
    modality: ModalityChoice = "av"
    """Which of the client's media the model is given. Drawn anew for every example: "random" from
    all four, "random_media" from av, a and v, as the paper does."""
    prompt: str = ""
    """A prompt template (TOML) in place of the base checkpoint's own."""
    media_root: Path | None = None
    """Clip paths of a released dataset lie below it."""
    split: str = "train"
    """Only dialogues of this split, or pairs where the dataset has splits; "" takes all."""
    lora: bool = field(default=False, metadata=only(*OF_WHOLE_MODELS))
    lora_rank: int = field(default=16, metadata=only(*OF_WHOLE_MODELS))
    lora_alpha: int = field(default=32, metadata=only(*OF_WHOLE_MODELS))
    lora_dropout: float = field(default=0.0, metadata=only(*OF_WHOLE_MODELS))
    projectors: Projectors = field(default="train", metadata=only(*OF_WHOLE_MODELS))
    """What turns features of clips and history into embeddings; the towers are always frozen."""

    emotion_dataset: Path | None = field(default=None, metadata=only("sft"))
    """A further corpus, all of it; clips that nobody answers teach the client's emotion."""
    text_dropout: float = field(default=0.0, metadata=only("sft"))
    """Share of examples whose words are hidden, so that the media must be read."""

    beta: float = field(default=0.1, metadata=only("dpo", "ppo", "grpo"))
    """Weight of staying near the reference."""
    trains: TrainedText = field(default="response", metadata=only("dpo"))
    """The response's words only, or all four lines."""
    loss: PreferenceLoss = field(default="sigmoid", metadata=only("dpo"))
    length_normalised: bool = field(default=False, metadata=only("dpo"))
    """Log-probabilities averaged over the response's tokens instead of summed."""
    precompute_reference: bool = field(default=True, metadata=only("dpo"))
    """The reference's log-probabilities are computed once, before the first step."""

    reward_target: RewardTarget = field(default="pairs", metadata=only("reward"))
    """pairs: Bradley-Terry over the pairs; criteria: a head for each criterion, fitted to the
    raters' scores."""
    criteria: tuple[str, ...] = field(default=(), metadata=only("reward"))
    """Of the release; none: all that it has."""

    rewards: tuple[RewardTerm, ...] = field(default=(), metadata=only("ppo", "grpo"))
    """At least one."""
    generations: int = field(default=4, metadata=only("grpo"))
    """Answers a prompt, compared with one another."""
    max_new_tokens: int = field(default=128, metadata=only("ppo", "grpo"))
    temperature: float = field(default=1.0, metadata=only("ppo", "grpo"))
    updates: int = field(default=1, metadata=only("ppo", "grpo"))
    """Passes over each batch of answers."""
    minibatch_size: int = field(default=0, metadata=only("ppo", "grpo"))
    """Answers a forward pass while learning; 0: all of the batch."""
    clip_range: float = field(default=0.2, metadata=only("ppo", "grpo"))
    missing_end_penalty: float = field(default=1.0, metadata=only("ppo", "grpo"))
    """Taken off the reward of an answer that does not end within max_new_tokens."""
    value_clip: float = field(default=0.2, metadata=only("ppo"))
    value_weight: float = field(default=0.1, metadata=only("ppo"))
    discount: float = field(default=1.0, metadata=only("ppo"))
    gae_lambda: float = field(default=0.95, metadata=only("ppo"))
    scale_rewards: bool = field(default=True, metadata=only("grpo"))
    """Advantages divided by the standard deviation of their group."""

    @property
    def world_size(self) -> int:
        return self.processes * self.nodes

    def as_json(self) -> dict[str, Any]:
        """What `parse_config` reads back; only keys that the method reads."""
        read = {field.name for field in fields_of(self.method)}
        return {name: _plain(value) for name, value in asdict(self).items() if name in read}


def fields_of(method: Method) -> list[Field[Any]]:
    """The keys that `method` reads."""
    return [f for f in fields(TrainingConfig) if method in f.metadata.get(READ_BY, METHODS)]


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
