"""Figures as papers print them, in percent, to read beside a run's own."""

from __future__ import annotations

from inference.benchmarks.contract import PublishedRow
from inference.recognition.published import PUBLISHED

MULTIMOOD = "Le et al., AAAI-26, arXiv 2511.10011"
DEFINITIONS = (
    "How F1 is averaged is not stated; 99.11 beside an accuracy of 99.11, where nearly all labels "
    "are one, fits a weighted average and no macro one. The published evaluation is known to leave "
    "out answers that cannot be parsed, to weigh BLEU-2 by (0.99, 0.01), and to compare first "
    "lines only; that the table was made so is likely, not stated."
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
        *("MultiMood SFT", MULTIMOOD, DEFINITIONS),
        *(56.38, 55.81, 99.11, 99.11, 36.78, 34.32, 4.58, 13.47, 85.71),
    ),
    _mesc(
        *("MultiMood SFT+Comp", MULTIMOOD, DEFINITIONS),
        *(53.75, 51.75, 99.33, 99.00, 39.29, 36.25, 5.26, 15.34, 85.81),
    ),
    _mesc(
        *("MultiMood SFT+GRPO", MULTIMOOD, DEFINITIONS),
        *(58.60, 57.78, 99.33, 99.00, 42.81, 39.65, 6.18, 17.86, 86.80),
    ),
    _mesc(
        *("MultiMood SFT+Comp+GRPO", MULTIMOOD, DEFINITIONS),
        *(55.94, 55.33, 99.11, 99.11, 38.10, 34.58, 5.42, 15.83, 86.00),
    ),
    _mesc(
        *("SMES", f"Chu et al. 2024, as cited by {MULTIMOOD}", SMES),
        *(54.60, 46.80, 96.10, 64.00, 49.00, 20.20, 5.13, 15.42, 86.80),
        f1="macro_f1",
    ),
    _mesc(
        *("GPT-4o (text)", MULTIMOOD, DEFINITIONS),
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
