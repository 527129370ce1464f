"""The axes of a convolution in the frequency domain, and the factors of its products.

Along an axis a real signal of period n has as many real coefficients as positions,

    c[f] = sum over i of x[i] cos(2 pi f i / n),    s[f] = - sum over i of x[i] sin(2 pi f i / n),

so the analysis of a map is a small matrix product for each axis. Coefficients of a frequency f along the height and g along the
width are two complex numbers, for (f, g) and (f, -g):

    (cc - ss) + i (cs + sc),    (cc + ss) + i (sc - cs)

A product of complex numbers takes three real ones (Gauss):

    (a + ib) (c + id) = (P1 + P3) + i (P1 + P2)    with P1 = (a + b) c, P2 = a (d - c), P3 = - b (c + d)

Each real product is a row of the factors. All that is before and behind the products is linear, and a gradient goes through its
transpose. The matrices are orthogonal up to scale, so errors are as small as those of the direct sum.
"""

from typing import NamedTuple

import numpy as np

TILE = 8
"""Positions of a tile. Larger ones need fewer products and larger transforms."""

TRANSFORMED, PASSED = 1.9, 30
"""Multiply-adds of a large product that take as long as one of a transform, and as computing one of the factors from
coefficients or the reverse."""


class TiledAxis:
    """An axis of a convolution with "half" padding, cut into tiles of so many positions, a multiple of the stride, or left
    whole as a single tile.

    Analyses are (coefficients, positions): `image` of what a tile reads, `kernel` of the taps, `output` the transpose of the
    synthesis of what a tile makes.
    """

    def __init__(self, size: int, side: int, stride: int, tile: int) -> None:
        front, whole = side // 2, tile >= size
        self.size, self.outputs, self.tiles = size, -(-size // stride), -(-size // tile)
        self.tile, self.made = (size, self.outputs) if whole else (tile, tile // stride)
        self.front, self.window = (0, size) if whole else (front, max(tile, tile - stride + side))
        """Positions read before those of a tile, and in all. A whole map reads no zeros: both ends share those of its
        period."""
        period = size + front if whole else self.window
        self.alone = 2 - period % 2
        """Coefficients without a partner: those of the mean, and of the highest frequency of an even period."""
        self.pairs = (period - self.alone) // 2
        weights = np.repeat([1.0, 2.0], [self.alone, 2 * self.pairs]) / period
        self.image = _analysis(period, np.arange(self.window) + (front - self.front))
        self.kernel = _analysis(period, -np.arange(side))
        self.output = weights[:, None] * _analysis(period, stride * np.arange(self.made))

    def read(self, first: int, count: int) -> tuple[slice, slice, int]:
        """Return the positions of the map that some tiles read, their place in the window of these tiles, and its length."""
        start, length = first * self.tile - self.front, (count - 1) * self.tile + self.window
        low, high = max(0, start), min(self.size, start + length)
        return slice(low, high), slice(low - start, high - start), length

    def written(self, first: int, count: int) -> slice:
        """Return the outputs of some tiles."""
        return slice(first * self.made, min(self.outputs, (first + count) * self.made))


def tile_length(size: int, stride: int, *, whole: int, usual: int = TILE) -> int:
    """Return the length of the tiles of an axis: all of it up to the largest size `whole` that is not cut, else the usual one
    or more, so that all are of one length as nearly as may be."""
    if size <= whole:
        return size
    length = -(-size // max(1, size // usual))
    return -(-length // stride) * stride


def _analysis(period: int, positions: np.ndarray) -> np.ndarray:
    """Return the cosines of the frequencies without a partner, the other cosines, and the negative sines, (period,
    positions)."""
    frequencies = np.arange(period // 2 + 1)
    alone = 2 * frequencies % period == 0
    angles = 2 * np.pi * (np.outer(frequencies, positions) % period) / period
    return np.concatenate([np.cos(angles[alone]), np.cos(angles[~alone]), -np.sin(angles[~alone])])


class FactorGroup(NamedTuple):
    """Factors that are computed together: those of coefficients along the height without a partner, or those of some pairs.

    `rows` is their place among all factors, `coefficients` that of the coefficients: all, or the cosines and the sines.
    """

    rows: slice
    coefficients: tuple[slice, ...]


class Rows:
    """The rows of the factors that two axes have.

    First, for each coefficient without a partner along the height: one row for each such along the width, and a triple of rows
    for each pair. Then, for each pair along the height: a triple for each coefficient without a partner along the width, and
    two for each pair, of (f, g) and (f, -g). A triple is P2, P3, P1, which hold real part, imaginary part and their sum of the
    input; imaginary part, real part and their sum of the output; d - c, - c - d and c of the kernel.
    """

    def __init__(self, height: TiledAxis, width: TiledAxis) -> None:
        self._alone, self._pairs = (height.alone, width.alone), (height.pairs, width.pairs)
        self._lines = width.alone + 3 * width.pairs, 3 * (width.alone + 2 * width.pairs)
        """Rows for a coefficient along the height without a partner, and for a pair."""
        self.count = height.alone * self._lines[0] + height.pairs * self._lines[1]

    def groups(self, together: int) -> list[FactorGroup]:
        """Return all factors in groups of so many pairs along the height at most."""
        (up, _), (ups, _), (lines, of_pair) = self._alone, self._pairs, self._lines
        found = [FactorGroup(slice(0, up * lines), (slice(0, up),))]
        for first in range(0, ups, together):
            last = min(ups, first + together)
            rows = slice(up * lines + first * of_pair, up * lines + last * of_pair)
            found.append(FactorGroup(rows, (slice(up + first, up + last), slice(up + ups + first, up + ups + last))))
        return found

    def split(self, coefficients: np.ndarray, factors: np.ndarray, *, of_output: bool) -> None:
        """Compute the factors (rows, m) of a group of the input, or with `of_output` of the output, from its coefficients
        (1 or 2, height, width, m)."""
        left, lefts = self._alone[1], self._pairs[1]
        if len(coefficients) == 1:
            (whole,) = coefficients
            lines = factors.reshape(len(whole), -1, factors.shape[1])
            lines[:, :left] = whole[:, :left]
            self._split_number(whole[:, left : left + lefts], whole[:, left + lefts :], lines[:, left:], of_output=of_output)
            return
        cosine, sine = coefficients
        lines = factors.reshape(len(cosine), -1, factors.shape[1])
        self._split_number(cosine[:, :left], sine[:, :left], lines[:, : 3 * left], of_output=of_output)
        if lefts:
            cc, cs, sc, ss = cosine[:, left:-lefts], cosine[:, -lefts:], sine[:, left:-lefts], sine[:, -lefts:]
            real, imaginary, both = _triple(lines[:, 3 * left : 3 * (left + lefts)], of_output=of_output)
            np.subtract(cc, ss, out=real)
            np.add(sc, cs, out=imaginary)
            np.add(real, imaginary, out=both)
            real, imaginary, both = _triple(lines[:, 3 * (left + lefts) :], of_output=of_output)
            np.add(cc, ss, out=real)
            np.subtract(sc, cs, out=imaginary)
            np.add(real, imaginary, out=both)

    def join(self, factors: np.ndarray, coefficients: np.ndarray, *, of_output: bool) -> None:
        """Apply the transpose of `split`; the factors are changed."""
        left, lefts = self._alone[1], self._pairs[1]
        if len(coefficients) == 1:
            (whole,) = coefficients
            lines = factors.reshape(len(whole), -1, factors.shape[1])
            whole[:, :left] = lines[:, :left]
            self._join_number(lines[:, left:], whole[:, left : left + lefts], whole[:, left + lefts :], of_output=of_output)
            return
        cosine, sine = coefficients
        lines = factors.reshape(len(cosine), -1, factors.shape[1])
        self._join_number(lines[:, : 3 * left], cosine[:, :left], sine[:, :left], of_output=of_output)
        if lefts:
            cc, cs, sc, ss = cosine[:, left:-lefts], cosine[:, -lefts:], sine[:, left:-lefts], sine[:, -lefts:]
            real, imaginary, both = _triple(lines[:, 3 * left : 3 * (left + lefts)], of_output=of_output)
            np.add(real, both, out=real)
            np.add(imaginary, both, out=imaginary)
            conjugate_real, conjugate_imaginary, both = _triple(lines[:, 3 * (left + lefts) :], of_output=of_output)
            np.add(conjugate_real, both, out=conjugate_real)
            np.add(conjugate_imaginary, both, out=conjugate_imaginary)
            np.add(real, conjugate_real, out=cc)
            np.subtract(conjugate_real, real, out=ss)
            np.subtract(imaginary, conjugate_imaginary, out=cs)
            np.add(imaginary, conjugate_imaginary, out=sc)

    def of_kernel(self, height: TiledAxis, width: TiledAxis) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return matrices from a kernel to its factors: along the height, (2 pairs + alone, k), the sine of a pair after its
        cosine; and along the width those of a coefficient without a partner, (lines, l), and of a pair, (lines, 2 l)."""
        (up, left), (ups, lefts), none = self._alone, self._pairs, np.zeros_like(width.kernel)
        order = [*range(up), *(up + part * ups + pair for pair in range(ups) for part in range(2))]
        alone, cosine, sine = np.split(width.kernel, [left, left + lefts])
        of_pairs = [np.concatenate(parts, 1) for parts in ((width.kernel, none), (none, width.kernel))]
        (start, cc, cs), (end, sc, ss) = (np.split(part, [left, left + lefts]) for part in of_pairs)
        # The weights of both axes count the two numbers of a pair of pairs twice.
        triples = [(start, end), ((cc - ss) / 2, (sc + cs) / 2), ((cc + ss) / 2, (sc - cs) / 2)]
        pair = np.concatenate([row for c, d in triples for row in (d - c, -c - d, c)])
        return height.kernel[order], np.concatenate([alone, sine - cosine, -cosine - sine, cosine]), pair

    def parts(self, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows (rows, m) of coefficients along the height without a partner, and of pairs, (height, lines, m)."""
        (up, _), (ups, _), (lines, of_pair), columns = self._alone, self._pairs, self._lines, factors.shape[1]
        first = up * lines
        return factors[:first].reshape(up, lines, columns), factors[first:].reshape(ups, of_pair, columns)

    def _split_number(self, cosine: np.ndarray, sine: np.ndarray, lines: np.ndarray, *, of_output: bool) -> None:
        if cosine.size:
            real, imaginary, both = _triple(lines, of_output=of_output)
            real[...] = cosine
            imaginary[...] = sine
            np.add(cosine, sine, out=both)

    def _join_number(self, lines: np.ndarray, cosine: np.ndarray, sine: np.ndarray, *, of_output: bool) -> None:
        if cosine.size:
            real, imaginary, both = _triple(lines, of_output=of_output)
            np.add(real, both, out=cosine)
            np.add(imaginary, both, out=sine)


def _triple(lines: np.ndarray, *, of_output: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the real parts, imaginary parts and sums in a triple of rows (height, width, m), views."""
    each = lines.shape[1] // 3
    first, second, both = lines[:, :each], lines[:, each : 2 * each], lines[:, 2 * each :]
    return (second, first, both) if of_output else (first, second, both)
