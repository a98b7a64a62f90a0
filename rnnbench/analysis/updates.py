"""Measures of weight updates, weights and activity: overlaps, ranks, dimensions, spectra.

Products and decompositions of large matrices are computed by torch, because a worker sets torch's number of threads
to one. The threads of numpy would compete with those of other workers.
"""

from __future__ import annotations

import numpy as np
import torch


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of the angle between two weight updates.

    cos(dW_A, dW_B) = sum(dW_A dW_B) / (|dW_A| |dW_B|), with Frobenius norms.

    Args:
        first: dW_A, of any shape.
        second: dW_B, of the same shape.

    Returns:
        A number in -1..1, or NaN if one of the updates is zero.
    """
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.sum(first * second)) / norms if norms > 0 else float("nan")


def block(weights: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """The part of W that maps between given patterns, M = U^+ W (U^+)^T N.

    M[a, b] says how strongly W maps activity along pattern b to pattern a. The patterns need not be orthogonal: U^+ is
    the pseudo-inverse of U, so that the block of W = U M U^T / N is M.

    Args:
        weights: W or an update of it, [unit, unit].
        patterns: U, [unit, pattern].

    Returns:
        M [pattern, pattern].
    """
    inverse = np.linalg.pinv(patterns)
    return np.asarray(inverse @ weights @ inverse.T * len(weights))


def explained(weights: np.ndarray, patterns: np.ndarray) -> float:
    """Fraction of |W|^2 within the span of given patterns, |P W P|^2 / |W|^2, where P projects on the span.

    Args:
        weights: W or an update of it, [unit, unit].
        patterns: U, [unit, pattern].

    Returns:
        A number in 0..1, or NaN if W is zero.
    """
    q = np.linalg.qr(patterns)[0]
    total = float(np.sum(weights**2))
    return float(np.sum((q.T @ weights @ q) ** 2)) / total if total > 0 else float("nan")


def numerical_rank(weights: np.ndarray, fraction: float = 0.05) -> int:
    """Number of singular values above a fraction of the largest.

    Args:
        weights: a matrix [unit, unit].
        fraction: the fraction of the largest singular value.

    Returns:
        The number; 0 for a matrix of zeros.
    """
    q = _range(weights)
    values = torch.linalg.svdvals(_tensor(weights if q is None else _product(q.T, weights))).numpy()
    return int(np.sum(values > fraction * values[0])) if values.size and values[0] > 0 else 0


def effective_rank(weights: np.ndarray) -> float:
    """Participation ratio of the squared singular values s of a matrix, (sum s^2)^2 / sum s^4.

    Args:
        weights: a matrix of any shape.

    Returns:
        The ratio: k if there are k equal singular values and the others are 0; 0 for a matrix of zeros.
    """
    return _participation(weights)


def participation_ratio(activity: np.ndarray) -> float:
    """Dimension of activity, (sum l)^2 / sum l^2 over the eigenvalues l of its covariance.

    Source: Gao et al. 2017 (bioRxiv 214262).

    Args:
        activity: [.., unit].

    Returns:
        A number between 1 and the number of units, or 0 if the activity is constant.
    """
    samples = activity.reshape(-1, activity.shape[-1])
    return _participation(samples - samples.mean(axis=0))


def _participation(matrix: np.ndarray) -> float:
    """(sum s^2)^2 / sum s^4 over the singular values s of X, computed without them as (tr X X^T)^2 / |X X^T|^2."""
    gram = _product(matrix, matrix.T) if len(matrix) < matrix.shape[1] else _product(matrix.T, matrix)
    total, squares = float(np.trace(gram)), float(np.sum(gram**2))
    return total**2 / squares if squares > 0 else squares


def alignment(update: np.ndarray, rates: np.ndarray, readout: np.ndarray) -> float:
    """How strongly an update dW maps activity r to readouts W_out.

        sqrt( mean_t |W_out dW r_t|^2 / mean_t |r_t|^2 ) / (|W_out|_2 |dW|_F)

    It is at most 1, since |W_out dW r| <= |W_out|_2 |dW|_2 |r| for each r (Cauchy-Schwarz, row by row) and the
    spectral norm |dW|_2 is at most the Frobenius norm |dW|_F. It is 1 only for dW = w r^T with W_out = w^T and activity
    along r. Because the denominator has the norm of the whole update, the squared alignments of orthogonal activities
    with orthogonal readouts of equal norm add up to at most 1: they are fractions of the update.

    Args:
        update: dW, [unit, unit].
        rates: activity r, [.., unit].
        readout: W_out, [output, unit].

    Returns:
        A number in 0..1, or NaN if one of the three is zero.
    """
    samples = rates.reshape(-1, rates.shape[-1])
    mapped = np.sum(_product(samples, _product(readout, update).T) ** 2)
    bound = np.sum(samples**2) * (np.linalg.norm(readout, 2) * np.linalg.norm(update)) ** 2 if readout.size else 0.0
    return float(np.sqrt(mapped / bound)) if bound > 0 else float("nan")


LOW_RANK = 24
"""Matrices up to this rank are diagonalised within their range, which takes time of order N^2 instead of N^3."""


def spectrum(weights: np.ndarray) -> np.ndarray:
    """Eigenvalues of a matrix.

    Args:
        weights: W, [unit, unit].

    Returns:
        The eigenvalues [unit], complex, in decreasing order of their real parts.
    """
    values = np.zeros(len(weights), dtype=complex)
    q = _range(weights)
    if q is None:
        values[:] = torch.linalg.eigvals(_tensor(weights)).numpy()
    else:  # W = Q Q^T W has the eigenvalues of Q^T W Q and zeros
        values[: q.shape[1]] = np.linalg.eigvals(_product(q.T, weights) @ q)
    return np.asarray(values[np.argsort(-values.real)])


def _range(weights: np.ndarray) -> np.ndarray | None:
    """An orthonormal Q [unit, k] with W = Q Q^T W up to rounding; None if the rank is too high for it to be faster."""
    n = len(weights)
    if n < 8 * LOW_RANK:
        return None
    # Random test vectors have a component along every direction of the range. The seed is fixed, so that the same
    # matrix always gives the same digits.
    probes = np.random.default_rng(0).standard_normal((n, LOW_RANK))
    image = _product(weights, probes)
    if not image.any():
        return np.zeros((n, 0))
    u, sizes = (part.numpy() for part in torch.linalg.svd(_tensor(image), full_matrices=False)[:2])
    q = u[:, sizes > 1e-13 * sizes[0]]
    residual = np.linalg.norm(weights - _product(q, _product(q.T, weights)))
    return q if residual <= 1e-11 * np.linalg.norm(weights) else None


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((_tensor(a) @ _tensor(b)).numpy())
