"""A release by what people call it: its number, or a study's or dataset's name and which one."""

from __future__ import annotations

from annotations.models import PreferenceDataset
from inference.errors import UnknownNameError
from mood_eval.models import Team

LISTED = 10
LONGEST_NUMBER = 18


def find_release(team: Team, name: str, version: int | None = None) -> PreferenceDataset:
    """name: with a version, of a study or of an imported dataset; without, the release's number
    (as its page's address has it), or a name of which the newest release is meant."""
    datasets = PreferenceDataset.objects.filter(team=team).select_related("study")
    named = datasets.filter(study__name=name) | datasets.filter(study=None, name=name)
    if version is not None:
        named = named.filter(version=version)
    found = named.order_by("-version", "pk").first()
    if found is None and version is None and name.isdecimal() and len(name) <= LONGEST_NUMBER:
        found = datasets.filter(pk=int(name)).first()
    if found is None:
        asked = f"“{name}”" if version is None else f"{version} of “{name}”"
        listed = datasets.order_by("pk")[:LISTED]
        known = "; ".join(f"{dataset.pk} ({dataset})" for dataset in listed) or "none yet"
        raise UnknownNameError(f"There is no release {asked} in team {team}. Releases: {known}.")
    return found
