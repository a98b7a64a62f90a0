"""The trade-off of learning rules for the page, if a benchmark has several rules."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.reports.numbers import with_interval
from rnnbench.reports.page.pictures import data_uri
from rnnbench.reports.page.settings import names, setting_of
from rnnbench.reports.trade_off.figure import trade_off_figure
from rnnbench.reports.trade_off.table import ESTIMATES, TRADE_OFF_COLUMNS, told, trade_off
from rnnbench.results.reading import Results

LOST = ("interference", "difference")
"""Estimates of interference; it is not understood without knowing what happened to the idle outputs."""


@dataclass(frozen=True)
class TradeOff:
    """The trade-off as texts for the page.

    Attributes:
        columns: the columns and their meaning.
        rows: the name of each rule and setting, and its texts.
        picture: the figure as a data: address.
        over: over which pairs and networks interference is.
    """

    columns: dict[str, str]
    rows: list[tuple[str, list[str]]]
    picture: str
    over: str


def rules(results: Results) -> tuple[TradeOff | None, str]:
    """Compute the trade-off of the results.

    Args:
        results: the results of one benchmark.

    Returns:
        The trade-off, or None if there is only one rule or it could not be computed, and the reason in the latter
        case; the reason is empty otherwise.
    """
    if len(results.benchmark.rules) < 2:
        return None, ""
    try:
        table = trade_off(results)
        picture = data_uri(trade_off_figure(table))
    except Exception as error:  # tables of other origin may lack a column; the rest of the page is still shown
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"
    records = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    _, each = names([setting_of({**row, "earlier_tasks": ""}) for row in records])
    rows = []
    for name, row in zip(each, records, strict=True):
        estimates = [with_interval(*(row[f"{one}{suffix}"] for suffix in ("", "_low", "_high"))) for one in ESTIMATES]
        rows.append((name, [*estimates, f"{row['counted']:.0%}", f"{row['reached']:.0%}", str(row["verdict"])]))
    others = {name: TRADE_OFF_COLUMNS[name] for name in ("counted", "reached", "verdict")}
    idle, over = told(table)
    head = {f"{name} ({idle})" if name in LOST else name: meaning for name, meaning in ESTIMATES.items()}
    return TradeOff({**head, **others}, rows, picture, over), ""
