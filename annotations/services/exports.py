"""A release in the format of whoever reads it; what may not leave is refused."""

from __future__ import annotations

from collections.abc import Collection

from annotations.exports.formats import Download, ExportOptions, open_export
from annotations.exports.formats.options import Fields, Media
from annotations.models import PreferenceDataset
from annotations.selectors.release_contents import media_root
from annotations.services.erasures import usable_release
from inference.models import Corpus


def export_release(
    dataset: PreferenceDataset,
    name: str,
    *,
    fields: Fields = "response",
    splits: Collection[str] | None = None,
    media: Media = "reference",
) -> Download:
    """name: of formats.FORMATS. The right to pass clips on is the one recorded today."""
    named = {corpus["name"] for corpus in dataset.manifest.get("corpora", ())}
    rights = Corpus.objects.filter(team=dataset.team_id, name__in=named)
    options = ExportOptions(
        fields=fields,
        splits=tuple(splits) if splits else None,
        media=media,
        media_root=media_root(),
        media_rights=dict(rights.values_list("name", "media_rights")),
    )
    return open_export(usable_release(dataset), name, options)
