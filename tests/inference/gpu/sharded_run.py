"""A run under FSDP2 in a world of one process, which a configuration file may not ask for."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from inference.training.config_reading import load_config
from inference.training.progress import Progress, StopRequest
from inference.training.run import run

if __name__ == "__main__":
    config = replace(load_config(Path(sys.argv[1])), sharding="fsdp2")
    run(config, Progress(config.output), StopRequest())
