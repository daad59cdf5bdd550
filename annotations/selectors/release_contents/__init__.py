"""What goes into a release: the rows with what they are about, and the facts of the manifest."""

from annotations.selectors.release_contents.answers import released_answers
from annotations.selectors.release_contents.contents import ReleaseContents, release_contents
from annotations.selectors.release_contents.criteria import criteria_of_study
from annotations.selectors.release_contents.manifest import manifest_of
from annotations.selectors.release_contents.material import media_root
from annotations.selectors.release_contents.people import (
    Participation,
    participation_of,
    submitted_by_rater,
)

__all__ = [
    "Participation",
    "ReleaseContents",
    "criteria_of_study",
    "manifest_of",
    "media_root",
    "participation_of",
    "release_contents",
    "released_answers",
    "submitted_by_rater",
]
