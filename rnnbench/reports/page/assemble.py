"""The page: all results, their data and the templates put together, and written in one piece."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rnnbench.reports.page import colours, embedded, numbers
from rnnbench.reports.page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, Chart, charts
from rnnbench.reports.page.convergence import Convergence, convergence
from rnnbench.reports.page.matrices import Matrices, Summary, columns_of_networks, matrices, summaries
from rnnbench.reports.page.methods import Methods, methods
from rnnbench.reports.page.provenance import Provenance, provenance
from rnnbench.reports.page.sequences import Sequences, sequences
from rnnbench.reports.page.verdicts import Judged, verdicts
from rnnbench.reports.trade_off.page import TradeOff, rules
from rnnbench.results.reading import Results
from rnnbench.results.store import write_text

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Part:
    """What the page says about one results folder; `id` begins the ids of its elements."""

    id: str
    name: str
    results: Results
    matrices: Matrices
    summaries: list[Summary]
    charts: list[Chart]
    convergence: Convergence
    sequences: Sequences | None
    judged: list[Judged]
    not_judged: str
    trade_off: TradeOff | None
    no_trade_off: str
    methods: Methods
    provenance: Provenance

    @property
    def abstract(self) -> str:
        """What was found, in a line or two."""
        b = self.results.benchmark
        told = f"{numbers.counted(len(b.tasks), 'task')}, {numbers.counted(len(b.seeds), 'seed')}"
        told += f"; {self.matrices.common}." if self.matrices.common else "."
        known = [one for one in self.summaries if one.n_seeds]
        if not known:
            return f"{told} No network counts, so there is no interference to tell."
        lines = "; ".join(
            f"{numbers.with_interval(one.mean, one.low, one.high)}{f' at {one.name}' if len(known) > 1 else ''}"
            for one in known[:MOST_TOLD]
        )
        more = f"; {len(known) - MOST_TOLD} more settings below" if len(known) > MOST_TOLD else ""
        return f"{told} Interference between different tasks, mean with 95 % interval over seeds: {lines}{more}."


MOST_TOLD = 4
"""Settings that the abstract tells of."""


def write_page(every: Sequence[Results], path: Path) -> None:
    """Write the page on some results to `path`, whole or not at all."""
    write_text(path, page(every))


def page(every: Sequence[Results]) -> str:
    """One self-contained HTML page on some results. The same results give the same page."""
    named = _names(every)
    parts: list[Part] = []
    for place, (results, name) in enumerate(zip(every, named, strict=True), start=1):
        parts.append(_part(f"r{place}", name, results, sum(len(part.matrices.cells) for part in parts)))
    n_points = embedded.points_for(sum(len(part.results.interference) for part in parts))
    cells = [cell for part in parts for cell in embedded.data_of(part.matrices.cells, part.results.curves, n_points)]
    style, script = _style(), _file("page.js")
    text = (
        _environment()
        .get_template("page.html")
        .render(
            parts=parts,
            title=named[0] if len(named) == 1 else f"{len(named)} results",
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
            data=embedded.as_json({"columns": list(columns_of_networks().values()), "cells": cells}),
            has_curves=any(cell["curves"] for cell in cells),
            n_points=n_points,
            key=colours.key(),
        )
    )
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair has no place in a file


def _part(id: str, name: str, results: Results, first_place: int) -> Part:
    made = provenance(results)
    of_settings = summaries(results.interference)
    judged, not_judged = verdicts(results)
    trade_off, no_trade_off = rules(results)
    return Part(
        id,
        name,
        results,
        matrices(results.interference, first_place),
        of_settings,
        charts(of_settings, results.benchmark),
        convergence(results.interference),
        sequences(results.continual, made.metrics),
        judged,
        not_judged,
        trade_off,
        no_trade_off,
        methods(results.benchmark, made),
        made,
    )


def _names(every: Sequence[Results]) -> list[str]:
    """Names of the benchmarks, numbered where several are alike."""
    names = [results.benchmark.name for results in every]
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return told


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=numbers.number, precise=numbers.precise, whole=numbers.whole, breaking=breaking, plain=numbers.plain
    )
    environment.globals.update(
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        width=WIDTH,
        height=HEIGHT,
        with_interval=numbers.with_interval,
    )
    return environment


LONG = 12
"""Characters of a word in a table's head between two places where it may be broken."""


def breaking(name: object) -> Markup:
    """A name with spaces for underscores, whose long words may be broken so that no column is wider than it need be."""
    words = str(name).replace("_", " ").split()
    pieces = ([word[k : k + LONG] for k in range(0, len(word), LONG)] for word in words)
    return Markup(" ").join(Markup("<wbr>").join(of_word) for of_word in pieces)


def _style() -> str:
    return f"{_file('style.css')}\n{colours.rules()}\n"


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing runs but this script, nothing is styled but by this sheet, nothing is fetched: all by their checksums."""
    style_hash, script_hash = (
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (style, script)
    )
    return (
        f"default-src 'none'; script-src {script_hash}; style-src {style_hash}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
