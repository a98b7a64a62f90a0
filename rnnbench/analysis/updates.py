"""What learning did to the weights, and what the weights do to activity: overlaps, ranks, dimensions, spectra.

Products and decompositions of large matrices go through torch, whose number of threads a worker sets to one; numpy's
would compete with the other workers'.
"""

from __future__ import annotations

import numpy as np
import torch


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of the angle between two weight updates of one shape; NaN where one of them is zero.

    cos(dW_A, dW_B) = sum(dW_A dW_B) / (|dW_A| |dW_B|), with Frobenius norms.
    """
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.sum(first * second)) / norms if norms > 0 else float("nan")


def block(weights: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """M = U^+ W U^+T N [pattern, pattern]: the part of W [unit, unit] that maps between patterns U [unit, pattern].

    M[a, b] is what W = U M U^T / N writes along pattern a when it reads pattern b: of an update, the alignment with
    the directions b to a. U need not be orthogonal: U^+ is its pseudo-inverse, so that W = U M U^T / N gives M back.
    """
    inverse = np.linalg.pinv(patterns)
    return np.asarray(inverse @ weights @ inverse.T * len(weights))


def explained(weights: np.ndarray, patterns: np.ndarray) -> float:
    """Fraction of |W|^2 in the span of the patterns U [unit, pattern], on both sides: |P W P|^2 / |W|^2 in 0..1."""
    q = np.linalg.qr(patterns)[0]
    total = float(np.sum(weights**2))
    return float(np.sum((q.T @ weights @ q) ** 2)) / total if total > 0 else float("nan")


def numerical_rank(weights: np.ndarray, fraction: float = 0.05) -> int:
    """How many singular values are above `fraction` of the largest."""
    q = _range(weights)
    values = torch.linalg.svdvals(_tensor(weights if q is None else _product(q.T, weights))).numpy()
    return int(np.sum(values > fraction * values[0])) if values.size and values[0] > 0 else 0


def effective_rank(weights: np.ndarray) -> float:
    """Participation ratio of the squared singular values, (sum s^2)^2 / sum s^4: k for k equal ones; 0 for none."""
    return _participation(weights)


def participation_ratio(activity: np.ndarray) -> float:
    """Dimension of activity [.., unit]: (sum l)^2 / sum l^2 over the eigenvalues l of its covariance.

    Source: Gao et al. 2017 (bioRxiv 214262). 0 where nothing varies.
    """
    samples = activity.reshape(-1, activity.shape[-1])
    return _participation(samples - samples.mean(axis=0))


def _participation(matrix: np.ndarray) -> float:
    """(sum s^2)^2 / sum s^4 over the singular values s of X, which is (tr X X^T)^2 / |X X^T|^2: no need to find s."""
    gram = _product(matrix, matrix.T) if len(matrix) < matrix.shape[1] else _product(matrix.T, matrix)
    total, squares = float(np.trace(gram)), float(np.sum(gram**2))
    return total**2 / squares if squares > 0 else squares


def alignment(update: np.ndarray, rates: np.ndarray, readout: np.ndarray) -> float:
    """How strongly an update dW [unit, unit] maps activity [.., unit] on readouts W_out [output, unit], in 0..1.

        sqrt( mean_t |W_out dW r_t|^2 / mean_t |r_t|^2 ) / (|W_out|_2 |dW|_F)

    At most 1, since |W_out dW r| <= |W_out|_2 |dW|_2 |r| for each r (Cauchy-Schwarz, row by row) and the spectral
    norm |dW|_2 is at most the Frobenius norm |dW|_F; equal to 1 just for dW = w r^T with W_out = w^T and activity
    along r. With the norm of all of dW below the line, the squares of the alignments of orthogonal activities with
    orthogonal readouts of one norm add up to at most 1: they are fractions of the update. NaN where one of the
    three is zero.
    """
    samples = rates.reshape(-1, rates.shape[-1])
    mapped = np.sum(_product(samples, _product(readout, update).T) ** 2)
    bound = np.sum(samples**2) * (np.linalg.norm(readout, 2) * np.linalg.norm(update)) ** 2 if readout.size else 0.0
    return float(np.sqrt(mapped / bound)) if bound > 0 else float("nan")


LOW_RANK = 24
"""Matrices whose rank is at most this are diagonalised within their range, which takes N^2 instead of N^3."""


def spectrum(weights: np.ndarray) -> np.ndarray:
    """Eigenvalues of W [unit], the one of largest real part first."""
    values = np.zeros(len(weights), dtype=complex)
    q = _range(weights)
    if q is None:
        values[:] = torch.linalg.eigvals(_tensor(weights)).numpy()
    else:  # W = Q Q^T W has the eigenvalues of Q^T W Q, and zeros
        values[: q.shape[1]] = np.linalg.eigvals(_product(q.T, weights) @ q)
    return np.asarray(values[np.argsort(-values.real)])


def _range(weights: np.ndarray) -> np.ndarray | None:
    """Orthonormal Q [unit, k] with W = Q Q^T W to rounding, where the rank is so low that it pays; else None."""
    n = len(weights)
    if n < 8 * LOW_RANK:
        return None
    # A generic matrix of test vectors meets every direction of the range; a fixed one gives the same digits always.
    probes = np.random.default_rng(0).standard_normal((n, LOW_RANK))
    image = _product(weights, probes)
    if not image.any():
        return np.zeros((n, 0))
    u, sizes = (part.numpy() for part in torch.linalg.svd(_tensor(image), full_matrices=False)[:2])
    q = u[:, sizes > 1e-13 * sizes[0]]
    missed = np.linalg.norm(weights - _product(q, _product(q.T, weights)))
    return q if missed <= 1e-11 * np.linalg.norm(weights) else None


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((_tensor(a) @ _tensor(b)).numpy())
