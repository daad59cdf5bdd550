from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model

from inference import machine_memory
from inference.machine_memory import GIB
from inference.multimood.config import MultiMoodConfig
from inference.multimood.connector import video_token_count
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.training import memory
from inference.training.__main__ import REFUSED, train
from inference.training.config import ConfigError, RewardTerm, TrainingConfig
from inference.training.memory import LIBRARIES, ON_THE_GPU, check_memory, estimate
from inference.training.progress import Progress, StopRequest
from inference.training.shapes import PUBLISHED, Shapes
from inference.training.trainable import lora_config, set_trainable
from tests.inference.training.pair_release import events
from tests.processes import PROJECT

MakeConfig = Callable[..., TrainingConfig]
SEVEN = {
    **{"vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944},
    **{"num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4},
    **{"mem_token_id": 151665, "tokenizer_len": 151666, "tie_word_embeddings": False},
}


def claim(folder: Path, config: MultiMoodConfig) -> Path:
    """A checkpoint whose header claims the model's tensors, and whose data is a hole."""
    with torch.device("meta"):
        tensors = MultiMoodForConditionalGeneration(config).state_dict()
    header, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + 2 * tensor.numel()
        header[name] = {
            "dtype": "BF16",
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    folder.mkdir()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    config.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published sizes."""
    return claim(tmp_path_factory.mktemp("claims") / "seven", MultiMoodConfig(**SEVEN))


def trainable_of(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("projectors", ["train", "frozen"])
@pytest.mark.parametrize("lora", [False, True])
def test_counts_what_the_trainers_will_train(
    dpo_config: MakeConfig, base: Path, projectors: str, lora: bool
) -> None:
    config = dpo_config(projectors=projectors, lora=lora)
    model: Any = MultiMoodForConditionalGeneration.from_pretrained(base)
    shapes = Shapes.of(base)
    assert shapes.parameters - copies_of_one_table(model) == sum(
        p.numel() for p in model.parameters()
    )
    if lora:
        wanted = trainable_of(get_peft_model(model, lora_config(config)))
        assert shapes.trained(config) == (wanted, wanted)
    else:
        set_trainable(model, config)
        assert shapes.trained(config) == (trainable_of(model), 0)


def copies_of_one_table(model: Any) -> int:
    """The published layout stores BEATs' table of relative positions once a layer."""
    layers = model.config.audio_config.encoder_layers
    table = next(p for n, p in model.named_parameters() if "relative_attention_bias" in n)
    return int((layers - 1) * table.numel())


def test_positions_of_a_clip_are_those_of_the_splice(base: Path) -> None:
    """Tiny: 8 frames of 4 x 4 patches; 0.32 s of sound is a patch of 32 frames by 4 of 128 bins."""
    assert Shapes.of(base).clip_tokens(0) == video_token_count(8, 16) == 16
    assert Shapes.of(base).clip_tokens(3.2) == 16 + 10 * 4


def test_published_sizes_are_those_of_the_configuration() -> None:
    config = MultiMoodConfig()
    assert PUBLISHED["num_frames"] == config.num_frames
    assert PUBLISHED["max_audio_seconds"] == config.max_audio_seconds
    for part in ("vision_config", "audio_config"):
        for name, value in PUBLISHED[part].items():
            assert getattr(getattr(config, part), name) == value


def test_the_sums_of_the_published_size(seven: Path, dpo_config: MakeConfig) -> None:
    """By hand: 9.006e9 parameters, of which the towers' 0.519e9 stay whole and frozen."""
    shapes = Shapes.of(seven)
    everything, towers = shapes.parameters, shapes.towers
    learned = everything - towers
    assert round(everything / 1e9, 3) == 9.006
    assert round(towers / 1e9, 3) == 0.519

    whole = estimate(dpo_config(base=seven, batch_size=1), on_gpu=True).process
    assert whole["weights"] == 4 * everything
    assert whole["gradients"] == 4 * learned
    assert whole["the optimiser's moments"] == 8 * learned
    assert whole["libraries"] == ON_THE_GPU
    assert "the reference" not in whole

    eighth = dpo_config(base=seven, batch_size=1, processes=8, sharding="fsdp2", device="auto")
    sharded = estimate(eighth, on_gpu=True)
    assert sharded.process["weights"] == 4 * towers + 4 * learned // 8
    assert sharded.process["gradients"] == 4 * learned // 8
    assert sharded.process["the optimiser's moments"] == 8 * learned // 8
    # All weights are on each GPU while the reference is computed, before they are divided.
    assert sharded.undivided == 4 * everything + ON_THE_GPU
    assert 30 * GIB < sharded.per_process < 40 * GIB
    assert sharded.machine == 8 * (4 * everything + LIBRARIES)

    copied = estimate(dpo_config(base=seven, precompute_reference=False), on_gpu=True).process
    assert copied["the reference"] == 4 * learned
    adapters = estimate(dpo_config(base=seven, lora=True), on_gpu=True).process
    assert adapters["gradients"] == 4 * shapes.trained(dpo_config(base=seven, lora=True))[0]


def test_models_that_score_and_the_reference_are_counted(
    seven: Path, base: Path, dpo_config: MakeConfig
) -> None:
    """The reference is there to measure the divergence, also where nothing holds the run to it."""
    judges = RewardTerm("judge", url="http://localhost/v1", name="j"), RewardTerm("similarity")
    terms = RewardTerm("model", path=seven), RewardTerm("similarity", path=base)
    changes: dict[str, Any] = {"method": "grpo", "base": base, "beta": 0.0}
    config = dpo_config(**changes, rewards=(*terms, *judges))
    large, small = Shapes.of(seven).parameters, Shapes.of(base).parameters
    on_gpu, on_cpu = (estimate(config, on_gpu=place).process for place in (True, False))
    assert on_gpu["models that score"] == 2 * large + 4 * small
    assert on_cpu["models that score"] == 4 * large + 4 * small
    assert on_cpu["the reference"] == 4 * Shapes.of(base).trained(config)[0]
    lent = estimate(dpo_config(**changes, lora=True, rewards=judges), on_gpu=True).process
    assert "the reference" not in lent
    assert "models that score" not in lent


def test_the_compressor_is_counted_where_it_learns(seven: Path, dpo_config: MakeConfig) -> None:
    """By hand, for 384 tokens: 2048 channels of 16 numbers each, 9 times for the layer at work, and
    1024 for what goes into each of 48 layers."""
    states = 384 * 2048 * 16

    def activations(on_gpu: bool, **changes: Any) -> int:
        config = dpo_config(base=seven, batch_size=3, **changes)
        return estimate(config, on_gpu).process["activations"]

    def learning(on_gpu: bool) -> int:
        whole = activations(on_gpu, lora=False, modality="text")
        return whole - activations(on_gpu, lora=True, modality="text")

    assert learning(on_gpu=True) == 3 * 4 * (9 * states + 48 * 384 * 1024)
    assert learning(on_gpu=False) == 3 * 4 * (5 * 48 + 4) * states


def test_one_gpu_is_refused_with_figures_and_what_would_help(
    seven: Path, dpo_config: MakeConfig
) -> None:
    config = dpo_config(base=seven, batch_size=1, device="auto")
    with pytest.raises(ConfigError) as refusal:
        check_memory(config, gpu_bytes=79 * GIB)
    said = str(refusal.value)
    assert said.startswith("memory: this run needs about 137.")
    assert "(weights 33.6 GB, gradients 31.6 GB, the optimiser's moments 63.2 GB" in said
    assert "79.0 GB of GPU memory are free. What would help: lora true (about 48." in said
    assert "sharding fsdp2 over 8 GPUs (about " in said
    assert check_memory(dpo_config(base=seven, lora=True, device="auto"), gpu_bytes=79 * GIB)


def test_a_cpu_run_is_refused_before_anything_is_loaded(
    tmp_path: Path, dpo_config: MakeConfig
) -> None:
    vast = MultiMoodConfig(**{**SEVEN, "vocab_size": 80_000_000})  # 1 TB a copy
    config = dpo_config(base=claim(tmp_path / "vast", vast))
    assert train(config, Progress(config.output), StopRequest()) == REFUSED
    (told,) = events(config.output)
    assert told["event"] == "error"
    assert told["message"].startswith("memory: this run needs about ")
    assert "GB of memory are free. What would help: lora true (about " in told["message"]


def test_processes_of_one_machine_are_counted_together(
    seven: Path, dpo_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = dpo_config(base=seven, processes=8, sharding="fsdp2", device="auto")
    cards = tmp_path / "gpus"
    (cards / "0000:01:00.0").mkdir(parents=True)
    monkeypatch.setattr(memory, "NVIDIA", cards)
    for name in ("CGROUPS", "CGROUP_ROOT"):
        monkeypatch.setattr(machine_memory, name, tmp_path / "none")
    meminfo = tmp_path / "meminfo"
    monkeypatch.setattr(machine_memory, "MEMINFO", meminfo)
    meminfo.write_text(f"MemAvailable: {100 * 2**20} kB\n")
    with pytest.raises(ConfigError, match=r"8 processes load the base, about 27\d\.\d GB together"):
        check_memory(config)
    meminfo.write_text(f"MemAvailable: {512 * 2**20} kB\n")
    assert check_memory(config).on_gpu


def test_needs_neither_torch_nor_django() -> None:
    code = (
        "import sys, inference.training.memory;"
        "sys.exit(bool({'torch', 'transformers', 'django'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0
