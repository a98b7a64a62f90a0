"""What keeping old tasks costs, where a benchmark has several learning rules."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.reports.page.numbers import with_interval
from rnnbench.reports.page.pictures import data_uri
from rnnbench.reports.page.settings import names, setting_of
from rnnbench.reports.trade_off.figure import trade_off_figure
from rnnbench.reports.trade_off.table import ESTIMATES, TRADE_OFF_COLUMNS, trade_off
from rnnbench.results.reading import Results


@dataclass(frozen=True)
class TradeOff:
    """A table: its columns with their meaning, a row for each rule and setting; and the figure as a data: address."""

    columns: dict[str, str]
    rows: list[tuple[str, list[str]]]
    picture: str


def rules(results: Results) -> tuple[TradeOff | None, str]:
    """The trade-off, None where there is one rule only; and why it could not be told, which is nearly always empty."""
    if len(results.benchmark.rules) < 2:
        return None, ""
    try:
        table = trade_off(results)
        picture = data_uri(trade_off_figure(table))
    except Exception as error:  # tables from elsewhere may lack a column; the rest of the page stands
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"
    records = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    _, each = names([setting_of({**row, "earlier_tasks": ""}) for row in records])
    rows = []
    for name, row in zip(each, records, strict=True):
        estimates = [with_interval(*(row[f"{one}{end}"] for end in ("", "_low", "_high"))) for one in ESTIMATES]
        rows.append((name, [*estimates, f"{row['counted']:.0%}", f"{row['reached']:.0%}", str(row["verdict"])]))
    told = {name: TRADE_OFF_COLUMNS[name] for name in ("counted", "reached", "verdict")}
    return TradeOff({**ESTIMATES, **told}, rows, picture), ""
