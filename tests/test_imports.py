"""The import rules of docs/architecture.md, checked by parsing, not by importing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mood_eval", "inference", "annotations")
HEAVY = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
FOR_RESULTS = ("matplotlib", "statsmodels", "scipy")
"""Slow to load: only when a figure is computed or drawn, not when the web process starts."""
MAY_IMPORT_HEAVY = ("inference.multimood", "inference.training", "inference.backends")
WITHOUT_TORCH = tuple(
    f"inference.training.{name}"
    for name in ("config", "config_reading", "memory", "parts", "presets", "progress", "shapes")
)
"""What a run is asked for and what it takes: read by forms, services and supervisors."""
WITHOUT_DJANGO = (
    "inference.multimood",
    "inference.training",
    "inference.corpora",
    "inference.media",
    "inference.backends",
    "inference.contracts",
    "inference.labels",
    "inference.machine_memory",
    "inference.preference_files",
    "inference.safetensors_headers",
    "inference.recognition",
    "annotations.judging",
    "inference.benchmarks",
    "annotations.design",
    "annotations.imports",
    "annotations.derivation",
    "annotations.exports",
    "annotations.statistics",
    "annotations.figures",
)
FLOORS = ("models", "selectors", "services", "doors")
DOORS = ("views", "api", "tasks", "management", "admin", "forms", "urls")


@dataclass(frozen=True)
class Import:
    importer: str
    target: str
    line: int
    top_level: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def targets(node: ast.Import | ast.ImportFrom, importer: str, package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parts = importer.split(".")
        keep = len(parts) - node.level + (1 if package else 0)
        base = ".".join([*parts[:keep], *([base] if base else [])])
    yield base
    yield from (f"{base}.{alias.name}" for alias in node.names)


def only_for_types(tree: ast.Module) -> set[ast.AST]:
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            found.update(ast.walk(node))
    return found


def inside_functions(tree: ast.Module) -> set[ast.AST]:
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found.update(child for child in ast.walk(node) if child is not node)
    return found


def project_imports() -> list[Import]:
    found: list[Import] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            tree = ast.parse(path.read_text(), filename=str(path))
            name, later, types = module_name(path), inside_functions(tree), only_for_types(tree)
            for node in ast.walk(tree):
                if isinstance(node, ast.Import | ast.ImportFrom) and node not in types:
                    for target in targets(node, name, path.name == "__init__.py"):
                        found.append(Import(name, target, node.lineno, node not in later))
    return found


IMPORTS = project_imports()


def below(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(root + ".") for root in roots)


def floor(name: str) -> int | None:
    """0 models, 1 selectors, 2 services, 3 views and other doors; None outside the floors."""
    parts = name.split(".")
    if len(parts) < 2 or parts[0] not in PACKAGES:
        return None
    first = parts[1]
    for prefix in DOORS:
        if first == prefix or first.startswith(prefix + "_") or first.endswith("_" + prefix):
            return FLOORS.index("doors")
    return FLOORS.index(first) if first in FLOORS[:3] else None


def test_the_parser_sees_the_project() -> None:
    assert len(IMPORTS) > 100
    assert any(i.target.startswith("django") for i in IMPORTS)


def test_inference_never_imports_annotations() -> None:
    assert not [
        str(i)
        for i in IMPORTS
        if below(i.importer, ("inference",)) and below(i.target, ("annotations",))
    ]


def test_floors_import_downwards_only() -> None:
    wrong = []
    for i in IMPORTS:
        source, target = floor(i.importer), floor(i.target)
        if source is not None and target is not None and target > source and i.top_level:
            wrong.append(str(i))
    assert not wrong


def test_science_code_imports_no_django() -> None:
    assert not [
        str(i)
        for i in IMPORTS
        if below(i.importer, WITHOUT_DJANGO) and below(i.target, ("django", "rest_framework"))
    ]


def test_heavy_libraries_are_imported_at_module_top_only_where_models_live() -> None:
    assert not [
        str(i)
        for i in IMPORTS
        if i.top_level and below(i.target, HEAVY) and not below(i.importer, MAY_IMPORT_HEAVY)
    ]


def test_nothing_below_the_models_is_imported_by_the_web_process() -> None:
    """Modules that hold models may only be imported inside functions elsewhere."""
    assert not [
        str(i)
        for i in IMPORTS
        if i.top_level
        and below(i.target, ("inference.multimood.model", "inference.training"))
        and not below(i.target, WITHOUT_TORCH)
        and not below(i.importer, MAY_IMPORT_HEAVY)
    ]


def test_what_forms_and_supervisors_read_of_training_loads_no_torch() -> None:
    assert loaded_with(WITHOUT_TORCH, HEAVY) == "[]"


@pytest.mark.parametrize("module", ["mood_eval.wsgi", "mood_eval.urls"])
def test_the_web_process_starts_without_torch(module: str) -> None:
    assert loaded_with([module], HEAVY) == "[]"


@pytest.mark.parametrize("module", ["mood_eval.wsgi", "mood_eval.urls"])
def test_the_web_process_starts_without_what_results_are_made_with(module: str) -> None:
    assert loaded_with([module], FOR_RESULTS) == "[]"


def test_the_door_to_the_pictures_loads_no_matplotlib() -> None:
    assert loaded_with(["annotations.figures.render"], FOR_RESULTS) == "[]"


def loaded_with(modules: Sequence[str], names: Sequence[str]) -> str:
    program = (
        "import os, sys, importlib;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'mood_eval.settings';"
        "import django; django.setup();"
        f"[importlib.import_module(name) for name in {modules!r}];"
        f"print([name for name in {names!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
