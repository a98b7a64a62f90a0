"""A store of cells, and what it says about damaged files."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnbench.results.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def heard(store: Store) -> list[str]:
    """The messages of the store about damaged files."""
    lines: list[str] = []
    store.on_damage = lines.append
    return lines
