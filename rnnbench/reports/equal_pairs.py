"""Means over the same pairs and seeds, for all means of interference that stand side by side in a report.

A mean over whatever was learnt at one g is not the same mean at another g. Networks are therefore compared over the
pairs and seeds that count at every setting. Settings at which fewer than half of the networks count are left out and
named, since otherwise hardly any pair would be left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from rnnbench.results.columns import MATRIX
from rnnbench.results.interference import counts, in_context
from rnnbench.results.progress import Common, common

ACROSS = [name for name in MATRIX if name != "earlier_tasks"]
"""Columns whose values are compared. Histories are kept apart, since they may consist of different pairs."""


@dataclass(frozen=True)
class EqualPairs:
    """The networks over which means are taken.

    Attributes:
        networks: the networks that count at all settings that are compared; its totals are those of the whole table.
        left_out: settings, as values of the columns MATRIX, at which fewer than half of the networks count.
        n_settings: number of settings that are compared.
    """

    networks: Common
    left_out: list[dict[str, object]]
    n_settings: int

    @property
    def text(self) -> str:
        """Over how many of how many pairs and networks, e.g. "over the same 29 of 30 pairs (147 of 150 networks)"."""
        n = self.networks
        return over(n.n_pairs, n.of_pairs, n.n_networks, n.of_networks, same=self.n_settings > 1)


def over(n_pairs: int, of_pairs: int, n_networks: int, of_networks: int, same: bool = True) -> str:
    """Say over which pairs and networks a mean is.

    Args:
        n_pairs: number of ordered pairs of different tasks that count.
        of_pairs: number of all such pairs.
        n_networks: number of networks that count.
        of_networks: number of all networks.
        same: whether the means that stand side by side are over the same pairs and seeds.
    """
    which = "the same " if same else ""
    return f"over {which}{n_pairs} of {of_pairs} pairs ({n_networks} of {of_networks} networks)"


def equal_pairs(table: pd.DataFrame, across: Sequence[str] = tuple(ACROSS)) -> EqualPairs:
    """The networks whose pair and seed count at all settings of a table at which at least half of the networks count.

    Args:
        table: the interference table; drift controls may be among its rows.
        across: the columns that make up a setting.

    Returns:
        The networks; no rows if no setting is left.
    """
    table = in_context(table)
    different = table["first_task"] != table["second_task"]
    keys = [table[name] for name in across]
    counted = counts(table) & different
    n_counted = counted.groupby(keys, dropna=False, sort=False).transform("sum")
    n = different.groupby(keys, dropna=False, sort=False).transform("sum")
    kept = (2 * n_counted >= n) & (n > 0)
    missing = table.loc[~kept & different, MATRIX].drop_duplicates(subset=list(across))
    left_out = [{str(name): value for name, value in row.items()} for row in missing.to_dict("records")]
    everything = common(table, across)
    if not kept.any():
        none = replace(everything, rows=table[:0], n_pairs=0, n_networks=0)
        return EqualPairs(none, left_out, 0)
    found = common(table[kept], across)
    networks = replace(found, of_pairs=everything.of_pairs, of_networks=everything.of_networks)
    return EqualPairs(networks, left_out, table.loc[kept, list(across)].drop_duplicates().shape[0])
