"""Figures as papers print them, in percent, to read beside a run's own."""

from __future__ import annotations

from inference.benchmarks.contract import PublishedRow
from inference.recognition.published import PUBLISHED

MULTIMOOD = "Le et al., AAAI-26, arXiv 2511.10011"
PUBLISHED_CODE = (
    "F1 weighted by class; answers that cannot be parsed and refusals left out; BLEU-2 the mean of "
    "sentence scores with weights (0.99, 0.01); ROUGE-L F with stemming; BERTScore with "
    "bert_score's English default, roberta-large layer 17; all on the first line in lower case. "
    "Read in the published evaluation code (quangtuan-0504/Multimood, GRPO/eval/eval.py, commit "
    "e67d671); that the table was made with it is likely, not stated."
)
SMES = (
    "How F1 is averaged is not known. 64.00 beside an accuracy of 96.10 fits a macro average and "
    "no weighted one, so it stands beside macro F1, not in MultiMood's column."
)


def _mesc(
    system: str, source: str, definitions: str, *percent: float, f1: str = "weighted_f1"
) -> PublishedRow:
    """`percent` in the order of the paper's table."""
    tasks = ("client_emotion", "therapist_emotion", "strategy")
    labelled = [f"{task}.{figure}" for task in tasks for figure in ("accuracy", f1)]
    names = (*labelled, "text.bleu2", "text.rouge_l", "text.bertscore")
    return PublishedRow(system, dict(zip(names, percent, strict=True)), source, definitions)


MESC_ROWS = (
    _mesc(
        *("MultiMood SFT", MULTIMOOD, PUBLISHED_CODE),
        *(56.38, 55.81, 99.11, 99.11, 36.78, 34.32, 4.58, 13.47, 85.71),
    ),
    _mesc(
        *("MultiMood SFT+Comp", MULTIMOOD, PUBLISHED_CODE),
        *(53.75, 51.75, 99.33, 99.00, 39.29, 36.25, 5.26, 15.34, 85.81),
    ),
    _mesc(
        *("MultiMood SFT+GRPO", MULTIMOOD, PUBLISHED_CODE),
        *(58.60, 57.78, 99.33, 99.00, 42.81, 39.65, 6.18, 17.86, 86.80),
    ),
    _mesc(
        *("MultiMood SFT+Comp+GRPO", MULTIMOOD, PUBLISHED_CODE),
        *(55.94, 55.33, 99.11, 99.11, 38.10, 34.58, 5.42, 15.83, 86.00),
    ),
    _mesc(
        *("SMES", f"Chu et al. 2024, as cited by {MULTIMOOD}", SMES),
        *(54.60, 46.80, 96.10, 64.00, 49.00, 20.20, 5.13, 15.42, 86.80),
        f1="macro_f1",
    ),
    _mesc(
        *("GPT-4o (text)", MULTIMOOD, PUBLISHED_CODE),
        *(38.98, 43.56, 72.46, 83.60, 24.88, 26.26, 2.30, 9.20, 84.31),
    ),
)
DFEW_ROWS = tuple(
    PublishedRow(
        scores.system,
        {
            "client_emotion.uar": round(scores.uar_percent, 2),
            "client_emotion.war": round(scores.war_percent, 2),
        },
        scores.source,
        "Means over DFEW's five test folds.",
    )
    for scores in PUBLISHED["dfew"]
)
