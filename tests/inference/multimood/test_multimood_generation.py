from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inference.contracts import GenerationOptions, StimulusInput
from inference.errors import CheckpointError
from inference.multimood.clips import UnreadableClipError
from inference.multimood.features import TowerCache
from inference.multimood.generation import MultiMoodGenerator
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import MultiMoodProcessor

GREEDY = GenerationOptions(max_new_tokens=10)
SAMPLED = GenerationOptions(max_new_tokens=10, temperature=1.5, top_p=0.95)


@pytest.fixture(scope="module")
def folder(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def generator(folder: Path) -> MultiMoodGenerator:
    return MultiMoodGenerator.load(folder, device="cpu")


@pytest.mark.parametrize("options", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_answers_do_not_depend_on_the_batch(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput], options: GenerationOptions
) -> None:
    seeds = [11, 12, 13]
    together = generator.answer(stimuli, options, seeds)
    one_by_one = generator.answer(stimuli, replace(options, batch_size=1), seeds)
    reordered = generator.answer(stimuli[::-1], options, seeds[::-1])[::-1]
    raws = [answer.raw for answer in together]
    assert raws == [answer.raw for answer in one_by_one]
    assert raws == [answer.raw for answer in reordered]
    assert all(0 < answer.new_tokens <= 10 for answer in together)


def test_prompt_tokens_count_the_row_without_padding(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    answers = generator.answer(stimuli, GREEDY)
    rows = [generator.processor.encode(stimulus)["input_ids"] for stimulus in stimuli]
    assert [answer.prompt_tokens for answer in answers] == [len(row) for row in rows]


def test_sampling_follows_the_seed(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    words = stimuli[1:2]
    same = {generator.answer(words, SAMPLED, [5])[0].raw for _ in range(2)}
    others = {generator.answer(words, SAMPLED, [seed])[0].raw for seed in range(6)}
    assert len(same) == 1
    assert len(others) > 1


def test_sampled_frequencies_are_those_of_the_model() -> None:
    from inference.multimood.generation import SeededNoise

    probabilities = torch.tensor([0.1, 0.2, 0.7])
    draws = 4000
    noise = SeededNoise(range(draws))
    scores = noise(torch.zeros(draws, 1), probabilities.log().repeat(draws, 1))
    share = torch.bincount(scores.argmax(1), minlength=3) / draws
    assert (share - probabilities).abs().max() < 0.03  # four standard errors


def test_modality_leaves_out_what_it_says(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput]
) -> None:
    one = stimuli[2:3]
    tokens = {
        modality: generator.answer(one, replace(GREEDY, modality=modality))[0].prompt_tokens
        for modality in ("av", "a", "v", "text")
    }
    video, audio = 16, 16  # 1.3 s of sound: 4 patches of 0.32 s, each of 4 frequency bands
    end_of_line = 1
    assert tokens["v"] == tokens["text"] + video + end_of_line
    assert tokens["a"] == tokens["text"] + audio + end_of_line
    assert tokens["av"] == tokens["text"] + video + audio + end_of_line


def test_unreadable_clip_is_named_with_a_remedy(
    generator: MultiMoodGenerator, stimuli: list[StimulusInput], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film")
    for path, remedy in ((broken, "ffmpeg"), (tmp_path / "absent.mp4", "Put it back")):
        with pytest.raises(UnreadableClipError, match=rf"{path.name}.*{remedy}"):
            generator.answer([replace(stimuli[0], clip_paths=(path,))], GREEDY)


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        MultiMoodGenerator.load(tmp_path)


def test_clips_are_read_once_and_again_when_they_change(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    cache = TowerCache(model.model, processor)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clips[0].read_bytes())
    first = cache.load(copy)
    assert cache.load(copy) is first
    with torch.inference_mode():
        inside = TowerCache(model.model, processor).load(copy)
    assert inside.audio is not None
    assert not inside.audio.is_inference()
    copy.write_bytes(clips[1].read_bytes())
    second = cache.load(copy)
    assert second.audio is not None
    assert first.audio is not None
    assert second.audio.shape != first.audio.shape


def test_cache_forgets_the_oldest_clip(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
) -> None:
    cache = TowerCache(model.model, processor, max_bytes=1)
    first = cache.load(clips[0])
    cache.load(clips[1])
    assert cache.load(clips[0]) is not first
