"""A finished run with a failed cell whose message contains a path, its archive, and ways to damage an archive."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from rnnbench import run
from rnnbench.results.archive import MANIFEST
from rnnbench.results.exchange.exporting import export_results
from rnnbench.results.exchange.ro_crate import Citation

CITATION = Citation("2026-01-31", "CC-BY-4.0", ("A. Name <0000-0002-1825-0097>", "B. Other"))
SMALL = {
    "name": "small",
    "description": "Two tasks, to be sent.",
    "tasks": [
        {"use": "fixed_points", "duration": 6, "loss_start": 3},
        {"use": "flip_flop", "channels": 2, "duration": 8},
        {"use": "lost"},
    ],
    "architectures": [{"use": "vanilla_rnn", "units": 12}],
    "rules": [{"use": "gradient_descent", "learning_rate": 0.01}],
    "seeds": 2,
    "training": {
        "batch": 4,
        "max_updates": 30,
        "evaluate_every": 5,
        "evaluation_trials": 8,
        "criterion": {"relative_loss": 0.9},
    },
}
LOST = "raise FileNotFoundError(2, 'No such file', '/home/eva/stimuli set/trials.npz')"


@pytest.fixture
def small(make_plugin, task_source, tmp_path) -> Path:
    """A results folder of three tasks, one of which raises an error."""
    make_plugin("lost-tasks", task_source("lost", sample=LOST))
    run(SMALL, tmp_path / "mine", workers=1, device="cpu")
    return tmp_path / "mine" / "small"


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder without failures, computed once."""
    home = tmp_path_factory.mktemp("sound")
    run({**SMALL, "tasks": SMALL["tasks"][:2]}, home, workers=1, device="cpu")
    return home / "small"


@pytest.fixture(scope="session")
def archive(sound: Path) -> Path:
    """The archive of the folder `sound`, with its weights."""
    path = sound.parent / "lab-a.zip"
    export_results(sound, path, CITATION, weights="all")
    return path


@pytest.fixture
def changed(archive: Path, tmp_path: Path) -> Callable[..., Path]:
    """Rewrite the archive with some files changed.

    The fixture is a function `rewrite(contents, mend, then)` that returns the path of the new archive:

    - contents: new content of files by name; None leaves a file out.
    - mend: whether to write a manifest that matches, so that checksums do not reveal the change.
    - then: called with the open zip file at the end.
    """

    def rewrite(contents: dict[str, bytes | None], mend: bool = True, then: Callable | None = None) -> Path:
        path = tmp_path / "from-elsewhere.zip"
        with zipfile.ZipFile(archive) as old:
            files = {name: old.read(name) for name in old.namelist()}
        files |= {name: content for name, content in contents.items() if content is not None}
        files = {name: content for name, content in files.items() if contents.get(name, b"") is not None}
        if mend:
            lines = [f"{sha256(content).hexdigest()}  {name}\n" for name, content in files.items() if name != MANIFEST]
            files[MANIFEST] = "".join(lines).encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name, content in files.items():
                new.writestr(name, content)
            if then:
                then(new)
        return path

    return rewrite


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A receiver's folder with results of its own, which must not be changed by any import."""
    own = tmp_path / "results" / "own"
    own.mkdir(parents=True)
    (own / "interference.csv").write_text("mine")
    around = {path for path in tmp_path.iterdir() if path.name != "results"}
    yield tmp_path / "results"
    assert (own / "interference.csv").read_text() == "mine"
    new = {path.name for path in tmp_path.iterdir()} - {path.name for path in around} - {"results"}
    assert new <= {"from-elsewhere.zip", "plugins"}
    assert not [path for path in (tmp_path / "results").iterdir() if path.name.startswith(".")]
    shutil.rmtree(tmp_path / "results")
