"""Archives of exported results: reproducible zip files, which are checked when they are read.

An archive holds the files of a results folder under their own names and a manifest with the SHA-256 of each, in the
format of `sha256sum`. The same folder always gives the same bytes. A reader does not trust the archive: only names
that a results folder can have are accepted, so nothing can be written elsewhere, and files larger than declared or
larger than plausible are refused.
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
"""Patterns of the file names that a results folder can hold; archives contain no other names."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Modification time of every member: the earliest that a zip can store, so that no real time is revealed."""

MOST_FILES = 1_000_000
MOST_BYTES = 64 * 2**30
SMALL = 32 * 2**20
MOST_EXPANSION = 100
"""Largest allowed ratio of expanded to compressed size for members above SMALL bytes; tables expand about tenfold."""


def belongs(name: str) -> bool:
    """Return whether a results folder can hold a file of this name."""
    return any(part.fullmatch(name) for part in PARTS)


def write_archive(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files and their manifest as one zip file; the same names and contents give the same bytes.

    Args:
        path: where the archive is written.
        files: name and content of each file.
    """
    lines = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
            archive.writestr(_member(name), content)
        archive.writestr(_member(MANIFEST), "".join(lines))


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, EPOCH)
    member.create_system = 3  # Unix, on every system, so that the bytes are the same
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


class Archive:
    """An archive opened for reading: names, file types and sizes are checked at once, contents as they are read.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        """Open an archive.

        Raises:
            StoreError: `path` is not a complete zip file, or it holds files that do not belong to results.
        """
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise StoreError(
                f"{path}: not a complete zip file ({_reason(error)}); is it truncated, or is it a folder?"
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
        """The names of all files except the manifest, in the order of the manifest."""
        return list(self._sums)

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            StoreError: the file cannot be unpacked, or its checksum differs from the manifest's.
        """
        content = self._content(name)
        if hashlib.sha256(content).hexdigest() != self._sums[name]:
            raise StoreError(
                f"{self.path}: {name}: its checksum differs from the manifest's; the file was changed or damaged"
            )
        return content

    def unpack(self, names: Iterable[str], folder: Path, on_file: Callable[[str], Any] = lambda name: None) -> None:
        """Write files of the archive under `folder`.

        Args:
            names: the files to write.
            folder: where they are written; no file may be there already.
            on_file: called with the name of each file that was written.

        Raises:
            StoreError: a file cannot be unpacked, or its checksum differs from the manifest's.
            FileExistsError: a file is there already.
        """
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                file.write(self.read(name))
            on_file(name)

    def _content(self, name: str) -> bytes:
        try:
            return self._zip.read(self._members[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise StoreError(f"{self.path}: {name}: cannot be unpacked ({_reason(error)})") from None

    def _check_names(self, members: list[zipfile.ZipInfo]) -> None:
        if len(members) > MOST_FILES:
            raise StoreError(f"{self.path}: contains {len(members):,} files; results have at most {MOST_FILES:,}")
        seen: set[str] = set()
        for member in members:
            name = member.filename
            if not (belongs(name) or name == MANIFEST):
                raise StoreError(f"{self.path}: contains {name[:120]!r}, which is not a file of results")
            if name.lower() in seen:
                raise StoreError(f"{self.path}: contains {name!r} twice")
            seen.add(name.lower())
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise StoreError(f"{self.path}: {name}: is a link or a device, not a file")
            if member.flag_bits & 0x1:
                raise StoreError(f"{self.path}: {name}: is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise StoreError(f"{self.path}: {name}: its compression is not supported; archives use deflate")

    def _check_sizes(self, members: list[zipfile.ZipInfo]) -> None:
        for m in members:
            if m.file_size > max(SMALL, MOST_EXPANSION * m.compress_size):
                raise StoreError(
                    f"{self.path}: {m.filename}: would expand to {m.file_size:,} bytes, which is not plausible"
                )
        if sum(m.file_size for m in members) > MOST_BYTES:
            raise StoreError(f"{self.path}: would expand to more than {MOST_BYTES // 2**30} GiB")
        if sum(m.compress_size for m in members) > self.path.stat().st_size:  # overlapping members
            raise StoreError(f"{self.path}: its members together are larger than the file")

    def _manifest(self) -> dict[str, str]:
        if MANIFEST not in self._members:
            raise StoreError(f"{self.path}: has no {MANIFEST}; was it made by `rnnbench export`?")
        try:
            text = self._content(MANIFEST).decode("utf-8")
        except UnicodeDecodeError:
            raise StoreError(f"{self.path}: {MANIFEST}: is not text") from None
        sums: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            found = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
            if found is None or found[2] in sums:
                raise StoreError(f"{self.path}: {MANIFEST}: line {number} is not a checksum and a unique name")
            sums[found[2]] = found[1]
        inside = self._members.keys() - {MANIFEST}
        if missing := sorted(sums.keys() - inside):
            raise StoreError(f"{self.path}: {missing[0][:120]!r} is in the manifest but not in the archive")
        if unlisted := sorted(inside - sums.keys()):
            raise StoreError(f"{self.path}: {unlisted[0]!r} is in the archive but not in its manifest")
        return sums


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Provide the results at `path` as a folder; the tables of an archive are unpacked to a temporary one.

    Errors raised in the block name the archive instead of the temporary folder.

    Args:
        path: a results folder or an archive.

    Yields:
        The folder to read from.

    Raises:
        StoreError: the archive is damaged or is not an archive of results.
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
