from __future__ import annotations

import pytest
import torch

from inference.multimood.config import MultiMoodConfig
from inference.multimood.splice import (
    FILL_ID,
    IGNORED,
    MediaTokens,
    SpliceError,
    expand_placeholders,
    fill_positions,
)
from inference.multimood.tiny import tiny_config

VIDEO, AUDIO, HISTORY = -201, -202, -203


@pytest.fixture(scope="module")
def config() -> MultiMoodConfig:
    return tiny_config(64)


def test_each_medium_becomes_as_many_positions_as_embeddings(config: MultiMoodConfig) -> None:
    ids = torch.tensor([[10, HISTORY, 11, VIDEO, 12], [20, AUDIO, 21, 0, 0]])
    merged = expand_placeholders(
        config,
        ids,
        [[MediaTokens(2, 3)], [MediaTokens(audio=1)]],
        [2],
        attention_mask=torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
        labels=torch.tensor(
            [[IGNORED, IGNORED, IGNORED, IGNORED, 12], [IGNORED, IGNORED, 21, 0, 0]]
        ),
    )
    places = config.placeholders
    v, a, h = places.video, places.audio, places.history
    assert merged.input_ids.tolist() == [
        [10, h, h, 11, v, v, a, a, a, 12],
        [20, a, 21, 0, 0, *[FILL_ID] * 5],
    ]
    assert merged.attention_mask.tolist() == [[1] * 10, [1, 1, 1, 0, 0, *[0] * 5]]
    assert merged.labels is not None
    assert merged.labels[0].tolist() == [IGNORED] * 9 + [12]
    assert merged.labels[1].tolist() == [IGNORED, IGNORED, 21, 0, 0, *[IGNORED] * 5]


def test_left_padding_stays_masked_but_not_as_published(config: MultiMoodConfig) -> None:
    ids, mask = torch.tensor([[0, 10, VIDEO]]), torch.tensor([[0, 1, 1]])
    rows = [[MediaTokens(2)]]
    ours = expand_placeholders(config, ids, rows, [], attention_mask=mask)
    theirs = expand_placeholders(config, ids, rows, [], attention_mask=mask, as_published=True)
    assert ours.attention_mask.tolist() == [[0, 1, 1, 1]]
    assert theirs.attention_mask.tolist() == [[1, 0, 1, 1]]


def test_history_without_placeholder_is_left_out_but_not_as_published(
    config: MultiMoodConfig,
) -> None:
    ids = torch.tensor([[10, 11]])
    ours = expand_placeholders(config, ids, [[]], [2])
    theirs = expand_placeholders(config, ids, [[]], [2], as_published=True)
    history = config.placeholders.history
    assert ours.input_ids.tolist() == [[10, 11]]
    assert theirs.input_ids.tolist() == [[10, 11, history, history]]


def test_missing_media_and_surplus_labels_are_named(config: MultiMoodConfig) -> None:
    with pytest.raises(SpliceError, match="clip"):
        expand_placeholders(config, torch.tensor([[VIDEO]]), [[]], [])
    with pytest.raises(SpliceError, match="history"):
        expand_placeholders(config, torch.tensor([[HISTORY]]), [[]], [])
    with pytest.raises(SpliceError, match="3 labels for 2 ids"):
        expand_placeholders(
            config, torch.tensor([[1, 2]]), [[]], [], labels=torch.tensor([[1, 2, 3]])
        )


def test_fill_takes_embeddings_in_reading_order() -> None:
    where = torch.tensor([[False, True, True], [True, False, False]])
    soft = torch.tensor([[1.0], [2.0], [3.0]])
    filled = fill_positions(torch.zeros(2, 3, 1), where, soft, "video")
    assert filled[..., 0].tolist() == [[0, 1, 2], [3, 0, 0]]


def test_fill_repeats_for_rows_that_repeat_as_a_block() -> None:
    where = torch.tensor([[True, False], [False, True], [True, False], [False, True]])
    soft = torch.tensor([[1.0], [2.0]])
    filled = fill_positions(torch.zeros(4, 2, 1), where, soft, "video")
    assert filled[..., 0].tolist() == [[1, 0], [0, 2], [1, 0], [0, 2]]


@pytest.mark.parametrize(
    "where",
    [
        [[True, True], [True, False]],  # three positions for two embeddings
        [[False, False], [False, False]],  # none
        [[True, True], [True, False], [True, False], [False, False]],  # blocks of 3 and 1
    ],
)
def test_fill_refuses_what_does_not_match(where: list[list[bool]]) -> None:
    mask = torch.tensor(where)
    with pytest.raises(SpliceError, match="video"):
        fill_positions(torch.zeros(*mask.shape, 1), mask, torch.ones(2, 1), "video")
