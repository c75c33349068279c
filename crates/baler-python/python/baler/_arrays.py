"""NumPy arrays as the extension takes them (headers and bytes, where they stand), and arrays that it fills."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ._errors import InputError

AnyArray = npt.NDArray[Any]


def as_array(obj: Any, name: str = "data") -> AnyArray:
    """The object as an array whose values the library takes."""
    array: AnyArray = np.asarray(obj)
    if array.size and array.dtype.kind in "TO" and all(isinstance(item, str) for item in array.flat):
        # Text of any width, as text of the width of the longest.
        array = np.array(array.tolist(), "U").reshape(array.shape)
    if array.dtype.hasobject:
        raise InputError(
            f"expected numbers, text or times in '{name}', found dtype {array.dtype};"
            " give it a dtype of its own (astype), or leave it out"
        )
    return array


def header(array: AnyArray) -> bytes:
    """The npy header of an array, as ``np.save`` would describe it."""
    fields = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": array.flags.f_contiguous and not array.flags.c_contiguous,
        "shape": array.shape,
    }
    text = (repr(fields) + "\n").encode()
    return b"\x93NUMPY\x03\x00" + len(text).to_bytes(4, "little") + text


def flat_bytes(array: AnyArray) -> npt.NDArray[np.uint8]:
    """The bytes of an array that has no gaps, where they stand."""
    if array.size == 0 or array.itemsize == 0:
        return np.empty(0, np.uint8)
    rows = array if array.flags.c_contiguous else array.T
    return rows.reshape(-1).view(np.uint8)


def member(array: AnyArray) -> tuple[bytes, npt.NDArray[np.uint8]]:
    """Header and bytes; only an array with gaps is copied."""
    array = np.asarray(array)
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.ascontiguousarray(array)
    return header(array), flat_bytes(array)


class Place:
    """Where the values of one variable go in an array."""

    def __init__(self, array: AnyArray, n_inner: int, item: np.dtype[Any], offset: int = 0) -> None:
        inner = (item.itemsize,) if n_inner else ()
        self.flat = flat_bytes(array)
        self.strides = [*array.strides, *inner]
        self.offset = offset
        self.big_endian = item.byteorder == ">" or array.dtype.byteorder == ">"

    def wanted(self, name: str, ranges: list[tuple[int | None, int | None]]) -> tuple[Any, ...]:
        """As the extension takes it."""
        return name, ranges, self.flat, self.offset, self.strides, self.big_endian


def empty(variable: dict[str, Any], shape: tuple[int, ...] | None = None) -> AnyArray:
    """An array for a variable of an archive, or for a part of it with other extents."""
    extents = tuple(variable["shape"]) if shape is None else shape
    extents = extents[: len(extents) - variable["n_inner"]]
    order = "F" if variable["fortran"] and shape is None else "C"
    return np.empty(extents, np.dtype(variable["descr"]), order=order)  # type: ignore[call-overload, no-any-return]


def n_values(shape: tuple[int, ...]) -> int:
    """The product of the extents."""
    return math.prod(shape)
