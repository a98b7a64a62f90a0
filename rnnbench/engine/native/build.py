"""Compiles the kernel into the user's cache, once for each source, compiler and processor."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).with_name("rate_rnn.cpp")
"""The C++ source."""
COMPILERS = ("c++", "g++", "clang++")
"""Compilers that are tried in this order unless CXX names one."""
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
"""These flags keep the order of summation and the meaning of NaN and infinities. They relax only errno, floating-point
exceptions and the contraction of products and sums (FMA)."""
LONGEST = 120
"""Longest time that a compiler may take (s)."""


class CannotBuild(Exception):
    """The kernel cannot be compiled on this machine; the message says why in a few words."""


def built() -> Path:
    """The compiled kernel, which is compiled now unless the cache holds it intact.

    Returns:
        Path of the shared library.

    Raises:
        CannotBuild: there is no compiler, it fails, or the cache cannot be used.
    """
    compiler = _compiler()
    library = _cache() / f"rate_rnn-{_key(compiler)}.so"
    try:
        if library.exists():
            _refuse_others(library)
            if _is_intact(library):
                return library
        library.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            new = Path(folder) / library.name
            compile_to(new, compiler)
            new.chmod(0o700)
            checksum = _checksum(new)
            checksum.write_text(_sha256(new))
            # Several processes may compile at once; each puts a complete file there. A compiler's output may differ
            # between calls, so that checksum and library may not match. The next process then compiles again.
            os.replace(checksum, _checksum(library))
            os.replace(new, library)
    except OSError as error:
        raise CannotBuild(f"the cache cannot be written: {error.strerror}") from None
    return library


def _checksum(library: Path) -> Path:
    return library.with_suffix(".sha256")


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _is_intact(library: Path) -> bool:
    """Whether the library has the stored checksum. Loading one that a full disk has cut off would kill the process."""
    checksum = _checksum(library)
    return library.is_file() and checksum.is_file() and checksum.read_text(errors="replace") == _sha256(library)


def _refuse_others(library: Path) -> None:
    """Raise CannotBuild if somebody else could have written the library, since its code is about to be run."""
    stat = library.stat()
    own = not hasattr(os, "getuid") or stat.st_uid in (os.getuid(), 0)
    if not own or stat.st_mode & 0o022:
        raise CannotBuild("the cached library could have been written by others")


def compile_to(library: Path, compiler: Sequence[str], flags: tuple[str, ...] = FLAGS) -> None:
    """Compile the kernel into a shared library.

    Args:
        library: path to write to.
        compiler: the compiler's program and its arguments.
        flags: further arguments.

    Raises:
        CannotBuild: the compiler fails; the message has its first error.
    """
    command = [*compiler, *flags, "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    name = Path(compiler[0]).name
    try:
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{name} cannot be run ({type(error).__name__})") from None
    if process.returncode:
        complaint = next((line for line in process.stderr.splitlines() if "error" in line), "no reason given")
        raise CannotBuild(f"{name} fails: {complaint.rpartition('error: ')[2][:120]}")
    if not library.is_file():
        raise CannotBuild(f"{name} makes no library, and does not say why")


def _compiler() -> list[str]:
    """The compiler and its arguments: $CXX, or the first of COMPILERS that is installed."""
    if chosen := os.environ.get("CXX", "").strip():
        try:
            program, *arguments = shlex.split(chosen)
        except ValueError:
            raise CannotBuild(f"CXX cannot be read: {chosen[:80]}") from None
        if found := shutil.which(program):
            return [found, *arguments]
        raise CannotBuild(f"CXX names no program: {program[:80]}")
    for name in COMPILERS:
        if found := shutil.which(name):
            return [found]
    raise CannotBuild("no C++ compiler is found")


def _cache() -> Path:
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        raise CannotBuild("there is no home folder to keep it in; XDG_CACHE_HOME can name another") from None
    return Path(home) / "rnnbench"


def _key(compiler: Sequence[str]) -> str:
    """Hash of everything that the library depends on, since different machines may share a home folder."""
    try:
        version = subprocess.run([*compiler, "--version"], capture_output=True, timeout=LONGEST).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{Path(compiler[0]).name} cannot be run ({type(error).__name__})") from None
    parts = (SOURCE.read_bytes(), " ".join(FLAGS).encode(), " ".join(compiler).encode(), version, _processor())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


def _processor() -> bytes:
    """Model and features of the processor, as far as the system reports them."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
        features = {line for line in lines if line.startswith((b"flags", b"Features", b"model name"))}
    except OSError:
        features = {platform.processor().encode()}
    return b"\n".join((platform.machine().encode(), *sorted(features)))
