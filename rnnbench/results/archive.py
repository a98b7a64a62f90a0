"""Exported results: a zip of a results folder, the same bytes from the same folder, read with suspicion.

An archive holds the files of a results folder under their own names and nothing else, and a manifest with the
SHA-256 of each, in the format of `sha256sum`. Whoever reads one trusts neither its names nor its sizes: only names
that a results folder can have are accepted, so nothing can be written elsewhere, and no more is unpacked than was
declared and is reasonable.
"""

from __future__ import annotations

import hashlib
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.messages import one_line

MANIFEST = "manifest-sha256.txt"
CRATE = "ro-crate-metadata.json"

CELL = re.compile(r"cells/([0-9a-f]{2})/(\1[0-9a-f]{62})\.json")
WEIGHTS = re.compile(r"cells/([0-9a-f]{2})/\1[0-9a-f]{62}\.[0-9a-f]{16}\.safetensors")
TABLE = re.compile(r"[a-z][a-z_]{0,40}\.(csv|parquet|md)|benchmark\.json|ro-crate-metadata\.json")
FIGURE = re.compile(r"figures/[A-Za-z0-9][A-Za-z0-9_.-]{0,150}\.png|trade_off\.png")
PARTS = (CELL, WEIGHTS, TABLE, FIGURE)
"""What a results folder can hold; no other name enters or leaves an archive."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the earliest that a zip can tell, so that none is told."""

MOST_FILES = 1_000_000
MOST_BYTES = 64 * 2**30
SMALL = 32 * 2**20
MOST_EXPANSION = 100
"""A member larger than SMALL that expands more than this is no table and no record: those expand about tenfold."""


def belongs(name: str) -> bool:
    """Whether a results folder can hold a file of this name."""
    return any(part.fullmatch(name) for part in PARTS)


def write_archive(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files and their manifest as one zip: the same names and contents give the same bytes."""
    lines = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            archive.writestr(_member(name), content)
        archive.writestr(_member(MANIFEST), "".join(lines))


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, EPOCH)
    member.create_system = 3  # a Unix, whatever writes it
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


class Archive:
    """An archive whose names, kinds and sizes have been checked; contents are checked as they are read."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError where `path` is not a whole zip, or holds what results do not."""
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise StoreError(
                f"{path}: not a whole zip file ({_reason(error)}); was it cut, or is it a folder?"
            ) from None
        try:
            members = [m for m in self._zip.infolist() if not m.filename.endswith("/")]
            self._check_names(members)
            self._check_sizes(members)
            self._members = {m.filename: m for m in members}
            self._sums = self._manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *raised: object) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Every file but the manifest, in the archive's order."""
        return list(self._sums)

    def read(self, name: str) -> bytes:
        """The content of a file. Raises StoreError where it is not what the manifest says."""
        content = self._content(name)
        if hashlib.sha256(content).hexdigest() != self._sums[name]:
            raise StoreError(f"{self.path}: {name}: its checksum is not the manifest's; it was changed or damaged")
        return content

    def unpack(self, names: Iterable[str], folder: Path, tell: Callable[[str], Any] = lambda name: None) -> None:
        """Write files of the archive under `folder`, which must be new: nothing there is replaced."""
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                file.write(self.read(name))
            tell(name)

    def _content(self, name: str) -> bytes:
        try:
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise StoreError(f"{self.path}: {name}: cannot be unpacked ({_reason(error)})") from None

    def _check_names(self, members: list[zipfile.ZipInfo]) -> None:
        if len(members) > MOST_FILES:
            raise StoreError(f"{self.path}: {len(members):,} files; results have at most {MOST_FILES:,}")
        seen: set[str] = set()
        for member in members:
            name = member.filename
            if not (belongs(name) or name == MANIFEST):
                raise StoreError(f"{self.path}: holds {name[:120]!r}, which is no part of results")
            if name.lower() in seen:
                raise StoreError(f"{self.path}: holds {name!r} twice")
            seen.add(name.lower())
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise StoreError(f"{self.path}: {name}: is a link or a device, not a file")
            if member.flag_bits & 0x1:
                raise StoreError(f"{self.path}: {name}: is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise StoreError(f"{self.path}: {name}: is compressed by other means than deflate")

    def _check_sizes(self, members: list[zipfile.ZipInfo]) -> None:
        for m in members:
            if m.file_size > max(SMALL, MOST_EXPANSION * m.compress_size):
                raise StoreError(f"{self.path}: {m.filename}: would expand to {m.file_size:,} bytes; no results do")
        if sum(m.file_size for m in members) > MOST_BYTES:
            raise StoreError(f"{self.path}: would expand to more than {MOST_BYTES // 2**30} GiB")
        if sum(m.compress_size for m in members) > self.path.stat().st_size:  # members that share their bytes
            raise StoreError(f"{self.path}: its members are larger than itself")

    def _manifest(self) -> dict[str, str]:
        if MANIFEST not in self._members:
            raise StoreError(f"{self.path}: has no {MANIFEST}; was it made by `rnnbench export`?")
        try:
            text = self._content(MANIFEST).decode("utf-8")
        except UnicodeDecodeError:
            raise StoreError(f"{self.path}: {MANIFEST}: is not text") from None
        sums: dict[str, str] = {}
        for place, line in enumerate(text.splitlines(), start=1):
            found = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
            if found is None or found[2] in sums:
                raise StoreError(f"{self.path}: {MANIFEST}: line {place} is not a checksum and a name of its own")
            sums[found[2]] = found[1]
        inside = self._members.keys() - {MANIFEST}
        if missing := sorted(sums.keys() - inside):
            raise StoreError(f"{self.path}: {missing[0][:120]!r} is in the manifest and not in the archive")
        if beyond := sorted(inside - sums.keys()):
            raise StoreError(f"{self.path}: {beyond[0]!r} is in the archive and not in its manifest")
        return sums


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A results folder to read from: `path` itself, or, where it is an archive, its tables unpacked for the while.

    Errors raised meanwhile name the archive, not the folder it was unpacked to.
    """
    if path.is_dir() or not path.exists():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as temporary, Archive(path) as archive:
        folder = Path(temporary) / "results"
        folder.mkdir()
        archive.unpack((name for name in archive.names if TABLE.fullmatch(name)), folder)
        try:
            yield folder
        except RnnbenchError as error:
            raise type(error)(str(error).replace(f"{folder}/", f"{path}: ").replace(str(folder), str(path))) from None


def _reason(error: BaseException) -> str:
    return one_line(error, 160) or type(error).__name__
