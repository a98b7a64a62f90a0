"""docs/architecture.md against the import contract and the folders of the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")


def test_the_table_has_the_layers_of_the_contract_in_their_order():
    rows = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
    layers = [[name.strip() for name in layer.split("|")] for layer in LAYERS]
    assert [re.findall(r"`(\w+)`", row) for row in rows] == layers


def test_every_room_of_the_package_is_a_layer_and_there_are_few():
    package = ROOT / "rnnbench"
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert {name.strip() for layer in LAYERS for name in layer.split("|")} == rooms | modules
    assert len(rooms) <= 12 and len(LAYERS) <= 14


def test_the_picture_shows_every_room_of_the_two_wings():
    picture = PAGE.split("```")[1]
    for path in (ROOT / "rnnbench").iterdir():
        if (path / "__init__.py").exists():
            assert re.search(rf"\b{path.name}\b", picture), path.name


def test_every_file_that_the_page_names_exists():
    paths = [name for name in re.findall(r"`([\w/]+\.py|[\w/]+/)`", PAGE) if name != "cells/"]
    assert len(paths) > 15
    assert [name for name in paths if not (ROOT / "rnnbench" / name).exists()] == []


def test_the_reading_wing_is_walled_off():
    (wall,) = [contract for contract in CONTRACTS if contract["type"] == "forbidden"]
    assert set(wall["source_modules"]) == {
        f"rnnbench.{room}" for room in ("benchmark", "results", "figures", "reports")
    }
    running = {"plugin", "loading", "engine", "training", "analysis", "execution"}
    assert set(wall["forbidden_modules"]) == {f"rnnbench.{room}" for room in running} | {"torch", "pluggy"}


def test_no_module_is_long():
    long = {path: n for path in ROOT.glob("rnnbench/**/*.py") if (n := len(path.read_text().splitlines())) > 400}
    assert not long
