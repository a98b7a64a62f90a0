"""What an archive says of itself in a form that archives of data understand: RO-Crate 1.1 (JSON-LD).

Source: RO-Crate Metadata Specification 1.1, doi:10.5281/zenodo.4541002. The root is the data set, with licence,
creators and citations; benchmark.json is the input of an action whose instruments are the versions of the software
and whose results are the tables.
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
    """Who made the results, and on what terms others may use them.

    licence    SPDX id, as in CC-BY-4.0; or an address; None: not stated
    creators   names, each with an ORCID in angle brackets if it has one
    published  the day, YYYY-MM-DD
    """

    published: str
    licence: str | None = None
    creators: tuple[str, ...] = ()


def crate(document: dict[str, Any], sizes: dict[str, int], citation: Citation) -> bytes:
    """The content of ro-crate-metadata.json.

    document   benchmark.json as it is sent
    sizes      bytes of each file of the archive by name, cells left out

    Raises RnnbenchError for a licence or a creator that is not written as it should be.
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
    """One alone stands by itself, as RO-Crate asks."""
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
    told = "One JSON file for each trained network and stage, named by the SHA-256 of its description; the tables are"
    return {"@id": "cells/", "@type": "Dataset", "name": "cells", "description": f"{told} built from these."}


def _software(made: Any) -> list[Entity]:
    """rnnbench, the packages of plugins and the libraries that the numbers come from, with their versions."""
    made = made if isinstance(made, dict) else {}
    plugins = made.get("plugins")
    versions: dict[str, Any] = {**(plugins if isinstance(plugins, dict) else {})}
    versions |= {name: made[name] for name in ("rnnbench", "torch", "numpy", "python") if name in made}
    known = {"rnnbench": "https://pypi.org/project/rnnbench/", "torch": "https://pytorch.org/"}
    known |= {"numpy": "https://numpy.org/", "python": "https://www.python.org/"}
    return [
        {"@id": f"#software-{_slug(name)}", "@type": "SoftwareApplication", "name": str(name)}
        | {"softwareVersion": str(version), "url": known.get(str(name), "https://pypi.org/")}
        for name, version in sorted(versions.items())
    ]


def _sources(plugins: Any) -> list[Entity]:
    """Where the tasks, architectures and rules were published, each once."""
    kinds = plugins.values() if isinstance(plugins, dict) else []
    told = [one for kind in kinds if isinstance(kind, dict) for one in kind.values() if isinstance(one, dict)]
    texts = dict.fromkeys(str(one.get("source") or "").strip() for one in told)
    return [
        {"@id": f"#source-{place}", "@type": "ScholarlyArticle", "name": text}
        for place, text in enumerate(filter(None, texts), start=1)
    ]


def _licence(text: str | None) -> Entity:
    if text is None:
        return {"@id": "#licence", "@type": "CreativeWork", "name": "not stated", "description": NO_LICENCE}
    if re.match(r"https?://\S+$", text):
        return {"@id": text, "@type": "CreativeWork", "name": text, "description": "The licence of these results."}
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", text):
        raise RnnbenchError(f"licence: {text!r:.60} is no SPDX id; write one, as in CC-BY-4.0, or an address")
    address = f"https://spdx.org/licenses/{text}"
    return {"@id": address, "@type": "CreativeWork", "name": text, "description": f"The licence {text}."}


def _person(text: str) -> Entity:
    found = re.fullmatch(
        r"([^<>]*[^<>\s])\s*(?:<(?:https://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])>)?", text.strip()
    )
    if found is None:
        raise RnnbenchError(
            f"creator: {text!r:.80}: write a name, or a name and an ORCID: 'A. Name <0000-0002-1825-0097>'"
        )
    name, orcid = found.groups()
    return {"@id": f"https://orcid.org/{orcid}" if orcid else f"#{_slug(name)}", "@type": "Person", "name": name}


def _slug(text: object) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", str(text)).strip("-") or "x"


def terms_of(content: bytes) -> tuple[str | None, tuple[str, ...]]:
    """Licence and creators in a ro-crate-metadata.json, as `Citation` takes them; nothing where they cannot be read."""
    try:
        entities = {one["@id"]: one for one in json.loads(content)["@graph"]}
        root = entities["./"]
        address = root["license"]["@id"]
        licence = None if address == "#licence" else address.removeprefix("https://spdx.org/licenses/")
        authors = root.get("author", [])
        people = [entities[one["@id"]] for one in (authors if isinstance(authors, list) else [authors])]
        creators = tuple(_told(person) for person in people)
        for text in creators:
            _person(text)
        _licence(licence)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RnnbenchError):
        return None, ()
    return licence, creators


def _told(person: Entity) -> str:
    """A creator as the command line takes one."""
    orcid = str(person["@id"]).removeprefix("https://orcid.org/")
    return f"{person['name']} <{orcid}>" if orcid != person["@id"] else str(person["name"])
