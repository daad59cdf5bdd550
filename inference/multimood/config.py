"""Configuration of a MultiMood model, in the key style of the published checkpoints.

Le et al., arXiv 2511.10011. The published `config.json` names the towers instead of giving
their sizes; the defaults of the three sub-configurations are therefore the published sizes.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

from transformers import MambaConfig, Qwen2Config, SiglipVisionConfig
from transformers.configuration_utils import PreTrainedConfig


@dataclass(frozen=True)
class PlaceholderIds:
    """Ids that mark the places of media.

    The defaults are those of the published preprocessing; they are in no vocabulary.
    """

    image: int = -200
    video: int = -201
    audio: int = -202
    history: int = -203


PUBLISHED_IDS = PlaceholderIds()
PUBLISHED_VISION = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}
BEATS_AS_RELEASED = {
    "layer_norm_first": False,
    "deep_norm": True,
    "gru_rel_pos": True,
    "relative_position_embedding": True,
    "activation_fn": "gelu",
}
PUBLISHED_MAMBA = {"hidden_size": 1024, "num_hidden_layers": 48}


class BeatsConfig(PreTrainedConfig):
    """BEATs (Chen et al., arXiv 2212.09058); the defaults are those of its released encoder."""

    model_type = "beats"

    input_patch_size: int = 16
    embed_dim: int = 512
    conv_bias: bool = False
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    layer_wise_gradient_decay_ratio: float = 0.6
    conv_pos: int = 128
    conv_pos_groups: int = 16
    num_buckets: int = 320
    max_distance: int = 800
    layer_norm_eps: float = 1e-5
    num_mel_bins: int = 128
    finetuned_model: bool = True
    predictor_class: int = 527

    def __post_init__(self, **kwargs: Any) -> None:
        for name, supported in BEATS_AS_RELEASED.items():
            if kwargs.get(name, supported) != supported:
                raise ValueError(f"audio_config: {name}={kwargs[name]!r} is not supported")
        super().__post_init__(**kwargs)

    @property
    def frequency_patches(self) -> int:
        return self.num_mel_bins // self.input_patch_size


class MultiMoodConfig(Qwen2Config):
    model_type = "videollama2_qwen2"
    sub_configs = {
        "vision_config": SiglipVisionConfig,
        "audio_config": BeatsConfig,
        "mamba_config": MambaConfig,
    }

    # A dict in config.json, else nothing: then the published sizes. Objects from here on.
    vision_config: Any = None
    audio_config: Any = None
    mamba_config: Any = None

    mm_vision_select_layer: int = -2
    mm_vision_select_feature: str = "patch"
    mm_projector_type: str = "stc_connector_v35"
    mm_projector_a_type: str = "mlp2x_gelu"
    num_frames: int = 8
    image_aspect_ratio: str = "pad"
    mem_token_id: int | None = None
    tokenizer_len: int | None = None

    # Where media stand in the input ids. A tokenizer that has tokens of its own for them says so
    # here; the published one has not.
    image_token_id: int | None = None
    video_token_id: int | None = None
    audio_token_id: int | None = None
    history_token_id: int | None = None
    max_clips: int = 5
    max_history_tokens: int = 512
    max_text_tokens: int = 512
    # Of one window of sound: attention over it grows with the square of its length.
    max_audio_seconds: float = 30.0
    # A longer sound is heard as several windows; beyond this number they are spread over it.
    max_audio_windows: int = 4
    # "brief" leaves the instruction out of the prompt.
    prompt_style: str = "full"

    def __post_init__(self, **kwargs: Any) -> None:
        self.vision_config = _sub_config(SiglipVisionConfig, self.vision_config, PUBLISHED_VISION)
        self.audio_config = _sub_config(BeatsConfig, self.audio_config, {})
        self.mamba_config = _sub_config(MambaConfig, self.mamba_config, PUBLISHED_MAMBA)
        if self.tokenizer_len is not None:
            self.mamba_config.vocab_size = self.tokenizer_len
        if self.mm_projector_type != "stc_connector_v35":
            raise ValueError(f"mm_projector_type {self.mm_projector_type!r} is not supported")
        if self.mm_projector_a_type != "mlp2x_gelu":
            raise ValueError(f"mm_projector_a_type {self.mm_projector_a_type!r} is not supported")
        if self.mm_vision_select_feature != "patch":
            raise ValueError("mm_vision_select_feature must be 'patch'")
        # TRL reads it without asking whether it is there.
        kwargs.setdefault("auto_map", {})
        super().__post_init__(**kwargs)

    @property
    def placeholders(self) -> PlaceholderIds:
        own = (
            self.image_token_id,
            self.video_token_id,
            self.audio_token_id,
            self.history_token_id,
        )
        published = astuple(PUBLISHED_IDS)
        return PlaceholderIds(*(p if o is None else o for o, p in zip(own, published, strict=True)))

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = super().to_dict()
        # Readers older than transformers 5 know only this name.
        out["rope_theta"] = self.rope_parameters["rope_theta"]
        return out


def _sub_config(
    kind: type[PreTrainedConfig], given: Any, published: dict[str, Any]
) -> PreTrainedConfig:
    if isinstance(given, PreTrainedConfig):
        return given
    values = dict(published if given is None else given)
    values.pop("model_type", None)
    return kind(**values)
