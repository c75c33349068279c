"""What of an array is picked by ``v[10:20, :, 3]``: the ranges that are decoded, and what is taken of these."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Picked:
    """A key of NumPy's for an array of some extents."""

    def __init__(self, key: Any, shape: tuple[int, ...]) -> None:
        items = list(key) if isinstance(key, tuple) else [key]
        n_axes = sum(_n_axes(item) for item in items)
        if n_axes > len(shape):
            raise IndexError(f"expected at most {len(shape)} indices, found {n_axes}")
        if not any(item is Ellipsis for item in items):
            items.append(Ellipsis)
        if sum(item is Ellipsis for item in items) > 1:
            raise IndexError("expected at most one ellipsis, found several")
        at = next(i for i, item in enumerate(items) if item is Ellipsis)
        items[at : at + 1] = [slice(None)] * (len(shape) - n_axes)
        #: First and one past the last of each of the first axes.
        self.ranges: list[tuple[int | None, int | None]] = []
        self._after: list[Any] = []
        axis = 0
        for item in items:
            if item is None:
                self._after.append(None)
            elif isinstance(item, (np.ndarray, list)) and np.asarray(item).dtype == bool:
                mask = np.asarray(item)
                if mask.shape != shape[axis : axis + mask.ndim]:
                    raise IndexError(
                        f"expected a mask of shape {shape[axis : axis + mask.ndim]}, found {mask.shape}"
                    )
                self.ranges += [(0, extent) for extent in mask.shape]
                self._after.append(mask)
                axis += mask.ndim
            else:
                self._axis(item, shape[axis], axis)
                axis += 1
        while self.ranges and self.ranges[-1] == (0, shape[len(self.ranges) - 1]):
            self.ranges.pop()

    def _axis(self, item: Any, extent: int, axis: int) -> None:
        if isinstance(item, slice):
            start, stop, step = item.indices(extent)
            n = len(range(start, stop, step))
            first, last = (start, start + (n - 1) * step) if n else (0, -1)
            low = min(first, last) if n else 0
            self.ranges.append((low, max(first, last) + 1 if n else 0))
            self._after.append(slice(None, None, step) if step > 0 else slice(None, None, step))
            return
        index = np.asarray(item)
        if index.dtype.kind not in "iu" and index.size:
            raise IndexError(f"expected indices, slices, ... or masks, found {item!r}")
        index = index.astype(np.int64)
        index = np.where(index < 0, index + extent, index)
        if index.size and (index.min() < 0 or index.max() >= extent):
            raise IndexError(f"index {item} is out of bounds for axis {axis} with size {extent}")
        low = int(index.min()) if index.size else 0
        self.ranges.append((low, int(index.max()) + 1 if index.size else low))
        self._after.append(int(index) - low if index.ndim == 0 else index - low)

    def of(self, array: npt.NDArray[Any]) -> Any:
        """What the key takes of the values of its ranges."""
        found = array[tuple(self._after)]
        # Nobody needs all that was decoded for a few values of it.
        return found.copy() if isinstance(found, np.ndarray) and found.nbytes * 4 < array.nbytes else found


def _n_axes(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    if isinstance(item, (np.ndarray, list)) and np.asarray(item).dtype == bool:
        return np.asarray(item).ndim
    return 1
