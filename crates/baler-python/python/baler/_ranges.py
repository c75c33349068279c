"""Promises that are relative to the range of a whole array, of which codecs of chunks see only a part."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _baler, _bounds
from ._arrays import AnyArray, flat_bytes
from ._bounds import Bound
from ._chunks import as_numbers, is_big_endian
from ._errors import ConfigError

#: Bytes that are looked at in one go.
_PIECE = 1 << 26

#: Least and greatest value of what is finite and not missing, and missing values that were found.
Ends = tuple[tuple[Any, Any] | None, list[float]]


def resolved(
    abs: float | None,
    rel: float | None,
    pw_rel: float | None,
    lossless: bool,
    data: Any,
    missing: float | str | None = "auto",
    value_range: float | None = None,
) -> Bound:
    """The promise that a codec of chunks can keep: not relative to what it does not see, but for ``value_range`` or that of ``data``."""
    bound = _bounds.chosen(abs, rel, pw_rel, lossless)
    if bound is None:
        raise ConfigError("expected one of abs, pw_rel, lossless and rel with data, found none")
    if rel is None:
        return bound
    if value_range is not None:
        return absolute(bound, value_range)
    if data is None:
        raise ConfigError(
            f"expected the data whose range rel={rel!r} is relative to, found none: a codec sees only chunks;"
            " write rel=..., data=array, or abs=..."
        )
    return absolute(bound, range_of(data, missing))


def absolute(bound: Bound, value_range: float) -> Bound:
    """A relative bound for a range; others as they are."""
    if bound.kind != "rel":
        return bound
    error = bound.value * value_range
    return Bound("abs", error) if error > 0 else _bounds.exact


def range_of(data: Any, missing: float | str | None = "auto") -> float:
    """The range of an array of NumPy, h5py, Zarr, xarray or Dask, of what is finite and not missing."""
    ends, _ = ends_of(data, missing)
    return 0.0 if ends is None else min(float(ends[1] - ends[0]), sys.float_info.max)


def ends_of(data: Any, missing: float | str | None = "auto") -> Ends:
    """The ends of an array, which is read in pieces. What one piece shows to be missing is missing in all."""
    array = data if hasattr(data, "dask") else getattr(data, "variable", data)
    if hasattr(array, "dims") and array.chunks is not None:
        array = array.data
    if hasattr(array, "dask"):
        return _dask_ends(array, missing)
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        array = np.asarray(array)
    return joined(lambda known: [piece_ends(piece, known) for piece in _pieces(array)], missing)


def joined(look: Any, missing: float | str | None) -> Ends:
    """The ends of all pieces, which ``look`` gives for what is known to be missing."""
    found: list[Ends] = look(missing)
    values = sorted({value for _, of_piece in found for value in of_piece})
    if len(values) == 1:
        # Pieces where it stands once, or where nothing else does, have taken it for a value.
        found = look(values[0])
    ends = [of_piece for of_piece, _ in found if of_piece is not None]
    if not ends:
        return None, values
    return (min(low for low, _ in ends), max(high for _, high in ends)), values


def piece_ends(piece: Any, missing: float | str | None) -> Ends:
    """The ends of an array in memory."""
    if isinstance(piece, np.ma.MaskedArray):
        piece = piece.compressed()
    numbers = np.ascontiguousarray(as_numbers(np.asarray(piece)))
    value = None if missing is None or isinstance(missing, str) else float(missing)
    bits, found = _baler.array_ends(
        flat_bytes(numbers), numbers.dtype.name, is_big_endian(numbers.dtype), value, missing == "auto"
    )
    if bits is None:
        return None, found
    return of_bits(bits, numbers.dtype), found


def of_bits(bits: list[int], dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """The ends that the library tells."""
    unsigned = np.array(bits, "<u8").astype(f"<u{dtype.itemsize}")
    low, high = unsigned.view(np.dtype(dtype).newbyteorder("<"))
    return low.item(), high.item()


def bits_of(ends: tuple[Any, Any], dtype: np.dtype[Any]) -> list[int]:
    """The ends as the library takes them."""
    unsigned = f"<u{dtype.itemsize}"
    return [int(bits) for bits in np.array(ends, dtype.newbyteorder("<")).view(unsigned)]


def _pieces(array: Any) -> Iterator[AnyArray]:
    """Any array in pieces along its first axis; masked arrays stay what they are."""
    if isinstance(array, np.ndarray) or not array.shape or math.prod(array.shape) == 0:
        yield array if isinstance(array, np.ndarray) else np.asarray(array)
        return
    row_bytes = array.dtype.itemsize * math.prod(array.shape[1:])
    step = max(1, _PIECE // max(row_bytes, 1))
    chunk = getattr(array, "chunks", None)
    if chunk and isinstance(chunk[0], int):
        step = max(1, step // chunk[0]) * chunk[0]
    for start in range(0, array.shape[0], step):
        yield np.asarray(array[start : start + step])


def _dask_ends(array: Any, missing: float | str | None) -> Ends:
    import dask

    def look(known: float | str | None) -> list[Ends]:
        task = dask.delayed(piece_ends, pure=True)
        found: tuple[list[Ends]] = dask.compute([task(block, known) for block in array.to_delayed().ravel()])
        return found[0]

    return joined(look, missing)
