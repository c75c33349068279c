"""An archive as a virtual Zarr: each of its arrays with the place of every chunk in the file, and what a codec needs to decode one.

A chunk of an archive holds rows of all variables of a group. A virtual array is one variable; its codec is handed the bytes of the
whole chunk, and has the *head* of the group (docs/format.md, section 24) and the variable's position in its configuration.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from . import _archive, _baler, _files, _xarray
from ._errors import ConfigError, CorruptError, InputError

#: The codec's name, in Zarr 3 and in numcodecs.
CODEC = "baler.chunk"


@functools.lru_cache(maxsize=64)
def _head_of(text: str) -> _baler.ChunkHead:
    """The head in a text in base64, of which many arrays may have the same."""
    try:
        return _baler.ChunkHead(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise ConfigError("expected a head in base64, found another text") from None


@dataclass(frozen=True)
class OfChunk:
    """How a variable comes out of a chunk of an archive."""

    #: Base64.
    head: str
    #: Its position in the group.
    variable: int
    #: Bytes of its values in a whole chunk; one at the end of the array may have fewer.
    size: int

    def configuration(self) -> dict[str, Any]:
        """As metadata hold it."""
        return {"head": self.head, "variable": self.variable, "size": self.size}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`configuration`."""
        if set(found) != {"head", "variable", "size"}:
            raise ConfigError(f"expected a configuration of head, size, variable, found {', '.join(sorted(found))}")
        head, variable, size = found["head"], found["variable"], found["size"]
        if not isinstance(head, str) or not all(type(n) is int and n >= 0 for n in (variable, size)):
            raise ConfigError("expected a head in base64 and whole numbers for variable and size, found others")
        return cls(head, variable, size)

    def decode(self, chunk: Any) -> npt.NDArray[np.uint8]:
        """The bytes of the values in C order, little-endian; zeros behind a chunk that is not whole, which no array shows."""
        data = _head_of(self.head).decode(chunk, self.variable)
        if len(data) > self.size:
            raise CorruptError(f"expected a chunk of at most {self.size} bytes of values, found {len(data)}")
        if len(data) == self.size:
            return np.frombuffer(data, np.uint8)
        whole = np.zeros(self.size, np.uint8)
        whole[: len(data)] = np.frombuffer(data, np.uint8)
        return whole


@dataclass(frozen=True)
class Array:
    """One virtual array."""

    #: With the names of its groups before it.
    name: str
    shape: tuple[int, ...]
    #: Extents of a chunk: some rows, and all of the other axes.
    chunks: tuple[int, ...]
    #: Little-endian.
    dtype: np.dtype[Any]
    dims: tuple[str, ...]
    attrs: dict[str, Any]
    is_coordinate: bool
    #: First byte and number of bytes of each chunk of rows.
    places: list[tuple[int, int]]
    codec: OfChunk

    def keys(self) -> list[tuple[int, ...]]:
        """Where each of the places stands in the grid of chunks."""
        return [(row, *(0 for _ in self.shape[1:]))[: len(self.shape)] for row in range(len(self.places))]


def arrays(file: _archive.File, drop: Collection[str] = ()) -> list[Array]:
    """All arrays of an archive but those that are dropped."""
    if strange := [name for name in drop if name not in file]:
        raise InputError(file._unknown(strange[0]))
    coords = set(file.notes.get("coords", ()))
    extents: dict[str, int] = {}
    found = []
    for names, rows, places, head in file._opened().groups():
        text = base64.b64encode(head).decode("ascii")
        for position, name in enumerate(names):
            column = file[name]
            if name in drop or column.role == "axis":
                continue
            dtype, attrs = _dtype(column)
            shape = column.shape
            most = _rows(name, shape, rows)
            chunks = (most, *(max(extent, 1) for extent in shape[1:]))[: len(shape)]
            codec = OfChunk(text, position, math.prod(chunks) * dtype.itemsize)
            dims = tuple(dim.rpartition("/")[2] for dim in _xarray._dims(column, extents))
            is_coordinate = column.role == "coordinate" or name in coords
            found.append(Array(name.strip("/"), shape, chunks, dtype, dims, attrs, is_coordinate, places, codec))
    order = {name.strip("/"): number for number, name in enumerate(file)}
    return sorted(found, key=lambda array: order[array.name])


def _dtype(column: _archive.Variable) -> tuple[np.dtype[Any], dict[str, Any]]:
    """The dtype of a virtual array, and its attributes: times are whole numbers with units, as in NetCDF."""
    dtype = column.dtype.newbyteorder("<")
    attrs = {key: _json(value) for key, value in column.attrs.items()}
    if dtype.kind in "mM" and np.datetime_data(dtype)[0] in (*_xarray._UNITS, "ns"):
        return np.dtype("<i8"), attrs | dict(_xarray._units(dtype))
    if dtype.kind in "biufc":
        return dtype, attrs
    raise InputError(
        f"expected numbers or times, found {dtype} in '{column.name}', which a virtual Zarr cannot have;"
        f" leave it out: drop=['{column.name}']"
    )


def _rows(name: str, shape: tuple[int, ...], rows: list[int]) -> int:
    """Rows of a chunk of Zarr, in which all but the last have equally many."""
    if not rows:
        return max(1, shape[0]) if shape else 1
    at = next((at for at, n_rows in enumerate(rows[:-1]) if n_rows != rows[0]), len(rows) - 1)
    if rows[at] > rows[0] or at < len(rows) - 1:
        raise InputError(
            f"expected chunks of equally many rows, found some of {rows[0]} and of {rows[at]} in '{name}', as Zarr has none: the"
            " archive was merged of parts that end elsewhere; open it with xarray.open_dataset(path, engine='baler', chunks={})"
        )
    return rows[0]


def _json(value: Any) -> Any:
    """An attribute as JSON has it."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def references(path: str | os.PathLike[str], *, drop: Collection[str] = ()) -> dict[str, Any]:
    """An archive as references of kerchunk (version 1, Zarr 2): a dict for ``json.dump``, or for fsspec's ``reference://``.

    ``path`` may be one of fsspec's (``s3://``); it stands in the references, a local one absolutely. ``drop`` leaves variables out.
    """
    name = os.fspath(path)
    place = name if _files.is_remote(name) else os.path.abspath(name)
    with _archive.open(name) as file:
        found = arrays(file, drop)
        attrs = {key: _json(value) for key, value in file.attrs.items()}
    if coords := [array.name for array in found if array.is_coordinate and array.dims != (array.name,)]:
        attrs["coordinates"] = " ".join(coords)
    refs: dict[str, Any] = {".zgroup": _text({"zarr_format": 2}), ".zattrs": _text(attrs)}
    for array in found:
        for end in (at for at, letter in enumerate(array.name) if letter == "/"):
            refs[f"{array.name[:end]}/.zgroup"] = refs[".zgroup"]
        attrs = dict(array.attrs)
        fill = np.ravel(attrs.pop("_FillValue", []))[:1].tolist()
        about = {
            "zarr_format": 2,
            "shape": array.shape,
            "chunks": array.chunks,
            "dtype": array.dtype.str,
            "order": "C",
            "fill_value": _number(fill[0]) if fill else None,
            "filters": None,
            "compressor": {"id": CODEC} | array.codec.configuration(),
            "dimension_separator": ".",
        }
        refs[f"{array.name}/.zarray"] = _text(about)
        refs[f"{array.name}/.zattrs"] = _text(attrs | {"_ARRAY_DIMENSIONS": array.dims})
        for key, (offset, size) in zip(array.keys(), array.places, strict=True):
            refs[f"{array.name}/{'.'.join(map(str, key)) or '0'}"] = [place, offset, size]
    return {"version": 1, "refs": refs}


def _number(value: Any) -> Any:
    """A number as metadata of Zarr 2 have it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, separators=(",", ":"))


def manifest_group(file: _archive.File, url: str, drop: Collection[str]) -> Any:
    """An archive as a ``ManifestGroup`` of VirtualiZarr."""
    from virtualizarr.manifests import ManifestGroup

    found = arrays(file, drop)
    attrs: dict[str, Any] = {key: _json(value) for key, value in file.attrs.items()}
    if coords := [array.name for array in found if array.is_coordinate and array.dims != (array.name,)]:
        attrs["coordinates"] = " ".join(coords)
    return _nested({array.name: _manifest_array(array, url) for array in found}, attrs, ManifestGroup)


def _nested(arrays: dict[str, Any], attrs: dict[str, Any], group: Any) -> Any:
    """Arrays with paths as groups in groups."""
    own = {name: array for name, array in arrays.items() if "/" not in name}
    names = dict.fromkeys(name.partition("/")[0] for name in arrays if "/" in name)
    inner = {
        name: _nested({n[len(name) + 1 :]: a for n, a in arrays.items() if n.startswith(f"{name}/")}, {}, group)
        for name in names
    }
    return group(arrays=own, groups=inner, attributes=attrs)


def _manifest_array(array: Array, url: str) -> Any:
    from virtualizarr.manifests import ChunkManifest, ManifestArray
    from virtualizarr.manifests.utils import create_v3_array_metadata
    from virtualizarr.parsers.utils import encode_cf_fill_value

    attrs = dict(array.attrs)
    if "_FillValue" in attrs:
        fill = np.ravel(attrs["_FillValue"]).astype(array.dtype)[0]
        attrs["_FillValue"] = encode_cf_fill_value(fill, array.dtype)
    metadata = create_v3_array_metadata(
        shape=array.shape,
        data_type=array.dtype,
        chunk_shape=array.chunks,
        codecs=[{"name": CODEC, "configuration": array.codec.configuration()}],
        attributes=attrs,
        dimension_names=array.dims,
    )
    grid = tuple(-(-extent // chunk) for extent, chunk in zip(array.shape, array.chunks))
    if not array.places:
        return ManifestArray(metadata=metadata, chunkmanifest=ChunkManifest(entries={}, shape=grid))
    places = np.array(array.places, np.uint64).reshape(-1, 2)
    manifest = ChunkManifest.from_arrays(
        paths=np.full(grid, url, np.dtypes.StringDType()),
        offsets=places[:, 0].reshape(grid),
        lengths=places[:, 1].reshape(grid),
    )
    return ManifestArray(metadata=metadata, chunkmanifest=manifest)
