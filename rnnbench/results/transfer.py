"""Cells as bytes, to send them to and from workers that do not share the results folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from rnnbench.errors import AnotherNetwork, StoreError
from rnnbench.results.records import verified
from rnnbench.results.store import Store

Parcel = dict[str, tuple[bytes, bytes | None]]
"""By identity: the contents of a cell's JSON file and of its safetensors file, None if it has no arrays."""


def packed(folder: Path, identities: Iterable[str]) -> Parcel:
    """Read cells from a results folder.

    Args:
        folder: the results folder.
        identities: the cells to read; those that are missing or damaged are left out, and so are damaged arrays.

    Raises:
        StoreError: a file cannot be read.
    """
    store = Store(folder)
    parcel: Parcel = {}
    for identity in identities:
        if (record := store.get(identity)) is None:
            continue
        sha256 = record.result.arrays_sha256
        arrays = None if sha256 is None else store.arrays_path(identity, sha256)
        content = store.path(identity).read_bytes()
        parcel[identity] = (content, arrays.read_bytes() if arrays and store.has_arrays(record) else None)
    return parcel


def unpacked(folder: Path, parcel: Mapping[str, tuple[bytes, bytes | None]]) -> tuple[tuple[str, str], ...]:
    """Store the cells of a parcel in a results folder, all but those that `Store.put` refuses.

    Args:
        folder: the results folder.
        parcel: the cells.

    Returns:
        Identity and status (done or failed) of each cell, as it is in the store afterwards.

    Raises:
        AnotherNetwork: a network that was trained again differs from the stored one; the others are stored.
        StoreError: a record or its arrays are damaged, or a file cannot be written.
    """
    store = Store(folder)
    statuses = []
    others: list[AnotherNetwork] = []
    for identity, (content, received) in parcel.items():
        record = verified(content, identity)
        if received is not None and hashlib.sha256(received).hexdigest() != record.result.arrays_sha256:
            raise StoreError(f"{identity}: the checksum of its arrays differs from the record's")
        try:
            arrays = None if received is None else dict(load_arrays(received))
        except SafetensorError as error:
            raise StoreError(f"{identity}: {error}") from None
        try:
            kept = store.put(identity, record.description, record.result, record.provenance, arrays)
        except AnotherNetwork as error:
            others.append(error)
            continue
        statuses.append((identity, kept.result.status))
    if others:
        raise others[0]
    return tuple(statuses)
