"""Against numbers that the published implementation computed, kept beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.multimood import parity

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "parity" / "multimood-tiny"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs ../shared/parity/multimood-tiny, which is not here"
)


@pytest.fixture(scope="module")
def fixture() -> parity.Fixture:
    return parity.Fixture(FOLDER)


def test_every_stored_output_is_reproduced(fixture: parity.Fixture) -> None:
    comparisons = list(fixture.comparisons())
    assert [str(comparison) for comparison in comparisons if not comparison.holds] == []
    assert {comparison.case for comparison in comparisons} == fixture.outputs


def test_published_key_names_survive_load_and_save(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    parity.Fixture(FOLDER).model.save_pretrained(tmp_path)
    before = load_file(FOLDER / "model.safetensors")
    after = load_file(tmp_path / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_wrong_norm_is_noticed(fixture: parity.Fixture) -> None:
    norm = fixture.model.model.mm_projector.s1.get_submodule("b1.conv1.bn")
    norm.eps = 1e-6
    try:
        off = [comparison.case for comparison in fixture.comparisons() if not comparison.holds]
    finally:
        norm.eps = 1e-5
    assert "c1.stc_tokens" in off
    assert "c2a.features" not in off


def test_command_says_each_case_and_fails_when_one_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    assert parity.main([str(FOLDER)], lines.append) == 0
    assert lines[-1] == "115 compared, 0 off, 0 not compared"
    monkeypatch.setattr(parity, "LOGITS_TOLERANCE", 1e-9)
    assert parity.main([str(FOLDER)], lines.append) == 1
    assert any(line.startswith("OFF  c4a.logits") for line in lines)
