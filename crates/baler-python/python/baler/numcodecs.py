"""A codec of numcodecs, for Zarr 2 and whatever else takes its codecs: ``compressor=baler.numcodecs.Baler(abs=1e-3)``.

Importing this module is not needed to read arrays: numcodecs finds the codec by its name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from . import _baler, _chunks, _configuration, _ranges
from ._chunks import LEVEL, Coding
from ._errors import InputError, missing as missing_library
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
    ) -> None:
        bound = _ranges.resolved(abs, rel, pw_rel, lossless, data, missing)
        self._coding, self._rel, self._padding = Coding(bound, level, missing, model), rel, padding

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
