"""A codec of Zarr 3: ``zarr.create_array(..., serializer=BalerCodec(abs=1e-3), compressors=None)``.

Its chunks are described in docs/zarr/README.md. Importing this module is not needed to read arrays: Zarr finds the codec by
its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from . import _bounds, _chunks, _configuration, _ranges
from ._bounds import Bound, BoundLike
from ._chunks import LEVEL, Coding
from ._errors import ConfigError, missing as missing_library
from ._model import Model

try:
    from zarr.abc.codec import ArrayBytesCodec
except ImportError:
    raise missing_library("zarr", "baler.zarr (3 or later)") from None


@dataclass(frozen=True, init=False)
class BalerCodec(ArrayBytesCodec, metaclass=_configuration.SaysItsPlace):  # type: ignore[misc]
    """Arrays to bytes within a bound: the ``serializer`` of an array of Zarr 3, without ``compressors``.

    Exactly one promise is given: ``abs``, ``pw_rel`` or ``lossless``; or ``rel`` with the ``data`` whose range it is relative
    to, which makes it an absolute one. ``level`` is 1 (fastest) to 9 (smallest), ``missing`` a value that is kept exactly and
    counts for no range, and ``model`` one that was trained on like arrays; it then stands once in the metadata of the array.
    """

    is_fixed_size = False
    _place: ClassVar[str] = "codes arrays and is no compressor; write serializer=BalerCodec(...), compressors=None"

    coding: Coding
    #: What was asked, where the promise comes of it; for information.
    rel: float | None

    def __init__(
        self,
        *,
        abs: float | None = None,
        rel: float | None = None,
        pw_rel: float | None = None,
        lossless: bool = False,
        data: Any = None,
        level: int = LEVEL,
        missing: float | str | None = "auto",
        model: Model | None = None,
    ) -> None:
        bound = _ranges.resolved(abs, rel, pw_rel, lossless, data, missing)
        object.__setattr__(self, "coding", Coding(bound, level, missing, model))
        object.__setattr__(self, "rel", rel)

    @classmethod
    def of(cls, coding: Coding, rel: float | None = None) -> Self:
        """The codec of a coding."""
        codec = cls.__new__(cls)
        object.__setattr__(codec, "coding", coding)
        object.__setattr__(codec, "rel", rel)
        return codec

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The codec of the metadata of an array."""
        return cls.of(*_configuration.coding_of(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        """As the metadata of an array hold it."""
        return {"name": "baler", "configuration": _configuration.of(self.coding, self.rel)}

    def validate(self, *, shape: Any, dtype: Any, chunk_grid: Any) -> None:
        """Refuses dtypes that hold no numbers."""
        _chunks.as_numbers(np.empty((), dtype.to_native_dtype()))

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        """Nobody knows before."""
        raise NotImplementedError

    def _encode_sync(self, chunk_array: Any, chunk_spec: Any) -> Any:
        coded = self.coding.encode(chunk_array.as_numpy_array(), chunk_spec.fill_value)
        return chunk_spec.prototype.buffer.from_bytes(coded)

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        out = np.empty(chunk_spec.shape, chunk_spec.dtype.to_native_dtype())
        self.coding.decode(chunk_bytes.as_numpy_array().view(np.uint8), out)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(out)

    async def _encode_single(self, chunk_array: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._encode_sync, chunk_array, chunk_spec)

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)


def encoding(
    dataset: Any,
    *,
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    bounds: Mapping[str, BoundLike] | None = None,
    level: int = LEVEL,
    model: Model | None = None,
) -> dict[str, dict[str, Any]]:
    """The ``encoding`` of ``Dataset.to_zarr`` that lets this codec keep every variable of numbers.

    The promise is one for data variables of floats; coordinates, integers, times and what is marked as exact in ``bounds``
    are kept bit for bit. ``bounds`` has promises of single variables, also of integers. Variables that are packed
    (``scale_factor``) keep the promise for what is unpacked.
    """
    from . import _xarray_zarr

    promise = _bounds.chosen(abs, rel, pw_rel, lossless)
    return _xarray_zarr.encoding(dataset, promise, bounds or {}, level, model)
