"""Which frames and which parts of the sound a model is given: arithmetic only."""

from __future__ import annotations

SAMPLE_RATE = 16_000
PUBLISHED_CUTS = 8
PUBLISHED_CUT_SECONDS = 2

Bounds = list[tuple[int, int]]


def frame_indices(count: int, wanted: int) -> list[int]:
    """The middle of each of `wanted` equal parts of the span from the first frame to the last."""
    part = (count - 1) / wanted
    return [round(part * i + part / 2 + 1e-6) for i in range(wanted)]


def window_bounds(samples: int, length: int, most: int) -> Bounds:
    """Start and end of windows of `length`: side by side over all of a sound that fits in `most`
    of them, otherwise `most` with equal gaps, the first at the start and the last at the end."""
    if samples <= length * most:
        return [(a, min(a + length, samples)) for a in range(0, samples, length)]
    if most == 1:
        return [(0, length)]
    step = (samples - length) / (most - 1)
    return [(round(i * step), round(i * step) + length) for i in range(most)]


def soundtrack_bounds_as_published(samples: int) -> Bounds:
    """Start and end sample of the eight 2 s cuts that the reference joins to a soundtrack; ends
    may lie past the sound."""
    length = PUBLISHED_CUT_SECONDS * SAMPLE_RATE
    gap = max(samples - length, 0) / PUBLISHED_CUTS
    return [(int(i * gap), int(i * gap) + length) for i in range(PUBLISHED_CUTS)]
