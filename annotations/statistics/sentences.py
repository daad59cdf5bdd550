"""An agreement figure as a sentence that a psychologist can read and a paper can quote."""

from __future__ import annotations

from annotations.statistics.alpha import Agreement, Spread

NUMBER_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
LOW_ALPHA = 0.4


def agreement_sentence(name: str, result: Agreement, scale: tuple[int, int]) -> str:
    if result.ratings == 0:
        return f"Nobody has submitted a rating of {name} yet."
    raters = _raters(result.raters)
    if result.alpha.value is None:
        return (
            f"{raters} rated {name} ({_count(result.ratings, 'rating')}); agreement is undefined "
            f"because {result.alpha.undefined_because}."
        )
    sentences = [
        f"{raters} rated {name} on {_count(result.pairable_items, 'item')} in common: ordinal "
        f"alpha is {result.alpha.value:.2f}, where 1 is perfect agreement and 0 is what "
        f"chance alone would give."
    ]
    if result.percent_exact.value is not None:
        sentences.append(f"{result.percent_exact.value:.0f} % of paired answers are identical.")
    if result.alpha.value < LOW_ALPHA and result.spread and _narrow(result.spread, scale):
        sentences.append(
            f"Nearly all answers lie between {result.spread.low:.0f} and "
            f"{result.spread.high:.0f}: with so little variation alpha says little, so read the "
            f"identical answers beside it."
        )
    return " ".join(sentences)


def _raters(count: int) -> str:
    word = NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else str(count)
    return f"{word} rater" if count == 1 else f"{word} raters"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _narrow(spread: Spread, scale: tuple[int, int]) -> bool:
    """The middle 80 % of the answers within a third of the declared scale."""
    return spread.high - spread.low <= (scale[1] - scale[0]) / 3
