"""Anything that holds data as a source: what the extension compresses, trains on, or compares with."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _arrays, _awkward, _baler, _files, _tables, _xarray
from ._errors import InputError


@dataclass
class Given:
    """A source, and what follows from the kind of object that it is made of."""

    source: _baler.Source
    #: Rules that come before those of the user.
    rules: list[tuple[str, str]] = field(default_factory=list)
    #: Fill values of variables.
    missing: list[tuple[str, str]] = field(default_factory=list)

    def complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The options, with what the data say; names that are joined by commas stand for each of them."""
        known = set(self.source.names())

        def each(rules: list[tuple[str, str]]) -> list[tuple[str, str]]:
            return [
                (name.strip(), value)
                for names, value in rules
                for name in ([names] if names in known else names.split(","))
            ]

        return asked | {
            "rules": self.rules + each(asked["rules"]),
            "missing": self.missing + each(asked["missing"]),
        }


def is_path(obj: Any) -> bool:
    """True for what names a file."""
    return isinstance(obj, (str, os.PathLike))


def given(obj: Any) -> Given:
    """The source of a file, an array, a table or a collection."""
    if isinstance(obj, Given):
        return obj
    if is_path(obj):
        return Given(_files.source(os.fspath(obj)))
    if _xarray.is_xarray(obj):
        return _described(*_xarray.parts(obj))
    if _awkward.is_awkward(obj):
        return _described(*_awkward.parts(obj))
    if _tables.is_table(obj):
        data, notes = _tables.parts(obj)
        if isinstance(data, bytes):
            source = _baler.Source.of_bytes(data, "parquet")
            return Given(source.described([], [], json.dumps(notes)))
        return _described(data, [], [], notes)
    if isinstance(obj, Mapping):
        return _described(dict(obj), [], [], None)
    if isinstance(obj, np.ma.MaskedArray):
        return _described({"data": obj}, [], [], {"type": "masked"})
    array = _arrays.as_array(obj)
    return Given(_baler.Source.of_array(*_arrays.member(array)))


def _described(
    data: dict[str, Any],
    about: list[dict[str, Any]],
    attributes: list[tuple[str, Any]],
    notes: dict[str, Any] | None,
) -> Given:
    """Named arrays and what is known of them; masks become arrays of their own."""
    if not data:
        raise InputError("expected at least one array, found none")
    members: list[tuple[str, bytes, Any]] = []
    rules: list[tuple[str, str]] = []
    missing: list[tuple[str, str]] = []
    masked: dict[str, str] = {}
    for name, value in data.items():
        if not isinstance(name, str):
            raise InputError(f"expected names that are text, found {name!r}")
        if isinstance(value, np.ma.MaskedArray):
            mask_name = _free(f"{name}.mask", data)
            masked[name] = mask_name
            values, fill = _filled(value)
            members.append((name, *_arrays.member(_arrays.as_array(values, name))))
            members.append((mask_name, *_arrays.member(np.ma.getmaskarray(value))))
            rules.append((mask_name, "lossless"))
            missing += [(name, repr(fill))] if fill is not None else []
        else:
            members.append((name, *_arrays.member(_arrays.as_array(value, name))))
    if masked:
        notes = {"type": "dict"} | (notes or {}) | {"masked": masked}
    if notes is None:
        return Given(_baler.Source.of_arrays(members), rules, missing)
    source = _baler.Source.of_variables(members, notes.get("type") == "pandas")
    source = source.described(about, attributes, json.dumps(notes))
    return Given(source, rules, missing)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name


def _filled(array: Any) -> tuple[Any, float | None]:
    """The values with something that costs nothing where they are masked, and what that is if it is a number."""
    kind = array.dtype.kind
    if kind in "fc":
        return array.filled(np.nan), None
    if kind in "mM":
        return array.filled(np.array("NaT", array.dtype)), None
    if kind in "iu":
        fill = array.dtype.type(np.iinfo(array.dtype).max)
        return array.filled(fill), float(fill) if np.ma.getmaskarray(array).any() else None
    if kind == "b":
        return array.filled(False), None
    return array.filled(np.zeros((), array.dtype)), None


def bytes_of(obj: Any) -> bytes | memoryview | None:
    """The bytes of an object that is bytes."""
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return memoryview(obj) if isinstance(obj, bytearray) else obj
    if isinstance(obj, io.BytesIO):
        return obj.getvalue()
    return None
