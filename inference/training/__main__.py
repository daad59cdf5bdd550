"""`python -m inference.training CONFIG.json`: one training run, alone or under torchrun.

Exit code 0: done; 1: failed; 2: the configuration cannot be run; 3: stopped with a checkpoint.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

from inference.training.config import ConfigError, TrainingConfig
from inference.training.config_reading import load_config
from inference.training.memory import check_memory
from inference.training.progress import FINAL, Progress, StopRequest

DONE, FAILED, REFUSED, STOPPED = 0, 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    stop = StopRequest()
    stop.listen()
    parser = argparse.ArgumentParser(prog="python -m inference.training", description=__doc__)
    parser.add_argument("config", type=Path, help="JSON file, see inference/training/config.py")
    path = parser.parse_args(arguments).config
    try:
        config = load_config(path)
        check_world_size(config)
    except ConfigError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return REFUSED
    config.output.mkdir(parents=True, exist_ok=True)
    progress = Progress(config.output, writes=os.environ.get("RANK", "0") == "0")
    set_environment(config)
    return train(config, progress, stop)


def train(config: TrainingConfig, progress: Progress, stop: StopRequest) -> int:
    try:
        if not (config.output / FINAL).is_dir():
            check_memory(config)
        from inference.training.run import run  # torch and transformers take seconds

        return DONE if run(config, progress, stop) else STOPPED
    except ConfigError as error:
        progress.error(str(error))
        print(error, file=sys.stderr)
        return REFUSED
    except Exception as error:  # the border: whatever it was, the supervisor must be told
        progress.error(explained(error))
        traceback.print_exc()
        return FAILED


def explained(error: Exception) -> str:
    """Where another process died, this one only sees its connection break."""
    told = f"{type(error).__name__}: {error}"
    if type(error).__name__ == "DistBackendError" or "gloo/transport" in told:
        return (
            "Another process of this run ended, or can no longer be reached; what it said itself "
            f"stands in the log. ({told.splitlines()[0]})"
        )
    return told


def check_world_size(config: TrainingConfig) -> None:
    """`accelerate launch --num_processes 2` on CPU silently runs one: never train on half."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != config.world_size:
        nodes = f"--nnodes {config.nodes} " if config.nodes > 1 else ""
        raise ConfigError(
            f"processes, nodes: {config.world_size} processes asked for, {started} started. Start "
            f"with torchrun {nodes}--nproc_per_node {config.processes} -m inference.training "
            "CONFIG."
        )


def set_environment(config: TrainingConfig) -> None:
    """Nothing is downloaded or reported; caches stay in the run's folder."""
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(config.output / "cache"),
        "TOKENIZERS_PARALLELISM": "false",
        "TRL_EXPERIMENTAL_SILENCE": "1",
    }
    if config.device == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"


if __name__ == "__main__":
    sys.exit(main())
