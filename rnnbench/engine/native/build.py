"""Compiles the kernel, once for each source, compiler and processor, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
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
    """The compiled kernel, made now if it is not there yet. Raises CannotBuild."""
    compiler = _compiler()
    library = _cache() / f"rate_rnn-{_key(compiler)}.so"
    if library.exists():
        _refuse_others(library)
        return library
    try:
        library.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            made = Path(folder) / library.name
            compile_to(made, compiler)
            made.chmod(0o700)
            os.replace(made, library)  # several processes may have compiled it; each puts a whole one there
    except OSError as error:
        raise CannotBuild(f"the cache cannot be written: {error.strerror}") from None
    return library


def _refuse_others(library: Path) -> None:
    """Raise CannotBuild for a library that somebody else may have put there: it is about to be run."""
    found = library.stat()
    own = not hasattr(os, "getuid") or found.st_uid in (os.getuid(), 0)
    if not own or found.st_mode & 0o022:
        raise CannotBuild("the cached library could have been written by others")


def compile_to(library: Path, compiler: str, flags: tuple[str, ...] = FLAGS) -> None:
    """Compile the kernel into a shared library. Raises CannotBuild with the compiler's first complaint."""
    command = [compiler, *flags, "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{Path(compiler).name} cannot be run ({type(error).__name__})") from None
    if ran.returncode:
        complaint = next((line for line in ran.stderr.splitlines() if "error" in line), "no reason given")
        raise CannotBuild(f"{Path(compiler).name} fails: {complaint.rpartition('error: ')[2][:120]}")


def _compiler() -> str:
    """$CXX, or the first of the usual ones."""
    for name in filter(None, (os.environ.get("CXX"), *COMPILERS)):
        if found := shutil.which(name):
            return found
    raise CannotBuild("no C++ compiler is found")


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "rnnbench"


def _key(compiler: str) -> str:
    """Of all that the compiled code depends on: a home folder may be shared by machines of several kinds."""
    try:
        version = subprocess.run([compiler, "--version"], capture_output=True, timeout=LONGEST).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{Path(compiler).name} cannot be run ({type(error).__name__})") from None
    parts = (SOURCE.read_bytes(), " ".join(FLAGS).encode(), version, _processor())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


def _processor() -> bytes:
    """What the processor can do, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
        told = {line for line in lines if line.startswith((b"flags", b"Features", b"model name"))}
    except OSError:
        told = {platform.processor().encode()}
    return b"\n".join((platform.machine().encode(), *sorted(told)))
