"""Archives are untrusted: every planted fault is refused in one line, and the receiver's results are not changed."""

from __future__ import annotations

import json
import os
import stat
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from rnnbench import run
from rnnbench.benchmark.cells import cells_of
from rnnbench.errors import StoreError
from rnnbench.reports.comparison.comparison import compare_folders
from rnnbench.results.archive import CRATE, MANIFEST
from rnnbench.results.exchange.exporting import export_results
from rnnbench.results.exchange.importing import import_results
from rnnbench.results.exchange.ro_crate import Citation, terms_of
from rnnbench.results.reading import load_results
from rnnbench.results.store import Store

from .conftest import CITATION, SMALL


def first(archive: Path, suffix: str) -> str:
    with zipfile.ZipFile(archive) as found:
        return next(name for name in found.namelist() if name.startswith("cells/") and name.endswith(suffix))


def content(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as found:
        return found.read(name)


def test_imported_results_equal_the_exported_ones(archive, sound, home):
    folder = import_results(archive, home)
    assert folder == home / "small"
    mine, theirs = load_results(sound), load_results(folder)
    pd.testing.assert_frame_equal(mine.interference, theirs.interference)
    pd.testing.assert_frame_equal(mine.curves, theirs.curves)
    weights = [path.relative_to(sound) for path in sound.glob("cells/*/*.safetensors")]
    assert weights and all((folder / path).read_bytes() == (sound / path).read_bytes() for path in weights)
    assert stat.S_IMODE(folder.stat().st_mode) & 0o500 == 0o500


def test_a_run_can_continue_imported_results(archive, home):
    """The imported cells are the ones that the receiver would compute, so nothing is left to do."""
    from rnnbench.execution.prepare import prepare

    folder = import_results(archive, home)
    benchmark = load_results(folder).benchmark
    assert not prepare(benchmark, home, workers=1, device="cpu").plan.to_do


def test_an_archive_is_read_like_a_folder(archive, sound):
    read = load_results(archive)
    assert read.folder == archive
    pd.testing.assert_frame_equal(read.interference, load_results(sound).interference)
    assert compare_folders([archive, sound]).verdict != "disagree"
    assert [lab.name for lab in compare_folders([archive, sound]).labs] == ["lab-a.zip", "small"]


def test_existing_results_are_kept_and_another_name_can_be_given(archive, home):
    (home / "small").mkdir()
    with pytest.raises(StoreError, match="small: already exists and is not replaced; choose another name with --name"):
        import_results(archive, home)
    assert not list((home / "small").iterdir())
    assert import_results(archive, home, "theirs") == home / "theirs"


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden", "-x", "/abs", "a\n"])
def test_a_name_must_not_be_a_path(archive, home, name):
    with pytest.raises(StoreError, match="is not a name for a results folder"):
        import_results(archive, home, name)


NAMES = [
    *("../evil.csv", "/etc/evil.csv", "cells/../../evil.csv", "..\\evil.csv", "C:\\evil.csv", "C:evil.csv"),
    *("figures/../../x.png", "cells/aa/x.json", "evil.py", "figures/x.svg", "a/b.csv", "~/x.csv", "x.csv\x1b[2J"),
    *("cells/ab/" + "ab" + "0" * 62 + ".json.exe", "interference.csv/x", "./interference.csv", ".bashrc", "a.pkl"),
]


@pytest.mark.parametrize("name", NAMES)
def test_only_names_that_results_have_are_accepted(changed, home, name):
    with pytest.raises(StoreError, match="which is not a file of results") as caught:
        import_results(changed({name: b"evil"}), home)
    assert "\x1b" not in str(caught.value)


def test_links_and_devices_are_refused(changed, home):
    def link(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo("figures/x.png")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")

    with pytest.raises(StoreError, match=r"figures/x\.png: is a link or a device"):
        import_results(changed({}, then=link), home)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["interference.csv", "Figures/X.png", "figures/interference_matrix.PNG"])
def test_names_that_are_equal_on_some_file_system_are_refused(changed, home, name):
    with pytest.raises(StoreError, match=r"twice|not a file of results"):
        import_results(changed({}, then=lambda archive: archive.writestr(name, "x")), home)


def test_names_that_differ_only_in_case_are_refused(changed, home):
    with pytest.raises(StoreError, match="twice"):
        import_results(changed({"figures/a.png": b"x", "figures/A.png": b"y"}), home)


def test_a_zip_bomb_is_not_unpacked(changed, home):
    with pytest.raises(StoreError, match=r"stages\.csv: would expand to 67,108,864 bytes"):
        import_results(changed({"stages.csv": bytes(64 * 2**20)}), home)


def test_overlapping_members_are_refused(changed, home):
    """A small file whose directory lists one large member under many names."""
    path = changed({"stages.csv": os.urandom(200_000)})
    raw = bytearray(path.read_bytes())
    end = raw.rfind(b"PK\x05\x06")
    size, start = struct.unpack("<II", raw[end + 12 : end + 20])
    directory = bytes(raw[start : start + size])
    at = directory.find(b"stages.csv") - 46
    entry = directory[at : at + 46 + len("stages.csv")]
    copies = b"".join(entry.replace(b"stages.csv", b"stag" + bytes([97 + k]) + b"x.csv") for k in range(20))
    new = raw[:start] + directory + copies
    total = struct.unpack("<H", raw[end + 8 : end + 10])[0] + 20
    new += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, total, total, size + len(copies), start, 0)
    path.write_bytes(new)
    with pytest.raises(StoreError, match="its members together are larger than the file"):
        import_results(path, home)


def test_a_wrong_checksum_is_named(changed, archive, home):
    table = content(archive, "interference.csv").replace(b"done", b"gone", 1)
    with pytest.raises(
        StoreError, match=r"from-elsewhere\.zip: interference\.csv: its checksum differs from the manifest's"
    ):
        import_results(changed({"interference.csv": table}, mend=False), home)


def test_files_that_do_not_match_the_manifest_are_named(changed, home):
    with pytest.raises(StoreError, match=r"'stages\.csv' is in the manifest but not in the archive"):
        import_results(changed({"stages.csv": None}, mend=False), home)
    with pytest.raises(StoreError, match=r"'extra\.csv' is in the archive but not in its manifest"):
        import_results(changed({"extra.csv": b"x"}, mend=False), home)
    with pytest.raises(StoreError, match=f"has no {MANIFEST}; was it made by"):
        import_results(changed({MANIFEST: None}, mend=False), home)
    with pytest.raises(StoreError, match="line 1 is not a checksum and a unique name"):
        import_results(changed({MANIFEST: b"nonsense\n"}, mend=False), home)
    with pytest.raises(StoreError, match="is not text"):
        import_results(changed({MANIFEST: b"\xff\xfe"}, mend=False), home)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.999])
def test_a_truncated_archive_is_refused(archive, home, tmp_path, keep):
    whole = archive.read_bytes()
    path = tmp_path / "from-elsewhere.zip"
    path.write_bytes(whole[: int(keep if keep > 1 else keep * len(whole))])
    with pytest.raises(StoreError, match="not a complete zip file"):
        import_results(path, home)


def test_flipped_bits_are_found(archive, home, tmp_path):
    raw = bytearray(archive.read_bytes())
    raw[2000] ^= 0xFF  # in the compressed bytes of the first member
    (tmp_path / "from-elsewhere.zip").write_bytes(raw)
    with pytest.raises(StoreError, match=r"cannot be unpacked|checksum"):
        import_results(tmp_path / "from-elsewhere.zip", home)


def test_a_folder_or_a_missing_file_is_refused(home, sound):
    with pytest.raises(StoreError, match="not a complete zip file"):
        import_results(sound, home)
    with pytest.raises(StoreError, match="not a complete zip file"):
        import_results(sound / "nowhere.zip", home)


def test_edited_tables_with_valid_checksums_are_found(changed, archive, home):
    table = pd.read_csv(BytesIO(content(archive, "interference.csv")))
    edited = table.copy()
    edited.loc[0, "loss_after"] *= 1.5
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip: interference\.csv: row 2"):
        import_results(changed({"interference.csv": edited.to_csv(index=False).encode()}), home)
    # Loss and interference are changed together, so that the row is consistent in itself but differs from its cell.
    lost = edited.loc[0, "loss_after"] - edited.loc[0, "loss_first"]
    edited.loc[0, "interference"] = lost / (edited.loc[0, "loss_untrained"] - edited.loc[0, "loss_first"])
    with pytest.raises(StoreError, match=r"interference\.csv: row 2: loss_after is .* in the cells"):
        import_results(changed({"interference.csv": edited.to_csv(index=False).encode()}), home)


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None)])
def test_missing_and_repeated_rows_are_found(changed, archive, home, cut):
    table = pd.read_csv(BytesIO(content(archive, "interference.csv")))
    with pytest.raises(StoreError, match=r"rows where benchmark\.json describes"):
        import_results(changed({"interference.csv": table.iloc[cut].to_csv(index=False).encode()}), home)
    repeated = pd.concat([table, table.iloc[cut]])
    with pytest.raises(StoreError, match="is listed twice"):
        import_results(changed({"interference.csv": repeated.to_csv(index=False).encode()}), home)


@pytest.mark.parametrize("value", ["inf", "-inf", "many", "1e999"])
def test_infinities_and_words_for_numbers_are_found(changed, archive, home, value):
    table = pd.read_csv(BytesIO(content(archive, "interference.csv")), dtype=str, keep_default_na=False)
    table.loc[1, "loss_first"] = value
    with pytest.raises(StoreError, match=r"interference\.csv: row 3: loss_first|loss_first"):
        import_results(changed({"interference.csv": table.to_csv(index=False).encode()}), home)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"status": "done"', b'"status": "gone"', "result.status"),
        (b'"seed": 0', b'"seed": 7', "does not match"),
        (b'"loss": 0.', b'"loss": 1.', "its checksum does not match its content"),
        (b'"loss": 0.', b'"loss": NaN, "x": 0.', "."),
        (b'"identity": "', b'"identity": "0', "."),
    ],
)
def test_edited_cells_are_found(changed, archive, home, old, new, message):
    with zipfile.ZipFile(archive) as found:
        cells = [name for name in found.namelist() if name.startswith("cells/") and name.endswith(".json")]
    name = next(name for name in cells if old in content(archive, name))
    edited = content(archive, name).replace(old, new, 1)
    with pytest.raises(StoreError, match=rf"from-elsewhere\.zip: {name}: .*{message}"):
        import_results(changed({name: edited}), home)


def test_cells_that_are_missing_are_found(changed, archive, home):
    name = first(archive, ".json")
    with pytest.raises(StoreError, match=r"in the cells|does not belong to a cell"):
        import_results(changed({name: None}), home)


@pytest.mark.parametrize("which", [0, -1])
def test_the_missing_cell_of_any_pair_is_found(sound, archive, changed, home, which):
    """Without its last cell, the table from the cells is that of the archive up to its last row."""
    names = [Store(Path()).path(cell.identity).as_posix() for cell in cells_of(load_results(sound).benchmark)]
    pairs = [name for name in names if len(json.loads(content(archive, name))["description"]["history"]) == 2]
    with pytest.raises(StoreError, match=r"interference\.csv: 8 rows in the table but 7 in the cells"):
        import_results(changed({pairs[which]: None}), home)


def test_with_the_weights_of_first_tasks_a_task_can_be_added_to_imported_results(sound, home, tmp_path):
    """Only the cells of the added task are computed, and the imported rows stay as they are."""
    names = export_results(sound, tmp_path / "from-elsewhere.zip", CITATION, weights="first tasks")
    stored = {
        path.name: json.loads(path.read_text())["description"]["history"] for path in sound.glob("cells/*/*.json")
    }
    with_weights = [name for name in names if name.endswith(".safetensors")]
    histories = [stored[f"{name.split('/')[-1].split('.')[0]}.json"] for name in with_weights]
    assert len(histories) == 2 * 2 and all(len(history) == 1 for history in histories)
    folder = import_results(tmp_path / "from-elsewhere.zip", home)
    before = (folder / "interference.csv").read_bytes().splitlines()
    three = [*SMALL["tasks"][:2], {**SMALL["tasks"][0], "label": "third"}]
    results = run({**SMALL, "tasks": three}, home, workers=1, device="cpu")
    assert results.computed == 2 * (1 + 5)  # for each seed the task alone and five pairs
    after = (folder / "interference.csv").read_bytes().splitlines()
    assert len(before) == 1 + 2 * 4 and set(before) < set(after) and len(after) == 1 + 2 * 9


def test_weights_that_differ_from_their_record_are_found(changed, archive, home):
    name = first(archive, ".safetensors")
    with pytest.raises(StoreError, match=rf"{name}: its checksum differs from its record's"):
        import_results(changed({name: b"\0" * 100}), home)
    other = name.replace(name.split(".")[-2], "0" * 16)
    with pytest.raises(StoreError, match=rf"{other}: does not belong to a cell"):
        import_results(changed({other: content(archive, name)}), home)


def test_a_newer_format_is_reported(changed, archive, home):
    document = json.loads(content(archive, "benchmark.json"))
    newer = json.dumps(document | {"format": 99}).encode()
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip: benchmark\.json: made by a newer rnnbench \(format 99"):
        import_results(changed({"benchmark.json": newer}), home)
    name = first(archive, ".json")
    cell = json.dumps(json.loads(content(archive, name)) | {"format": 99}).encode()
    with pytest.raises(StoreError, match=f"{name}: format"):
        import_results(changed({name: cell}), home)


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{", b"\xff\xfe", b'{"format": 2}', b'{"format": 2, "benchmark": {"name": "x"}}', b"[" * 100_000],
)
def test_an_unreadable_benchmark_is_refused_in_one_line(changed, home, document):
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip") as caught:
        import_results(changed({"benchmark.json": document}), home)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_the_name_of_a_benchmark_cannot_be_a_path(changed, archive, home):
    document = json.loads(content(archive, "benchmark.json"))
    document["benchmark"]["name"] = "../../evil"
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip"):
        import_results(changed({"benchmark.json": json.dumps(document).encode()}), home)


@pytest.mark.parametrize("metadata", [b"", b"[]", b'{"@graph": [{"@id": "./"}]}'])
def test_invalid_metadata_do_not_prevent_an_import(changed, home, metadata):
    assert import_results(changed({CRATE: metadata}), home).is_dir()


def test_imported_results_are_exported_with_their_licence_and_creators(archive, home, tmp_path):
    folder = import_results(archive, home)
    export_results(folder, tmp_path / "plugins" / "on.zip", Citation("2026-02-01"))
    exported = json.loads(content(tmp_path / "plugins" / "on.zip", CRATE))["@graph"]
    imported = json.loads(content(archive, CRATE))["@graph"]
    for name in ("license", "author"):
        assert exported[1][name] == imported[1][name]


@pytest.mark.parametrize("metadata", [b"", b"[]", b'{"@graph": [{"@id": "./", "license": {"@id": 3}}]}', b"\xff"])
def test_unreadable_licence_and_creators_are_none(metadata):
    assert terms_of(metadata) == (None, ())
