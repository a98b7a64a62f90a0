"""The metadata pass RO-Crate's own validator, which needs a separate environment (make test-peers) for its pins."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import rocrate

from rnnbench.results.archive import CRATE

services = pytest.importorskip("rocrate_validator.services", reason="make test-peers installs roc-validator")

NEEDS_A_NETWORK = {"ro-crate-1.1_3.1", "ro-crate-1.1_3.2"}
"""Checks that download the published context."""


def test_the_validator_of_the_convention_finds_nothing_that_is_required(archive, tmp_path, monkeypatch):
    with zipfile.ZipFile(archive) as found:
        found.extractall(tmp_path / "crate")
    context = json.loads((Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_text())
    monkeypatch.setattr("rdflib.plugins.shared.jsonld.context.Context._fetch_context", lambda *_: context)

    def issues() -> set[str]:
        settings = services.ValidationSettings(rocrate_uri=str(tmp_path / "crate"), profile_identifier="ro-crate-1.1")
        return {issue.check.identifier for issue in services.validate(settings).get_issues()} - NEEDS_A_NETWORK

    assert issues() == set()
    # The validator does find errors: here a crate without a date of publication.
    path = tmp_path / "crate" / CRATE
    path.write_text(path.read_text().replace('"datePublished": "2026-01-31",', ""))
    assert issues()
