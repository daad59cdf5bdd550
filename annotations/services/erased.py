"""What may no longer be done with a release once answers in it were erased."""

from __future__ import annotations

from annotations.models import PreferenceDataset
from annotations.selectors.erasures import erased_release
from inference.errors import DomainError


class ErasedReleaseError(DomainError):
    """Answers in the release were erased: it stays for citation, and is used for nothing else."""


def refuse_erased(dataset: PreferenceDataset) -> None:
    erased = erased_release(dataset)
    if erased is not None:
        raise ErasedReleaseError(f"Release {dataset.version} is no longer used: {erased}")
