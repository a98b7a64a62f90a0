"""Small cells for tests of the store, and ways to find their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.benchmark.cells import identity_of
from rnnbench.results.records import Curve, Failure, Result, Scores
from rnnbench.results.store import Store


def described(**other: Any) -> dict[str, Any]:
    """Return as much of the description of a cell as its identity and its name need."""
    return {"numerics": 3, "history": [{"task": "a", "training": {"max_updates": 10}}], **other}


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


def put(store: Store, result: Result = DONE, arrays: Any = ARRAYS, **provenance: Any) -> Any:
    return store.put(IDENTITY, DESCRIPTION, result, provenance, arrays)


def weights_file(store: Store, identity: str = IDENTITY) -> Path:
    record = store.get(identity)
    assert record is not None and record.result.arrays_sha256 is not None
    return store.arrays_path(identity, record.result.arrays_sha256)


def files(store: Store) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in store.root.rglob("*") if p.is_file()}
