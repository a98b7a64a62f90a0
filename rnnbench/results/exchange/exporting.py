"""A results folder written as one file that can be sent: redacted, described, with checksums, always the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rnnbench.errors import StoreError
from rnnbench.results.archive import CELL, CRATE, MANIFEST, WEIGHTS, belongs, write_archive
from rnnbench.results.document import document_of
from rnnbench.results.exchange.redaction import Redaction
from rnnbench.results.exchange.ro_crate import Citation, crate, terms_of
from rnnbench.results.reading import load_results
from rnnbench.results.store import write_with

OWN = ("benchmark.json", CRATE, MANIFEST)
"""Files that are made anew for every archive."""


def export_results(
    folder: Path,
    archive: Path,
    citation: Citation,
    redaction: Redaction | None = None,
    weights: bool = False,
    replace: bool = False,
    tell: Callable[[int, int], Any] = lambda done, total: None,
) -> list[str]:
    """Write the results in `folder` to `archive`; the names of the files in it.

    redaction  what is told beyond the numbers; nothing by default
    weights    with the weights that later stages start from, as safetensors
    tell       called with how many files of how many are written

    Raises StoreError where the folder holds no finished run, a file that is damaged or a link, or where `archive` is
    there already; RnnbenchError for a licence or a creator that cannot be read.
    """
    redaction = redaction or Redaction()
    if archive.exists() and (archive.is_dir() or not replace):
        raise StoreError(f"{archive}: is there already; give another name, or --force to replace it")
    load_results(folder)  # a folder that cannot be read is not sent
    document = redaction.document(document_of(folder / "benchmark.json"))
    names = _names(folder, weights)
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
            tell(done + 1, total)

    write_with(archive, lambda path: write_archive(path, files()))
    return [*sorted(contents), *cells]


def _completed(citation: Citation, folder: Path) -> Citation:
    """Results that came from elsewhere go on under the terms they came with, unless others are given."""
    try:
        licence, creators = terms_of((folder / CRATE).read_bytes())
    except OSError:
        return citation
    return Citation(citation.published, citation.licence or licence, citation.creators or creators)


def _names(folder: Path, weights: bool) -> list[str]:
    """The files that belong to the results, sorted. Raises StoreError for a link among them."""
    found = []
    for path in sorted([*folder.glob("*.*"), *folder.glob("figures/*.png"), *folder.glob("cells/??/*")]):
        name = path.relative_to(folder).as_posix()
        if name in OWN or not belongs(name) or (WEIGHTS.fullmatch(name) and not weights):
            continue
        if path.is_symlink() or not path.is_file():
            raise StoreError(f"{path}: is a link or no file; only files are sent")
        found.append(name)
    return found


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
        raise StoreError(f"{path}: {error}; run the benchmark again to have it computed anew") from None
