"""Assembly of the page from results, their data and the templates."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rnnbench.messages import counted
from rnnbench.reports import numbers
from rnnbench.reports.page import colours, embedded
from rnnbench.reports.page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, Chart, charts
from rnnbench.reports.page.convergence import Convergence, convergence
from rnnbench.reports.page.matrices import Matrices, Summaries, columns_of_networks, matrices, summaries
from rnnbench.reports.page.methods import Methods, methods
from rnnbench.reports.page.progress import Comparison, comparisons, summary_tables
from rnnbench.reports.page.provenance import Provenance, provenance
from rnnbench.reports.page.sequences import Sequences, sequences
from rnnbench.reports.page.shares import Decomposed, decomposed, headings
from rnnbench.reports.page.verdicts import Judged, verdicts
from rnnbench.reports.trade_off.page import TradeOff, rules
from rnnbench.results.files import write_text
from rnnbench.results.reading import Results

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """The part of the page about one results folder.

    Attributes:
        id: prefix of the ids of its HTML elements.
        name: name of the results.
        results: the results.
        matrices: the interference matrices.
        summaries: mean interference of each setting, over the same pairs and seeds.
        comparisons: the comparisons at equal progress.
        no_comparisons: why they could not be read; empty if they were.
        decomposed: the decomposition of each matrix into rows, columns and pairs.
        not_decomposed: why it could not be read; empty if it was.
        charts: interference against g and against the numeric values of the conditions.
        convergence: how many networks reached their criteria.
        sequences: sequence metrics; None if there are none.
        judged: verdicts on the claims that the benchmark names.
        not_judged: why the claims could not be judged; empty if they were.
        trade_off: the trade-off between learning rules; None if there is only one rule.
        no_trade_off: why the trade-off could not be computed; empty if it was.
        methods: the methods text.
        provenance: versions, machine and files.
    """

    id: str
    name: str
    results: Results
    matrices: Matrices
    summaries: Summaries
    comparisons: list[Comparison]
    no_comparisons: str
    decomposed: list[Decomposed]
    not_decomposed: str
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
        """The main result in one or two lines."""
        b = self.results.benchmark
        text = f"{counted(len(b.tasks), 'task')}, {counted(len(b.seeds), 'seed')}"
        text += f"; {self.matrices.common}." if self.matrices.common else "."
        idle = f"Interference between different tasks ({self.summaries.idle})"
        known = [one for one in self.summaries.each if one.n_seeds]
        if not known:
            return f"{text} {idle}: no pair and seed counts at every setting, so there is no mean to report."
        several = len(known) > 1
        lines = "; ".join(
            f"{numbers.with_interval(one.mean, one.low, one.high)}{f' at {one.name}' if several else ''}"
            for one in known[:MOST_LISTED]
        )
        more = f"; {counted(len(known) - MOST_LISTED, 'more setting')} below" if len(known) > MOST_LISTED else ""
        has_interval = any(one.low == one.low for one in known)
        what = "mean (95 % interval over seeds)" if has_interval else "mean"
        none = "" if has_interval else " Fewer than five seeds have no interval over seeds."
        return f"{text} {idle}, {what} {self.summaries.over}: {lines}{more}.{none}"


MOST_LISTED = 4
"""Largest number of settings that the abstract lists."""


def write_page(every: Sequence[Results], path: Path) -> None:
    """Write the page on all given results to `path`, atomically."""
    write_text(path, page(every))


def page(every: Sequence[Results]) -> str:
    """One self-contained HTML page on all given results; the same results always give the same page.

    Args:
        every: the results, in the order in which they are shown.

    Returns:
        The page as text.
    """
    named = _names(every)
    parts: list[Section] = []
    for number, (results, name) in enumerate(zip(every, named, strict=True), start=1):
        parts.append(_part(f"r{number}", name, results, sum(len(part.matrices.entries) for part in parts)))
    n_points = embedded.points_for(sum(len(part.results.interference) for part in parts))
    cells = [
        entry for part in parts for entry in embedded.data_of(part.matrices.entries, part.results.curves, n_points)
    ]
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
            has_curves=any(entry["curves"] for entry in cells),
            n_points=n_points,
            key=colours.key(),
        )
    )
    return text.encode("utf-8", "replace").decode()  # an unpaired surrogate cannot be encoded


def _part(id: str, name: str, results: Results, first_place: int) -> Section:
    made = provenance(results)
    of_settings = summaries(results.interference)
    tables = summary_tables(results)
    compared, no_comparisons = comparisons(results, tables)
    shares, not_decomposed = decomposed(results, tables["decomposition"])
    judged, not_judged = verdicts(results)
    trade_off, no_trade_off = rules(results)
    return Section(
        id,
        name,
        results,
        matrices(results.interference, first_place),
        of_settings,
        compared,
        no_comparisons,
        shares,
        not_decomposed,
        charts(of_settings.each, results.benchmark),
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
    """Names of the benchmarks, numbered where several benchmarks have the same name."""
    names = [results.benchmark.name for results in every]
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return distinct


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
        share_headings=headings(),
    )
    return environment


LONG = 12
"""Number of characters after which a word in a table header may be broken."""


def breaking(name: object) -> Markup:
    """A name with spaces for underscores, in which long words may be broken so that columns stay narrow."""
    words = str(name).replace("_", " ").split()
    pieces = ([word[k : k + LONG] for k in range(0, len(word), LONG)] for word in words)
    return Markup(" ").join(Markup("<wbr>").join(of_word) for of_word in pieces)


def _style() -> str:
    return f"{_file('style.css')}\n{colours.rules()}\n"


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Content security policy: only this script and this style sheet, by their checksums, and no requests."""
    style_hash, script_hash = (
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (style, script)
    )
    return (
        f"default-src 'none'; script-src {script_hash}; style-src {style_hash}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
