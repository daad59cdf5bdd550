"""A process that answers one way and knows its own memory; it waits while the other one works."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from benchmarks.generation_parts.limits import DecodeWork
from benchmarks.generation_parts.messages import Done, Ready, Setup
from benchmarks.generation_parts.ours import OurWay
from benchmarks.generation_parts.published import PublishedWay
from benchmarks.generation_parts.sizes import (
    build,
    demo_stimuli,
    parameter_counts,
    weights_checksum,
)
from inference.contracts import GenerationOptions, ReplyFields
from inference.multimood.processing import MultiMoodProcessor

MEBIBYTE = 2**20
WARM_UP_TOKENS = 3
SAMPLING = GenerationOptions(temperature=0.7, top_p=0.9, constrain_labels=False)


def serve(pipe: Connection, way: str, setup: Setup) -> None:
    torch.set_num_threads(setup.threads)
    built = build(setup.size, setup.device, setup.dtype)
    stimuli = demo_stimuli(setup.stimuli)
    work_of = DecodeWork.of(built.model)
    with tempfile.TemporaryDirectory() as folder:
        ours = way == "ours"
        answering = (
            OurWay(built, Path(folder), compiled=setup.compiled) if ours else PublishedWay(built)
        )
        # What is done once a process: the words of a stimulus are answered, a clip is read.
        words = [replace(stimuli[0], clip_paths=())]
        answering.answer(words, replace(SAMPLING, max_new_tokens=WARM_UP_TOKENS))
        built.processor.load_clip(stimuli[0].clip_paths[0])
        checksum = weights_checksum(built.model)
        pipe.send(Ready(parameter_counts(built.model), checksum, work_of, memory_mb(setup.device)))
        while (work := pipe.recv()) is not None:
            if isinstance(answering, OurWay) and not work.warm:
                answering.forget()
            opening = _label_tokens(built.processor) if work.labels else 0
            options = replace(
                SAMPLING,
                max_new_tokens=work.tokens - opening,
                samples=work.samples,
                batch_size=work.batch_size,
                constrain_labels=work.labels,
            )
            answering.take_stages()
            began, cpu_began = time.perf_counter(), time.process_time()
            answers = answering.answer(stimuli[work.first : work.first + work.count], options)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
            pipe.send(
                Done(
                    seconds=seconds,
                    cpu_seconds=cpu,
                    stages=answering.take_stages(),
                    prompts=[prompt for prompt, _ in answers[:: work.samples]],
                    new_tokens=[new for _, new in answers],
                    peak_mb=memory_mb(setup.device),
                )
            )


def _label_tokens(processor: MultiMoodProcessor) -> int:
    """Of the lines above the response, with labels of usual length."""
    usual = ReplyFields("sadness", "neutral", "open question", "")
    return len(processor.target_ids(processor.template.reply_lines(usual))) - 1


def memory_mb(device: str) -> float:
    """The most that this process has held: on a GPU what torch allocated there, else resident."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / MEBIBYTE
    # Not getrusage: its figure of a new process begins with that of its parent.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MEBIBYTE
    raise SystemExit("/proc/self/status has no VmHWM: peak memory is measured on Linux only")
