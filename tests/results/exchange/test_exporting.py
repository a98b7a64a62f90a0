"""An export has all that another lab needs, the same bytes every time, and nothing about people, places and times."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.results.archive import CRATE, MANIFEST, Archive
from rnnbench.results.exchange.exporting import export_results
from rnnbench.results.exchange.redaction import Redaction
from rnnbench.results.exchange.ro_crate import Citation, crate
from rnnbench.results.reading import load_results
from rnnbench.results.records import verified

from .conftest import CITATION


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_same_folder_gives_the_same_bytes_whatever_the_times_of_its_files(sound, tmp_path):
    for name in ("one.zip", "two.zip"):
        export_results(sound, tmp_path / name, CITATION)
        for path in sound.rglob("*"):
            os.utime(path, (1e9, 1e9))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_archive_is_complete_and_sha256sum_accepts_its_manifest(sound, archive, tmp_path):
    with zipfile.ZipFile(archive) as found:
        found.extractall(tmp_path / "out")
    check = subprocess.run(["sha256sum", "--check", "--quiet", MANIFEST], cwd=tmp_path / "out", capture_output=True)
    assert (check.returncode, check.stdout) == (0, b"")
    kinds = ("*.csv", "*.parquet", "benchmark.json", "figures/*.png", "cells/*/*.json", "cells/*/*.safetensors")
    mine = {path.relative_to(sound).as_posix() for kind in kinds for path in sound.glob(kind)}
    assert len(mine) > 15
    assert contents(archive).keys() == mine | {CRATE, MANIFEST}


def test_weights_are_left_out_unless_asked_for(sound, tmp_path):
    names = export_results(sound, tmp_path / "light.zip", CITATION)
    assert any(name.endswith(".json") and name.startswith("cells/") for name in names)
    assert not any(name.endswith(".safetensors") for name in names)


@pytest.mark.parametrize("weights", ["first tasks", "all"])
@pytest.mark.parametrize(
    ("without", "message"),
    [("cells/*/*", "holds tables only, no cells"), ("*/*/*.safetensors", "without their weights")],
)
def test_weights_that_are_not_there_are_not_promised(sound, tmp_path, weights, without, message):
    folder = Path(shutil.copytree(sound, tmp_path / "small"))
    for path in folder.glob(without):
        path.unlink()
    with pytest.raises(StoreError, match=f"small: .*{message}.*; export it without --weights"):
        export_results(folder, tmp_path / "out.zip", CITATION, weights=weights)
    assert not (tmp_path / "out.zip").exists()
    export_results(folder, tmp_path / "out.zip", CITATION)


def test_the_command_says_that_an_archive_of_tables_alone_cannot_be_extended(sound, tmp_path, cli):
    folder = shutil.copytree(sound, tmp_path / "small")
    assert "tables only" not in cli("export", folder, "whole.zip").out
    shutil.rmtree(folder / "cells")
    refused = cli("export", folder, "out.zip", "--weights", "first-tasks")
    assert refused.code == 2 and refused.err.count("\n") == 1 and "holds tables only" in refused.err
    exported = cli("export", folder, "out.zip")
    assert exported.code == 0 and "it holds tables only: without the cells nobody can add tasks" in exported.out


def test_names_places_and_times_are_removed(small, tmp_path):
    """The message of a failed task contains a path, and every cell contains the time when it was computed."""
    assert b"/home/eva" in (small / "interference.csv").read_bytes()
    export_results(small, tmp_path / "out.zip", Citation("2026-01-31"), weights="all")
    found = contents(tmp_path / "out.zip")
    private = [b"/home/", b"eva/", b"stimuli set", str(tmp_path).encode(), str(Path.home()).encode() + b"/"]
    private += [name.encode() for name in (socket.gethostname(), getpass.getuser()) if len(name) > 4]
    for name, content in found.items():
        assert not [word for word in private if word in content], name
        assert not re.search(rb"20\d\d-\d\d-\d\d[T ]\d\d:\d\d", content), name
    assert b"trials.npz" in found["interference.csv"]  # the file name is kept
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_times_and_paths_are_kept_on_request(small, tmp_path):
    export_results(small, tmp_path / "out.zip", CITATION, Redaction(times=True, paths=True))
    found = contents(tmp_path / "out.zip")
    assert b"/home/eva/stimuli set/trials.npz" in found["interference.csv"]
    cells = [json.loads(content) for name, content in found.items() if name.startswith("cells/")]
    assert all(re.match(r"20\d\d-", cell["provenance"]["time"]) for cell in cells)


def test_redacted_records_are_valid_and_have_the_same_results(small, tmp_path):
    export_results(small, tmp_path / "out.zip", CITATION)
    failed = 0
    for name, content in contents(tmp_path / "out.zip").items():
        if name.startswith("cells/"):
            record, mine = verified(content), verified((small / name).read_bytes())
            assert record.description == mine.description
            assert record.result.after == mine.result.after
            assert not set(record.provenance) & {"time", "host", "user"}
            failed += record.result.failure is not None
    assert failed > 0
    assert len(load_results(tmp_path / "out.zip").interference) == len(load_results(small).interference)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("No such file: '/home/eva lab/x.npz'", "No such file: '…/x.npz'"),
        ("cannot read C:\\Users\\eva\\x.npz now", "cannot read …/x.npz now"),
        ("see ~/data/x.npz", "see …/x.npz"),
        ("in /srv/data/run 3", "in …/run 3"),
        (
            "loss and/or accuracy at 1/2, https://example.org/a/b",
            "loss and/or accuracy at 1/2, https://example.org/a/b",
        ),
        ("nothing here", "nothing here"),
    ],
)
def test_messages_lose_only_the_folders_of_paths(text, redacted):
    assert Redaction().message(text) == redacted
    assert Redaction(paths=True).message(text) == text


def test_a_path_in_the_description_is_refused_unless_paths_are_kept(sound, tmp_path):
    document = json.loads((sound / "benchmark.json").read_text())
    document["benchmark"]["tasks"][0]["parameters"]["file"] = "/home/eva/x.npz"
    with pytest.raises(
        StoreError, match=r"tasks\[0\]\.parameters\.file: contains the path '/home/eva/x\.npz'.*with-paths"
    ):
        Redaction().document(document)
    assert b"/home/eva/x.npz" in Redaction(paths=True).document(document)


def test_an_existing_file_is_not_replaced_without_force(sound, tmp_path):
    (tmp_path / "out.zip").write_text("mine")
    with pytest.raises(StoreError, match=r"already exists.*--force"):
        export_results(sound, tmp_path / "out.zip", CITATION)
    assert (tmp_path / "out.zip").read_text() == "mine"
    export_results(sound, tmp_path / "out.zip", CITATION, replace=True)
    assert Archive(tmp_path / "out.zip").names


def test_a_link_or_a_damaged_cell_in_the_folder_is_named(sound, tmp_path):
    folder = Path(shutil.copytree(sound, tmp_path / "copy"))
    (folder / "figures" / "x.png").symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match=r"x\.png: is a link"):
        export_results(folder, tmp_path / "out.zip", CITATION)
    (folder / "figures" / "x.png").unlink()
    cell = next(folder.glob("cells/*/*.json"))
    cell.write_text(cell.read_text().replace('"updates": ', '"updates": 1', 1))
    with pytest.raises(StoreError, match=rf"{cell.name}: its checksum does not match its content; run"):
        export_results(folder, tmp_path / "out.zip", CITATION)
    assert not (tmp_path / "out.zip").exists()


def test_other_files_of_the_folder_are_not_exported(sound, tmp_path):
    folder = Path(shutil.copytree(sound, tmp_path / "copy"))
    for name in ("notes.txt", "cells/aa/notes.txt", "figures/draft.svg", ".hidden.csv", "report.html"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("private")
    names = export_results(folder, tmp_path / "out.zip", CITATION)
    assert not [name for name in names if "notes" in name or "draft" in name or "hidden" in name or "html" in name]


def test_the_metadata_describe_the_archive_its_creators_and_its_licence(archive):
    """RO-Crate 1.1 requires this, in "Root Data Entity" and "RO-Crate Metadata File Descriptor"."""
    graph = {entity["@id"]: entity for entity in json.loads(contents(archive)[CRATE])["@graph"]}
    assert graph[CRATE]["about"] == {"@id": "./"}
    root = graph["./"]
    assert (root["@type"], root["datePublished"]) == ("Dataset", "2026-01-31")
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert [graph[one["@id"]]["name"] for one in root["author"]] == ["A. Name", "B. Other"]
    assert root["author"][0] == {"@id": "https://orcid.org/0000-0002-1825-0097"}
    for part in root["hasPart"]:
        assert part["@id"] in graph
        entity = graph[part["@id"]]
        if entity["@type"] == "File":
            assert int(entity["contentSize"]) == len(contents(archive)[part["@id"]])
    cited = " ".join(graph[one["@id"]]["name"] for one in root["citation"])
    assert "Sussillo" in cited and "Schuessler" in cited
    run = graph["#run"]
    versions = {graph[one["@id"]]["name"]: graph[one["@id"]]["softwareVersion"] for one in run["instrument"]}
    assert {"rnnbench", "rnnbench-neuro", "torch", "numpy", "python"} <= versions.keys()


def test_the_library_rocrate_reads_the_metadata(archive, tmp_path):
    with zipfile.ZipFile(archive) as found:
        found.extractall(tmp_path / "crate")
    read = ROCrate(tmp_path / "crate")
    assert read.name == "rnnbench results: small"
    assert read.license.id == "https://spdx.org/licenses/CC-BY-4.0"
    assert {"interference.csv", "benchmark.json", "cells/"} <= {entity.id for entity in read.data_entities}


def test_a_missing_licence_is_stated():
    graph = json.loads(crate({"benchmark": {"name": "x"}}, {}, Citation("2026-01-31")))["@graph"]
    root, licence = graph[1], {entity["@id"]: entity for entity in graph}["#licence"]
    assert root["license"] == {"@id": "#licence"}
    assert "ask the creators" in licence["description"]


@pytest.mark.parametrize(
    ("citation", "message"),
    [
        (Citation("2026-01-31", "my own licence!"), "licence: .* is not an SPDX id"),
        (Citation("2026-01-31", creators=("<0000-0002-1825-0097>",)), "creator: "),
        (Citation("2026-01-31", creators=("A. Name <eva@lab.org>",)), "creator: "),
    ],
)
def test_invalid_licences_and_creators_are_refused(sound, tmp_path, citation, message):
    with pytest.raises(RnnbenchError, match=message):
        export_results(sound, tmp_path / "out.zip", citation)
    assert not (tmp_path / "out.zip").exists()
