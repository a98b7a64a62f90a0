"""The columns that the analyses measure, which make up the analysis table."""

from __future__ import annotations

from collections.abc import Iterable

from rnnbench.results.column import Column, number, text

_MODES = (
    number(
        "mode_index",
        "fraction of the squared output in A's trials after B that is on B's outputs, over the steps that count in A's "
        "mask: 0 is formation, 1 is rotation. Empty if the outputs have decayed or the tasks share outputs",
    ),
    number("output_first", "root mean square norm of A's outputs in A's trials after B, over the same steps"),
    number(
        "output_second",
        "root mean square norm of B's outputs in A's trials after B, over the same steps; empty if the tasks share "
        "outputs",
    ),
)

MEASURES: dict[str, tuple[Column, ...]] = {
    "modes": _MODES,
    "updates": (
        number(
            "update_correlation",
            "cos(dW_A, dW_B), where dW_A = W after A - W before A and dW_B = W after B - W after A; W is W_rec, or all "
            "trained weights if the architecture declares no connectivity",
        ),
        number(
            "update_correlation_alone",
            "cos(dW_A, dW_B) with the dW_B of the network of the same seed that learns B first; empty if tasks were "
            "learnt before A or B is A",
        ),
        number("update_norm_first", "Frobenius norm of dW_A"),
        number("update_norm_second", "Frobenius norm of dW_B"),
        number("update_rank_first", "effective rank of dW_A: participation ratio of its squared singular values"),
        number("update_rank_second", "effective rank of dW_B: participation ratio of its squared singular values"),
        number("numerical_rank_first", "number of singular values of dW_A above 5 % of the largest"),
        number("numerical_rank_second", "number of singular values of dW_B above 5 % of the largest"),
        number(
            "alignment_aa",
            "how strongly dW_B maps the activity in A's trials, as it was after A, onto A's readouts (0..1)",
        ),
        number(
            "alignment_ab",
            "how strongly dW_B maps the activity in A's trials, as it was after A, onto B's readouts (0..1)",
        ),
        number(
            "alignment_ba",
            "how strongly dW_B maps the activity in B's trials, as it is after B, onto A's readouts (0..1)",
        ),
        number(
            "alignment_bb",
            "how strongly dW_B maps the activity in B's trials, as it is after B, onto B's readouts (0..1)",
        ),
        number("participation_ratio_first", "dimension (participation ratio) of the activity in A's trials after A"),
        number("participation_ratio_after", "dimension (participation ratio) of the activity in A's trials after B"),
        number("spectral_abscissa_untrained", "largest real part of the eigenvalues of W_rec before training on A"),
        number("spectral_abscissa_first", "largest real part of the eigenvalues of W_rec after A"),
        number("spectral_abscissa_after", "largest real part of the eigenvalues of W_rec after B"),
        *_MODES,
    ),
    "fixed_points": (
        number(
            "rotation_angle",
            "angle (rad) between the fixed points that a trial of A leads to after A and after B; mean over trials",
        ),
        number(
            "fixed_points_found",
            "fraction of A's distinct trials whose end state leads to a fixed point after B",
        ),
        number("fixed_points_stable", "fraction of these fixed points that are stable"),
        number(
            "stable_points_first",
            "number of distinct stable fixed points without input that the trials of A and B lead to, after A",
        ),
        number(
            "stable_points_after",
            "number of distinct stable fixed points without input that the trials of A and B lead to, after B",
        ),
    ),
}
"""The columns that each analysis measures on a pair, by the name of the analysis in a benchmark's `analyses`."""

ORIGIN = (
    text("failure", "why nothing was measured; the next run tries again", may_be_missing=True),
    text(
        "made_from",
        "checksum of the weights and of the analyses that measured them; the row is kept while it does not change",
    ),
)
"""The last columns of the analysis table."""


def measured(analyses: Iterable[str]) -> list[str]:
    """Return the names of the columns that some analyses measure, each once.

    Args:
        analyses: names of analyses, keys of MEASURES.
    """
    return list(dict.fromkeys(column.name for analysis in analyses for column in MEASURES[analysis]))
