"""The periodic Hann window with the bits that TensorFlow gives it.

Where a recording has no sound at all (the upper frequencies of one that came at 44.1 kHz), what openl3 sees within its
80 decibels is the rounding of window and Fourier transform. To have its numbers there, too, the window must be rounded
as there: everything in float32, the cosine by the polynomials of Eigen (psincos_float of version 3.4, without fused
products), whose constants stand below.
"""

import numpy as np

HALF_PI_PARTS = (1.5703125, 0.000483989715576171875, -1.62865035235881805e-07, -5.5644315544167710641e-11)
"""Pi / 2 in four numbers, of which the first two have few bits: their whole multiples are exact in float32."""
COSINE = (2.4372266125283204e-05, -0.00138865201734006404876708984375, 0.041666619479656219482421875, -0.5, 1.0)
SINE = (-0.00019592341140837029, 0.0083326873655616851693794799871284340042, -0.16666662039829825555)
"""Coefficients of the squared angle, the highest power first, for angles up to pi / 4."""


def hann_as_tensorflow(length: int) -> np.ndarray:
    """Return the periodic window `(length,)` float32: 0.5 - 0.5 cos(2 pi k / length)."""
    half = np.float32(0.5)
    angle = np.float32(2 * np.pi) * np.arange(length, dtype=np.float32) / np.float32(length)
    return half - half * _cosine(angle)


def _cosine(angle: np.ndarray) -> np.ndarray:
    """Return the cosine of float32 angles from 0 to 2 pi, from the quarter turn and what is left of it."""
    quarters = np.rint(angle * np.float32(2 / np.pi))
    rest = angle
    for part in HALF_PI_PARTS:
        rest = rest - quarters * np.float32(part)
    square = rest * rest
    cosine = _polynomial(COSINE, square)
    sine = rest * (square * _polynomial(SINE, square)) + rest
    return np.choose(quarters.astype(int) % 4, (cosine, -sine, -cosine, sine))


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + np.float32(coefficient)
    return total
