"""Names of a checkpoint's parts, by what training does with them. Imports no torch."""

LLM_LAYERS = r"model\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"
"""What LoRA adapts. A bare `q_proj` would match the frozen towers' too."""
TOWERS = ("vision_tower", "audio_tower")
PROJECTORS = ("mm_projector", "mm_projector_a", "mamba_compressor")
"""What turns features of clips and history into embeddings."""
PROJECTORS_BESIDE_ADAPTERS = ("mm_projector", "mm_projector_a", "memory_projection")
"""With LoRA the compressor's Mamba stays as it is; what its states are projected by learns."""
