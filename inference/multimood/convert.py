"""Writes pickled weights (`pytorch_model*.bin`) as safetensors beside them.

    python -m inference.multimood.convert FOLDER

Only tensors are unpickled (`weights_only`); still, run it where harm could be borne. Shared
tensors are written once per name, as the published layout has them.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from inference.multimood.checkpoint_files import INDEX, WEIGHTS


def convert(folder: Path) -> list[Path]:
    """The files written, an index last if there are several."""
    pickled = sorted(folder.glob("pytorch_model*.bin"))
    if not pickled:
        raise FileNotFoundError(f"{folder} holds no pytorch_model*.bin")
    written, places, total = [], {}, 0
    for i, file in enumerate(pickled, 1):
        state = torch.load(file, map_location="cpu", weights_only=True)
        tensors = {name: tensor.clone().contiguous() for name, tensor in state.items()}
        name = WEIGHTS
        if len(pickled) > 1:
            name = f"model-{i:05d}-of-{len(pickled):05d}.safetensors"
        save_file(tensors, folder / name, {"format": "pt"})
        written.append(folder / name)
        places.update(dict.fromkeys(tensors, name))
        total += sum(tensor.nbytes for tensor in tensors.values())
    if len(pickled) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
        written.append(folder / INDEX)
    return written


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m inference.multimood.convert",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path)
    try:
        written = convert(parser.parse_args(arguments).folder)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(f"{file}\n" for file in written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
