"""Reading of clips: FFmpeg runs in a process of its own, with limits (see `reader`)."""

from inference.media.contract import (
    DEFAULT_LIMITS,
    ClipMedia,
    Floats,
    Frames,
    MediaError,
    MediaFacts,
    MediaLimits,
    SoundPlan,
)
from inference.media.reader import make_playback, probe, read_clip
from inference.media.sampling import (
    SAMPLE_RATE,
    frame_indices,
    soundtrack_bounds_as_published,
    window_bounds,
)

__all__ = [
    "DEFAULT_LIMITS",
    "SAMPLE_RATE",
    "ClipMedia",
    "Floats",
    "Frames",
    "MediaError",
    "MediaFacts",
    "MediaLimits",
    "SoundPlan",
    "frame_indices",
    "make_playback",
    "probe",
    "read_clip",
    "soundtrack_bounds_as_published",
    "window_bounds",
]
