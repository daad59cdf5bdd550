"""How much memory a run needs, told before anything is loaded. Imports neither torch nor Django.

Weights, gradients, the optimiser's moments and copies are counted from the headers of the
checkpoint's files. Activations are estimated for rows that are not small: two clips of eight
seconds, `TEXT_TOKENS` words and labels, and an answer. docs/training.md writes the sums out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from inference.machine_memory import MIB, available_memory, size_text
from inference.safetensors_headers import checkpoint_headers
from inference.training.config import ON_PROMPTS, ConfigError, TrainingConfig
from inference.training.shapes import FLOAT, Shapes

MOMENTS = 2
"""AdamW keeps two numbers a parameter."""
LIBRARIES = 600 * MIB
"""PyTorch and what stands on it, in each process; measured."""
ON_THE_GPU = 800 * MIB
"""What CUDA takes for itself in each process."""
CLIPS_A_ROW, CLIP_SECONDS, TEXT_TOKENS, REPLY_TOKENS = 2, 8.0, 384, 128
MAMBA_KERNELS = ("mamba_ssm", "causal_conv1d")
CONNECTOR_BYTES = 3
"""A number that the STC connector keeps under bfloat16: norms stay in float32. Measured."""
LOGIT_COPIES = 4
"""Logits, their float32, their log-softmax, and its gradient."""
NVIDIA = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Need:
    """Bytes by what they are for."""

    process: Mapping[str, int]
    """Of each process, on the device that computes."""
    processes: int
    """On this machine."""
    on_gpu: bool
    loading: int = 0
    """On a GPU run: of each process in the machine's own memory."""
    undivided: int = 0
    """Of each process before a model is sharded: the reference is computed with all of it."""

    @property
    def per_process(self) -> int:
        return max(sum(self.process.values()), self.undivided)

    @property
    def machine(self) -> int:
        """In the machine's own memory, all processes together."""
        return self.processes * (self.loading if self.on_gpu else self.per_process)

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {size_text(size)}" for name, size in self.process.items())
        each = f" in each of {self.processes} processes" if self.processes > 1 else ""
        before = ""
        if self.undivided > sum(self.process.values()):
            before = f"; {size_text(self.undivided)} while the reference is computed, undivided"
        return f"about {size_text(self.per_process)}{each} ({parts}{before})"


def estimate(config: TrainingConfig, on_gpu: bool | None = None) -> Need:
    """on_gpu: None asks whether this machine has one that the run may use.

    Raises CheckpointError where files of the base, or of a model that scores, cannot be read.
    """
    if on_gpu is None:
        on_gpu = has_gpu(config)
    shapes = Shapes.of(config.base)
    trained, copied = shapes.trained(config)
    total = (shapes.parameters + copied) * FLOAT
    towers = shapes.towers * FLOAT
    shards = config.world_size if config.sharding == "fsdp2" else 1
    process = {
        "weights": towers + (total - towers) // shards,
        "gradients": trained * FLOAT // shards,
        "the optimiser's moments": trained * FLOAT * MOMENTS // shards,
        "the reference": reference_bytes(config, shapes, trained),
        "models that score": reward_bytes(config, on_gpu),
        "gathered layers": shapes.gathered * FLOAT if shards > 1 else 0,
        "rounded weights": rounded_bytes(config, trained, on_gpu),
        # DistributedDataParallel adds gradients up in buckets of its own.
        "gradients of all": trained * FLOAT if config.world_size > 1 and shards == 1 else 0,
        "activations": activation_bytes(config, shapes, on_gpu),
        "libraries": ON_THE_GPU if on_gpu else LIBRARIES,
    }
    undivided = 0
    if shards > 1 and config.method == "dpo" and config.precompute_reference:
        undivided = total + process["libraries"]
    return Need(
        process={name: size for name, size in process.items() if size},
        undivided=undivided,
        processes=config.processes,
        on_gpu=on_gpu,
        loading=total + LIBRARIES,
    )


def reference_bytes(config: TrainingConfig, shapes: Shapes, trained: int) -> int:
    """A copy of what is trained, where the reference is neither computed before nor the model
    without its adapters. It is whole in every process."""
    if config.lora or (config.method == "dpo" and config.precompute_reference):
        return 0
    if config.method == "dpo" or config.method in ON_PROMPTS:
        return trained * FLOAT
    return 0


def rounded_bytes(config: TrainingConfig, trained: int, on_gpu: bool) -> int:
    """autocast keeps a bfloat16 copy of all that learns until the forward pass ends. In the first
    pass of a step their gradients, which take more, are not there yet."""
    rounds = on_gpu and config.precision != "float32" and config.sharding == "none"
    return 2 * trained if rounds and config.gradient_accumulation > 1 else 0


def activation_bytes(config: TrainingConfig, shapes: Shapes, on_gpu: bool) -> int:
    """What the forward pass keeps for the backward pass; on a GPU layers are computed again."""
    size = 2 if on_gpu and config.precision != "float32" else FLOAT
    rows, answers = rows_of(config)
    tokens = rows * (
        CLIPS_A_ROW * shapes.clip_tokens(CLIP_SECONDS) * (config.modality != "text")
        + TEXT_TOKENS
        + answers * answer_tokens(config)
    )
    learned = rows * answers * answer_tokens(config)
    layers = tokens * shapes.layer_numbers * size * (1 if on_gpu else shapes.layers)
    if on_gpu:
        layers += tokens * shapes.hidden * size * shapes.layers
    scored = tokens if config.method == "sft" else learned
    logits = scored * shapes.vocabulary * FLOAT * LOGIT_COPIES * (config.method != "reward")
    kept = CONNECTOR_BYTES if size < FLOAT else FLOAT
    clips = rows * CLIPS_A_ROW * shapes.connector_numbers * kept
    media = clips * (config.projectors == "train" and config.modality not in ("text", "a"))
    cache = 0
    if config.method in ON_PROMPTS:
        cache = config.batch_size * group(config) * (tokens // rows) * shapes.cache_numbers * size
    return layers + logits + media + cache + history_bytes(config, shapes, on_gpu)


def history_bytes(config: TrainingConfig, shapes: Shapes, on_gpu: bool) -> int:
    """Of the compressor's Mamba where it learns; next to nothing where its kernels are there."""
    learns = config.method == "compressor" or (config.projectors == "train" and not config.lora)
    if not learns or all(map(find_spec, MAMBA_KERNELS)):
        return 0
    rows, _ = rows_of(config)
    recomputed = on_gpu or config.sharding == "fsdp2"
    return rows * shapes.scan_numbers(TEXT_TOKENS, recomputed) * FLOAT


def reward_bytes(config: TrainingConfig, on_gpu: bool) -> int:
    """Models that score answers: a reward model is read in bfloat16 on a GPU, an encoder never."""
    terms = [(t.kind, t.path) for t in config.rewards if t.path is not None]
    sizes = {"model": 2 if on_gpu else FLOAT, "similarity": FLOAT}
    return sum(
        sizes[kind] * sum(tensor.elements for tensor in checkpoint_headers(path))
        for kind, path in terms
        if kind in sizes
    )


def rows_of(config: TrainingConfig) -> tuple[int, int]:
    """(rows of a forward pass, answers in each): a pair shares one prompt."""
    if config.method == "dpo":
        return config.batch_size, 2
    if config.method == "reward" and config.reward_target == "pairs":
        return 2 * config.batch_size, 1
    if config.method in ON_PROMPTS:
        return config.minibatch_size or config.batch_size * group(config), 1
    return config.batch_size, 1


def group(config: TrainingConfig) -> int:
    return config.generations if config.method == "grpo" else 1


def answer_tokens(config: TrainingConfig) -> int:
    return config.max_new_tokens if config.method in ON_PROMPTS else REPLY_TOKENS


def check_memory(config: TrainingConfig, gpu_bytes: int | None = None) -> Need:
    """Refuses what does not fit, with figures and remedies: ConfigError.

    gpu_bytes: free on this process's GPU, asked where torch is loaded. Without it only the
    machine's own memory is checked.
    """
    on_gpu = gpu_bytes is not None or has_gpu(config)
    need = estimate(config, on_gpu)
    if gpu_bytes is not None and need.per_process > gpu_bytes:
        raise too_much(config, need, need.per_process, gpu_bytes, "GPU memory")
    free = available_memory()
    if gpu_bytes is None and need.machine > free:
        raise too_much(config, need, need.machine, free, "memory")
    return need


def too_much(config: TrainingConfig, need: Need, needed: int, free: int, place: str) -> ConfigError:
    if place == "memory" and need.on_gpu:
        said = f"{need.processes} processes load the base, about {size_text(needed)} together"
    else:
        said = f"this run needs {need}"
    remedies = "; ".join(remedies_for(config, needed, need.on_gpu, place)) or (
        "a smaller base, or a larger machine"
    )
    return ConfigError(
        f"memory: {said}, and {size_text(free)} of {place} are free. What would help: {remedies}."
    )


def remedies_for(config: TrainingConfig, needed: int, on_gpu: bool, place: str) -> Iterator[str]:
    """Changes that save at least a tenth, each with what the run would need then."""
    for text, change in CHANGES:
        changed = change(config)
        if changed is None:
            continue
        need = estimate(changed, on_gpu)
        now = need.machine if place == "memory" else need.per_process
        if now < 0.9 * needed:
            yield f"{text} (about {size_text(now)})"


def _adapters(config: TrainingConfig) -> TrainingConfig | None:
    if config.lora or config.method == "compressor":
        return None
    return replace(config, lora=True)


def _precomputed(config: TrainingConfig) -> TrainingConfig | None:
    if config.method != "dpo" or config.precompute_reference or config.lora:
        return None
    return replace(config, precompute_reference=True)


def _small_batches(config: TrainingConfig) -> TrainingConfig | None:
    if config.method in ON_PROMPTS:
        return replace(config, minibatch_size=1) if config.minibatch_size != 1 else None
    return replace(config, batch_size=1) if config.batch_size > 1 else None


def _sharded(config: TrainingConfig) -> TrainingConfig | None:
    if config.method in ON_PROMPTS or config.sharding == "fsdp2" or config.device == "cpu":
        return None
    return replace(config, sharding="fsdp2", processes=max(8, config.processes))


CHANGES: tuple[tuple[str, Callable[[TrainingConfig], TrainingConfig | None]], ...] = (
    ("lora true", _adapters),
    ("precompute_reference true", _precomputed),
    ("a batch_size or minibatch_size of 1 with more gradient_accumulation", _small_batches),
    ("sharding fsdp2 over 8 GPUs", _sharded),
)


def has_gpu(config: TrainingConfig) -> bool:
    """Whether the run will use one, as far as can be told without torch."""
    return config.device != "cpu" and NVIDIA.is_dir() and any(NVIDIA.iterdir())
