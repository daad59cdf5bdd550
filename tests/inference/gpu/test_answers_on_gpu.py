"""What a GPU computes is what a CPU computes, within its number format."""

from __future__ import annotations

import pytest
import torch

from inference.contracts import GenerationOptions
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor
from inference.training.sft import Lesson
from tests.inference.gpu.conftest import TINY

FEW = 12


@pytest.fixture(scope="module")
def model() -> MultiMoodForConditionalGeneration:
    loaded: MultiMoodForConditionalGeneration = MultiMoodForConditionalGeneration.from_pretrained(
        TINY, dtype=torch.float32
    )
    loaded.eval()
    return loaded


@torch.no_grad()
def logits(
    model: MultiMoodForConditionalGeneration, lessons: list[Lesson], device: str
) -> list[torch.Tensor]:
    """(S, V) of each, from the clip's frames and sound to the last token."""
    processor = MultiMoodProcessor.from_pretrained(TINY)
    model.to(device)
    told = []
    for lesson in lessons:
        sample = processor.encode(lesson.stimulus, processor.template.reply_lines(lesson.reply))
        batch = {name: value.to(device) for name, value in processor.collate([sample]).items()}
        told.append(model(**batch).logits[0].float().cpu())
    return told


def test_logits_in_float32(model: MultiMoodForConditionalGeneration, lessons: list[Lesson]) -> None:
    on_cpu = logits(model, lessons[:FEW], "cpu")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    on_gpu = logits(model, lessons[:FEW], "cuda")
    for ours, theirs in zip(on_gpu, on_cpu, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_greedy_answers_in_bfloat16(lessons: list[Lesson], batch_size: int) -> None:
    stimuli = [lesson.stimulus for lesson in lessons[:FEW]]
    options = GenerationOptions(batch_size=batch_size, max_new_tokens=48)
    on_cpu = MultiMoodGenerator.load(TINY, "cpu").answer(stimuli, options)
    on_gpu = MultiMoodGenerator.load(TINY, "cuda").answer(stimuli, options)
    assert not [answer.error for answer in on_gpu if answer.error]
    same = sum(
        ours.client_emotion == theirs.client_emotion
        for ours, theirs in zip(on_gpu, on_cpu, strict=True)
    )
    assert same >= FEW - 1
    for ours, theirs in zip(on_gpu, on_cpu, strict=True):
        told = ours.label_probabilities["client_emotion"]
        for label, probability in theirs.label_probabilities["client_emotion"].items():
            assert told[label] == pytest.approx(probability, abs=0.1)


def test_sampled_answers_do_not_depend_on_the_batch(lessons: list[Lesson]) -> None:
    stimuli = [lesson.stimulus for lesson in lessons[:FEW]]
    generator = MultiMoodGenerator.load(TINY, "cuda")
    alone, together = (
        generator.answer(
            stimuli,
            GenerationOptions(batch_size=size, max_new_tokens=24, temperature=0.8, seed=5),
        )
        for size in (1, 6)
    )
    same = sum(a.client_emotion == b.client_emotion for a, b in zip(alone, together, strict=True))
    assert same >= FEW - 1
