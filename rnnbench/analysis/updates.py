"""What learning did to the weights, and what the weights do to activity: overlaps, ranks, dimensions, spectra."""

from __future__ import annotations

import numpy as np


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
    values = np.linalg.svd(weights, compute_uv=False)
    return int(np.sum(values > fraction * values[0])) if values[0] > 0 else 0


def effective_rank(weights: np.ndarray) -> float:
    """Participation ratio of the squared singular values, (sum s^2)^2 / sum s^4: k for k equal ones."""
    squares = np.linalg.svd(weights, compute_uv=False) ** 2
    return float(squares.sum() ** 2 / (squares**2).sum()) if squares[0] > 0 else 0.0


def participation_ratio(activity: np.ndarray) -> float:
    """Dimension of activity [.., unit]: (sum l)^2 / sum l^2 over the eigenvalues l of its covariance.

    Source: Gao et al. 2017 (bioRxiv 214262). 0 where nothing varies.
    """
    samples = activity.reshape(-1, activity.shape[-1])
    centred = samples - samples.mean(axis=0)
    # Eigenvalues of the covariance by singular values of the samples: exact where there are fewer samples than units.
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    return float(variances.sum() ** 2 / (variances**2).sum()) if variances[0] > 0 else 0.0


def spectrum(weights: np.ndarray) -> np.ndarray:
    """Eigenvalues of W [unit], the one of largest real part first."""
    values = np.linalg.eigvals(weights)
    return np.asarray(values[np.argsort(-values.real)])
