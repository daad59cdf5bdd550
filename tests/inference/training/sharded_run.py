"""A training run whose processes on the CPU are sharded: `python -m ... CONFIG`.

accelerate shards the processes of accelerators only, though PyTorch's FSDP2 works over gloo as
well. Called by the name of an accelerator, processes on a CPU do what those on GPUs would.
"""

from __future__ import annotations

import sys
from typing import Any

from accelerate import PartialState
from accelerate.utils import DistributedType

from inference.training.__main__ import main

usual = PartialState.__init__


def as_accelerator(state: PartialState, *arguments: Any, **options: Any) -> None:
    usual(state, *arguments, **options)
    if state.distributed_type == DistributedType.MULTI_CPU:
        state._shared_state["distributed_type"] = DistributedType.MULTI_XPU
        state.distributed_type = DistributedType.MULTI_XPU


if __name__ == "__main__":
    PartialState.__init__ = as_accelerator
    sys.exit(main())
