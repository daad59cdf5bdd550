"""Does it really learn? DPO, PPO and GRPO on a small model, by a rule that scripted raters follow.

    python tools/learning.py [--seeds 31 32 33] [--methods dpo ppo grpo] [--json] [--quick]

multimood-tiny, fine-tuned a little further so that it sometimes names the client's feeling, answers
the demo corpus' client turns; scripted raters prefer the answer that names it. From their pairs of
the training sessions DPO learns directly, and a reward model for PPO and GRPO. Then all models
answer the sessions that nothing was learned from, and the share of answers that name the feeling is
compared before and after, session by session. --write puts what is stored in --work, of
this and of earlier starts, into docs/learning.md and its picture.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.learning_parts.experiment import Experiment, Trial, learn
from tools.learning_parts.page import stored, table, write_page

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("dpo", "ppo", "grpo")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument(
        "--reward", choices=("model", "rule"), default="model", help="of ppo and grpo"
    )
    parser.add_argument(
        "--device", choices=("cpu", "auto"), default="cpu", help="auto: train on a GPU"
    )
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--quick", action="store_true", help="a few steps: does all of it run?")
    parser.add_argument("--write", action="store_true", help="write docs/learning.md")
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "learning")
    parser.add_argument("--corpus", type=Path, default=ROOT / "demo/corpus/dialogues.jsonl")
    parser.add_argument("--base", type=Path, default=ROOT / "demo/models/multimood-tiny")
    given = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"
    experiment = Experiment(
        corpus=given.corpus,
        work=given.work,
        base=given.base,
        quick=given.quick,
        reward=given.reward,
        device=given.device,
    )
    began = time.monotonic()
    experiment.prepare()
    trials: list[Trial] = []
    for seed in given.seeds:
        trials += learn(experiment, seed, given.methods)
    print(table([trial.as_json() for trial in trials]))
    print(f"{time.monotonic() - began:.0f} s in all")
    if given.write:
        write_page(ROOT / "docs", stored(given.work))
    if given.json:
        print(json.dumps([trial.as_json() for trial in trials]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
