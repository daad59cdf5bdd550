"""Base against result on what was held out: OUTPUT/report.json, once the final checkpoint is there.

Both are asked alike. A part that could not be measured is None, and `notes` says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from inference.multimood.features import TowerCache
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.training.asking import Asking
from inference.training.compressor import Readings, evaluation_readings, from_other_dialogues
from inference.training.config import TrainingConfig
from inference.training.dpo_pairs import load_held_out
from inference.training.held_out import held_out, is_release, spread, spread_over
from inference.training.progress import FINAL, REPORT_FILE, Progress, StopRequest
from inference.training.report_measures import (
    divergences,
    log_probabilities,
    reconstruction_losses,
)
from inference.training.report_parts import (
    Answers,
    Beside,
    Divergence,
    Preferences,
    Reconstruction,
    examples,
    session_of,
)
from inference.training.setup import FEATURE_BYTES
from inference.training.trainers import uses_gpu

MOST_STIMULI = 100
MOST_SAMPLED = 32
MOST_PAIRS = 200
MOST_READINGS = 100
SHOWN_TIMES = 25
"""How often at most progress is told."""
NOTHING_HELD_OUT = (
    "Nothing was held out, so nothing was compared: the dataset has no {split!r} part that is not "
    "trained on, and no held_out corpus was named."
)
NO_ROOM = "{count} stimuli were left out: their prompts leave no room for an answer."


@dataclass(frozen=True)
class Report:
    method: str
    steps: int
    values: Mapping[str, float]
    """What the method itself measured at the end of training."""
    answers: Answers | None = None
    divergence: Divergence | None = None
    preferences: Preferences | None = None
    reconstruction: Reconstruction | None = None
    """Of a compressor's pre-training."""
    examples: tuple[Beside, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class StoppedError(Exception):
    """Asked to stop before the report was done."""


def make(config: TrainingConfig, progress: Progress, stop: StopRequest) -> bool:
    """Writes the report of a run whose final checkpoint is there; the file is whole or absent.
    False when asked to stop before that. One process alone calls this.

    Raises ConfigError where the data cannot be read.
    """
    progress.stage("report")
    told = json.loads((config.output / FINAL / "training.json").read_text(encoding="utf-8"))
    report = Report(config.method, told["steps"], told["values"])
    compared = _Comparison(config, progress, stop)
    try:
        if config.method == "compressor":
            report = compared.histories(report)
        elif config.method != "reward":  # a reward model answers nothing: its values say it all
            report = compared.answers(report)
    except StoppedError:
        return False
    write(report, config.output / REPORT_FILE)
    return True


def write(report: Report, file: Path) -> None:
    text = json.dumps(report.as_json(), ensure_ascii=False, allow_nan=False, indent=1)
    part = file.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(file)


class _Comparison:
    def __init__(self, config: TrainingConfig, progress: Progress, stop: StopRequest) -> None:
        self.config, self.progress, self.stop = config, progress, stop
        self.done = self.total = 0

    def answers(self, report: Report) -> Report:
        config = self.config
        found = spread(held_out(config), MOST_STIMULI)
        pairs = load_held_out(config) if is_release(config) else []
        pairs = spread_over(pairs, MOST_PAIRS, session_of)
        if not found and not pairs:
            return replace(report, notes=(NOTHING_HELD_OUT.format(split=config.eval_split),))
        processor = MultiMoodProcessor.from_pretrained(config.base, config.prompt)
        base, result = self._load(config.base), self._load(config.output / FINAL)
        load_clip = TowerCache(base.model, processor, max_bytes=FEATURE_BYTES).load
        asking = Asking(config, processor, load_clip)
        with self._placed(base):  # its towers read the clips, once for both
            fitting = asking.fitting(found)
        if len(fitting) < len(found):
            report = replace(report, notes=(NO_ROOM.format(count=len(found) - len(fitting)),))
        sampled = fitting[:MOST_SAMPLED]
        self.total = 2 * len(fitting) + 2 * len(sampled) + 2 * len(pairs)
        if fitting:
            with self._placed(base):
                before = asking.answers(base, fitting, 0.0, self._go_on)
            with self._placed(result):
                after = asking.answers(result, fitting, 0.0, self._go_on)
                drawn = asking.answers(result, sampled, 1.0, self._go_on)
            nats = divergences(result, base, processor, drawn, self._go_on, self._placed)
            report = replace(
                report,
                answers=Answers.of(fitting, before, after, processor.template),
                divergence=Divergence.of(sampled, drawn, nats),
                examples=examples(fitting, before, after),
            )
        if pairs:
            with self._placed(base):
                early = log_probabilities(base, pairs, asking, self._go_on)
            with self._placed(result):
                late = log_probabilities(result, pairs, asking, self._go_on)
            beta = config.beta if config.method == "dpo" else 1.0
            preferred = Preferences.of(pairs, early, late, config.eval_split, beta)
            report = replace(report, preferences=preferred)
        return report

    def histories(self, report: Report) -> Report:
        config = self.config
        processor = MultiMoodProcessor.from_pretrained(config.base, config.prompt)
        held = evaluation_readings(config, processor)
        held = spread_over(held, MOST_READINGS, lambda reading: reading.session)
        if not held:
            return replace(report, notes=(NOTHING_HELD_OUT.format(split=config.eval_split),))
        right, others = Readings(held, processor), None
        self.total = 2 * len(held)
        if len({reading.dialogue for reading in held}) > 1:
            others = Readings(held, processor, shown=from_other_dialogues(held))
            self.total += len(held)
        with self._placed(self._load(config.base)) as base:
            before = reconstruction_losses(base, right, self._go_on)
        strange = None
        with self._placed(self._load(config.output / FINAL)) as result:
            after = reconstruction_losses(result, right, self._go_on)
            if others is not None:
                strange = reconstruction_losses(result, others, self._go_on)
        sessions = [reading.session for reading in held]
        part = Reconstruction.of(sessions, before, after, strange)
        return replace(report, reconstruction=part)

    def _go_on(self, done: int) -> None:
        """After every entry or batch."""
        if self.stop.asked:
            raise StoppedError
        before, self.done = self.done, self.done + done
        if before * SHOWN_TIMES // self.total < self.done * SHOWN_TIMES // self.total:
            self.progress.stage("report", self.done, self.total)

    def _load(self, folder: Path) -> MultiMoodForConditionalGeneration:
        """In float32, as it was trained: what bfloat16 can tell apart may be more than what
        training changed."""
        model = MultiMoodForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        model.eval()
        return model

    @contextmanager
    def _placed(
        self, model: MultiMoodForConditionalGeneration
    ) -> Iterator[MultiMoodForConditionalGeneration]:
        """On a GPU only while it computes: two models need not fit."""
        model.to("cuda" if uses_gpu(self.config) else "cpu")
        try:
            yield model
        finally:
            model.to("cpu")
