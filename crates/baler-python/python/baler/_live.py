"""Records that come one after the other: frames of them leave at once, within the bound of a model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _arrays, _baler, _files
from ._errors import InputError
from ._model import Model


def _dtype(fields: list[tuple[str, str]]) -> np.dtype[Any]:
    return np.dtype([(name, np.dtype(dtype).newbyteorder("<")) for name, dtype in fields])


class Live:
    """A live stream (.bals) in the making: its bytes are ``head()``, those of each ``encode(records)``, and ``finish()``.

    The model is one of a table that was trained with a bound, which is kept; ``model_ref`` only names it by its hash.
    """

    def __init__(self, model: Model | str | os.PathLike[str], *, model_ref: bool = False) -> None:
        self.model = model if isinstance(model, Model) else Model.load(model)
        self._inner = _baler.LiveEncoder(self.model._inner, model_ref)
        #: A record.
        self.dtype = _dtype(self._inner.fields())

    def head(self) -> bytes:
        """What the stream begins with."""
        return self._inner.head()

    def encode(self, records: Any) -> bytes:
        """Frames of some records: an array of :attr:`dtype`, or a dict of columns. Each is decoded and compared first."""
        if isinstance(records, Mapping):
            missing = [name for name in self.dtype.names or () if name not in records]
            if missing:
                raise InputError(f"expected a column '{missing[0]}', found {', '.join(map(str, records))}")
            n_rows = len(records[(self.dtype.names or ("",))[0]])
            array: npt.NDArray[Any] = np.empty(n_rows, self.dtype)
            for name in self.dtype.names or ():
                array[name] = records[name]
        else:
            array = np.ascontiguousarray(records)
            if array.dtype != self.dtype:
                raise InputError(f"expected records of {self.dtype}, found {array.dtype}")
        return self._inner.encode(_arrays.flat_bytes(array))

    def finish(self) -> bytes:
        """The end of the stream."""
        return self._inner.finish()

    @property
    def n_records(self) -> int:
        """Records so far."""
        return self._inner.counts()[0]

    @property
    def n_stored(self) -> int:
        """Records that are stored as they are, for the model does not know their like."""
        return self._inner.counts()[1]


def read_live(
    stream: Any, *, model: Model | str | os.PathLike[str] | None = None
) -> Iterator[npt.NDArray[Any]]:
    """The records of a live stream (a path, bytes or a file), frame by frame."""
    model = Model.load(model) if isinstance(model, (str, os.PathLike)) else model
    source = _files.opened(os.fspath(stream)) if isinstance(stream, (str, os.PathLike)) else stream
    decoder = _baler.LiveDecoder(source, None if model is None else model._inner)
    dtype = _dtype(decoder.fields())
    while (records := decoder.next_frame()) is not None:
        yield np.frombuffer(records, dtype)
