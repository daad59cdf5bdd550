from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from inference.errors import CheckpointError
from inference.multimood import convert
from inference.multimood.checkpoint import BIAS_TABLE, CheckpointMismatchError
from inference.multimood.config import MultiMoodConfig
from inference.multimood.model import MultiMoodForConditionalGeneration, MultiMoodModel
from inference.multimood.tiny import tiny_config

FIRST_TABLE = "model." + BIAS_TABLE.format(0)
SECOND_TABLE = "model." + BIAS_TABLE.format(1)


@pytest.fixture
def folder(model: MultiMoodForConditionalGeneration, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def rewrite(folder: Path, change: dict[str, torch.Tensor | None]) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    for name, tensor in change.items():
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor
    save_file(tensors, file, {"format": "pt"})


def weights(folder: Path) -> Path:
    return folder / "model.safetensors"


def all_tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {k: t for file in folder.glob("*.safetensors") for k, t in load_file(file).items()}


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


def test_saved_names_are_the_published_ones(folder: Path) -> None:
    names = set(load_file(folder / "model.safetensors"))
    conv = "model.audio_tower.encoder.pos_conv.0."
    assert {conv + "weight_g", conv + "weight_v", FIRST_TABLE, SECOND_TABLE} <= names
    siglip = "model.vision_tower.vision_tower.vision_model.embeddings.patch_embedding.weight"
    assert siglip in names
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "videollama2_qwen2"
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"]


def test_loading_gives_the_same_weights(
    model: MultiMoodForConditionalGeneration, folder: Path
) -> None:
    loaded = MultiMoodForConditionalGeneration.from_pretrained(folder)
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_auto_classes_know_the_model(folder: Path) -> None:
    assert type(AutoConfig.from_pretrained(folder)) is MultiMoodConfig
    assert type(AutoModel.from_pretrained(folder)) is MultiMoodModel
    assert type(AutoModelForCausalLM.from_pretrained(folder)) is MultiMoodForConditionalGeneration


@pytest.mark.parametrize("dropped", [SECOND_TABLE, FIRST_TABLE])
def test_one_copy_of_the_relative_bias_is_enough(
    model: MultiMoodForConditionalGeneration, folder: Path, dropped: str
) -> None:
    rewrite(folder, {dropped: None})
    loaded = MultiMoodForConditionalGeneration.from_pretrained(folder)
    assert torch.equal(loaded.state_dict()[FIRST_TABLE], model.state_dict()[FIRST_TABLE])


def test_differing_copies_of_the_relative_bias_are_refused(folder: Path) -> None:
    table = load_file(folder / "model.safetensors")[FIRST_TABLE]
    rewrite(folder, {SECOND_TABLE: table + 1})
    with pytest.raises(CheckpointMismatchError, match=r"relative_attention_bias.*differ"):
        MultiMoodForConditionalGeneration.from_pretrained(folder)


def test_tensors_that_do_not_fit_are_listed(folder: Path) -> None:
    rewrite(
        folder,
        {
            "model.mm_projector.readout.0.bias": None,
            "model.mm_projector.readout.2.bias": torch.zeros(7),
            "model.stray.weight": torch.zeros(1),
        },
    )
    with pytest.raises(CheckpointMismatchError) as refused:
        MultiMoodForConditionalGeneration.from_pretrained(folder)
    message = str(refused.value)
    assert "missing (1):\n  model.mm_projector.readout.0.bias: (128,)" in message
    assert "unexpected (1):\n  model.stray.weight: (1,)" in message
    assert "readout.2.bias: (7,) in the file, (128,) by the config" in message


def test_trainers_may_load_a_saved_file_by_itself(
    model: MultiMoodForConditionalGeneration, folder: Path
) -> None:
    fresh = MultiMoodForConditionalGeneration(model.config)
    result = fresh.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    assert result.unexpected_keys == []
    assert result.missing_keys == ["lm_head.weight"]  # tied to the embeddings, stored once
    gain = fresh.model.audio_tower.encoder.get_submodule("pos_conv.0").get_parameter("gain")
    stored = load_file(folder / "model.safetensors")
    assert torch.equal(gain, stored["model.audio_tower.encoder.pos_conv.0.weight_g"])


def test_config_without_sizes_of_the_towers_gets_the_published_ones() -> None:
    config = MultiMoodConfig(mm_vision_tower="google/siglip-so400m-patch14-384")
    assert (config.vision_config.hidden_size, config.vision_config.num_hidden_layers) == (1152, 27)
    assert (config.audio_config.encoder_layers, config.audio_config.embed_dim) == (12, 512)
    assert (config.mamba_config.hidden_size, config.mamba_config.num_hidden_layers) == (1024, 48)


def test_other_projectors_are_refused() -> None:
    with pytest.raises(ValueError, match="mlp4x"):
        MultiMoodConfig(mm_projector_type="mlp4x")


def test_an_audio_tower_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="deep_norm=False"):
        MultiMoodConfig(audio_config={"deep_norm": False})


def test_a_vision_layer_that_is_not_there_is_refused() -> None:
    config = tiny_config(320)
    config.mm_vision_select_layer = -5  # of three layers
    with pytest.raises(ValueError, match="mm_vision_select_layer -5 of 4"):
        MultiMoodForConditionalGeneration(config)


def test_tiny_model_stays_below_two_million_parameters() -> None:
    model = MultiMoodForConditionalGeneration(tiny_config(2048))
    assert sum(parameter.numel() for parameter in model.parameters()) < 2_000_000


def test_pickled_weights_are_converted_only_when_asked(
    model: MultiMoodForConditionalGeneration, folder: Path
) -> None:
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    for i, part in enumerate((names[::2], names[1::2]), 1):
        half = {name: tensors[name] for name in part}
        torch.save(half, folder / f"pytorch_model-{i:05d}-of-00002.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"pickled.*inference\.multimood\.convert"):
        MultiMoodForConditionalGeneration.from_pretrained(folder)
    convert.convert(folder)
    loaded = MultiMoodForConditionalGeneration.from_pretrained(folder)
    assert_same(loaded.state_dict(), model.state_dict())


def test_a_pickle_that_runs_code_is_not_converted(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    marker = folder / "ran"
    bad = {"weight": Runs(f"open({str(marker)!r}, 'w')")}
    torch.save(bad, folder / "pytorch_model.bin")
    assert convert.main([str(folder)]) == 1
    assert not marker.exists()
    assert "safetensors" not in "".join(file.name for file in folder.iterdir())


class Runs:
    """Runs its code when it is unpickled."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code,)


def test_tied_and_untied_heads_come_back(folder: Path, tmp_path: Path) -> None:
    tied = MultiMoodForConditionalGeneration.from_pretrained(folder)
    assert tied.lm_head.weight is tied.model.embed_tokens.weight
    config = type(tied.config)(**{**tied.config.to_dict(), "tie_word_embeddings": False})
    untied = MultiMoodForConditionalGeneration(config)
    untied.save_pretrained(tmp_path / "untied")
    loaded = MultiMoodForConditionalGeneration.from_pretrained(tmp_path / "untied")
    assert torch.equal(loaded.lm_head.weight, untied.lm_head.weight)
    assert not torch.equal(loaded.lm_head.weight, loaded.model.embed_tokens.weight)
    rewrite(tmp_path / "untied", {"lm_head.weight": None})
    with pytest.raises(CheckpointMismatchError, match=r"missing \(1\):\n  lm_head\.weight"):
        MultiMoodForConditionalGeneration.from_pretrained(tmp_path / "untied")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shard", ["5GB", "300KB"])
def test_what_was_saved_is_saved_again_to_the_bit(
    folder: Path, tmp_path: Path, dtype: torch.dtype, shard: str
) -> None:
    first = MultiMoodForConditionalGeneration.from_pretrained(folder, dtype=dtype)
    first.save_pretrained(tmp_path / "a", max_shard_size=shard)
    again = MultiMoodForConditionalGeneration.from_pretrained(tmp_path / "a")  # its own dtype
    again.save_pretrained(tmp_path / "b", max_shard_size=shard)
    assert (len(list((tmp_path / "a").glob("*.safetensors"))) > 1) is (shard == "300KB")
    ours, theirs = all_tensors(tmp_path / "a"), all_tensors(tmp_path / "b")
    assert_same(ours, theirs)
    assert ours.keys() == load_file(folder / "model.safetensors").keys()
    assert {tensor.dtype for tensor in theirs.values()} == {dtype}


@pytest.mark.parametrize("loaded_as", [MultiMoodForConditionalGeneration, MultiMoodModel])
def test_keys_may_lack_the_leading_name_of_the_backbone(
    model: MultiMoodForConditionalGeneration, folder: Path, loaded_as: Any
) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({name.removeprefix("model."): t for name, t in tensors.items()}, weights(folder))
    loaded = loaded_as.from_pretrained(folder)
    backbone = loaded if loaded_as is MultiMoodModel else loaded.model
    assert_same(backbone.state_dict(), model.model.state_dict())


def test_a_backbone_saved_alone_serves_the_whole_model(
    model: MultiMoodForConditionalGeneration, tmp_path: Path
) -> None:
    model.model.save_pretrained(tmp_path)
    loaded = MultiMoodForConditionalGeneration.from_pretrained(tmp_path)
    assert_same(loaded.state_dict(), model.state_dict())


def test_parametrized_names_of_the_weight_norm_are_read_and_saved_as_published(
    model: MultiMoodForConditionalGeneration, folder: Path, tmp_path: Path
) -> None:
    conv = "model.audio_tower.encoder.pos_conv.0."
    published = load_file(weights(folder))
    parametrized = dict(published)
    for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
        parametrized[f"{conv}parametrizations.weight.{new}"] = parametrized.pop(conv + old)
    save_file(parametrized, weights(folder), {"format": "pt"})
    loaded = MultiMoodForConditionalGeneration.from_pretrained(folder)
    assert_same(loaded.state_dict(), model.state_dict())
    loaded.save_pretrained(tmp_path / "again")
    assert_same(load_file(weights(tmp_path / "again")), published)
    fresh = MultiMoodForConditionalGeneration(model.config)
    assert not fresh.load_state_dict(parametrized, strict=False).unexpected_keys


def test_a_hub_id_is_found_in_the_cache(
    model: MultiMoodForConditionalGeneration, folder: Path, tmp_path: Path
) -> None:
    revision = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--someone--MultiMood-tiny"
    snapshot = repository / "snapshots" / revision
    snapshot.parent.mkdir(parents=True)
    folder.rename(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    options = {"cache_dir": tmp_path / "hub", "local_files_only": True}
    loaded = MultiMoodForConditionalGeneration.from_pretrained("someone/MultiMood-tiny", **options)
    assert_same(loaded.state_dict(), model.state_dict())
    assert loaded.config.name_or_path == "someone/MultiMood-tiny"
    table = load_file(weights(snapshot))[FIRST_TABLE]
    rewrite(snapshot, {SECOND_TABLE: table + 1})
    with pytest.raises(CheckpointMismatchError, match="differ"):
        MultiMoodForConditionalGeneration.from_pretrained("someone/MultiMood-tiny", **options)
    with pytest.raises(CheckpointError, match="someone/other is no folder here"):
        MultiMoodForConditionalGeneration.from_pretrained("someone/other", **options)


def test_a_broken_or_incomplete_folder_is_named(folder: Path, tmp_path: Path) -> None:
    load = MultiMoodForConditionalGeneration.from_pretrained
    with pytest.raises(CheckpointError, match=r"no folder .*nowhere"):
        load(tmp_path / "nowhere")
    load(folder).save_pretrained(folder, max_shard_size="300KB")
    weights(folder).unlink()
    shards = sorted(folder.glob("*.safetensors"))
    whole = shards[0].read_bytes()
    shards[0].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=f"{shards[0].name} is not a whole safetensors file"):
        load(folder)
    shards[0].unlink()
    with pytest.raises(CheckpointError, match=f"not there: {shards[0].name}"):
        load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        load(folder)


def test_towers_without_sizes_that_do_not_fit_are_hinted_at(folder: Path) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    del config["audio_config"]
    file.write_text(json.dumps(config))
    with pytest.raises(CheckpointMismatchError, match=r"audio_config \(mm_audio_tower: tiny-be"):
        MultiMoodForConditionalGeneration.from_pretrained(folder)


@pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "cpu"}])
def test_device_maps_load_the_same(
    model: MultiMoodForConditionalGeneration, folder: Path, device_map: Any
) -> None:
    loaded = MultiMoodForConditionalGeneration.from_pretrained(folder, device_map=device_map)
    assert_same({k: v.cpu() for k, v in loaded.state_dict().items()}, model.state_dict())


def test_modules_that_may_not_be_split_are_modules_of_the_model(
    model: MultiMoodForConditionalGeneration,
) -> None:
    classes = {type(module).__name__ for module in model.modules()}
    assert set(model._no_split_modules) <= classes


def test_an_adapter_merged_into_the_model_is_saved_in_the_published_layout(
    folder: Path, tmp_path: Path
) -> None:
    base = MultiMoodForConditionalGeneration.from_pretrained(folder)
    adapter = LoraConfig(
        r=2,
        target_modules=r"model\.layers\.\d+\.self_attn\.q_proj",
        modules_to_save=["mm_projector_a"],
        init_lora_weights=False,
    )
    merged = get_peft_model(base, adapter).merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    before, after = load_file(weights(folder)), load_file(weights(tmp_path / "merged"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {f"model.layers.{i}.self_attn.q_proj.weight" for i in range(3)}
    MultiMoodForConditionalGeneration.from_pretrained(tmp_path / "merged")


def test_weights_left_on_disk_are_used_and_saved(
    model: MultiMoodForConditionalGeneration, folder: Path, tmp_path: Path
) -> None:
    loaded = MultiMoodForConditionalGeneration.from_pretrained(
        folder, device_map="auto", max_memory={"cpu": 1_500_000}, offload_folder=tmp_path / "off"
    )
    assert {str(place) for place in loaded.hf_device_map.values()} == {"cpu", "disk"}
    ids = torch.tensor([[40, model.config.placeholders.history, 41]])
    history = torch.tensor([[42, model.config.mem_token_id]])
    sound = torch.full((1, 64, 128), 10.0)
    with torch.no_grad():
        ours = loaded(ids, history_input_ids=history).logits
        theirs = model(ids, history_input_ids=history).logits
        heard, expected = (m.model.heard_sound(sound) for m in (loaded, model))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    torch.testing.assert_close(heard, expected, rtol=0, atol=1e-5)
    loaded.save_pretrained(tmp_path / "again")
    assert_same(load_file(weights(tmp_path / "again")), load_file(weights(folder)))
