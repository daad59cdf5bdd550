"""Readers of published corpora: files in, checked records out, nothing kept in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from inference.corpora import dfew, esconv, escot, esvr, generic, mesc, simulated
from inference.corpora.errors import CorpusError
from inference.corpora.files import content_sha256
from inference.corpora.records import CorpusInfo, DialogueRecord, TurnRecord
from inference.corpora.stimuli import Stimulus, stimuli

Reader = Callable[[Sequence[Path]], Iterator[DialogueRecord]]
READERS: Mapping[str, Reader] = {
    "mesc": mesc.read,
    "esconv": esconv.read,
    "escot": escot.read,
    "esvr": esvr.read,
    "simulated": simulated.read,
    "dfew": dfew.read,
    "jsonl": generic.read,
}
CORPUS_INFO: Mapping[str, CorpusInfo] = {
    "mesc": mesc.INFO,
    "esconv": esconv.INFO,
    "escot": escot.INFO,
    "esvr": esvr.INFO,
    "simulated": simulated.INFO,
    "dfew": dfew.INFO,
    "jsonl": generic.INFO,
}

__all__ = [
    "CORPUS_INFO",
    "READERS",
    "CorpusError",
    "CorpusInfo",
    "DialogueRecord",
    "Reader",
    "Stimulus",
    "TurnRecord",
    "content_sha256",
    "stimuli",
]
