"""A cell is on disk completely or not at all; damaged files are set aside, reported and computed again."""

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

import rnnbench
from rnnbench.benchmark.cells import identity_of
from rnnbench.benchmark.schema import digest
from rnnbench.errors import StoreError
from rnnbench.results import files as files_module
from rnnbench.results.files import write_text
from rnnbench.results.records import Curve, Failure, Result, Scores, verified
from rnnbench.results.store import Store


def described(**other: Any) -> dict[str, Any]:
    """Return as much of the description of a cell as its identity needs."""
    return {"numerics": 3, "history": [{"training": {"max_updates": 10}}], **other}


DESCRIPTION = described(seed=1, architecture={"plugin": "vanilla_rnn@1", "parameters": {"g": 0.5}})
IDENTITY = identity_of(DESCRIPTION)
DONE = Result(
    status="done",
    converged=True,
    updates=3,
    scores_before=(Scores(loss=0.1 + 0.2, accuracy=0.5), Scores(loss=None)),
    after={"a": Scores(loss=1e-300), "b": Scores(loss=None)},
    curve=Curve(updates=[0, 3], loss={"a": [0.3, None]}, accuracy={"a": [None, 0.75]}),
)
FAILED = Result(status="failed", failure=Failure(kind="error", message="broken"))
ARRAYS = {
    "weights.w_rec": np.arange(6, dtype=np.float32).reshape(2, 3),
    "weights.w_in": np.arange(6.0).reshape(2, 3).T,  # not contiguous
    "memory.n": np.array(3.5),
    "memory.none": np.zeros((0, 2), np.float32),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def heard(store: Store) -> list[str]:
    """The messages of the store about damaged files."""
    lines: list[str] = []
    store.on_damage = lines.append
    return lines


def put(store: Store, result: Result = DONE, arrays: Any = ARRAYS, **provenance: Any) -> Any:
    return store.put(IDENTITY, DESCRIPTION, result, provenance, arrays)


def weights_file(store: Store) -> Path:
    record = store.get(IDENTITY)
    return store.arrays_path(IDENTITY, record.result.arrays_sha256)


def arrays_path(store: Store, identity: str = IDENTITY) -> Path:
    record = store.get(identity)
    assert record is not None and record.result.arrays_sha256 is not None
    return store.arrays_path(identity, record.result.arrays_sha256)


def files(store: Store) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in store.root.rglob("*") if p.is_file()}


# --- writing and reading


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


# --- damage


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
