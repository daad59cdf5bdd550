"""A small model of the same class, to be trained from scratch on two CPU cores.

The reserved ids stand first in the vocabulary, so tokenizer and configuration agree by
construction.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from inference.multimood.config import MultiMoodConfig
from inference.multimood.prompt import AUDIO, HISTORY, MEMORY, VIDEO

PAD, BOS, EOS, IMAGE = "<pad>", "<bos>", "<eos>", "<image>"
RESERVED = (PAD, BOS, EOS, IMAGE, VIDEO, AUDIO, HISTORY, MEMORY)


def tiny_config(vocab_size: int = 2048) -> MultiMoodConfig:
    """Below 2 million parameters; 16 positions for a clip's frames, 4 for 0.32 s of sound."""
    ids = {token: i for i, token in enumerate(RESERVED)}
    return MultiMoodConfig(
        vocab_size=vocab_size,
        tokenizer_len=vocab_size,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.06,
        tie_word_embeddings=True,
        pad_token_id=ids[PAD],
        bos_token_id=ids[BOS],
        eos_token_id=ids[EOS],
        image_token_id=ids[IMAGE],
        video_token_id=ids[VIDEO],
        audio_token_id=ids[AUDIO],
        history_token_id=ids[HISTORY],
        mem_token_id=ids[MEMORY],
        mm_vision_tower="tiny-siglip-patch14-56",
        mm_audio_tower="tiny-beats-patch32",
        mamba_compressor="tiny-mamba",
        num_frames=8,
        max_clips=2,
        max_history_tokens=192,
        max_audio_seconds=8.0,
        prompt_style="brief",
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": 56,
            "patch_size": 14,
            "vision_use_head": False,
        },
        audio_config={
            "input_patch_size": 32,
            "embed_dim": 32,
            "encoder_layers": 2,
            "encoder_embed_dim": 64,
            "encoder_ffn_embed_dim": 128,
            "encoder_attention_heads": 4,
            "layer_wise_gradient_decay_ratio": 1.0,
            "conv_pos": 16,
            "conv_pos_groups": 16,
            "num_buckets": 32,
            "max_distance": 128,
            "finetuned_model": False,
        },
        mamba_config={
            "hidden_size": 64,
            "state_size": 8,
            "num_hidden_layers": 2,
            "initializer_range": 0.1,
        },
    )


def tiny_tokenizer(texts: Iterable[str], vocab_size: int = 2048) -> PreTrainedTokenizerFast:
    """Byte-level BPE of exactly the reserved tokens and what `texts` yield, at most vocab_size."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(RESERVED),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        additional_special_tokens=[IMAGE, VIDEO, AUDIO, HISTORY, MEMORY],
        model_max_length=2048,
    )
