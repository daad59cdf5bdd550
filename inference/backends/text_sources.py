"""Where a language model lies: a folder, a GGUF file, or a name on the Hugging Face hub.

Only safetensors and GGUF are read: neither can hold a program. Loads no torch.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from inference.backends.weights import file_sha256, weights_sha256
from inference.errors import CheckpointError
from inference.safetensors_headers import checkpoint_headers

GGUF = ".gguf"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
HUB_FILES = (
    *("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json"),
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt"),
    *("*.model", "chat_template*"),
)
HUB_LEFT = ("consolidated*", "*/*")
"""The same weights in another layout, and what lies in subfolders: not read here."""
SAFE = (
    "Load it once where no harm can be done and write it anew with "
    "`save_pretrained(FOLDER, safe_serialization=True)`, or take a release with *.safetensors."
)


@dataclass(frozen=True)
class TextSource:
    folder: Path
    gguf: str = ""
    """Name of the file in the folder; empty: the folder holds safetensors."""

    @property
    def file(self) -> Path:
        """What messages name."""
        return self.folder / self.gguf


def find_text_source(source: str) -> TextSource:
    """`source`: a folder, a GGUF file, or OWNER/NAME (with @REVISION, if one is meant) on the hub,
    whose files are fetched unless HF_HUB_OFFLINE is set; then they must lie in its cache."""
    path = Path(source).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return _as_file(path)
    if HUB_NAME.fullmatch(source) and ".." not in source:
        return _fetched(source)
    raise CheckpointError(
        f"There is no folder and no file {source}. Name a folder with config.json and "
        "*.safetensors, a *.gguf file, or a model of the Hugging Face hub as OWNER/NAME."
    )


def text_weights_sha256(source: TextSource) -> str:
    if not source.gguf:
        return weights_sha256(source.folder)
    return file_sha256(source.file)


def text_bytes(source: TextSource, float_size: int) -> tuple[int, int]:
    """(of all weights, of the largest tensor), every float in `float_size` bytes."""
    if source.gguf:
        sizes = [count * float_size for count in _gguf_elements(source.file)]
    else:
        sizes = [tensor.bytes_as(float_size) for tensor in checkpoint_headers(source.folder)]
    return sum(sizes), max(sizes, default=0)


def _in_folder(folder: Path) -> TextSource:
    if any(folder.glob("*.safetensors")):
        if not (folder / "config.json").is_file():
            raise CheckpointError(f"{folder} holds weights but no config.json. Copy it there too.")
        return TextSource(folder)
    quantised = sorted(folder.glob(f"*{GGUF}"))
    if len(quantised) == 1:
        return TextSource(folder, quantised[0].name)
    if quantised:
        names = ", ".join(file.name for file in quantised)
        raise CheckpointError(f"{folder} holds several models: {names}. Name one of these files.")
    pickled = sorted(file for file in folder.iterdir() if file.suffix in PICKLED)
    if pickled:
        raise _pickled(pickled[0])
    raise CheckpointError(
        f"{folder} holds no model: neither *.safetensors nor *.gguf. Copy the weights there."
    )


def _fetched(source: str) -> TextSource:
    folder = _from_hub(source)
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(
            f"{source} has no *.safetensors on the Hugging Face hub, and pickled weights are not "
            f"opened. {SAFE}"
        )
    return _in_folder(folder)


def _as_file(path: Path) -> TextSource:
    if path.suffix == GGUF:
        return TextSource(path.parent, path.name)
    if path.suffix in PICKLED:
        raise _pickled(path)
    raise CheckpointError(f"{path} is no *.gguf file. Name the model's folder instead.")


def _pickled(file: Path) -> CheckpointError:
    return CheckpointError(
        f"{file} is a pickle: whoever made it can run any program on the machine that opens it, so "
        f"it is not opened. {SAFE}"
    )


def _from_hub(source: str) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    name, _, revision = source.partition("@")
    offline = constants.is_offline_mode()
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision or None,
                allow_patterns=list(HUB_FILES),
                ignore_patterns=list(HUB_LEFT),
                local_files_only=offline,
            )
        )
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise CheckpointError(f"{source}: {_why(error, offline=offline)}") from error


def _why(error: Exception, *, offline: bool) -> str:
    if offline:
        return (
            "this is no folder here, and of the Hugging Face hub only what was fetched before may "
            "be used, since HF_HUB_OFFLINE is set. Name a folder, or fetch the model first."
        )
    reason = str(error).partition("\n")[0].rstrip(".")
    return (
        f"this is no folder here, and the Hugging Face hub did not give it ({reason}). Check the "
        "name and the connection; a model behind a licence needs its token in HF_TOKEN."
    )


def _gguf_elements(file: Path) -> list[int]:
    from gguf import GGUFReader

    try:
        return [math.prod(map(int, tensor.shape)) for tensor in GGUFReader(file).tensors]
    except (ValueError, IndexError, KeyError) as error:
        raise CheckpointError(f"{file} is no readable GGUF file: {error}.") from error
