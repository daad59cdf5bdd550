"""Rewards in [0, 1] for sampled answers: `load_rewards` makes them from a configuration's terms."""

from inference.training.rewards.terms import Rewards, load_rewards

__all__ = ["Rewards", "load_rewards"]
