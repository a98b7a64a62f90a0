"""What is received is untrusted: each planted fault is one line, and the receiver keeps what she had."""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.errors import StoreError
from rnnbench.reports.comparison.comparison import compare_folders
from rnnbench.results.archive import CRATE, MANIFEST
from rnnbench.results.exchange.exporting import export_results
from rnnbench.results.exchange.importing import import_results
from rnnbench.results.exchange.ro_crate import Citation, terms_of
from rnnbench.results.reading import load_results


def first(archive: Path, end: str) -> str:
    with zipfile.ZipFile(archive) as found:
        return next(name for name in found.namelist() if name.startswith("cells/") and name.endswith(end))


def content(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as found:
        return found.read(name)


def test_what_arrives_is_what_was_sent(archive, sound, home):
    folder = import_results(archive, home)
    assert folder == home / "small"
    mine, theirs = load_results(sound), load_results(folder)
    pd.testing.assert_frame_equal(mine.interference, theirs.interference)
    pd.testing.assert_frame_equal(mine.curves, theirs.curves)
    weights = [path.relative_to(sound) for path in sound.glob("cells/*/*.safetensors")]
    assert weights and all((folder / path).read_bytes() == (sound / path).read_bytes() for path in weights)
    assert stat.S_IMODE(folder.stat().st_mode) & 0o500 == 0o500


def test_it_can_be_gone_on_with(archive, home):
    """The cells that arrived are those the receiver would compute: nothing is left to do."""
    from rnnbench.execution.prepare import prepare

    folder = import_results(archive, home)
    benchmark = load_results(folder).benchmark
    assert not prepare(benchmark, home, workers=1, device="cpu").plan.to_do


def test_a_file_is_read_as_a_folder_is(archive, sound):
    read = load_results(archive)
    assert read.folder == archive
    pd.testing.assert_frame_equal(read.interference, load_results(sound).interference)
    assert compare_folders([archive, sound]).verdict != "disagree"
    assert [lab.name for lab in compare_folders([archive, sound]).labs] == ["lab-a.zip", "small"]


def test_results_of_that_name_stay_and_another_name_helps(archive, home):
    (home / "small").mkdir()
    with pytest.raises(StoreError, match="small: is there already and stays as it is; --name"):
        import_results(archive, home)
    assert not list((home / "small").iterdir())
    assert import_results(archive, home, "theirs") == home / "theirs"


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden", "-x", "/abs", "a\n"])
def test_a_name_is_no_path(archive, home, name):
    with pytest.raises(StoreError, match="is no name for a folder"):
        import_results(archive, home, name)


NAMES = [
    *("../evil.csv", "/etc/evil.csv", "cells/../../evil.csv", "..\\evil.csv", "C:\\evil.csv", "C:evil.csv"),
    *("figures/../../x.png", "cells/aa/x.json", "evil.py", "figures/x.svg", "a/b.csv", "~/x.csv", "x.csv\x1b[2J"),
    *("cells/ab/" + "ab" + "0" * 62 + ".json.exe", "interference.csv/x", "./interference.csv", ".bashrc", "a.pkl"),
]


@pytest.mark.parametrize("name", NAMES)
def test_only_names_that_results_have_are_accepted(changed, home, name):
    with pytest.raises(StoreError, match="which is no part of results") as told:
        import_results(changed({name: b"evil"}), home)
    assert "\x1b" not in str(told.value)


def test_links_and_devices_are_refused(changed, home):
    def link(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo("figures/x.png")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")

    with pytest.raises(StoreError, match=r"figures/x\.png: is a link or a device"):
        import_results(changed({}, then=link), home)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["interference.csv", "Figures/X.png", "figures/interference_matrix.PNG"])
def test_names_that_stand_twice_on_some_disk_are_refused(changed, home, name):
    with pytest.raises(StoreError, match=r"twice|no part of results"):
        import_results(changed({}, then=lambda archive: archive.writestr(name, "x")), home)


def test_cases_of_one_name_collide(changed, home):
    with pytest.raises(StoreError, match="twice"):
        import_results(changed({"figures/a.png": b"x", "figures/A.png": b"y"}), home)


def test_a_bomb_is_not_unpacked(changed, home):
    with pytest.raises(StoreError, match=r"stages\.csv: would expand to 67,108,864 bytes"):
        import_results(changed({"stages.csv": bytes(64 * 2**20)}), home)


def test_members_that_share_their_bytes_are_refused(changed, home):
    """A small file whose directory points to one large member from many names."""
    path = changed({"stages.csv": os.urandom(200_000)})
    raw = bytearray(path.read_bytes())
    end = raw.rfind(b"PK\x05\x06")
    size, start = struct.unpack("<II", raw[end + 12 : end + 20])
    directory = bytes(raw[start : start + size])
    place = directory.find(b"stages.csv") - 46
    entry = directory[place : place + 46 + len("stages.csv")]
    copies = b"".join(entry.replace(b"stages.csv", b"stag" + bytes([97 + k]) + b"x.csv") for k in range(20))
    new = raw[:start] + directory + copies
    total = struct.unpack("<H", raw[end + 8 : end + 10])[0] + 20
    new += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, total, total, size + len(copies), start, 0)
    path.write_bytes(new)
    with pytest.raises(StoreError, match="its members are larger than itself"):
        import_results(path, home)


def test_a_wrong_checksum_is_named(changed, archive, home):
    table = content(archive, "interference.csv").replace(b"done", b"gone", 1)
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip: interference\.csv: its checksum is not the manifest's"):
        import_results(changed({"interference.csv": table}, mend=False), home)


def test_a_file_that_is_missing_or_beyond_the_manifest_is_named(changed, home):
    with pytest.raises(StoreError, match=r"'stages\.csv' is in the manifest and not in the archive"):
        import_results(changed({"stages.csv": None}, mend=False), home)
    with pytest.raises(StoreError, match=r"'extra\.csv' is in the archive and not in its manifest"):
        import_results(changed({"extra.csv": b"x"}, mend=False), home)
    with pytest.raises(StoreError, match=f"has no {MANIFEST}; was it made by"):
        import_results(changed({MANIFEST: None}, mend=False), home)
    with pytest.raises(StoreError, match="line 1 is not a checksum and a name"):
        import_results(changed({MANIFEST: b"nonsense\n"}, mend=False), home)
    with pytest.raises(StoreError, match="is not text"):
        import_results(changed({MANIFEST: b"\xff\xfe"}, mend=False), home)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.999])
def test_a_truncated_file_is_told(archive, home, tmp_path, keep):
    whole = archive.read_bytes()
    path = tmp_path / "from-elsewhere.zip"
    path.write_bytes(whole[: int(keep if keep > 1 else keep * len(whole))])
    with pytest.raises(StoreError, match="not a whole zip file"):
        import_results(path, home)


def test_flipped_bits_are_told(archive, home, tmp_path):
    raw = bytearray(archive.read_bytes())
    raw[2000] ^= 0xFF  # in the compressed bytes of the first member
    (tmp_path / "from-elsewhere.zip").write_bytes(raw)
    with pytest.raises(StoreError, match=r"cannot be unpacked|checksum"):
        import_results(tmp_path / "from-elsewhere.zip", home)


def test_a_folder_or_no_file_is_told(home, sound):
    with pytest.raises(StoreError, match="not a whole zip file"):
        import_results(sound, home)
    with pytest.raises(StoreError, match="not a whole zip file"):
        import_results(sound / "nowhere.zip", home)


def test_hand_edited_tables_are_found_though_their_checksums_fit(changed, archive, home):
    table = pd.read_csv(BytesIO(content(archive, "interference.csv")))
    edited = table.copy()
    edited.loc[0, "loss_after"] *= 1.5
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip: interference\.csv: row 2"):
        import_results(changed({"interference.csv": edited.to_csv(index=False).encode()}), home)
    # Loss and interference changed together, so that the row by itself is sound: its cell tells another story.
    lost = edited.loc[0, "loss_after"] - edited.loc[0, "loss_first"]
    edited.loc[0, "interference"] = lost / (edited.loc[0, "loss_untrained"] - edited.loc[0, "loss_first"])
    with pytest.raises(StoreError, match=r"interference\.csv: row 2: loss_after is .* in its cells"):
        import_results(changed({"interference.csv": edited.to_csv(index=False).encode()}), home)


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None)])
def test_missing_rows_and_rows_twice_are_found(changed, archive, home, cut):
    table = pd.read_csv(BytesIO(content(archive, "interference.csv")))
    with pytest.raises(StoreError, match=r"rows where benchmark\.json describes"):
        import_results(changed({"interference.csv": table.iloc[cut].to_csv(index=False).encode()}), home)
    twice = pd.concat([table, table.iloc[cut]])
    with pytest.raises(StoreError, match="is listed twice"):
        import_results(changed({"interference.csv": twice.to_csv(index=False).encode()}), home)


@pytest.mark.parametrize("value", ["inf", "-inf", "many", "1e999"])
def test_infinities_and_words_for_numbers_are_found(changed, archive, home, value):
    table = pd.read_csv(
        __import__("io").BytesIO(content(archive, "interference.csv")), dtype=str, keep_default_na=False
    )
    table.loc[1, "loss_first"] = value
    with pytest.raises(StoreError, match=r"interference\.csv: row 3: loss_first|loss_first"):
        import_results(changed({"interference.csv": table.to_csv(index=False).encode()}), home)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b'"status": "done"', b'"status": "gone"', "result.status"),
        (b'"seed": 0', b'"seed": 7', "does not fit"),
        (b'"loss": 0.', b'"loss": 1.', "its checksum does not fit its content"),
        (b'"loss": 0.', b'"loss": NaN, "x": 0.', "."),
        (b'"identity": "', b'"identity": "0', "."),
    ],
)
def test_edited_cells_are_found(changed, archive, home, old, new, told):
    with zipfile.ZipFile(archive) as found:
        cells = [name for name in found.namelist() if name.startswith("cells/") and name.endswith(".json")]
    name = next(name for name in cells if old in content(archive, name))
    edited = content(archive, name).replace(old, new, 1)
    with pytest.raises(StoreError, match=rf"from-elsewhere\.zip: {name}: .*{told}"):
        import_results(changed({name: edited}), home)


def test_cells_that_are_missing_are_found(changed, archive, home):
    name = first(archive, ".json")
    with pytest.raises(StoreError, match=r"in its cells|belongs to no cell"):
        import_results(changed({name: None}), home)


def test_weights_that_are_not_the_records_are_found(changed, archive, home):
    name = first(archive, ".safetensors")
    with pytest.raises(StoreError, match=rf"{name}: its checksum differs from its record's"):
        import_results(changed({name: b"\0" * 100}), home)
    other = name.replace(name.split(".")[-2], "0" * 16)
    with pytest.raises(StoreError, match=rf"{other}: belongs to no cell"):
        import_results(changed({other: content(archive, name)}), home)


def test_a_newer_format_is_told_as_such(changed, archive, home):
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
def test_a_benchmark_that_cannot_be_read_is_one_line(changed, home, document):
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip") as told:
        import_results(changed({"benchmark.json": document}), home)
    assert len(str(told.value)) < 500 and "\n" not in str(told.value)


def test_a_name_of_a_benchmark_leads_nowhere_else(changed, archive, home):
    document = json.loads(content(archive, "benchmark.json"))
    document["benchmark"]["name"] = "../../evil"
    with pytest.raises(StoreError, match=r"from-elsewhere\.zip"):
        import_results(changed({"benchmark.json": json.dumps(document).encode()}), home)


@pytest.mark.parametrize("metadata", [b"", b"[]", b'{"@graph": [{"@id": "./"}]}'])
def test_metadata_are_for_others_and_their_faults_harm_nobody(changed, home, metadata):
    assert import_results(changed({CRATE: metadata}), home).is_dir()


def test_nothing_is_executed(archive, make_plugin, tmp_path, home):
    """Receiving and reading import no plugin, and no torch."""
    mark = tmp_path / "plugins" / "imported"
    make_plugin("rnnbench-trap", f"open({str(mark)!r}, 'w').close()\nraise SystemExit('imported')\n")
    program = (
        "import sys; from rnnbench.cli import app;"
        f"app(['import', {str(archive)!r}, '--results', {str(home)!r}], standalone_mode=False);"
        "print(sorted(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ), timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    for forbidden in (
        "rnnbench.plugin.registry",
        "rnnbench_trap",
        "rnnbench_neuro",
        "rnnbench.engine.builtin",
        "torch",
    ):
        assert f"'{forbidden}'" not in ran.stdout
    assert not mark.exists()


def test_results_go_on_under_the_terms_they_came_with(archive, home, tmp_path):
    folder = import_results(archive, home)
    export_results(folder, tmp_path / "plugins" / "on.zip", Citation("2026-02-01"))
    sent = json.loads(content(tmp_path / "plugins" / "on.zip", CRATE))["@graph"]
    came = json.loads(content(archive, CRATE))["@graph"]
    for name in ("license", "author"):
        assert sent[1][name] == came[1][name]


@pytest.mark.parametrize("metadata", [b"", b"[]", b'{"@graph": [{"@id": "./", "license": {"@id": 3}}]}', b"\xff"])
def test_terms_that_cannot_be_read_are_none(metadata):
    assert terms_of(metadata) == (None, ())
