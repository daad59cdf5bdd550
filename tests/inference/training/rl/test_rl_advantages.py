"""Values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inference.training.rl.advantages import (
    equal_groups,
    generalised_advantages,
    group_advantages,
    moments,
    token_rewards,
    whitened,
)

NAN = math.nan
MASK = torch.tensor([[[1.0, 1.0, 1.0]], [[1.0, 1.0, 0.0]]])


def test_the_last_token_is_given_the_score_and_each_pays_its_penalty() -> None:
    scores = torch.tensor([[2.0], [5.0]])
    penalties = torch.tensor([[[0.1, 0.2, 0.3]], [[0.1, 0.2, 9.0]]])
    expected = torch.tensor([[[-0.1, -0.2, 1.7]], [[-0.1, 4.8, 0.0]]])
    torch.testing.assert_close(token_rewards(scores, penalties, MASK), expected)


def test_generalised_advantages_by_hand() -> None:
    rewards = torch.tensor([[[0.0, 1.0, 2.0]], [[0.0, 4.0, 0.0]]])
    values = torch.tensor([[[0.5, 1.0, 1.0]], [[1.0, 2.0, 7.0]]])
    found = generalised_advantages(rewards, values, MASK, discount=0.9, gae_lambda=0.5)
    # errors: 0 + 0.9 x 1 - 0.5 = 0.4; 1 + 0.9 x 1 - 1 = 0.9; 2 - 1 = 1. Then from the end,
    # 1; 0.9 + 0.45 x 1 = 1.35; 0.4 + 0.45 x 1.35 = 1.0075.
    # The second ends after two: 4 - 2 = 2; 0 + 0.9 x 2 - 1 = 0.8, + 0.45 x 2 = 1.7.
    expected = torch.tensor([[[1.0075, 1.35, 1.0]], [[1.7, 2.0, 0.0]]])
    torch.testing.assert_close(found, expected)


def test_with_lambda_one_an_advantage_is_what_followed_minus_what_was_expected() -> None:
    rewards, values = torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([[[0.5, 0.25, 4.0]]])
    found = generalised_advantages(rewards, values, torch.ones(1, 1, 3), 1.0, 1.0)
    torch.testing.assert_close(found + values, torch.tensor([[[6.0, 5.0, 3.0]]]))


def test_whitening_over_all_processes_is_that_of_all_tokens_together() -> None:
    here, there = torch.tensor([[[1.0, 2.0, 9.0]]]), torch.tensor([[[3.0, 6.0, 9.0]]])
    mask = torch.tensor([[[1.0, 1.0, 0.0]]])
    of_all = moments(here, mask) + moments(there, mask)
    # 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5
    deviation = math.sqrt(3.5)
    expected = torch.tensor([[[-2 / deviation, -1 / deviation, 0.0]]])
    torch.testing.assert_close(whitened(here, mask, of_all), expected)


def test_advantages_that_are_all_alike_become_nothing() -> None:
    alike = torch.full((1, 1, 3), 2.0)
    mask = torch.ones(1, 1, 3)
    assert whitened(alike, mask, moments(alike, mask)).abs().max() == 0


def test_answers_are_compared_within_their_group() -> None:
    rewards = torch.tensor([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    # Standard deviation of 1, 2, 3 with two degrees of freedom: 1
    scaled = torch.tensor([[-1 / 1.0001, 0.0, 1 / 1.0001], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(group_advantages(rewards, scale=True), scaled)
    plain = torch.tensor([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(group_advantages(rewards, scale=False), plain)


def test_an_answer_that_nobody_could_score_counts_in_no_mean() -> None:
    rewards = torch.tensor([[1.0, NAN, 3.0], [NAN, NAN, 2.0], [NAN, NAN, NAN]])
    assert group_advantages(rewards, scale=False).tolist() == [
        [-1.0, 0.0, 1.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]
    spread = math.sqrt(2.0) + 1e-4
    assert group_advantages(rewards, scale=True)[0].tolist() == pytest.approx(
        [-1 / spread, 0.0, 1 / spread]
    )


def test_groups_that_teach_nothing_are_found() -> None:
    rewards = torch.tensor([[1.0, 1.0], [1.0, 2.0], [NAN, 1.0], [NAN, NAN]])
    assert equal_groups(rewards).tolist() == [True, False, True, True]
