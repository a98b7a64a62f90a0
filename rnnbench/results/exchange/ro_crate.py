"""Metadata of an archive as RO-Crate 1.1 (JSON-LD), which data repositories understand.

Source: RO-Crate Metadata Specification 1.1, doi:10.5281/zenodo.4541002. The root entity is the data set, with licence,
creators and citations. The run is an action: benchmark.json is its input, the software with its versions are its
instruments, and the tables are its results.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import RnnbenchError
from rnnbench.results.archive import CRATE, MANIFEST
from rnnbench.results.columns import TABLES

MEANINGS = {table.file: table.meaning for table in TABLES}
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
TYPES = {"csv": "text/csv", "json": "application/json", "png": "image/png", "md": "text/markdown", "txt": "text/plain"}
PARQUET = "application/vnd.apache.parquet"
NO_LICENCE = "No licence is stated: ask the creators before you use these results."

Entity = dict[str, Any]


@dataclass(frozen=True)
class Citation:
    """Creators, licence and publication date of results.

    Attributes:
        published: the date, YYYY-MM-DD.
        licence: an SPDX id such as CC-BY-4.0, or a web address; None if it is not stated.
        creators: names, each optionally followed by an ORCID in angle brackets.
    """

    published: str
    licence: str | None = None
    creators: tuple[str, ...] = ()


def crate(document: dict[str, Any], sizes: dict[str, int], citation: Citation) -> bytes:
    """Return the content of ro-crate-metadata.json.

    Args:
        document: content of benchmark.json, redacted.
        sizes: size in bytes of each file of the archive by name, without the cells.
        citation: creators, licence and date.

    Raises:
        RnnbenchError: the licence or a creator is not written as it should be.
    """
    benchmark = document["benchmark"]
    people = [_person(text) for text in citation.creators]
    licence = _licence(citation.licence)
    sources = _sources(document.get("plugins"))
    software = _software(document.get("provenance"))
    files = [_file(name, size) for name, size in sizes.items()]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"rnnbench results: {benchmark['name']}",
        "description": benchmark.get("description") or f"Interference between tasks, benchmark {benchmark['name']}.",
        "datePublished": citation.published,
        "license": _reference(licence),
        "keywords": "continual learning, recurrent neural networks, interference, forgetting, rnnbench",
        "hasPart": [*map(_reference, files), {"@id": "cells/"}],
        "mentions": {"@id": "#run"},
    }
    if people:
        root["author"] = _references(people)
    if sources:
        root["citation"] = _references(sources)
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"python -m rnnbench run of the benchmark {benchmark['name']}",
        "object": {"@id": "benchmark.json"},
        "result": _references([file for file in files if file["@id"] in MEANINGS]),
        "instrument": _references(software),
    }
    graph = [
        {"@id": CRATE, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": CONTEXT[:-8]}},
        root,
        *files,
        _cells(),
        run,
        *software,
        *people,
        licence,
        *sources,
    ]
    return (json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False) + "\n").encode()


def _reference(entity: Entity) -> Entity:
    return {"@id": entity["@id"]}


def _references(entities: list[Entity]) -> Entity | list[Entity]:
    """Return references to entities; a single one without a list, as RO-Crate asks."""
    references = [_reference(entity) for entity in entities]
    return references[0] if len(references) == 1 else references


def _file(name: str, size: int) -> Entity:
    entity: Entity = {"@id": name, "@type": "File", "name": name, "contentSize": str(size)}
    entity["encodingFormat"] = TYPES.get(name.rpartition(".")[2], PARQUET)
    described = {**MEANINGS, "benchmark.json": "The benchmark with every default filled in, versions, and the machine."}
    if name in described:
        entity["description"] = described[name]
    if name == MANIFEST:
        entity["description"] = "SHA-256 of every file of this archive, as sha256sum writes it."
    return entity


def _cells() -> Entity:
    files = "One JSON file for each trained network and stage, named by the SHA-256 of its description"
    return {
        "@id": "cells/",
        "@type": "Dataset",
        "name": "cells",
        "description": f"{files}; the tables are built from these.",
    }


def _software(provenance: Any) -> list[Entity]:
    """Describe rnnbench, the packages of plugins and the numerical libraries, with their versions."""
    provenance = provenance if isinstance(provenance, dict) else {}
    plugins = provenance.get("plugins")
    versions: dict[str, Any] = {**(plugins if isinstance(plugins, dict) else {})}
    libraries = ("rnnbench", "torch", "numpy", "python")
    versions |= {name: provenance[name] for name in libraries if name in provenance}
    known = {"rnnbench": "https://pypi.org/project/rnnbench/", "torch": "https://pytorch.org/"}
    known |= {"numpy": "https://numpy.org/", "python": "https://www.python.org/"}
    return [
        {"@id": f"#software-{_slug(name)}", "@type": "SoftwareApplication", "name": str(name)}
        | {"softwareVersion": str(version), "url": known.get(str(name), "https://pypi.org/")}
        for name, version in sorted(versions.items())
    ]


def _sources(plugins: Any) -> list[Entity]:
    """Describe the publications of the tasks, architectures and rules, each once."""
    kinds = plugins.values() if isinstance(plugins, dict) else []
    records = [record for kind in kinds if isinstance(kind, dict) for record in kind.values()]
    texts = dict.fromkeys(str(record.get("source") or "").strip() for record in records if isinstance(record, dict))
    return [
        {"@id": f"#source-{number}", "@type": "ScholarlyArticle", "name": text}
        for number, text in enumerate(filter(None, texts), start=1)
    ]


def _licence(text: str | None) -> Entity:
    if text is None:
        return {"@id": "#licence", "@type": "CreativeWork", "name": "not stated", "description": NO_LICENCE}
    if re.match(r"https?://\S+$", text):
        return {"@id": text, "@type": "CreativeWork", "name": text, "description": "The licence of these results."}
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", text):
        raise RnnbenchError(f"licence: {text!r:.60} is not an SPDX id; write one, such as CC-BY-4.0, or a web address")
    address = f"https://spdx.org/licenses/{text}"
    return {"@id": address, "@type": "CreativeWork", "name": text, "description": f"The licence {text}."}


def _person(text: str) -> Entity:
    found = re.fullmatch(
        r"([^<>]*[^<>\s])\s*(?:<(?:https://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])>)?", text.strip()
    )
    if found is None:
        raise RnnbenchError(
            f"creator: {text!r:.80} is not a name, or a name with an ORCID such as 'A. Name <0000-0002-1825-0097>'"
        )
    name, orcid = found.groups()
    return {"@id": f"https://orcid.org/{orcid}" if orcid else f"#{_slug(name)}", "@type": "Person", "name": name}


def _slug(text: object) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", str(text)).strip("-") or "x"


def terms_of(content: bytes) -> tuple[str | None, tuple[str, ...]]:
    """Read licence and creators from a ro-crate-metadata.json.

    Args:
        content: the bytes of the file.

    Returns:
        Licence and creators as in `Citation`; (None, ()) if they cannot be read.
    """
    try:
        entities = {entity["@id"]: entity for entity in json.loads(content)["@graph"]}
        root = entities["./"]
        address = root["license"]["@id"]
        licence = None if address == "#licence" else address.removeprefix("https://spdx.org/licenses/")
        authors = root.get("author", [])
        people = [entities[author["@id"]] for author in (authors if isinstance(authors, list) else [authors])]
        creators = tuple(_creator(person) for person in people)
        for text in creators:
            _person(text)
        _licence(licence)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RnnbenchError):
        return None, ()
    return licence, creators


def _creator(person: Entity) -> str:
    """Return a creator in the form that `Citation` takes."""
    orcid = str(person["@id"]).removeprefix("https://orcid.org/")
    return f"{person['name']} <{orcid}>" if orcid != person["@id"] else str(person["name"])
