"""Datasets of xarray: variables, coordinates, names of axes and attributes go into the archive as those of a NetCDF file do,
so that ``baler decompress -o x.nc`` writes one."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from . import _arrays
from ._errors import missing

Parts = tuple[dict[str, Any], list[dict[str, Any]], list[tuple[str, Any]], dict[str, Any]]


def library() -> Any:
    """xarray."""
    try:
        import xarray
    except ImportError:
        raise missing("xarray", "to_xarray()") from None
    return xarray


def is_xarray(obj: Any) -> bool:
    """True for a Dataset or a DataArray."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(obj, (xarray.Dataset, xarray.DataArray))


def attribute(value: Any) -> Any:
    """The value of an attribute as the extension takes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) for item in value):
        return list(value)
    array = np.asarray(value)
    if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return array.dtype.name, list(array.shape), array.tobytes()
    return str(value) if array.dtype.kind != "O" else json.dumps(value, default=str)


def value_of(attribute: Any) -> Any:
    """The inverse of :func:`attribute`."""
    if isinstance(attribute, tuple):
        dtype, shape, data = attribute
        array = np.frombuffer(bytes(data), dtype).reshape(shape)
        return array[()] if array.ndim == 0 else array
    return attribute


def parts(obj: Any) -> Parts:
    """Named arrays, what is known of them, attributes and notes."""
    xarray = library()
    notes: dict[str, Any] = {"type": "xarray"}
    if isinstance(obj, xarray.DataArray):
        name = obj.name if isinstance(obj.name, str) else "data"
        notes["array"] = name
        notes["unnamed"] = obj.name is None
        obj = obj.to_dataset(name=name)
    data: dict[str, Any] = {}
    about = []
    for name, variable in obj.variables.items():
        data[str(name)] = _arrays.as_array(variable.values, str(name))
        role = "coordinate" if name in obj.dims else "data"
        about.append(
            {
                "name": str(name),
                "axes": [str(dim) for dim in variable.dims],
                "role": role,
                "attributes": [
                    (str(key), attribute(value)) for key, value in variable.attrs.items()
                ]
                + _units(variable.dtype),
                "counts": None,
                "kind": None,
            }
        )
    notes["coords"] = [str(name) for name in obj.coords]
    attributes = [(str(key), attribute(value)) for key, value in obj.attrs.items()]
    return data, about, attributes, notes


_UNITS = {"D": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds"}


def _units(dtype: np.dtype[Any]) -> list[tuple[str, Any]]:
    """What a NetCDF file says of whole numbers that are times; here the dtype says it."""
    if dtype.kind not in "mM":
        return []
    unit = _UNITS.get(np.datetime_data(dtype)[0], "nanoseconds")
    if dtype.kind == "m":
        return [("units", unit)]
    return [("units", f"{unit} since 1970-01-01"), ("calendar", "proleptic_gregorian")]


def _attrs(column: Any) -> dict[str, Any]:
    told = dict(_units(column.dtype))
    return {
        key: value
        for key, value in column.attrs.items()
        if not (isinstance(value, str) and told.get(key) == value)
    }


def dataset(file: Any, drop: Any = ()) -> Any:
    """A Dataset whose variables are decoded when they are looked at."""
    xarray = library()
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Lazy(BackendArray):  # type: ignore[misc]
        def __init__(self, column: Any) -> None:
            self.column = column
            self.shape = column.shape
            self.dtype = column.dtype

        def __getitem__(self, key: Any) -> Any:
            return indexing.explicit_indexing_adapter(
                key, self.shape, indexing.IndexingSupport.BASIC, self.column.__getitem__
            )

    notes = file.notes
    coords = set(notes.get("coords", ()))
    variables = {}
    extents: dict[str, int] = {}
    for name, column in file.items():
        if name in drop or column.role == "axis":
            continue
        dims = _dims(column, extents)
        lazy = indexing.LazilyIndexedArray(Lazy(column))
        variables[name] = xarray.Variable(dims, lazy, _attrs(column))
        if column.role == "coordinate":
            coords.add(name)
    found = xarray.Dataset(variables, attrs=file.attrs)
    return found.set_coords([name for name in coords if name in found.variables])


def _dims(column: Any, extents: dict[str, int]) -> list[str]:
    """Names of the axes; those without one, and of another extent than their name has elsewhere, get one of their own."""
    dims: list[str] = []
    for axis, extent in enumerate(column.shape):
        name = column.dims[axis] if axis < len(column.dims) else None
        if name is None:
            name = next(
                n
                for n in (f"dim_{axis}", f"{column.name}_{axis}", *(f"{column.name}_{axis}_{i}" for i in range(64)))
                if extents.get(n, extent) == extent and n not in dims
            )
        elif extents.get(name, extent) != extent or name in dims:
            name = f"{column.name}_{name}_{axis}"
        extents[name] = extent
        dims.append(name)
    return dims


def restored(file: Any) -> Any:
    """What was compressed: a Dataset or a DataArray, in memory."""
    found = dataset(file).load()
    if "array" not in file.notes:
        return found
    array = found[file.notes["array"]]
    return array.rename(None) if file.notes.get("unnamed") else array
