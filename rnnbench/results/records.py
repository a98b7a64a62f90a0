"""The record of a cell: its description, its result, a checksum of both, and where it was computed."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from rnnbench.benchmark.cells import identity_of
from rnnbench.benchmark.schema import Model, digest
from rnnbench.errors import StoreError

Arrays = dict[str, np.ndarray]

WEIGHT, MEMORY, TRACKED, STATE = "weights.", "memory.", "tracked.", "state."
"""Prefixes of array names in a safetensors file: weights, memory of the learning rule, weights at every evaluation, and
the state of the rule if the budget was spent before the criterion was met."""


class Scores(Model):
    """Loss, loss over the task's own outputs only, and accuracy of one evaluation; None if undefined or not finite."""

    loss: float | None
    own_loss: float | None = None
    accuracy: float | None = None


class Curve(Model):
    """Losses and accuracies during the training of the last stage, on every task of the history."""

    updates: list[int]
    loss: dict[str, list[float | None]]
    accuracy: dict[str, list[float | None]]


class Failure(Model):
    """Why a cell has no result."""

    kind: Literal["diverged", "error", "parent"] = Field(
        description="diverged: the loss is not finite; error: a plugin raised an error; parent: an earlier stage failed"
    )
    message: str


class Result(Model):
    """The result of a cell, which is determined by its description."""

    status: Literal["done", "failed"]
    failure: Failure | None = None
    converged: bool | None = Field(None, description="whether the criterion was met within the budget of updates")
    updates: int | None = Field(None, description="number of updates in the last stage")
    before: dict[str, Scores] = Field(
        {},
        description="scores on every task before any training; only in the first stages of cells of numerics 1 and 2",
    )
    scores_before: tuple[Scores, ...] = Field(
        (), description="scores on the task of the last stage: before any training, and after each earlier stage"
    )
    after: dict[str, Scores] = Field({}, description="scores on each task of the history at the end of the last stage")
    curve: Curve | None = None
    arrays_sha256: str | None = Field(None, description="SHA-256 of the safetensors file")


class Record(Model):
    """Content of a cell's file: description, result, the checksum of both, and provenance."""

    format: Literal[1] = 1
    identity: str
    description: dict[str, Any]
    result: Result
    checksum: str
    provenance: dict[str, Any] = Field(
        {}, description="where and when the cell was computed; not used when results are compared"
    )


def verified(content: bytes, identity: str | None = None) -> Record:
    """Read a record from the bytes of its file and verify it.

    Args:
        content: the bytes of the file.
        identity: the identity that the record must have; None accepts any.

    Raises:
        StoreError: the content is not a record, or its checksum or identity does not match.
    """
    try:
        record = Record.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StoreError(f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg'][:200]}") from None
    try:
        checksum, own = _checksum(record.description, record.result), identity_of(record.description)
    except (ValueError, RecursionError):  # NaN or infinity in the description, or a field of it is missing
        raise StoreError("its description is not that of a cell") from None
    if record.checksum != checksum:
        raise StoreError("its checksum does not match its content")
    if record.identity != own or identity not in (None, record.identity):
        raise StoreError("its identity does not match its description")
    return record


def split(arrays: Arrays, prefix: str) -> Arrays:
    """Return the arrays whose names have a prefix, by their names without it."""
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def sealed(identity: str, description: dict[str, Any], result: Result, provenance: dict[str, Any]) -> Record:
    """Return a record with its checksum computed."""
    checksum = _checksum(description, result)
    return Record(identity=identity, description=description, result=result, checksum=checksum, provenance=provenance)


def record_bytes(record: Record) -> bytes:
    """Return the content of a record's file."""
    return json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False).encode()


def _checksum(description: dict[str, Any], result: Result) -> str:
    content = result.model_dump(mode="json")
    if not result.scores_before:  # a record of earlier numerics does not have this field
        del content["scores_before"]
    return digest({"description": description, "result": content})
