from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.training.demo import build


def main(arguments: Sequence[str] | None = None) -> int:
    recipe = build.Recipe
    parser = argparse.ArgumentParser(
        prog="python -m inference.training.demo", description=build.__doc__
    )
    parser.add_argument("--corpus", type=Path, default=Path("demo/corpus/dialogues.jsonl"))
    parser.add_argument("--towers", type=Path, default=Path("demo/models/multimood-tiny"))
    parser.add_argument("--out", type=Path, default=Path("demo/models/multimood-135m"))
    parser.add_argument("--work", type=Path, default=Path("var/demo-model"), help="clips and steps")
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument("--steps", type=int, default=recipe.steps, help="of fine-tuning")
    parser.add_argument("--compressor-steps", type=int, default=recipe.compressor_steps)
    parser.add_argument("--extra", type=int, default=recipe.extra_clips, help="rendered clips")
    parser.add_argument("--threads", type=int, default=recipe.threads)
    given = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"
    chosen = build.Recipe(
        seed=given.seed,
        steps=given.steps,
        compressor_steps=given.compressor_steps,
        extra_clips=given.extra,
        threads=given.threads,
    )
    build.build(given.corpus, given.towers, given.out, given.work, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
