from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def fixtures() -> Path:
    return ROOT / "tests" / "fixtures" / "corpora"


@pytest.fixture
def real_data() -> Path:
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the published corpora are not on this machine (../shared/data)")
    return folder
