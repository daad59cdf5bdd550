"""Methods and options of a training in the words of its pages; the keys themselves stand in
inference.training.config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inference.training.config import (
    ON_CORPORA,
    ON_RELEASES,
    Method,
    TrainingConfig,
    fields_of,
)


@dataclass(frozen=True)
class MethodWords:
    name: str
    learns_from: str
    when: str


METHOD_WORDS: dict[Method, MethodWords] = {
    "sft": MethodWords(
        "Supervised fine-tuning",
        "Learns from a corpus: what therapists answered, with emotions and strategy.",
        "Take it first, so that the model answers in the right form.",
    ),
    "compressor": MethodWords(
        "History compressor",
        "Learns from a corpus to say the dialogue before again from its compressed form; the "
        "language model stays as it is.",
        "Take it before fine-tuning, where a model was given a new compressor.",
    ),
    "reward": MethodWords(
        "Reward model",
        "Learns from a release to score answers as the raters did.",
        "Take it before PPO or GRPO. It answers nothing itself.",
    ),
    "dpo": MethodWords(
        "Direct preference optimisation (DPO)",
        "Learns from a release: the answer that raters preferred, against the other one.",
        "The usual choice after a study: it needs no reward model.",
    ),
    "ppo": MethodWords(
        "Proximal policy optimisation (PPO)",
        "Answers client turns of a corpus or a release, and learns from the reward each answer "
        "gets.",
        "Take it where a reward model ranks held-out pairs well; it takes the most memory.",
    ),
    "grpo": MethodWords(
        "Group relative policy optimisation (GRPO)",
        "Answers each client turn several times, and learns from which answer has the higher "
        "reward.",
        "Like PPO without a value model; the method of the MultiMood paper.",
    ),
}

MODALITIES = {
    "av": "Video and audio",
    "a": "Audio only",
    "v": "Video only",
    "text": "Text only",
    "random": "Drawn anew for every example, text only among them",
    "random_media": "Drawn anew for every example: video, audio or both, as in the paper",
}
CHOICES: Mapping[str, Mapping[str, str]] = {
    "modality": MODALITIES,
    "schedule": {
        "linear": "Falls in a straight line",
        "cosine": "Falls along a cosine",
        "constant": "Stays",
    },
    "projectors": {"train": "Trained", "frozen": "Left as they are"},
    "trains": {"response": "The response only", "all": "All four lines"},
    "loss": {"sigmoid": "Sigmoid (DPO)", "ipo": "IPO"},
    "reward_target": {
        "pairs": "Which answer was preferred",
        "criteria": "The score on each criterion",
    },
    "device": {"auto": "A GPU where there is one", "cpu": "The CPU"},
    "precision": {
        "auto": "bfloat16 on a GPU, float32 on a CPU",
        "float32": "float32",
        "bfloat16": "bfloat16",
    },
    "sharding": {"none": "Every process holds the whole model", "fsdp2": "Divided (FSDP2)"},
}
"""Of a key with fixed values: value -> words. A value without words is shown as it is."""


@dataclass(frozen=True)
class Option:
    key: str
    label: str
    help: str = ""
    main: bool = False
    """Always seen; the others are folded away."""


OPTIONS = (
    Option("epochs", "Epochs", "How often everything is seen.", main=True),
    Option("max_steps", "Steps at most", "0: as many as the epochs take.", main=True),
    Option(
        "learning_rate",
        "Learning rate",
        "1e-5 suits a model of 7 billion parameters; the small demo model needs 5e-4.",
        main=True,
    ),
    Option(
        "beta",
        "Beta",
        "How strongly the new version is held to the old one.",
        main=True,
    ),
    Option("reward_target", "What the reward model learns", main=True),
    Option(
        "criteria",
        "Criteria",
        "Keys, separated by commas. Empty: all of the release. Only for scores.",
    ),
    Option("modality", "Of the client's turn", "What the model perceives.", main=True),
    Option("batch_size", "Examples a step", "Pairs, dialogues or client turns.", main=True),
    Option("generations", "Answers a client turn", main=True),
    Option("max_new_tokens", "Longest answer, in tokens", main=True),
    Option(
        "lora",
        "Train adapters only (LoRA)",
        "Needs much less memory; the result is saved as a whole model.",
        main=True,
    ),
    Option(
        "text_dropout",
        "Share of examples without words",
        "From 0 to 1. The model then has to look and listen.",
    ),
    Option("loss", "Loss"),
    Option(
        "length_normalised",
        "Average over the answer's tokens",
        "So that long answers do not weigh more.",
    ),
    Option("trains", "What is learned of an answer"),
    Option(
        "precompute_reference",
        "Compute the reference once, before the first step",
        "Faster, and one model less in memory.",
    ),
    Option("temperature", "Temperature", "How much the answers vary."),
    Option("updates", "Passes over each batch of answers"),
    Option("minibatch_size", "Answers a forward pass", "0: all of the batch."),
    Option("clip_range", "Clip range"),
    Option(
        "missing_end_penalty",
        "Penalty for an answer without an end",
        "Taken off its reward.",
    ),
    Option("scale_rewards", "Divide by the spread of each group of answers"),
    Option("value_clip", "Clip range of the value"),
    Option("value_weight", "Weight of the value's loss"),
    Option("discount", "Discount"),
    Option("gae_lambda", "Lambda of the advantage estimate"),
    Option("lora_rank", "Rank of the adapters"),
    Option("lora_alpha", "Alpha of the adapters"),
    Option("lora_dropout", "Dropout of the adapters", "From 0 to 1."),
    Option(
        "projectors",
        "Projectors of media and history",
        "The towers that read video and sound always stay as they are.",
    ),
    Option("gradient_accumulation", "Batches a step", "Added up before the weights change."),
    Option("schedule", "The learning rate"),
    Option("warmup_ratio", "Share of warm-up steps", "From 0 to 1."),
    Option("weight_decay", "Weight decay"),
    Option("max_grad_norm", "Largest norm of the gradient"),
    Option("split", "Split to learn from", "Empty: all of it."),
    Option("eval_split", "Split that is held out", "Evaluated, and never learned from."),
    Option("eval_steps", "Steps between evaluations", "0: only at the end."),
    Option(
        "sample_stimuli",
        "Client turns answered at each evaluation",
        "Always the same ones. 0: none.",
    ),
    Option("report", "Compare the result with its base at the end"),
    Option("save_steps", "Steps between checkpoints"),
    Option("keep_checkpoints", "Checkpoints kept"),
    Option("logging_steps", "Steps between logged values"),
    Option("processes", "Processes", "On a machine with GPUs: one for each."),
    Option("sharding", "The model over several GPUs"),
    Option("device", "Device"),
    Option("precision", "Numbers"),
    Option("seed", "Seed", "The same seed gives the same run on the same machine."),
)
LABELS: Mapping[str, str] = {option.key: option.label for option in OPTIONS}
REWARDS = "rewards"


def options_of_method(method: Method) -> list[Option]:
    read = {field.name for field in fields_of(method)}
    return [option for option in OPTIONS if option.key in read]


def default_of(key: str) -> Any:
    return next(field.default for field in fields(TrainingConfig) if field.name == key)


def learns_from(method: str) -> tuple[bool, bool]:
    """(a release, a corpus): which of them `method` may take."""
    return method not in ON_CORPORA, method not in ON_RELEASES


def value_in_words(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == REWARDS and isinstance(value, list):
        return "; ".join(term_in_words(term) for term in value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "all"
    return CHOICES.get(key, {}).get(value, str(value)) if isinstance(value, str) else str(value)


def term_in_words(term: Mapping[str, Any]) -> str:
    """Without its address: that is nobody's business who reads the page."""
    named = f"{term.get('kind', 'term')} {term.get('name', '')}".strip()
    weight = term.get("weight", 1)
    return named if weight == 1 else f"{named}, weight {weight}"
