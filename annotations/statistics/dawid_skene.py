"""What is true of each item when raters err at rates of their own.

Dawid & Skene (1979), Maximum likelihood estimation of observer error-rates using the EM algorithm,
Applied Statistics 28, 20-28.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from annotations.statistics.estimate import Estimate, undefined
from annotations.statistics.ratings import RatingsError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
NAME = "dawid_skene"
PRECISION = 1e-10
STEPS = 20_000


@dataclass(frozen=True, eq=False)
class DawidSkene:
    """Empty arrays and no likelihood where the estimate is undefined."""

    estimate: Estimate
    """value: mean over items of the probability of their most probable class. rows: class,
    prevalence."""
    prevalence: Array
    """Per class."""
    posterior: Array
    """items x classes, in the order of the items' sorted names."""
    error_rates: Array
    """raters x true x reported; NaN for a class that a rater met in no item."""
    log_likelihood: float | None


def dawid_skene(
    item: ArrayLike, rater: ArrayLike, label: ArrayLike, *, n_classes: int
) -> DawidSkene:
    """One entry a label, from 0 to n_classes - 1; a rater may label an item more than once.

    EM from the shares of votes, without smoothing, until no probability moves by more than 1e-10.
    Whoever asks has to know that a label was asked for: where people may raise a flag or not, no
    flag is not a no, and this model does not apply. Raises RatingsError for labels that are no
    classes.
    """
    items, raters, labels = _checked(item, rater, label, n_classes)
    counts: dict[str, Any] = {
        "n_items": len(np.unique(items)),
        "n_raters": len(np.unique(raters)),
        "n_ratings": len(labels),
    }
    because = _why_undefined(items, raters)
    if because:
        return _nothing(undefined(NAME, because, **counts))
    votes = csr_array((np.ones(len(items)), (items, raters * n_classes + labels)))
    posterior = _vote_shares(items, labels, n_classes)
    for _ in range(STEPS):
        prevalence, rates = _maximisation(votes, posterior, n_classes)
        before = posterior
        posterior, log_likelihood = _expectation(votes, prevalence, rates)
        if np.abs(posterior - before).max() < PRECISION:
            break
    prevalence, rates = _maximisation(votes, posterior, n_classes)
    met = rates.sum(axis=2, keepdims=True) > 0
    return DawidSkene(
        Estimate(
            name=NAME,
            value=float(posterior.max(axis=1).mean()),
            no_interval_because="it describes these items and raters",
            n_pairable=int((np.bincount(items) > 1).sum()),
            method=(
                "Mean probability of the most probable class, error rates and prevalence by EM "
                "(Dawid & Skene, 1979) from shares of votes, without smoothing"
            ),
            rows=tuple(
                {"class": number, "prevalence": float(share)}
                for number, share in enumerate(prevalence)
            ),
            **counts,
        ),
        prevalence=prevalence,
        posterior=posterior,
        error_rates=np.where(met, rates, np.nan),
        log_likelihood=log_likelihood,
    )


def _nothing(estimate: Estimate) -> DawidSkene:
    return DawidSkene(
        estimate, np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0, 0)), log_likelihood=None
    )


def _checked(
    item: ArrayLike, rater: ArrayLike, label: ArrayLike, n_classes: int
) -> tuple[Labels, Labels, Labels]:
    if n_classes < 2:
        raise RatingsError("Labels have two classes or more.")
    labels, who, what = np.asarray(label), np.asarray(rater), np.asarray(item)
    if not labels.shape == who.shape == what.shape or labels.ndim != 1:
        raise RatingsError("Items, raters and labels are one entry a label.")
    if labels.size and (labels.dtype.kind not in "iuf" or (labels != np.floor(labels)).any()):
        raise RatingsError("A label is a whole number from 0; leave missing labels out.")
    if labels.size and not 0 <= labels.min() <= labels.max() < n_classes:
        raise RatingsError(f"A label is a whole number from 0 to {n_classes - 1}.")
    items = np.unique(what, return_inverse=True)[1].astype(np.int64)
    raters = np.unique(who, return_inverse=True)[1].astype(np.int64)
    return items, raters, labels.astype(np.int64)


def _why_undefined(items: Labels, raters: Labels) -> str:
    if not len(items):
        return "there are no labels"
    if len(np.unique(raters)) < 2:
        return "there is one rater only, whose errors cannot be told from the truth"
    pairs = np.unique(np.stack([items, raters]), axis=1)[0]
    if np.bincount(pairs).max() < 2:
        return "no item was labelled by two raters"
    return ""


def _vote_shares(items: Labels, labels: Labels, n_classes: int) -> Array:
    votes = np.bincount(items * n_classes + labels, minlength=(items.max() + 1) * n_classes)
    table = votes.reshape(-1, n_classes)
    shares: Array = table / table.sum(axis=1, keepdims=True)
    return shares


def _maximisation(votes: csr_array, posterior: Array, n_classes: int) -> tuple[Array, Array]:
    """Prevalence, and raters x true x reported."""
    told = np.asarray(votes.T @ posterior)
    missing = -len(told) % n_classes  # the last rater need not have used the last class
    told = np.pad(told, ((0, missing), (0, 0))).reshape(-1, n_classes, n_classes)
    told = told.transpose(0, 2, 1)
    totals = told.sum(axis=2, keepdims=True)
    return posterior.mean(axis=0), np.divide(
        told, totals, out=np.zeros_like(told), where=totals > 0
    )


def _expectation(votes: csr_array, prevalence: Array, rates: Array) -> tuple[Array, float]:
    """Posterior (items x classes) and the log-likelihood of prevalence and rates."""
    with np.errstate(divide="ignore"):  # what never happened is impossible: log 0
        log_rates = np.log(rates).transpose(0, 2, 1).reshape(-1, len(prevalence))
        joint = np.asarray(votes @ log_rates[: votes.shape[1]]) + np.log(prevalence)
    top = joint.max(axis=1, keepdims=True)
    likelihood = np.exp(joint - top)
    total = likelihood.sum(axis=1, keepdims=True)
    return likelihood / total, float((np.log(total) + top).sum())
