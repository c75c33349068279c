"""Baler as a filter of HDF5: importing this module makes it known to h5py (and to netCDF4, where that is loaded).

>>> import baler.hdf5, h5py, numpy as np
>>> field = np.sin(np.arange(120_000, dtype="f4").reshape(300, 400) / 50)
>>> with h5py.File("wave.h5", "w") as file:
...     dataset = file.create_dataset("u", data=field, chunks=(150, 400), **baler.hdf5.Baler(rel=1e-3, data=field))
>>> with h5py.File("wave.h5") as file:
...     bool(np.abs(file["u"][:] - field).max() <= 2e-3)
True
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _arrays, _baler, _options, _ranges
from ._errors import InputError, missing
from ._model import Model

try:
    import h5py
except ImportError:
    raise missing("h5py", "baler.hdf5") from None

__all__ = ["FILTER_ID", "Baler", "plugin_path", "read", "register", "write"]

#: The filter's number in files.
FILTER_ID, _ADDRESS = _baler.hdf5_filter()


def register() -> None:
    """Makes the filter known to h5py, and to every other HDF5 that is loaded by now (netCDF4 brings one)."""
    h5py.h5z.register_filter(_ADDRESS)
    _baler.hdf5_register()


def plugin_path() -> str:
    """The folder for ``HDF5_PLUGIN_PATH``, by which programs without Python (h5dump, h5repack, ncdump) find the filter."""
    folder = Path(__file__).with_name("plugins")
    if not any(folder.glob("libh5baler.*")):
        raise FileNotFoundError(
            f"expected the plugin of HDF5 in {folder}, found none: this package was built without it;"
            " build it with cargo build --release -p baler-hdf5, and take target/release/libh5baler.so"
        )
    return str(folder)


class Baler(h5py.filters.FilterRefBase):  # type: ignore[misc]
    """What datasets are compressed with: ``create_dataset(..., **Baler(abs=0.01))``, or ``compression=Baler(abs=0.01)``.

    Exactly one promise is given: ``abs`` (an error of at most this), ``pw_rel`` (of each value), ``lossless``, or ``rel``
    (of the range of the whole dataset, which is that of ``data``, or the number ``range``). ``level`` is 1 (fastest) to
    9 (smallest). ``model`` is one that was trained on like arrays: files only name it by its hash, and other processes look
    for it in the folders of ``BALER_MODEL_PATH``.
    """

    filter_id = FILTER_ID

    def __init__(
        self,
        *,
        abs: float | None = None,
        rel: float | None = None,
        pw_rel: float | None = None,
        lossless: bool = False,
        data: Any = None,
        range: float | None = None,
        level: int = 3,
        model: Model | None = None,
    ) -> None:
        #: What each chunk keeps: a relative bound is an absolute one by now.
        self.bound = _ranges.resolved(abs, rel, pw_rel, lossless, data, value_range=range)
        self.filter_options = tuple(_baler.hdf5_words(str(self.bound), level, None if model is None else model._inner))

    def __repr__(self) -> str:
        return f"baler.hdf5.Baler({self.bound!r}, level={self.filter_options[2]})"


class _Chunks:
    """What threads have to know of a dataset, of which only one at a time may ask HDF5."""

    def __init__(self, dataset: Any, words: list[int]) -> None:
        self.shape: tuple[int, ...] = dataset.shape
        self.extents: tuple[int, ...] = dataset.chunks
        self.dtype: np.dtype[Any] = dataset.dtype
        self.fill = dataset.fillvalue
        self.words = words

    @classmethod
    def of(cls, dataset: Any) -> _Chunks | None:
        """None for a dataset that has another filter, or several."""
        properties = dataset.id.get_create_plist()
        if dataset.chunks is None or properties.get_nfilters() != 1:
            return None
        number, _, words, _ = properties.get_filter(0)
        return cls(dataset, list(words)) if number == FILTER_ID else None

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Where the chunks begin."""
        return itertools.product(*(range(0, *ends) for ends in zip(self.shape, self.extents)))

    def regions(self, offset: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Where a chunk lies in the dataset, and what of the chunk that is."""
        stops = [min(at + extent, end) for at, extent, end in zip(offset, self.extents, self.shape)]
        return tuple(map(slice, offset, stops)), tuple(slice(stop - at) for at, stop in zip(offset, stops))

    def decode(self, out: npt.NDArray[Any], offset: tuple[int, ...], skipped: int, coded: bytes) -> None:
        """Puts a chunk where it belongs; HDF5 may have skipped the filter."""
        data = coded if skipped else _baler.hdf5_decode(self.words, np.frombuffer(coded, np.uint8))
        there, here = self.regions(offset)
        out[there] = np.frombuffer(data, self.dtype).reshape(self.extents)[here]

    def encode(self, data: Any, offset: tuple[int, ...]) -> tuple[tuple[int, ...], bytes]:
        """The offset, and the bytes of the chunk there."""
        there, here = self.regions(offset)
        chunk = np.ascontiguousarray(np.asarray(data[there], self.dtype))
        if chunk.shape != self.extents:
            inner, chunk = chunk, np.full(self.extents, self.fill, self.dtype)
            chunk[here] = inner
        return offset, _baler.hdf5_encode(self.words, _arrays.flat_bytes(chunk))


def _in_threads(
    n_threads: int, jobs: Iterable[Callable[[], Any]], take: Callable[[Any], None]
) -> None:
    """Does jobs on threads and takes what they give, in order; a few wait at a time."""
    n_threads = n_threads or os.cpu_count() or 1
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque[Future[Any]] = deque()
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) > 2 * n_threads:
                    take(waiting.popleft().result())
            while waiting:
                take(waiting.popleft().result())
        finally:
            for future in waiting:
                future.cancel()


def read(dataset: Any, *, threads: int | None = None) -> npt.NDArray[Any]:
    """All values of a dataset of h5py: its chunks are decoded on threads, beside HDF5, which decodes one after the other.

    A dataset without this filter, or with others, is read by HDF5.
    """
    chunks = _Chunks.of(dataset)
    if chunks is None:
        whole: npt.NDArray[Any] = dataset[...]
        return whole
    out = np.full(chunks.shape, chunks.fill, chunks.dtype)
    offsets: list[tuple[int, ...]] = []
    dataset.id.chunk_iter(lambda info: offsets.append(info.chunk_offset))
    read_one = dataset.id.read_direct_chunk
    jobs = (partial(chunks.decode, out, offset, *read_one(offset)) for offset in offsets)
    _in_threads(_options.threads(threads), jobs, lambda _: None)
    return out


def write(dataset: Any, data: Any, *, threads: int | None = None) -> None:
    """Writes all values of a dataset of h5py: its chunks are coded on threads, beside HDF5, which codes one after the other.

    ``data`` is anything of the shape of the dataset that gives arrays for slices. A dataset without this filter, or with
    others, is written by HDF5.
    """
    if np.shape(data) != dataset.shape:
        raise InputError(f"expected data of the shape {dataset.shape}, found {np.shape(data)}")
    chunks = _Chunks.of(dataset)
    if chunks is None:
        dataset[...] = data
        return
    jobs = (partial(chunks.encode, data, offset) for offset in chunks.offsets())
    _in_threads(_options.threads(threads), jobs, lambda made: dataset.id.write_direct_chunk(*made))



register()
