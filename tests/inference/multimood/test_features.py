"""The cache of what the frozen towers make of clips: in memory, then on disk, then the towers."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
import torch

from inference.errors import ClipError
from inference.multimood.extractor import extractor_version
from inference.multimood.features import FeatureCache, TowerCache
from inference.multimood.model import MultiMoodForConditionalGeneration
from inference.multimood.processing import ClipTensors, MultiMoodProcessor


@pytest.fixture
def disk(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "features", 2**20)


def outcome(cache: TowerCache) -> tuple[int, int, int]:
    return cache.counts.memory_hits, cache.counts.disk_hits, cache.counts.misses


def assert_same(ours: ClipTensors, theirs: ClipTensors) -> None:
    assert ours.from_towers
    assert theirs.from_towers
    for name in ("video", "audio"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert torch.equal(one, other)


def test_a_second_process_reads_what_the_first_computed(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
    disk: FeatureCache,
    tmp_path: Path,
) -> None:
    first = TowerCache(model.model, processor, disk)
    computed = first.load(clips[0])
    assert first.load(clips[0]) is computed
    assert outcome(first) == (1, 0, 1)
    assert first.counts.media_seconds > 0
    assert first.counts.vision_seconds > 0
    assert first.counts.audio_seconds > 0

    copied = tmp_path / "copy.mp4"  # known by its content
    shutil.copy(clips[0], copied)
    second = TowerCache(model.model, processor, FeatureCache(disk.folder, disk.max_bytes))
    stored = second.load(copied)
    assert outcome(second) == (0, 1, 0)
    assert second.counts.media_seconds == 0
    assert_same(stored, computed)
    assert stored.video is not None
    assert not stored.video.is_inference()


def test_a_file_with_new_content_is_another_clip(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
    disk: FeatureCache,
    tmp_path: Path,
) -> None:
    cache = TowerCache(model.model, processor, disk)
    path = tmp_path / "clip.mp4"
    shutil.copy(clips[0], path)
    cache.load(path)
    shutil.copy(clips[1], path)
    assert_same(cache.load(path), TowerCache(model.model, processor).load(clips[1]))
    assert outcome(cache) == (0, 0, 2)


def test_published_media_are_kept_apart(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
    disk: FeatureCache,
) -> None:
    cache = TowerCache(model.model, processor, disk)
    sound, published = cache.load(clips[0]), cache.load(clips[0], as_published=True)
    assert sound.audio is not None
    assert published.audio is not None
    assert sound.audio.shape != published.audio.shape
    again = TowerCache(model.model, processor, disk)
    assert_same(again.load(clips[0], as_published=True), published)
    assert_same(again.load(clips[0]), sound)
    assert outcome(again) == (0, 2, 0)


def test_a_damaged_entry_is_computed_again_and_replaced(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    clips: tuple[Path, Path],
    disk: FeatureCache,
) -> None:
    computed = TowerCache(model.model, processor, disk).load(clips[0])
    [file] = disk.folder.glob("*/*/*.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    repairing = TowerCache(model.model, processor, disk)
    assert_same(repairing.load(clips[0]), computed)
    assert outcome(repairing) == (0, 0, 1)
    assert file.read_bytes() == whole


def test_an_unreadable_clip_is_told_and_not_stored(
    model: MultiMoodForConditionalGeneration,
    processor: MultiMoodProcessor,
    disk: FeatureCache,
    tmp_path: Path,
) -> None:
    text = tmp_path / "clip.mp4"
    text.write_text("no clip at all")
    cache = TowerCache(model.model, processor, disk)
    for path in (text, tmp_path / "gone.mp4"):
        with pytest.raises(ClipError):
            cache.load(path)
    assert disk.held_bytes() == 0


def test_anything_that_changes_features_changes_the_version(
    model: MultiMoodForConditionalGeneration,
) -> None:
    same = extractor_version(model.model, as_published=False)
    versions = {same, extractor_version(model.model, as_published=True)}
    changed = copy.deepcopy(model.model)
    assert extractor_version(changed, as_published=False) == same
    with torch.no_grad():
        next(iter(changed.audio_tower.parameters())).view(-1)[0] += 1e-3
    versions.add(extractor_version(changed, as_published=False))
    for name, value in (("num_frames", 4), ("image_aspect_ratio", None), ("max_audio_seconds", 5)):
        changed = copy.deepcopy(model.model)
        setattr(changed.config, name, value)
        versions.add(extractor_version(changed, as_published=False))
    changed = copy.deepcopy(model.model)
    changed.config.vision_config.layer_norm_eps = 1e-3
    versions.add(extractor_version(changed, as_published=False))
    versions.add(extractor_version(copy.deepcopy(model.model).bfloat16(), as_published=False))
    assert len(versions) == 8


def test_a_saved_checkpoint_keeps_its_version_whatever_its_language_model_learns(
    model: MultiMoodForConditionalGeneration, tmp_path: Path
) -> None:
    child = copy.deepcopy(model)
    with torch.no_grad():
        child.model.embed_tokens.weight += 0.1
    child.save_pretrained(tmp_path)
    loaded = MultiMoodForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32)
    assert extractor_version(loaded.model, False) == extractor_version(model.model, False)
