"""A cell is on disk completely or not at all, whatever interrupts its writing."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from stored_cells import ARRAYS, DESCRIPTION, DONE, FAILED, IDENTITY, described, files, put, weights_file

import rnnbench
from rnnbench.benchmark.cells import identity_of
from rnnbench.benchmark.schema import digest
from rnnbench.errors import AnotherNetwork, StoreError
from rnnbench.results import files as files_module
from rnnbench.results.files import write_text
from rnnbench.results.records import Result, Scores, verified
from rnnbench.results.store import Store


def test_a_cell_comes_back_as_it_was(store, heard) -> None:
    put(store, machine="here")
    record = store.get(IDENTITY)
    assert record is not None
    assert record.result == DONE.model_copy(update={"arrays_sha256": record.result.arrays_sha256})
    assert (record.identity, record.description) == (IDENTITY, DESCRIPTION)
    assert record.provenance == {"machine": "here"}
    assert heard == []


def test_arrays_come_back_bit_for_bit(store) -> None:
    put(store)
    arrays = store.arrays(store.get(IDENTITY))
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_a_cell_without_arrays_has_none(store) -> None:
    put(store, arrays=None)
    assert store.arrays(store.get(IDENTITY)) is None


def test_a_missing_cell_is_none(store) -> None:
    assert store.get(IDENTITY) is None
    assert files(store) == {}


def test_a_cell_is_one_json_file_under_the_first_two_digits_of_its_identity(store) -> None:
    put(store, arrays=None)
    (path,) = (p for p in store.root.rglob("*") if p.is_file())
    assert path == store.root / "cells" / IDENTITY[:2] / f"{IDENTITY}.json"
    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)  # no NaN, no Infinity
    assert content["format"] == 1
    assert verified(path.read_bytes()) == store.get(IDENTITY)


def test_folders_merge_by_copying(store, tmp_path) -> None:
    put(store)
    other = Store(tmp_path / "elsewhere")
    for path in (store.path(IDENTITY), weights_file(store)):
        to = other.root / path.relative_to(store.root)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())
    assert other.get(IDENTITY) == store.get(IDENTITY)
    assert other.arrays(other.get(IDENTITY)) is not None


def test_provenance_is_not_compared(store, tmp_path) -> None:
    other = Store(tmp_path / "elsewhere")
    assert put(store, time="now").checksum == put(other, time="then").checksum


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_not_stored(value) -> None:
    with pytest.raises(ValidationError):
        Scores(loss=value)


def test_a_cell_of_earlier_numerics_is_read(store) -> None:
    """Its identity is the digest of its description, and its checksum does not cover `scores_before`."""
    description = {"numerics": 2, "seed": 1, "history": [{"training": {"max_updates": 10}}]}
    result = Result(status="done", updates=3, before={"a": Scores(loss=0.5)}, after={"a": Scores(loss=0.1)})
    content = result.model_dump(mode="json")
    del content["scores_before"]
    record = {"format": 1, "identity": digest(description), "description": description, "result": content}
    record["checksum"] = digest({"description": description, "result": content})
    assert verified(json.dumps(record).encode(), digest(description)).result == result
    put_again = store.put(digest(description), description, result, {})
    assert (put_again.checksum, store.get(digest(description)).result) == (record["checksum"], result)


# --- which cells are replaced


def test_a_finished_cell_is_not_replaced(store) -> None:
    put(store, time="first")
    before = files(store)
    put(store, time="second")
    put(store, FAILED, arrays=None)
    put(store, DONE.model_copy(update={"updates": 4}), {"weights.w_rec": np.ones(3)})
    assert before.items() <= files(store).items()
    np.testing.assert_array_equal(store.arrays(store.get(IDENTITY))["memory.n"], ARRAYS["memory.n"])


def test_a_finished_cell_without_its_arrays_gets_them_only_from_the_same_network(store) -> None:
    put(store)
    weights_file(store).unlink()
    before = files(store)
    other = DONE.model_copy(update={"after": DONE.after | {"a": Scores(loss=2e-300)}})
    for result in (other, DONE.model_copy(update={"updates": 4}), FAILED):
        with pytest.raises(AnotherNetwork, match=r"g = 0\.5, seed 1: its weights are missing") as caught:
            put(store, result)
        assert len(str(caught.value).splitlines()) == 1
        assert files(store) == before
    put(store)
    assert store.arrays(store.get(IDENTITY)) is not None


def test_a_finished_cell_gets_the_scores_on_one_more_task_only_from_the_same_network(store) -> None:
    """The task could not be evaluated before."""
    put(store)
    more = DONE.model_copy(update={"after": DONE.after | {"c": Scores(loss=0.5)}})
    with pytest.raises(AnotherNetwork, match="its scores on a task are missing"):
        put(store, more.model_copy(update={"updates": 4}))
    put(store, more)
    assert store.get(IDENTITY).result.after == more.after


def test_put_returns_what_the_store_holds(store) -> None:
    put(store)
    assert put(store, FAILED, arrays=None) == store.get(IDENTITY)


def test_a_failed_cell_is_replaced(store) -> None:
    put(store, FAILED, arrays=None)
    assert store.get(IDENTITY).result == FAILED
    put(store)
    assert store.get(IDENTITY).result.status == "done"
    assert store.arrays(store.get(IDENTITY)) is not None


def test_arrays_without_a_record_are_replaced(store) -> None:
    """A power cut between the two files leaves arrays that belong to no cell."""
    put(store, arrays={"weights.w_rec": np.ones(3)})
    store.path(IDENTITY).unlink()
    assert store.get(IDENTITY) is None
    put(store)
    np.testing.assert_array_equal(store.arrays(store.get(IDENTITY))["memory.n"], ARRAYS["memory.n"])


def test_arrays_beside_a_failed_cell_are_replaced(store) -> None:
    put(store, arrays={"weights.w_rec": np.ones(3)})
    store.path(IDENTITY).unlink()
    put(store, FAILED, arrays=None)
    put(store)
    assert store.arrays(store.get(IDENTITY)) is not None


# --- interruptions and several processes


@pytest.mark.parametrize("name", [".abc123.partial", f".{IDENTITY}.partial", f"{IDENTITY}.json.damaged"])
def test_leftovers_of_an_interruption_are_harmless(store, heard, name) -> None:
    folder = store.path(IDENTITY).parent
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b'{"format": 1,')
    assert store.get(IDENTITY) is None
    put(store)
    assert store.get(IDENTITY).result.status == "done"
    assert store.arrays(store.get(IDENTITY)) is not None
    assert heard == []


@pytest.mark.parametrize("step", ["fsync", "chmod", "link"])
def test_an_interruption_at_any_step_leaves_nothing_half_written(store, monkeypatch, step) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files_module.os, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(store, arrays=None)
    monkeypatch.undo()
    assert files(store) == {}
    put(store, arrays=None)
    assert store.get(IDENTITY) is not None


def test_a_full_disk_is_a_store_error_of_one_line(store, monkeypatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files_module.os, "fsync", full)
    with pytest.raises(StoreError, match=r"^\S+: cannot be written: No space left on device$"):
        put(store)
    assert files(store) == {}


def test_without_hard_links_cells_are_written_all_the_same(store, monkeypatch) -> None:
    def unsupported(*args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files_module.os, "link", unsupported)
    put(store)
    assert store.get(IDENTITY) is not None
    assert set(files(store)) == {store.path(IDENTITY).name, weights_file(store).name}


N_PROCESSES, N_CELLS = 4, 25


def _put_many(root: Path, barrier: Any, worker: int) -> None:
    here = Store(root)
    for n in range(N_CELLS):
        description = described(seed=n)
        arrays = {"weights.w_rec": np.full((50, 50), n, np.float32)}
        barrier.wait()
        here.put(identity_of(description), description, DONE, {"worker": worker}, arrays)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="starts processes by fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_same_cell_put_by_several_processes_at_once_is_one_complete_file(store, heard) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(N_PROCESSES)
    workers = [context.Process(target=_put_many, args=(store.root, barrier, w)) for w in range(N_PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * N_PROCESSES
    identities = [identity_of(described(seed=n)) for n in range(N_CELLS)]
    # There is only a record and its weights for each cell, no second version and no temporary file.
    assert sorted(name.split(".")[0] + Path(name).suffix for name in files(store)) == sorted(
        f"{identity}.{suffix}" for identity in identities for suffix in ("json", "safetensors")
    )
    for n, identity in enumerate(identities):
        np.testing.assert_array_equal(store.arrays(store.get(identity))["weights.w_rec"], np.float32(n))
    assert heard == []


# --- the file system


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(store, umask, mode) -> None:
    before = os.umask(umask)
    try:
        put(store)
        write_text(store.root / "table.csv", "a\n")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    found = {stat.S_IMODE(p.stat().st_mode) for p in store.root.rglob("*") if p.is_file()}
    assert found == {mode}


def test_a_cells_folder_that_is_a_link_to_another_place_works(store, tmp_path) -> None:
    (tmp_path / "big disk").mkdir()
    store.root.mkdir()
    (store.root / "cells").symlink_to(tmp_path / "big disk")
    put(store)
    assert store.get(IDENTITY) is not None
    assert store.arrays(store.get(IDENTITY)) is not None


def _file_for_folder(root: Path) -> Path:
    root.mkdir()
    (root / "cells").write_text("")
    return root


def _link_to_nowhere(root: Path) -> Path:
    root.mkdir()
    (root / "cells").symlink_to(root / "nowhere")
    return root


def _unwritable(root: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root can write to every folder")
    root.mkdir(mode=0o500)
    return root


def _no_real_file_system(root: Path) -> Path:
    if not Path("/proc/self").is_dir():
        pytest.skip("there is no /proc")
    return Path("/proc/rnnbench")  # not even root can create a folder here


PLACES = [_file_for_folder, _link_to_nowhere, _unwritable, _no_real_file_system]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__.strip("_"))
def test_a_place_that_cannot_be_written_is_a_store_error_of_one_line(tmp_path, place) -> None:
    root = place(tmp_path / "results")
    for write in (lambda: put(Store(root)), lambda: write_text(root / "cells" / "table.csv", "a")):
        with pytest.raises(StoreError) as caught:
            write()
        assert str(root) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__.strip("_"))
def test_a_place_that_cannot_be_read_is_empty_or_a_store_error_of_one_line(tmp_path, place) -> None:
    root = place(tmp_path / "results")
    try:
        assert Store(root).get(IDENTITY) is None
    except StoreError as error:
        assert str(root) in str(error)
        assert len(str(error).splitlines()) == 1


SOURCES = sorted(
    p
    for folder in (Path(rnnbench.__file__).parent, Path(__file__).parents[2] / "plugins")
    for p in folder.rglob("*.py")
)


def test_nothing_is_pickled() -> None:
    """Opening a results folder must not run code from it."""
    assert len(SOURCES) > 20
    pickling = re.compile(r"pickle|torch\.(load|save)|np\.(load|save)\b|joblib|shelve|marshal|dill")
    assert [p for p in SOURCES if pickling.search(p.read_text(encoding="utf-8"))] == []


def test_a_scalar_array_comes_back_without_axes(tmp_path):
    """The memory of a rule may be one number for each network: its array has no axis and must not gain one."""
    store = Store(tmp_path)
    arrays = {"memory.count": np.array(3.0), "weights.w": np.asfortranarray(np.arange(6.0).reshape(2, 3))}
    record = store.put(IDENTITY, DESCRIPTION, Result(status="done"), {}, arrays)
    again = store.arrays(record)
    assert again["memory.count"].shape == () and again["memory.count"] == 3
    np.testing.assert_array_equal(again["weights.w"], arrays["weights.w"])
