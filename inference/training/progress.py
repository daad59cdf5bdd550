"""What a run tells its supervisor: JSON lines in OUTPUT/progress.jsonl, and how it is stopped.

Standard library only, so that it is in place before torch is imported.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Literal

PROGRESS_FILE = "progress.jsonl"
FINAL = "final"
REPORT_FILE = "report.json"
Stage = Literal["loading", "features", "reference", "training", "evaluating", "report"]


class Progress:
    """Appends one line an event. Only the first process of a run writes."""

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.path = folder / PROGRESS_FILE
        self.writes = writes

    def begin(self, step: int, max_steps: int) -> None:
        self._append({"event": "begin", "step": step, "max_steps": max_steps})

    def log(self, step: int, max_steps: int, values: Mapping[str, float]) -> None:
        self._append({"event": "log", "step": step, "max_steps": max_steps, "values": dict(values)})

    def stage(self, name: Stage, done: int = 0, total: int = 0) -> None:
        """What goes on that is no step, such as computing the reference, and how much of it is done
        where that is known."""
        known = {"done": done, "total": total} if total else {}
        self._append({"event": "stage", "stage": name, **known})

    def samples(self, step: int, samples: Sequence[Mapping[str, str | None]]) -> None:
        """Answers to the fixed stimuli: key, client, client_emotion, therapist_emotion, strategy,
        text."""
        self._append({"event": "samples", "step": step, "samples": [dict(s) for s in samples]})

    def save(self, step: int) -> None:
        self._append({"event": "save", "step": step})

    def stopped(self, step: int) -> None:
        self._append({"event": "stopped", "step": step})

    def end(self, step: int, checkpoint: Path, values: Mapping[str, float]) -> None:
        self._append(
            {
                "event": "end",
                "step": step,
                "checkpoint": str(checkpoint),
                "values": dict(values),
            }
        )

    def error(self, message: str) -> None:
        self._append({"event": "error", "message": message})

    def _append(self, event: Mapping[str, object]) -> None:
        if not self.writes:
            return
        line = json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        # One write of a whole line: a reader, or a SIGKILL, never meets half of one.
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)


class StopRequest:
    """SIGTERM asks for a checkpoint at the next step and an orderly end."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
