"""A codec of numcodecs, for Zarr 2 and whatever else takes its codecs: ``compressor=baler.numcodecs.Baler(abs=1e-3)``.

Importing this module is not needed to read arrays: numcodecs finds the codec by its name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from . import _baler, _chunks, _configuration, _ranges, _virtual
from ._chunks import LEVEL, Coding
from ._errors import InputError, UnsupportedError, missing as missing_library
from ._model import Model

try:
    from numcodecs.abc import Codec
    from numcodecs.compat import ensure_bytes, ensure_contiguous_ndarray, ensure_ndarray_like
except ImportError:
    raise missing_library("numcodecs", "baler.numcodecs") from None

#: Before an array whose values lay in memory with their highest byte first.
_BIG_ENDIAN = b"\x80"


class Baler(Codec, metaclass=_configuration.SaysItsPlace):  # type: ignore[misc]
    """Arrays to bytes within a bound.

    The options are those of :class:`baler.zarr.BalerCodec`; ``padding`` is the fill value of the array, with which chunks at
    its edges are filled up: it then takes no bytes and widens no range. In Zarr 3 take :class:`baler.zarr.BalerCodec`.
    """

    codec_id: ClassVar[str] = "baler"
    _place: ClassVar[str] = "is for Zarr 2; in Zarr 3 write serializer=baler.zarr.BalerCodec(...), compressors=None"

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
        padding: float | None = None,
        model: Model | None = None,
        model_ref: bool = False,
    ) -> None:
        bound = _ranges.resolved(abs, rel, pw_rel, lossless, data, missing)
        self._coding = Coding(bound, level, missing, model, _configuration.reference(model, model_ref))
        self._rel, self._padding = rel, padding

    def encode(self, buf: Any) -> bytes:
        """The bytes of an array; of one in Fortran's order those of its transpose, as it lies in memory."""
        array = ensure_ndarray_like(buf)
        if array.dtype.kind not in "biufcmM":
            raise InputError(f"expected an array of numbers, found dtype {array.dtype}; give the array, not its bytes")
        if array.flags.f_contiguous and not array.flags.c_contiguous:
            array = array.T
        coded = self._coding.encode(array, self._padding)
        return _BIG_ENDIAN + coded if _chunks.is_big_endian(array.dtype) else coded

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The values as they lay in memory."""
        data = ensure_bytes(buf)
        is_big = data[:1] == _BIG_ENDIAN
        data = data[1:] if is_big else data
        name, shape, _ = _baler.array_info(data)
        dtype = np.dtype(name).newbyteorder(">" if is_big else "<")
        if out is None:
            values = np.empty(shape, dtype)
        else:
            values = ensure_contiguous_ndarray(out).view(np.uint8)
            if values.size != dtype.itemsize * math.prod(shape):
                expected = dtype.itemsize * math.prod(shape)
                raise InputError(f"expected room for {expected} bytes, found {values.size}")
            values = values.view(dtype).reshape(shape)
        self._coding.decode(data, values)
        return values if out is None else out

    def __getitem__(self, index: int) -> Any:
        """Zarr 3 looks for several codecs in what is none of its own: this says what it takes."""
        raise TypeError(f"expected a codec of Zarr 3, found {type(self)!r}")

    def get_config(self) -> dict[str, Any]:
        """What metadata hold."""
        found = {"id": self.codec_id} | _configuration.of(self._coding, self._rel)
        return found if self._padding is None else found | {"padding": self._padding}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`get_config`."""
        found = {key: value for key, value in config.items() if key not in ("id", "padding")}
        codec = cls.__new__(cls)
        codec._coding, codec._rel = _configuration.coding_of(found)
        codec._padding = config.get("padding")
        return codec

    def __repr__(self) -> str:
        return f"Baler({self._coding.bound}, level={self._coding.level})"


class ArchiveChunk(Codec):  # type: ignore[misc]
    """Decodes the chunk of an archive to the bytes of one of its variables (:func:`baler.zarr.references`). Nothing is encoded
    by it: archives are not changed."""

    codec_id: ClassVar[str] = _virtual.CODEC

    def __init__(self, *, head: str, variable: int, size: int) -> None:
        self._of_chunk = _virtual.OfChunk.of({"head": head, "variable": variable, "size": size})

    def encode(self, buf: Any) -> bytes:
        """Refuses."""
        raise UnsupportedError("expected an array to read, found one to write: chunks of an archive stay as they are")

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The bytes of the values in C order, little-endian."""
        values = self._of_chunk.decode(ensure_bytes(buf))
        if out is None:
            return values
        room = ensure_contiguous_ndarray(out).view(np.uint8).reshape(-1)
        if room.size != values.size:
            raise InputError(f"expected room for {values.size} bytes, found {room.size}")
        room[:] = values
        return out

    def get_config(self) -> dict[str, Any]:
        """What metadata hold."""
        return {"id": self.codec_id} | self._of_chunk.configuration()
