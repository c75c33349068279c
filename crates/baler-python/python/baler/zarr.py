"""A codec of Zarr 3: ``zarr.create_array(..., serializer=BalerCodec(abs=1e-3), compressors=None)``.

Its chunks are described in docs/zarr/README.md. Importing this module is not needed to read arrays: Zarr finds the codec by
its name.

An archive is a virtual Zarr: :func:`references` makes references of kerchunk of it, and :class:`BalerParser` is a parser of
VirtualiZarr. Its chunks stay where they are and are decoded by :class:`ArchiveChunk`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from . import _archive, _bounds, _chunks, _configuration, _ranges, _virtual
from ._bounds import Bound, BoundLike
from ._chunks import LEVEL, Coding
from ._errors import UnsupportedError, missing as missing_library
from ._model import Model
from ._virtual import references

try:
    from zarr.abc.codec import ArrayBytesCodec, BytesBytesCodec
except ImportError:
    raise missing_library("zarr", "baler.zarr (3 or later)") from None

__all__ = ["ArchiveChunk", "BalerCodec", "BalerParser", "encoding", "references"]


@dataclass(frozen=True, init=False)
class BalerCodec(ArrayBytesCodec, metaclass=_configuration.SaysItsPlace):  # type: ignore[misc]
    """Arrays to bytes within a bound: the ``serializer`` of an array of Zarr 3, without ``compressors``.

    Exactly one promise is given: ``abs``, ``pw_rel`` or ``lossless``; or ``rel`` with the ``data`` whose range it is relative
    to, which makes it an absolute one. ``level`` is 1 (fastest) to 9 (smallest), ``missing`` a value that is kept exactly and
    counts for no range, and ``model`` one that was trained on like arrays; it then stands once in the metadata of the array, or
    with ``model_ref`` only its hash, by which it is looked for in the folders of ``BALER_MODEL_PATH``.
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
        model_ref: bool = False,
    ) -> None:
        bound = _ranges.resolved(abs, rel, pw_rel, lossless, data, missing)
        coding = Coding(bound, level, missing, model, _configuration.reference(model, model_ref))
        object.__setattr__(self, "coding", coding)
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


@dataclass(frozen=True)
class ArchiveChunk(BytesBytesCodec):  # type: ignore[misc]
    """Decodes the chunk of an archive to the bytes of one of its variables. Nothing is encoded by it: archives are not
    changed."""

    is_fixed_size = False
    of_chunk: _virtual.OfChunk

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The codec of the metadata of an array."""
        return cls(_virtual.OfChunk.of(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        """As the metadata of an array hold it."""
        return {"name": _virtual.CODEC, "configuration": self.of_chunk.configuration()}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        """Nobody knows before."""
        raise NotImplementedError

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        values = self.of_chunk.decode(chunk_bytes.as_numpy_array().view(np.uint8))
        return chunk_spec.prototype.buffer.from_array_like(values)

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)

    async def _encode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        raise UnsupportedError("expected an array to read, found one to write: chunks of an archive stay as they are")


class BalerParser:
    """A parser of VirtualiZarr: ``open_virtual_dataset(url, registry=..., parser=BalerParser())``."""

    def __init__(self, *, drop: Collection[str] = ()) -> None:
        self.drop = tuple(drop)

    def __call__(self, url: str, registry: Any) -> Any:
        """The archive at ``url`` as a ``ManifestStore``."""
        try:
            from obspec_utils.readers import BlockStoreReader
            from virtualizarr.manifests import ManifestStore
        except ImportError:
            raise missing_library("virtualizarr", "baler.zarr.BalerParser (2 or later)") from None
        store, path = registry.resolve(url)
        with _archive.open(BlockStoreReader(store, path)) as file:
            group = _virtual.manifest_group(file, url, self.drop)
        return ManifestStore(group=group, registry=registry)


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
