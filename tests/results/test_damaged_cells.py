"""Damaged files of cells are set aside, reported and counted as missing; files of a newer format are left alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_cells import DONE, IDENTITY, described, files, put, weights_file

from rnnbench.benchmark.cells import identity_of
from rnnbench.errors import StoreError
from rnnbench.results import files as files_module


def edit(old: str, new: str) -> Any:
    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return change


DAMAGE = {
    "empty": lambda content: b"",
    "truncated by one byte": lambda content: content[:-1],
    "truncated to half": lambda content: content[: len(content) // 2],
    "zeros of a power cut": lambda content: bytes(len(content)),
    "binary junk": lambda content: bytes(range(256)) * 4,
    "another text": lambda content: b"hello",
    "a list": lambda content: b"[]",
    "null": lambda content: b"null",
    "an empty object": lambda content: b"{}",
    "brackets without end": lambda content: b"[" * 100_000,
    "objects without end": lambda content: b'{"a":' * 100_000,
    "a number of 10000 digits": lambda content: b"9" * 10_000,
    "an edited loss": edit("1e-300", "2e-300"),
    "an edited count of updates": edit('"updates": 3', '"updates": 4'),
    "an edited score before training": edit('"loss": 0.30000000000000004', '"loss": 0.3'),
    "an edited budget": edit('"max_updates": 10', '"max_updates": 11'),
    "a description without its history": edit('"history": [', '"histories": ['),
    "an edited status": edit('"done"', '"failed"'),
    "an edited description": edit('"g": 0.5', '"g": 0.6'),
    "an edited identity": edit(f'"identity": "{IDENTITY[0]}', '"identity": "x'),
    "an edited checksum": edit('"checksum": "', '"checksum": "0'),
    "NaN for a loss": edit("1e-300", "NaN"),
    "Infinity for a loss": edit("1e-300", "Infinity"),
    "NaN in the description": edit('"g": 0.5', '"g": NaN'),
    "overflow in the description": edit('"g": 0.5', '"g": 1e999'),
    "an unknown field": edit('"status"', '"colour": 1, "status"'),
    "an older format": edit('"format": 1', '"format": 0'),
    "format a text": edit('"format": 1', '"format": "x"'),
    "bytes that are not UTF-8": lambda content: content.replace(b"vanilla", b"\xff\xfe", 1),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_cell_is_set_aside_reported_and_counts_as_missing(store, heard, change) -> None:
    put(store)
    path = store.path(IDENTITY)
    damaged = change(path.read_bytes())
    path.write_bytes(damaged)

    assert store.get(IDENTITY) is None
    assert not path.exists()
    assert path.with_name(path.name + ".damaged").read_bytes() == damaged
    (line,) = heard
    assert line.startswith(f"{path}: damaged (")
    assert len(line.splitlines()) == 1
    assert len(line) < 400 + 2 * len(str(path))

    assert store.get(IDENTITY) is None
    put(store)
    assert store.get(IDENTITY).result.status == "done"
    assert store.arrays(store.get(IDENTITY)) is not None
    assert len(heard) == 1


def test_a_cell_under_another_cells_name_is_set_aside(store, heard) -> None:
    put(store)
    other = identity_of(described(seed=2))
    store.path(other).parent.mkdir(parents=True, exist_ok=True)
    store.path(IDENTITY).rename(store.path(other))
    assert store.get(other) is None
    assert len(heard) == 1
    assert store.path(other).with_name(f"{other}.json.damaged").exists()


def test_files_that_were_set_aside_are_kept(store) -> None:
    for junk in (b"first", b"second"):
        put(store)
        store.path(IDENTITY).write_bytes(junk)
        assert store.get(IDENTITY) is None
    assert {b"first", b"second"} <= set(files(store).values())


def test_a_folder_in_place_of_a_cell_never_raises_anything_but_a_store_error(store, heard) -> None:
    store.path(IDENTITY).mkdir(parents=True)
    try:
        assert store.get(IDENTITY) is None
    except StoreError as error:
        assert len(str(error).splitlines()) == 1


ARRAY_DAMAGE = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[:-1],
    "one bit flipped": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "junk": lambda content: bytes(range(256)),
    "a header that promises too much": lambda content: b"\xff" * 8 + content[8:],
}


@pytest.mark.parametrize("change", ARRAY_DAMAGE.values(), ids=ARRAY_DAMAGE)
def test_damaged_arrays_are_set_aside_reported_and_count_as_missing(store, heard, change) -> None:
    record = put(store)
    path = weights_file(store)
    damaged = change(path.read_bytes())
    path.write_bytes(damaged)

    assert store.arrays(record) is None
    assert not path.exists()
    assert path.with_name(path.name + ".damaged").read_bytes() == damaged
    (line,) = heard
    assert line.startswith(f"{path}: damaged (")
    assert len(line.splitlines()) == 1

    put(store)
    assert store.arrays(store.get(IDENTITY)) is not None


def test_arrays_of_another_cell_are_not_accepted(store, heard) -> None:
    record = put(store)
    other = described(seed=2)
    store.put(identity_of(other), other, DONE, {}, {"weights.w_rec": np.ones(3)})
    theirs = store.get(identity_of(other))
    os.replace(store.arrays_path(theirs.identity, theirs.result.arrays_sha256), weights_file(store))
    assert store.arrays(record) is None
    assert len(heard) == 1


def test_missing_arrays_are_none(store, heard) -> None:
    record = put(store)
    weights_file(store).unlink()
    assert store.arrays(record) is None
    assert heard == []


def test_a_file_that_another_worker_sets_aside_first_is_missing(store, monkeypatch) -> None:
    put(store)
    path = store.path(IDENTITY)
    path.write_bytes(b"junk")
    replace = os.replace

    def late(source: Path, target: Path) -> None:
        replace(source, target)
        replace(source, target)  # fails: another worker has already moved it

    monkeypatch.setattr(files_module.os, "replace", late)
    assert store.get(IDENTITY) is None


@pytest.mark.parametrize("newer", ["2", "17", "99999999999999999999"])
def test_a_newer_format_is_refused_and_the_file_left_unchanged(store, heard, newer) -> None:
    put(store)
    path = store.path(IDENTITY)
    content = path.read_text().replace('"format": 1', f'"format": {newer}').replace('"status"', '"new": {}, "status"')
    path.write_text(content)
    with pytest.raises(StoreError) as caught:
        store.get(IDENTITY)
    message = str(caught.value)
    assert str(path) in message
    assert f"format {newer}" in message
    assert len(message.splitlines()) == 1
    assert path.read_text() == content
    assert heard == []
