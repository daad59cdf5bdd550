"""Placeholders: from one id per medium to one position per embedding, and the fill of those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from inference.multimood.audio import audio_token_count, token_padding
from inference.multimood.config import PUBLISHED_IDS, MultiMoodConfig, PlaceholderIds
from inference.multimood.connector import video_token_count, video_token_counts

T = TypeVar("T")

IGNORED = -100
FILL_ID = -100
"""Makes rows equally long; embedded as zeros and masked."""


class SpliceError(ValueError):
    """Placeholders and media do not match."""


@dataclass(frozen=True)
class MediaTokens:
    """Embeddings that one placeholder stands for: a clip's frames, then its sound."""

    video: int = 0
    audio: int = 0


@dataclass(frozen=True)
class MergedRows:
    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor | None


def expand_placeholders(
    config: MultiMoodConfig,
    input_ids: torch.Tensor,
    media: Sequence[Sequence[MediaTokens]],
    memories: Sequence[int],
    *,
    attention_mask: torch.Tensor | None = None,
    labels: torch.Tensor | None = None,
    source: PlaceholderIds = PUBLISHED_IDS,
    as_published: bool = False,
) -> MergedRows:
    """(B, S) with one id per medium -> (B, longest) with one position per embedding.

    `media[b]` are row b's clips in the order of its placeholders; `memories` counts the `<MEM>`
    of the history rows in the order of the `<history>` placeholders. Inserted positions are
    attended and not learned from; rows are made equally long on the right.

    `as_published` repeats two quirks of the reference: the mask's inserted ones stand at the left
    of the row's old mask (wrong for ids padded on the left), and the history of a row without any
    placeholder is appended to it.
    """
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    target = config.placeholders
    history = iter(memories)
    rows = []
    for b, ids in enumerate(input_ids.tolist()):
        mask = attention_mask[b].tolist()
        row_labels = _labels_of_row(labels, b, len(ids))
        row = _expand_row(ids, mask, row_labels, iter(media[b]), history, source, target)
        if as_published:
            row = _published_row(row, ids, mask, history, source, target)
        rows.append(row)
    longest = max(len(row.ids) for row in rows)
    device = input_ids.device
    return MergedRows(
        _stack([row.ids for row in rows], longest, FILL_ID, device),
        _stack([row.mask for row in rows], longest, 0, device),
        None if labels is None else _stack([row.labels for row in rows], longest, IGNORED, device),
    )


@dataclass(frozen=True)
class _Row:
    ids: list[int]
    mask: list[int]
    labels: list[int]


def _labels_of_row(labels: torch.Tensor | None, row: int, length: int) -> list[int]:
    if labels is None:
        return [IGNORED] * length
    given: list[int] = labels[row].tolist()
    if len(given) > length:
        raise SpliceError(f"row {row} has {len(given)} labels for {length} ids")
    return given + [IGNORED] * (length - len(given))


def _expand_row(
    ids: list[int],
    mask: list[int],
    labels: list[int],
    media: Iterator[MediaTokens],
    history: Iterator[int],
    source: PlaceholderIds,
    target: PlaceholderIds,
) -> _Row:
    row = _Row([], [], [])
    for token, attended, label in zip(ids, mask, labels, strict=True):
        if token == source.history:
            inserted = [target.history] * _next(history, "history")
        elif token in (source.image, source.video, source.audio):
            entry = _next(media, "clip")
            inserted = [target.video] * entry.video + [target.audio] * entry.audio
        else:
            row.ids.append(token)
            row.mask.append(attended)
            row.labels.append(label)
            continue
        row.ids.extend(inserted)
        row.mask.extend([1] * len(inserted))
        row.labels.extend([IGNORED] * len(inserted))
    return row


def _next(entries: Iterator[T], what: str) -> T:
    for entry in entries:
        return entry
    raise SpliceError(f"more {what} placeholders than given: {what} missing")


def _published_row(
    row: _Row,
    ids: list[int],
    mask: list[int],
    history: Iterator[int],
    source: PlaceholderIds,
    target: PlaceholderIds,
) -> _Row:
    has_placeholder = {source.image, source.video, source.audio, source.history} & set(ids)
    appended = 0 if has_placeholder else next(history, 0)
    merged = row.ids + [target.history] * appended
    return _Row(
        merged,
        [1] * (len(merged) - len(mask)) + mask,
        row.labels + [IGNORED] * appended,
    )


def _stack(rows: list[list[int]], length: int, fill: int, device: torch.device) -> torch.Tensor:
    return torch.tensor([row + [fill] * (length - len(row)) for row in rows], device=device)


def fill_positions(
    embeds: torch.Tensor, where: torch.Tensor, soft: torch.Tensor | None, what: str
) -> torch.Tensor:
    """Puts soft tokens (n, hidden) at the n True positions of (B, S), in reading order.

    When there are k * n positions in rows that repeat as k blocks, every block gets all of them.
    """
    positions, given = int(where.sum()), 0 if soft is None else soft.shape[0]
    if given == 0 and positions == 0:
        return embeds
    times = positions // given if given else 0
    repeats = times > 1 and where.shape[0] % times == 0
    if soft is None or positions != given * times or times == 0 or (times > 1 and not repeats):
        raise SpliceError(f"{positions} {what} positions for {given} {what} embeddings")
    if times > 1:
        if not (where.reshape(times, -1).sum(1) == given).all():
            raise SpliceError(f"the {what} positions do not repeat as {times} equal blocks")
        soft = soft.repeat(times, 1)
    # A device map may have put the tower's projector elsewhere.
    soft = soft.to(embeds.device, embeds.dtype)
    return embeds.masked_scatter(where.to(embeds.device)[..., None], soft)


def repeat_media(
    config: MultiMoodConfig, input_ids: torch.Tensor, media: dict[str, Any], times: int
) -> dict[str, Any]:
    """Media for rows that are each repeated `times` times in a row (several answers a prompt)."""
    out = dict(media)
    for names, placeholder, counts in _entry_counts(config, media):
        positions = (input_ids == placeholder).sum(1).tolist()
        order = [e for row in _group(counts, positions) for _ in range(times) for e in row]
        for name in names:
            if out[name] is not None:
                out[name] = out[name][order]
    return out


def _entry_counts(
    config: MultiMoodConfig, media: dict[str, Any]
) -> Iterator[tuple[tuple[str, ...], int, list[int]]]:
    """(names of the tensors, placeholder id, embeddings of each entry) of each kind given."""
    places = config.placeholders
    video_names: tuple[str, ...] = ("video_values", "video_features", "video_padding_mask")
    if any(media[name] is not None for name in video_names[:2]):
        yield video_names, places.video, _video_counts(config, media)
    audio_names = ("audio_values", "audio_features", "audio_padding_mask")
    if any(media[name] is not None for name in audio_names[:2]):
        yield audio_names, places.audio, _audio_counts(config, media)
    if media["history_input_ids"] is not None:
        names = ("history_input_ids", "history_attention_mask")
        yield names, places.history, memory_counts(config, *(media[name] for name in names))


def memory_counts(
    config: MultiMoodConfig, history_ids: torch.Tensor, mask: torch.Tensor | None = None
) -> list[int]:
    """(H, L) -> the number of `<MEM>` in each row."""
    if config.mem_token_id is None:
        raise SpliceError("the config has no mem_token_id, so history cannot be compressed")
    memory = history_ids.eq(config.mem_token_id)
    if mask is not None:
        memory = memory & mask.bool()
    counts: list[int] = memory.sum(1).tolist()
    return counts


def _video_counts(config: MultiMoodConfig, media: dict[str, Any]) -> list[int]:
    features, pixels = media["video_features"], media["video_values"]
    if features is not None:
        clips, frames, patches = features.shape[:3]
    else:
        clips, frames = pixels.shape[:2]
        patches = (pixels.shape[-1] // config.vision_config.patch_size) ** 2
    mask = media["video_padding_mask"]
    if mask is not None:
        return video_token_counts(mask, patches)
    return [video_token_count(frames, patches)] * clips


def _audio_counts(config: MultiMoodConfig, media: dict[str, Any]) -> list[int]:
    features, fbank, mask = (
        media[name] for name in ("audio_features", "audio_values", "audio_padding_mask")
    )
    if features is not None:
        clips, tokens = features.shape[:2]
    else:
        clips, tokens = fbank.shape[0], audio_token_count(config.audio_config, fbank.shape[1])
    if mask is None:
        return [tokens] * clips
    padding = mask if features is not None else token_padding(config.audio_config, mask)
    counts: list[int] = (~padding.bool()).sum(1).tolist()
    return counts


def _group(counts: list[int], positions: list[int]) -> list[list[int]]:
    """Which entries, of `counts` embeddings each, fill the positions of each row."""
    rows: list[list[int]] = []
    entry = 0
    for wanted in positions:
        taken: list[int] = []
        while wanted > 0:
            taken.append(entry)
            wanted -= counts[entry]
            entry += 1
        rows.append(taken)
    return rows
