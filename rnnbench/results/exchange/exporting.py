"""Export of a results folder as one file to send: redacted, described, with checksums, and reproducible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from rnnbench.errors import StoreError
from rnnbench.results.archive import CELL, CRATE, MANIFEST, WEIGHTS, belongs, write_archive
from rnnbench.results.document import document_of
from rnnbench.results.exchange.redaction import Redaction
from rnnbench.results.exchange.ro_crate import Citation, crate, terms_of
from rnnbench.results.files import write_with
from rnnbench.results.reading import load_results
from rnnbench.results.store import Store

OWN = ("benchmark.json", CRATE, MANIFEST)
"""Files that are written anew for every archive."""


def export_results(
    folder: Path,
    archive: Path,
    citation: Citation,
    redaction: Redaction | None = None,
    weights: Literal["none", "first tasks", "all"] = "none",
    replace: bool = False,
    on_progress: Callable[[int, int], Any] = lambda done, total: None,
) -> list[str]:
    """Write the results in a folder to an archive.

    Args:
        folder: the results folder.
        archive: the file to write.
        citation: creators, licence and date; what it leaves out is taken from the results if they were imported.
        redaction: what is included beyond the numbers; by default neither times nor paths.
        weights: whose trained weights to include, as safetensors: none, those of networks after their first task, to
            which tasks can then be added, or all that are stored.
        replace: whether to replace an existing file.
        on_progress: called with the number of files written so far and their total.

    Returns:
        The names of the files in the archive, without the manifest.

    Raises:
        StoreError: the folder holds no finished run, none of the weights asked for, or a damaged file or a link; or
            `archive` exists already.
        RnnbenchError: the licence or a creator is not written as it should be.
    """
    redaction = redaction or Redaction()
    if archive.exists() and (archive.is_dir() or not replace):
        raise StoreError(f"{archive}: already exists; choose another name, or replace it with --force")
    load_results(folder)  # results that cannot be read are not exported
    document = redaction.document(document_of(folder / "benchmark.json"))
    names = [name for name in _names(folder) if not WEIGHTS.fullmatch(name) or _included(folder, name, weights)]
    if weights != "none":
        _check_weights(folder, names)
    described = [name for name in names if not (CELL.fullmatch(name) or WEIGHTS.fullmatch(name))]
    contents = {"benchmark.json": document} | {name: _content(folder, name, redaction) for name in described}
    sizes = {name: len(content) for name, content in contents.items()}
    contents[CRATE] = crate(json.loads(document), sizes, _completed(citation, folder))
    cells = [name for name in names if name not in contents]

    def files() -> Iterator[tuple[str, bytes]]:
        total = len(contents) + len(cells)
        yield from sorted(contents.items())
        for done, name in enumerate(cells, start=len(contents)):
            yield name, _content(folder, name, redaction)
            on_progress(done + 1, total)

    write_with(archive, lambda path: write_archive(path, files()))
    return [*sorted(contents), *cells]


def _completed(citation: Citation, folder: Path) -> Citation:
    """Fill in licence and creators from the metadata that imported results came with, where none are given."""
    try:
        licence, creators = terms_of((folder / CRATE).read_bytes())
    except OSError:
        return citation
    return Citation(citation.published, citation.licence or licence, citation.creators or creators)


def _included(folder: Path, name: str, weights: str) -> bool:
    """Whether a file of weights is included in the archive."""
    if weights != "first tasks":
        return weights == "all"
    record = Store(folder).peek(Path(name).name.partition(".")[0])
    return record is not None and len(record.description["history"]) == 1


def _check_weights(folder: Path, names: list[str]) -> None:
    """Raise StoreError if none of the files that will be in the archive are weights, though they were asked for."""
    if any(WEIGHTS.fullmatch(name) for name in names):
        return
    if any(CELL.fullmatch(name) for name in names):
        raise StoreError(f"{folder}: holds cells without their weights; export it without --weights")
    raise StoreError(f"{folder}: holds tables only, no cells and so no weights; export it without --weights")


def _names(folder: Path) -> list[str]:
    """Return the files that belong to the results, sorted; raise StoreError if one of them is a link."""
    names = []
    for path in sorted([*folder.glob("*.*"), *folder.glob("figures/*.png"), *folder.glob("cells/??/*")]):
        name = path.relative_to(folder).as_posix()
        if name in OWN or not belongs(name):
            continue
        if path.is_symlink() or not path.is_file():
            raise StoreError(f"{path}: is a link or not a file; only files are exported")
        names.append(name)
    return names


def _content(folder: Path, name: str, redaction: Redaction) -> bytes:
    path = folder / name
    try:
        content = path.read_bytes()
        if CELL.fullmatch(name):
            return redaction.record(content)
        return redaction.table(content) if name.endswith(".csv") else content
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StoreError(f"{path}: is not text") from None
    except StoreError as error:
        raise StoreError(f"{path}: {error}; run the benchmark again to compute it anew") from None
