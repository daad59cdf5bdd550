"""Every format by name, with what a person needs to choose one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotations.exports.formats import content, pairwise, scored, training_files, unpaired


@dataclass(frozen=True)
class ExportFormat:
    name: str
    label: str
    purpose: str
    consumer: str
    """What reads it."""
    content: content.Make
    needs_media: bool = False
    """Its files hold the clips."""


_ALL = (
    ExportFormat(
        "trl-preference",
        "TRL preference, prompt apart",
        "Direct preference optimisation, or a reward model: a pair a row.",
        "trl.DPOTrainer, trl.RewardTrainer",
        content.json_lines_of(content.pair_rows(pairwise.explicit_prompt)),
    ),
    ExportFormat(
        "trl-preference-implicit",
        "TRL preference, whole conversations",
        "A reward model that reads whole conversations: a pair a row.",
        "trl.RewardTrainer, trl.DPOTrainer",
        content.json_lines_of(content.pair_rows(pairwise.implicit_prompt)),
    ),
    ExportFormat(
        "trl-kto",
        "TRL unpaired (KTO)",
        "Kahneman-Tversky optimisation: a reply a row, desirable or not.",
        "trl.KTOTrainer",
        content.json_lines_of(unpaired.kto),
    ),
    ExportFormat(
        "reward-regression",
        "Scores of each reply",
        "A reward model for each criterion: a reply a row, with its mean scores.",
        "transformers with problem_type regression",
        content.json_lines_of(scored.reward_regression),
    ),
    ExportFormat(
        "rl-prompts",
        "Prompts with targets (GRPO, PPO)",
        "Reinforcement learning: a client turn a row, with the best reply and what scores mean.",
        "trl.GRPOTrainer",
        content.json_lines_of(scored.rl_prompts),
    ),
    ExportFormat(
        "sft",
        "Preferred replies (SFT)",
        "Supervised fine-tuning on replies that were preferred: a reply a row.",
        "trl.SFTTrainer",
        content.json_lines_of(unpaired.sft),
    ),
    ExportFormat(
        "openrlhf",
        "OpenRLHF preference",
        "Direct preference optimisation or a reward model: a pair a row, a file a split.",
        "openrlhf.cli.train_dpo, openrlhf.cli.train_rm",
        content.files_of(content.pair_rows(pairwise.with_margin), training_files.split_lines),
    ),
    ExportFormat(
        "llama-factory",
        "LLaMA-Factory ranking (ShareGPT)",
        "Direct preference optimisation or a reward model: a pair a row, a file a split.",
        "llamafactory-cli train",
        content.files_of(content.pair_rows(pairwise.ranking), training_files.llama_factory_files),
    ),
    ExportFormat(
        "parquet",
        "Hugging Face dataset folder (Parquet)",
        "Everything the release holds, with typed columns: pairs, comparisons, replies, answers.",
        "datasets.load_dataset",
        content.folder,
    ),
    ExportFormat(
        "statistics",
        "Tables for R and SPSS (CSV)",
        "Statistics: every answer a row, and wide tables, with a codebook, syntax and a script.",
        "R, SPSS, PSPP",
        content.statistics,
    ),
    ExportFormat(
        "webdataset",
        "WebDataset shards with clips",
        "Training on the clips: a client turn a sample, with its pairs and clips.",
        "webdataset, datasets.load_dataset",
        content.shards,
        needs_media=True,
    ),
)
FORMATS: Mapping[str, ExportFormat] = {one.name: one for one in _ALL}
