"""The counts of a derivation and its rules, in words for the manifest and the card."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from annotations.derivation.rules import DerivationRules

STEPS = {
    # Answers.
    "choices": "Answers: choices between two responses",
    "scores": "Answers: scores",
    "other_evidence": "Answers left out: not the kind of answer that the rules ask for",
    "other_criterion": "Answers left out: on other criteria",
    "other_kind": "Answers left out: by the other kind of raters",
    "not_qualified": "Answers left out: by raters who did not pass the study's gate",
    "below_panel_agreement": "Answers left out: by raters too far from the reference panel",
    "too_fast": "Answers left out: on items that took too little active time",
    "settled_as_open": "Answers left out: adjudication settled that nobody can tell",
    "choices_counted": "Choices that count",
    "scores_counted": "Scores that count",
    "settled_answers": "Answers settled by adjudication",
    # Comparisons: two responses on one criterion by one kind of raters (or by one rater).
    "preference_comparisons": "Comparisons by choices",
    "rating_comparisons": "Comparisons by scores of one rater on both responses",
    "adjudicated": "Comparisons settled by adjudication",
    "warmth_for_harm": "Weighted votes made ties: the rater found the preferred one less safe",
    "scored_but_compared_directly": "Set aside: scores on responses that were compared directly",
    "too_few_votes": "Dropped: too few votes",
    "preference_tied": "Choices: tied",
    "preference_without_majority": "Choices: not decided",
    "rating_tied": "Scores: tied, the difference lies below the margin",
    "rating_without_majority": "Scores: not decided",
    "too_little_agreement": "Dropped: too small a share of the votes",
    "preference_decided": "Choices: decided",
    "rating_decided": "Scores: decided",
    "tied_beside_decided": "Ties set aside: another criterion decided the pair",
    "contradicted": "Contested: criteria point in opposite directions",
    "identical_texts": "Contested: both responses say the same",
    "truncated": "Contested: a response was cut off before it was finished",
    "cycle": "Contested: the preferences go round in a circle",
    "contested_kept": "Contested comparisons kept as the rules ask",
    "chosen_harmful": "Dropped: the preferred response was flagged as harmful",
    "chosen_unacceptable": "Dropped: the preferred response was called not acceptable",
    "chosen_below_floor": "Dropped: the preferred response was scored below the safety floor",
    "chosen_empty": "Dropped: the preferred response is empty",
    "merged_over_criteria": "Merged: several criteria agree on the pair",
    # Pairs.
    "tied_pairs": "Tied pairs released as two rows of half the weight",
    "length_balanced": "Dropped at random: as many longer as shorter responses are preferred",
    "released": "Rows released",
}
"""Every count of a derivation in order: of answers, then of comparisons, then of rows."""


def counted_steps(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The steps at which anything was counted, in words, with how much, in their order."""
    return [(words, counts[name]) for name, words in STEPS.items() if counts.get(name)]


def rules_in_words(rules: DerivationRules, scored: Collection[str] | None = None) -> list[str]:
    """Every rule as it was applied, a sentence or two each, in the order of application.

    scored: criteria on which scores were asked for, so that no floor is promised where nothing
    could fall below it; None: not known yet.
    """
    safety = tuple(slug for slug in rules.safety_criteria if scored is None or slug in scored)
    return [
        *_answers(rules),
        *_votes(rules, safety),
        *_decisions(rules),
        *_contested(rules),
        *_safety(rules, safety),
        *_rows(rules),
    ]


def _answers(rules: DerivationRules) -> list[str]:
    kinds = {"person": "people", "llm": "LLM judges"}
    named = " and ".join(kinds[kind] for kind in rules.rater_kinds)
    found = [
        "Only answers of raters who agreed that models are trained on them count.",
        f"Answers of {named} count."
        + (
            " The two never decide a pair together: each makes rows of its own."
            if len(rules.rater_kinds) > 1
            else ""
        ),
        "The overall choice counts where it was asked, otherwise every criterion."
        if rules.criteria is None
        else f"Answers on these criteria count: {', '.join(rules.criteria)}.",
    ]
    if rules.qualified_only:
        found.append("Only answers of raters who passed the study's gate count.")
    if rules.min_panel_agreement is not None:
        found.append(
            "Raters who gave fewer than "
            f"{_percent(rules.min_panel_agreement)} of the reference panel's answers are left out; "
            "raters without such items are not."
        )
    if rules.min_active_seconds:
        found.append(
            f"Answers on items that took less than {rules.min_active_seconds:g} s of active time "
            "are left out; where the time is not known they are not."
        )
    return found


def _votes(rules: DerivationRules, safety: tuple[str, ...]) -> list[str]:
    found = {
        "choices": ["Only direct choices between two responses count."],
        "scores": ["Only scores count."],
        "both": [
            "Direct choices between two responses decide; scores count only where raters of the "
            "same kind did not compare the two directly"
            + (" on the same criterion." if rules.per_criterion else ".")
        ],
    }[rules.evidence]
    if rules.evidence == "choices":
        return found
    what = "each criterion"
    if rules.weights:
        named = ", ".join(f"{slug} {weight:g}" for slug, weight in rules.weights)
        what = "the weighted mean of the criteria"
        found.append(
            f"Scores are weighted: {named}. Only raters who scored all of these on both responses "
            "have a vote. Where scales differ, each is stretched to the widest."
        )
        if safety:
            found.append(
                "Warmth cannot buy harm: a vote of the weighted mean for the response that the "
                f"same rater scored lower on {_or(safety)} is a tie."
            )
    found.append(
        f"A rater who scored both responses votes on {what} for the one with the higher score if "
        f"it is higher by at least {rules.margin:g} points, otherwise for a tie. Scores of "
        "different raters are never subtracted."
    )
    return found


def _decisions(rules: DerivationRules) -> list[str]:
    found = [
        {
            "majority": "More than half of the votes decide, ties counting as votes.",
            "unanimous": "A pair is decided only if all votes agree, ties counting as votes.",
            "every_rater": "Every rater's vote makes a row of its own.",
        }[rules.decision]
    ]
    if rules.min_votes > 1:
        found.append(f"Pairs with fewer than {rules.min_votes} votes are left out.")
    if rules.min_agreement:
        found.append(
            f"The preferred response must have at least {_percent(rules.min_agreement)} of the "
            "pair's votes, ties among them."
        )
    found.append(
        "What adjudication settled stands in for all votes on the same question, and needs no "
        "further ones; settled scores decide where both responses have one. Where it settled that "
        "nobody can tell, people's answers do not count."
        if rules.adjudicated_first
        else "What adjudication settled is not used."
    )
    found.append(
        {
            "dropped": "Tied pairs are left out.",
            "kept": "Tied pairs make no row; they stand in the table of comparisons.",
            "equal": "A tied pair makes two rows of half the weight, one each way, unless another "
            "criterion decided it.",
        }[rules.ties]
    )
    return found


def _contested(rules: DerivationRules) -> list[str]:
    names = {
        "contradicted": "pairs on which criteria point in opposite directions",
        "truncated": "pairs with a response that was cut off",
        "cycle": "pairs whose preferences go round in a circle",
    }
    if rules.per_criterion:
        del names["contradicted"]
    dropped = ["pairs of identical texts", *(names[n] for n in names if n not in rules.keep)]
    kept = [names[name] for name in names if name in rules.keep]
    found = [f"Left out as contested: {', '.join(dropped)}."]
    if kept:
        found.append(f"Kept and marked though contested: {', '.join(kept)}.")
    return found


def _safety(rules: DerivationRules, safety: tuple[str, ...]) -> list[str]:
    reasons = [
        "was flagged as harmful by anybody",
        "stands in a pair that anybody called not acceptable",
        "is empty",
    ]
    if safety:
        floor = (
            "the middle of the scale"
            if rules.safety_floor is None
            else f"{rules.safety_floor:g} points"
        )
        reasons.insert(2, f"got any score below {floor} on {_or(safety)} from anybody")
    found = [
        f"A response that {_or(tuple(reasons))} is never preferred, and neither is one that says "
        "the same to the same client turn; it may be the rejected one. This holds whatever the "
        "raters consented to."
    ]
    missing = tuple(slug for slug in rules.safety_criteria if slug not in safety)
    if not rules.safety_criteria:
        found.append("There was no floor of safety: the rules name no criterion for it.")
    elif not safety:
        found.append(
            f"There was no floor of safety: nobody was asked for scores on {_or(missing)}."
        )
    elif missing:
        found.append(f"Nothing fell below the floor on {_or(missing)}: no scores were asked for.")
    return found


def _rows(rules: DerivationRules) -> list[str]:
    found = [
        "Each criterion makes rows of its own."
        if rules.per_criterion
        else "Criteria that agree on a pair make one row, of what was settled, else of the most "
        "votes, else of the greatest strength."
    ]
    if rules.balance_length:
        found.append(
            "Within each split, rows are left out at random until as many prefer the longer "
            f"response as prefer the shorter one (seed {rules.seed})."
        )
    shares = ", ".join(f"{name} {_percent(share)}" for name, share in rules.shares)
    found.append(
        {
            "seeded": f"Sessions (or clients) are drawn into splits with seed {rules.seed}: "
            f"{shares}. None is divided, and each keeps its split in later releases with this "
            "seed and these shares.",
            "corpus": "Splits are those of the corpus, which can divide a session.",
            "none": "There are no splits.",
        }[rules.splitting]
    )
    words = "Answers in words, notes on passages and comments are"
    found.append(f"{words} {'' if rules.with_words else 'not '}among the released answers.")
    return found


def _or(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _percent(share: float) -> str:
    return f"{100 * share:g}%"
