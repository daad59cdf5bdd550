"""What a researcher should know before the launch, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from annotations.design.planned import DesignReport, PartReport, RaterRow

MOST_HOURS = 4.0
WIDEST = 0.3
MOST_NAMED = 5


def warnings_of(report: DesignReport) -> Iterator[str]:
    for part in report.parts:
        of = f" in “{part.name}”" if len(report.parts) > 1 else ""
        yield from (f"{sentence[:-1]}{of}." for sentence in about_ratings(part))
        yield from about_models(part, of)
        yield from about_intervals(part, of)
    yield from about_raters(report)


def about_ratings(part: PartReport) -> Iterator[str]:
    items = part.cells["item"]
    if items.most == 0:
        yield "Nobody rates anything."
        return
    if items.least == 0:
        yield "Some items have no rater."
    elif items.least < items.most:
        yield f"Items have from {items.least} to {items.most} raters."
    if items.most == 1:
        yield "With one rater per item no agreement can be computed."


def about_models(part: PartReport, of: str) -> Iterator[str]:
    never = [row for row in part.pairs if row.ratings == 0]
    if part.design == "absolute":
        if never and part.within_rater_pairs == 0 and part.cells["item"].most:
            yield (
                "No rater judges two responses to the same client turn"
                f"{of}, so models are compared between raters, strict and lenient ones. Give all "
                "responses to one client turn to the same raters to avoid this."
            )
        return
    if never:
        names = [" and ".join(row.names) for row in never]
        yield f"Never compared with each other{of}: {listed(names, '; ')}."
    uneven = [
        " and ".join(row.names)
        for row in part.pairs
        if abs(row.one_first - row.other_first) > max(2, 0.1 * row.ratings)
    ]
    if uneven:
        yield f"Shown on one side clearly more often than on the other{of}: {listed(uneven, '; ')}."


def about_intervals(part: PartReport, of: str) -> Iterator[str]:
    for statistic, what in (("alpha_ordinal", "alpha"), ("win_rate", "a win rate")):
        widths = [one.width for one in part.intervals if one.statistic == statistic]
        known = [width for width in widths if width is not None]
        if len(known) < len(widths):
            yield f"There is too little data for an interval of {what}{of}."
        if known and max(known) > WIDEST:
            yield (
                f"The interval of {what}{of} is expected to be {max(known):.2f} wide: more client "
                "turns or more raters per item make it narrower."
            )


def about_raters(report: DesignReport) -> Iterator[str]:
    everybody = len(report.raters)
    long = sorted((row for row in report.raters if row.hours > MOST_HOURS), key=lambda r: -r.hours)
    if long:
        yield (
            f"{with_verb(long, everybody)} more than {MOST_HOURS:g} hours of work (up to "
            f"{long[0].hours:.1f}): invite more raters, or take fewer client turns."
        )
    idle = [row for row in report.raters if not row.items]
    if idle and len(idle) < everybody:
        yield f"{with_verb(idle, everybody)} no items."
    without = [row for row in report.raters if row.items and not row.repeats]
    if without and len(without) < everybody:
        yield (
            f"{with_verb(without, everybody)} too few items for one to come again at a distance, "
            "and so no self-consistency."
        )
    groups = report.overlap.groups
    if len(groups) > 1 and any(part.cells["item"].most > 1 for part in report.parts):
        sizes = listed([str(len(group)) for group in groups], ", ")
        yield (
            f"Raters fall into {len(groups)} groups without a common item (of {sizes} raters): "
            "they cannot be compared with each other."
        )


def with_verb(rows: Sequence[RaterRow], everybody: int) -> str:
    if len(rows) == everybody > 1:
        return "All raters have"
    text = listed([row.name for row in rows], ", ")
    return f"{text[0].upper()}{text[1:]} {'has' if len(rows) == 1 else 'have'}"


def listed(names: Sequence[str], comma: str) -> str:
    if len(names) <= MOST_NAMED:
        return comma.join(names)
    return f"{comma.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
