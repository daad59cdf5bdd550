"""A release folder as other programs read it. Pure: no Django, and pyarrow only when it writes."""

from __future__ import annotations

from annotations.exports.formats.opening import open_export
from annotations.exports.formats.options import Download, ExportOptions, ExportRefusedError
from annotations.exports.formats.registry import FORMATS, ExportFormat

__all__ = [
    "FORMATS",
    "Download",
    "ExportFormat",
    "ExportOptions",
    "ExportRefusedError",
    "open_export",
]
