"""Kronecker products that act on weights [target, source]: the product of A and B turns W into B W A.

All matrices are symmetric and positive semidefinite, in double precision, [.., n, n] with any leading axes.
"""

from __future__ import annotations

import torch
from torch import Tensor

Spectrum = tuple[Tensor, Tensor]
"""Eigenvalues [.., n] and eigenvectors [.., n, n] of a matrix, as torch.linalg.eigh gives them."""


def shrinkage(C: Tensor, s: float) -> Tensor:
    """Compute (I + s C)^-1, which is 1 along directions where C is 0 and tends to 0 along the others as s grows.

    Args:
        C: symmetric matrix, [.., n, n].
        s: strength, in units of 1 / C.

    Returns:
        The inverse, [.., n, n].
    """
    values, vectors = torch.linalg.eigh(C)
    return (vectors / (1 + s * values.clamp_min(0)).unsqueeze(-2)) @ vectors.mT


def solve(G: Tensor, A: Spectrum, B: Spectrum, s: float) -> Tensor:
    """Solve X + s B X A = G for X.

    Args:
        G: right-hand side, [target, source].
        A: spectrum of the source factor, [source, source].
        B: spectrum of the target factor, [target, target].
        s: strength, in units of 1 / (A B).

    Returns:
        X, [target, source].
    """
    (a, U), (b, V) = A, B
    return V @ ((V.mT @ G @ U) / (1 + s * b.clamp_min(0).unsqueeze(-1) * a.clamp_min(0).unsqueeze(-2))) @ U.mT


def nearest_product(
    first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], tolerance: float = 1e-9, sweeps: int = 500
) -> tuple[Tensor, Tensor]:
    """Find the Kronecker product E x F that is nearest to the sum of two in Kullback-Leibler divergence.

    Minimises log det(E x F) + tr((E x F)^-1 (A1 x B1 + A2 x B2)) by updating E and F in turns:

        E = [tr(B1 F^-1) A1 + tr(B2 F^-1) A2] / dim F,   F = [tr(A1 E^-1) B1 + tr(A2 E^-1) B2] / dim E

    Each update is the exact minimum while the other factor is fixed. Source: Kao et al. 2021, on sums of Kronecker
    products.

    Args:
        first: A1 and B1, both of full rank.
        second: A2 and B2, which may be singular.
        tolerance: relative change of E below which the iteration stops.
        sweeps: largest number of updates of both factors.

    Returns:
        E and F, scaled so that their mean eigenvalues are equal.
    """
    (A1, B1), (A2, B2) = first, second
    F = _sized_like(B1 + B2 * (_trace(A2) / _trace(A1)), B1)
    E = A1
    for _ in range(sweeps):
        old = E
        inverse = torch.linalg.inv(F)
        E = (_trace(B1 @ inverse) * A1 + _trace(B2 @ inverse) * A2) / F.shape[-1]
        inverse = torch.linalg.inv(E)
        F = (_trace(A1 @ inverse) * B1 + _trace(A2 @ inverse) * B2) / E.shape[-1]
        if (E - old).norm() <= tolerance * E.norm():
            break
    return _balanced(E, F)


def _balanced(E: Tensor, F: Tensor) -> tuple[Tensor, Tensor]:
    """Rescale the factors so that their mean eigenvalues are equal; the product stays the same."""
    scale = ((_trace(E) / E.shape[-1]) / (_trace(F) / F.shape[-1])).sqrt()
    return E / scale, F * scale


def _sized_like(F: Tensor, B: Tensor) -> Tensor:
    return F * (_trace(B) / _trace(F))


def _trace(M: Tensor) -> Tensor:
    return M.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
