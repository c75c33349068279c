"""Awkward arrays: one variable for each buffer, called by the way of fields to it. Lists are kept by their lengths, as files
of ROOT and Parquet have them, and the form of the array goes with them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ._errors import UnsupportedError, missing

Column = Callable[[str], Any]


def library() -> Any:
    """Awkward Array."""
    try:
        import awkward
    except ImportError:
        raise missing("awkward", "to_awkward()") from None
    return awkward


def is_awkward(obj: Any) -> bool:
    """True for an array or a record of awkward's."""
    awkward = sys.modules.get("awkward")
    return awkward is not None and isinstance(obj, (awkward.Array, awkward.highlevel.Array))


class _Walk:
    """Names for the buffers of a form."""

    def __init__(self, length: int) -> None:
        self.length = length
        #: Key of the buffer in awkward's container -> (name, what it is).
        self.buffers: dict[str, tuple[str, str]] = {}
        self.about: list[dict[str, Any]] = []
        self._taken: set[str] = set()

    def _name(self, path: list[str], suffix: str) -> str:
        name = ".".join(path) or "data"
        name = f"{name}.{suffix}" if suffix else name
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def _lists(self, name: str, counts: str | None) -> None:
        if counts is not None:
            self.about.append(
                {"name": name, "axes": [], "role": "data", "attributes": [], "counts": counts, "kind": None}
            )

    def form(self, form: Any, path: list[str], counts: str | None) -> None:
        """Names the buffers of a form whose rows are the items that ``counts`` counts."""
        kind, key = type(form).__name__, form.form_key
        if kind == "RecordForm":
            fields = form.fields if not form.is_tuple else [str(i) for i in range(len(form.contents))]
            for field, content in zip(fields, form.contents):
                self.form(content, [*path, field], counts)
        elif kind == "NumpyForm":
            name = self._name(path, "")
            self.buffers[f"{key}-data"] = (name, "data")
            self._lists(name, counts)
        elif kind == "ListOffsetForm":
            name = self._name(path, "counts")
            self.buffers[f"{key}-offsets"] = (name, "counts")
            self._lists(name, counts)
            self.form(form.content, path, name)
        elif kind == "RegularForm":
            self.form(form.content, path, None)
        elif kind == "IndexedOptionForm":
            name = self._name(path, "index")
            self.buffers[f"{key}-index"] = (name, "index")
            self._lists(name, counts)
            self.form(form.content, path, None)
        elif kind in ("ByteMaskedForm", "BitMaskedForm"):
            name = self._name(path, "mask")
            self.buffers[f"{key}-mask"] = (name, "mask")
            self.form(form.content, path, None if kind == "BitMaskedForm" else counts)
        elif kind == "UnmaskedForm":
            self.form(form.content, path, counts)
        elif kind != "EmptyForm":
            raise UnsupportedError(
                f"expected lists, records, options and numbers, found a {kind} at '{'.'.join(path)}';"
                " turn it into one of these (ak.to_packed, ak.from_iter), or leave it out"
            )


Parts = tuple[dict[str, Any], list[dict[str, Any]], list[tuple[str, Any]], dict[str, Any]]


def parts(obj: Any) -> Parts:
    """Named arrays, what they are for, attributes and notes."""
    ak = library()
    packed = ak.to_packed(ak.materialize(obj) if hasattr(ak, "materialize") else obj)
    form, length, container = ak.to_buffers(packed)
    walk = _Walk(length)
    walk.form(form, [], None)
    data: dict[str, Any] = {}
    for key, (name, what) in walk.buffers.items():
        buffer = np.asarray(container[key])
        data[name] = np.diff(buffer) if what == "counts" else buffer
    notes = {
        "type": "awkward",
        "form": form.to_dict(),
        "length": length,
        "buffers": {key: list(value) for key, value in walk.buffers.items()},
    }
    if not data:
        raise UnsupportedError("expected an array with numbers in it, found none")
    return data, walk.about, [], notes


def restored(notes: dict[str, Any], column: Column, lazy: bool) -> Any:
    """The array that was compressed; with ``lazy``, each buffer is decoded when it is looked at."""
    ak = library()
    buffers = {key: _buffer(name, what, column) for key, (name, what) in notes["buffers"].items()}
    container = buffers if lazy else {key: read() for key, read in buffers.items()}
    form = ak.forms.from_dict(notes["form"])
    return ak.from_buffers(form, notes["length"], container, buffer_key="{form_key}-{attribute}")


def _buffer(name: str, what: str, column: Column) -> Callable[[], Any]:
    def read() -> Any:
        values = column(name)
        if what != "counts":
            return values
        offsets = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=offsets[1:])
        return offsets

    return read


def of_columns(variables: list[dict[str, Any]], names: list[str], column: Column, lazy: bool) -> Any:
    """A record array of the columns of a table (a ROOT tree, a Parquet file), lists by what counts them."""
    ak = library()
    by_name = {variable["name"]: variable for variable in variables}
    container: dict[str, Callable[[], Any]] = {}
    fields, contents = [], []
    counting = {variable["counts"] for variable in variables if variable["counts"]}
    kept = [v for v in variables if v["name"] not in counting or v["counts"] is None]
    length = max((v["shape"][0] for v in kept if not v["counts"] and v["shape"]), default=0)
    for short, variable in zip(names, variables):
        depth = _root(variable, by_name)
        if depth is None or depth["shape"][:1] != [length]:
            continue
        fields.append(short)
        contents.append(_form(variable, by_name, column, container))
    form = {"class": "RecordArray", "fields": fields, "contents": contents, "form_key": "root"}
    if not lazy:
        whole = {key: read() for key, read in container.items()}
        return ak.from_buffers(ak.forms.from_dict(form), length, whole, buffer_key="{form_key}-{attribute}")
    return ak.from_buffers(ak.forms.from_dict(form), length, container, buffer_key="{form_key}-{attribute}")


def _root(variable: dict[str, Any], by_name: dict[str, Any]) -> dict[str, Any] | None:
    """What counts the outermost lists, or the variable itself if it holds no items of lists."""
    for _ in range(64):
        if not variable["counts"]:
            return variable if variable["shape"] else None
        variable = by_name[variable["counts"]]
    return None


def _form(
    variable: dict[str, Any],
    by_name: dict[str, Any],
    column: Column,
    container: dict[str, Callable[[], Any]],
) -> dict[str, Any]:
    """The form of one column; what reads its buffers goes into ``container``."""
    name, kind = variable["name"], variable["kind"]
    is_text = kind in ("text", "bytes") and variable["counts"]
    dtype = np.dtype(variable["descr"])
    if dtype.kind in "US":
        raise UnsupportedError(
            f"expected numbers in '{name}', found text of a fixed width; read it with f[{name!r}]"
        )
    key = f"d:{name}"
    inner = variable["shape"][1 : len(variable["shape"]) - variable["n_inner"]]
    form: dict[str, Any] = {
        "class": "NumpyArray",
        "primitive": str(dtype.newbyteorder("=")) if dtype.kind not in "mM" else str(dtype),
        "inner_shape": inner,
        "form_key": key,
    }
    container[f"{key}-data"] = lambda: np.asarray(column(name), dtype=dtype.newbyteorder("="))
    if is_text:
        form["parameters"] = {"__array__": "char" if kind == "text" else "byte"}
    counts = variable["counts"]
    optional = variable["optional"]
    first = True
    while counts:
        form_key = f"{'i' if optional else 'o'}:{name}:{counts}"
        if optional:
            container[f"{form_key}-index"] = _option(counts, column)
            form = {"class": "IndexedOptionArray", "index": "i64", "content": form, "form_key": form_key}
        else:
            container[f"{form_key}-offsets"] = _buffer(counts, "counts", column)
            form = {"class": "ListOffsetArray", "offsets": "i64", "content": form, "form_key": form_key}
            if is_text and first:
                form["parameters"] = {"__array__": "string" if kind == "text" else "bytestring"}
        first = False
        optional = by_name[counts]["optional"]
        counts = by_name[counts]["counts"]
    return form


def _option(counts: str, column: Column) -> Callable[[], Any]:
    def read() -> Any:
        there = np.asarray(column(counts)) != 0
        index = np.cumsum(there, dtype=np.int64) - 1
        index[~there] = -1
        return index

    return read


