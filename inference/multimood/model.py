"""MultiMood: an LLM that reads a client's video, voice, words and dialogue history.

Le et al., arXiv 2511.10011. Frozen towers (SigLIP, BEATs) and a Mamba compressor turn a clip
and the history into embeddings that replace placeholder positions among the LLM's token
embeddings. The splice is in the backbone, since trainers call the backbone by itself.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any, cast

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    GenerationMixin,
    Qwen2Model,
    SuppressTokensLogitsProcessor,
)
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from inference.multimood.audio import Beats, token_padding
from inference.multimood.checkpoint import UNUSED_BIAS_COPIES
from inference.multimood.config import MultiMoodConfig
from inference.multimood.connector import StcConnector, video_token_counts
from inference.multimood.history import ConvCompressor
from inference.multimood.pretrained import MultiMoodPreTrainedModel
from inference.multimood.splice import fill_positions, repeat_media
from inference.multimood.vision import VisionTower

MEDIA_INPUTS = (
    "video_values",
    "video_features",
    "video_padding_mask",
    "audio_values",
    "audio_features",
    "audio_padding_mask",
    "history_input_ids",
    "history_attention_mask",
)


class MultiMoodModel(MultiMoodPreTrainedModel, Qwen2Model):
    _keys_to_ignore_on_load_unexpected = [UNUSED_BIAS_COPIES, r"^lm_head\."]

    def __init__(self, config: MultiMoodConfig) -> None:
        super().__init__(config)
        vision, audio, mamba = config.vision_config, config.audio_config, config.mamba_config
        width = config.hidden_size
        self.vision_tower = VisionTower(vision, config.mm_vision_select_layer)
        self.mm_projector = StcConnector(vision.hidden_size, width)
        self.audio_tower = Beats(audio)
        self.mm_projector_a = nn.Sequential(
            nn.Linear(audio.encoder_embed_dim, width), nn.GELU(), nn.Linear(width, width)
        )
        self.mamba_compressor = ConvCompressor(mamba, config.mem_token_id, width)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        video_values: torch.Tensor | None = None,
        audio_values: torch.Tensor | None = None,
        audio_padding_mask: torch.Tensor | None = None,
        video_features: torch.Tensor | None = None,
        video_padding_mask: torch.Tensor | None = None,
        audio_features: torch.Tensor | None = None,
        history_input_ids: torch.Tensor | None = None,
        history_attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """See `MultiMoodForConditionalGeneration.forward`."""
        if inputs_embeds is None:
            if input_ids is None:
                raise ValueError("give input_ids or inputs_embeds")
            inputs_embeds = self.embed_inputs(
                input_ids,
                video_values=video_values,
                audio_values=audio_values,
                audio_padding_mask=audio_padding_mask,
                video_features=video_features,
                video_padding_mask=video_padding_mask,
                audio_features=audio_features,
                history_input_ids=history_input_ids,
                history_attention_mask=history_attention_mask,
            )
        counted = (
            kwargs.get("position_ids") is not None or kwargs.get("past_key_values") is not None
        )
        if not counted and attention_mask is not None and attention_mask.dim() == 2:
            kwargs["position_ids"] = _positions(attention_mask)
        return cast(
            BaseModelOutputWithPast,
            super().forward(inputs_embeds=inputs_embeds, attention_mask=attention_mask, **kwargs),
        )

    def embed_inputs(
        self,
        input_ids: torch.Tensor,
        *,
        video_values: torch.Tensor | None = None,
        audio_values: torch.Tensor | None = None,
        audio_padding_mask: torch.Tensor | None = None,
        video_features: torch.Tensor | None = None,
        video_padding_mask: torch.Tensor | None = None,
        audio_features: torch.Tensor | None = None,
        history_input_ids: torch.Tensor | None = None,
        history_attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(B, S) ids with expanded placeholders -> (B, S, hidden)."""
        # Ids below zero are in no vocabulary: placeholders of a model whose tokenizer has none, or
        # the fill of rows made equally long.
        places = self.config.placeholders
        embeds: torch.Tensor = self.embed_tokens(input_ids.clamp(min=0))
        embeds = embeds.masked_fill((input_ids < 0).to(embeds.device)[..., None], 0)
        softs = (
            (
                "video",
                places.video,
                self._video_soft(video_values, video_features, video_padding_mask),
            ),
            (
                "audio",
                places.audio,
                self._audio_soft(audio_values, audio_features, audio_padding_mask),
            ),
            (
                "history",
                places.history,
                self._history_soft(history_input_ids, history_attention_mask),
            ),
        )
        # A step of decoding brings one id, no media, and nothing to look for.
        decoding = input_ids.shape[1] == 1
        for what, place, soft in softs:
            if soft is not None or not decoding:
                embeds = fill_positions(embeds, input_ids == place, soft, what)
        return embeds

    def video_features(self, video_values: torch.Tensor) -> torch.Tensor:
        """(V, F, 3, H, W) -> (V, F, P, D) from the frozen tower; what may be cached by clip."""
        frames = video_values.flatten(0, 1).to(self.dtype)
        features: torch.Tensor = self.vision_tower(frames)
        clips, count = video_values.shape[:2]
        return features.reshape(clips, count, *features.shape[1:])

    def audio_features(
        self, audio_values: torch.Tensor, audio_padding_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(A, T, 128) -> (A, tokens, D) from the tower; what may be cached by clip."""
        padding = None
        if audio_padding_mask is not None:
            padding = self._audio_token_padding(audio_padding_mask, audio_values.shape[1])
        features: torch.Tensor = self.audio_tower(audio_values, padding)
        return features

    def heard_sound(
        self, audio_values: torch.Tensor, audio_padding_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(A, T, bins) -> (tokens of all A windows that are sound, D)."""
        features = self.audio_features(audio_values, audio_padding_mask)
        padding = None
        if audio_padding_mask is not None:
            padding = self._audio_token_padding(audio_padding_mask, audio_values.shape[1])
        return _unpadded(features, padding)

    def _video_soft(
        self,
        values: torch.Tensor | None,
        features: torch.Tensor | None,
        mask: torch.Tensor | None,
    ) -> torch.Tensor | None:
        if features is None and values is not None:
            features = self.video_features(values)
        if features is None:
            return None
        tokens: torch.Tensor = self.mm_projector(features.to(self.dtype))
        if mask is None:
            return tokens.flatten(0, 1)
        counts = video_token_counts(mask, features.shape[2])
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return tokens[places < torch.tensor(counts, device=tokens.device)[:, None]]

    def _audio_soft(
        self,
        values: torch.Tensor | None,
        features: torch.Tensor | None,
        mask: torch.Tensor | None,
    ) -> torch.Tensor | None:
        if features is None and values is None:
            return None
        if features is None:
            heard = self.heard_sound(cast(torch.Tensor, values), mask)
        elif mask is not None and mask.shape != features.shape[:2]:
            raise ValueError(
                f"the audio padding mask is {tuple(mask.shape)}, not {tuple(features.shape[:2])}"
            )
        else:
            heard = _unpadded(features, mask)
        return cast(torch.Tensor, self.mm_projector_a(heard.to(self.dtype)))

    def _history_soft(
        self, ids: torch.Tensor | None, mask: torch.Tensor | None
    ) -> torch.Tensor | None:
        if ids is None or not ids.numel():
            return None
        return cast(torch.Tensor, self.mamba_compressor(ids, mask))

    def _audio_token_padding(self, mask: torch.Tensor, frames: int) -> torch.Tensor:
        if mask.shape[1] != frames:
            raise ValueError(f"the audio padding mask has {mask.shape[1]} frames, not {frames}")
        return token_padding(self.config.audio_config, mask)

    def train_towers(self, trained: bool) -> None:
        """Frozen towers allow features cached by clip; a model from scratch trains them first."""
        self.vision_tower.train_tower(trained)
        self.audio_tower.requires_grad_(trained)


def _positions(attention_mask: torch.Tensor) -> torch.Tensor:
    """(B, S) -> (B, S), counted from each row's first attended token."""
    steps = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    first = attention_mask.long().argmax(1, keepdim=True)
    return (steps - first).clamp(min=0)


def _unpadded(features: torch.Tensor, padding: torch.Tensor | None) -> torch.Tensor:
    """(A, tokens, D) -> (tokens without padding, D)."""
    return features.flatten(0, 1) if padding is None else features[~padding.bool()]


class MultiMoodForConditionalGeneration(MultiMoodPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config: MultiMoodConfig) -> None:
        super().__init__(config)
        self.model = MultiMoodModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        video_values: torch.Tensor | None = None,
        audio_values: torch.Tensor | None = None,
        audio_padding_mask: torch.Tensor | None = None,
        video_features: torch.Tensor | None = None,
        video_padding_mask: torch.Tensor | None = None,
        audio_features: torch.Tensor | None = None,
        history_input_ids: torch.Tensor | None = None,
        history_attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        past_key_values: Any = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Shapes, for B rows whose placeholders are expanded to one position per embedding:

        - input_ids, attention_mask, labels (B, S)
        - video_values (V, frames, 3, H, W), or video_features (V, frames, patches, width);
          video_padding_mask (V, frames): 1 = padding, at the end
        - audio_values (A, T, mel bins), one entry a window of sound, or audio_features
          (A, tokens, width); audio_padding_mask (A, T), beside features (A, tokens): 1 = padding
        - history_input_ids, history_attention_mask (H, L), padded on the right

        Media are taken in the order of their placeholders, row by row. When the rows repeat as
        a block (chosen above rejected), the media may be given once for all repetitions.

        logits (B, S, vocabulary) are of all positions, of the last `logits_to_keep`, or of those
        in a list; given a mask (B, S), they are (its true positions, vocabulary).
        """
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            video_values=video_values,
            audio_values=audio_values,
            audio_padding_mask=audio_padding_mask,
            video_features=video_features,
            video_padding_mask=video_padding_mask,
            audio_features=audio_features,
            history_input_ids=history_input_ids,
            history_attention_mask=history_attention_mask,
            inputs_embeds=inputs_embeds,
            past_key_values=past_key_values,
            **kwargs,
        )
        hidden = outputs.last_hidden_state
        if isinstance(logits_to_keep, torch.Tensor):
            picked = logits_to_keep.dim() == 2
            hidden = hidden[logits_to_keep] if picked else hidden[:, logits_to_keep]
        elif logits_to_keep:
            hidden = hidden[:, -logits_to_keep:]
        logits = self.lm_head(hidden)
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs
            )
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )

    def prepare_inputs_for_generation(
        self, input_ids: torch.Tensor, is_first_iteration: bool = False, **kwargs: Any
    ) -> dict[str, Any]:
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(
            input_ids, is_first_iteration=is_first_iteration, **kwargs
        )
        if not is_first_iteration and kwargs.get("use_cache", True):
            # The cache holds what the media became.
            inputs = {name: value for name, value in inputs.items() if name not in MEDIA_INPUTS}
        return inputs

    def _get_logits_processor(self, *args: Any, **kwargs: Any) -> Any:
        """A sampled placeholder would break the splice of whoever scores the answer later."""
        processors = super()._get_logits_processor(*args, **kwargs)
        ids = [i for i in astuple(self.config.placeholders) if i >= 0]
        if ids:
            # First, so that sampling by nucleus shares out no probability to them.
            processors.insert(0, SuppressTokensLogitsProcessor(ids, device=self.device))
        return processors

    def _expand_inputs_for_generation(
        self, expand_size: int = 1, input_ids: torch.Tensor | None = None, **kwargs: Any
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        media = {name: kwargs.pop(name, None) for name in MEDIA_INPUTS}
        expanded, rest = super()._expand_inputs_for_generation(
            expand_size=expand_size, input_ids=input_ids, **kwargs
        )
        if expand_size > 1 and input_ids is not None:
            media = repeat_media(self.config, input_ids, media, expand_size)
        rest.update({name: value for name, value in media.items() if value is not None})
        return expanded, rest


AutoConfig.register(MultiMoodConfig.model_type, MultiMoodConfig)
AutoModel.register(MultiMoodConfig, MultiMoodModel)
AutoModelForCausalLM.register(MultiMoodConfig, MultiMoodForConditionalGeneration)
