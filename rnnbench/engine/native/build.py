"""Compiles the kernel, once for each source, compiler and processor, into the user's cache."""

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
COMPILERS = ("c++", "g++", "clang++")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
"""Sums keep the order they are written in, NaN and infinities their meaning: what is relaxed is that errno and the
processor's exception flags are not kept, and that a product may be added without being rounded first."""
LONGEST = 120
"""Seconds that a compiler may take."""


class CannotBuild(Exception):
    """There is no kernel on this machine; the message says why, in a few words."""


def built() -> Path:
    """The compiled kernel, made now unless it is there whole. Raises CannotBuild."""
    compiler = _compiler()
    library = _cache() / f"rate_rnn-{_key(compiler)}.so"
    try:
        if library.exists():
            _refuse_others(library)
            if _is_whole(library):
                return library
        library.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            made = Path(folder) / library.name
            compile_to(made, compiler)
            made.chmod(0o700)
            told = _checksum(made)
            told.write_text(_sha256(made))
            # Several processes may have compiled it; each puts a whole one there. Compilers may differ in a bit from
            # call to call: then the next process finds another checksum, and compiles once more.
            os.replace(told, _checksum(library))
            os.replace(made, library)
    except OSError as error:
        raise CannotBuild(f"the cache cannot be written: {error.strerror}") from None
    return library


def _checksum(library: Path) -> Path:
    return library.with_suffix(".sha256")


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _is_whole(library: Path) -> bool:
    """Whether it is what was compiled: loading half of one, as a full disk leaves it, would kill the process."""
    checksum = _checksum(library)
    return library.is_file() and checksum.is_file() and checksum.read_text(errors="replace") == _sha256(library)


def _refuse_others(library: Path) -> None:
    """Raise CannotBuild for a library that somebody else may have put there: it is about to be run."""
    found = library.stat()
    own = not hasattr(os, "getuid") or found.st_uid in (os.getuid(), 0)
    if not own or found.st_mode & 0o022:
        raise CannotBuild("the cached library could have been written by others")


def compile_to(library: Path, compiler: Sequence[str], flags: tuple[str, ...] = FLAGS) -> None:
    """Compile the kernel into a shared library. Raises CannotBuild with the compiler's first complaint."""
    command = [*compiler, *flags, "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    name = Path(compiler[0]).name
    try:
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{name} cannot be run ({type(error).__name__})") from None
    if ran.returncode:
        complaint = next((line for line in ran.stderr.splitlines() if "error" in line), "no reason given")
        raise CannotBuild(f"{name} fails: {complaint.rpartition('error: ')[2][:120]}")
    if not library.is_file():
        raise CannotBuild(f"{name} makes no library, and does not say why")


def _compiler() -> list[str]:
    """$CXX, which may have arguments, or the first of the usual ones."""
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
    """Of all that the compiled code depends on: a home folder may be shared by machines of several kinds."""
    try:
        version = subprocess.run([*compiler, "--version"], capture_output=True, timeout=LONGEST).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{Path(compiler[0]).name} cannot be run ({type(error).__name__})") from None
    parts = (SOURCE.read_bytes(), " ".join(FLAGS).encode(), " ".join(compiler).encode(), version, _processor())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


def _processor() -> bytes:
    """What the processor can do, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
        told = {line for line in lines if line.startswith((b"flags", b"Features", b"model name"))}
    except OSError:
        told = {platform.processor().encode()}
    return b"\n".join((platform.machine().encode(), *sorted(told)))
