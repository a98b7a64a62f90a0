"""Cells as bytes, for workers that do not share the results folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from rnnbench.errors import StoreError
from rnnbench.results.store import Store, verified

Parcel = dict[str, tuple[bytes, bytes | None]]
"""By identity: a cell's record, and its arrays where it has any, as their files hold them."""


def packed(folder: Path, identities: Iterable[str]) -> Parcel:
    """Those of some cells that are in a results folder."""
    store = Store(folder)
    parcel: Parcel = {}
    for identity in identities:
        if (record := store.get(identity)) is None:
            continue
        sha256 = record.result.arrays_sha256
        arrays = None if sha256 is None else store.arrays_path(identity, sha256)
        there = arrays is not None and arrays.exists()
        parcel[identity] = (store.path(identity).read_bytes(), arrays.read_bytes() if arrays and there else None)
    return parcel


def unpacked(folder: Path, parcel: Mapping[str, tuple[bytes, bytes | None]]) -> tuple[tuple[str, str], ...]:
    """Put the cells of a parcel into a results folder; (identity, done or failed) of each.

    Raises StoreError for a record or arrays that are not whole.
    """
    store = Store(folder)
    ends = []
    for identity, (content, sent) in parcel.items():
        record = verified(content, identity)
        if sent is not None and hashlib.sha256(sent).hexdigest() != record.result.arrays_sha256:
            raise StoreError(f"{identity}: its arrays do not fit its record")
        try:
            arrays = None if sent is None else dict(load_arrays(sent))
        except SafetensorError as error:
            raise StoreError(f"{identity}: {error}") from None
        kept = store.put(identity, record.description, record.result, record.provenance, arrays)
        ends.append((identity, kept.result.status))
    return tuple(ends)
