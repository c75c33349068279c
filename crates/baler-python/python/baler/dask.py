"""Archives by many machines, on Dask: ``baler.dask.compress(data, rel=1e-3, out="store/")``.

The data are cut into parts along their first axis. Workers look at all of them, so that a relative bound means the range of all;
one plan is made from some; every part becomes an archive of its own, which is decoded and compared as ever; and these become one,
without being decoded. Bytes depend on the data, the options and the parts, not on who makes what when: a part that is lost with its
worker is made again.
"""

from __future__ import annotations

import contextlib
import glob
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import _archive, _baler, _files, _options, _ranges
from ._bounds import BoundLike
from ._errors import InputError, missing as missing_library
from ._model import Model
from ._options import Cuts, Limits, Missing
from ._sources import given

try:
    import dask
except ImportError:
    raise missing_library("dask", "baler.dask") from None

#: Bytes of a part, about, where the data do not say where parts end.
PART_BYTES = 1 << 26
#: Parts that a plan is made from.
N_SAMPLED = 3

Look = list[tuple[str, str, int, "list[int] | None", list[float]]]


def compress(
    data: Any,
    *,
    out: str | os.PathLike[str],
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    bounds: Mapping[str, BoundLike] | None = None,
    exact: Sequence[str] = (),
    level: int | None = None,
    method: str | None = None,
    model: Model | None = None,
    model_ref: bool = False,
    missing: Missing = "auto",
    cuts: Cuts | None = None,
    signs: Sequence[str] = (),
    limits: Limits | None = None,
    keep_sum: Sequence[str] = (),
    part_bytes: int = PART_BYTES,
    keep_parts: bool = False,
) -> str:
    """A dask array, a dask dataframe, an xarray Dataset of dask arrays, or files with the same variables, as one archive.

    ``out`` is a folder that all workers see; the result is ``all.bale`` in it, whose path is returned. Rows (the first axis) of one
    part stand behind those of the one before. Parts are the partitions of a dataframe, the files of a list, and else chunks of
    the first axis, which are cut to about ``part_bytes``. They are archives in ``out`` whose names follow from the plan and their
    data: what is there from a run that was stopped is not made again. With ``keep_parts`` they stay.

    The promise and the other options are those of :func:`baler.compress`. A worker needs the memory of a few parts.
    """
    asked = _options.asked(
        abs=abs,
        rel=rel,
        pw_rel=pw_rel,
        lossless=lossless,
        bounds=bounds,
        exact=exact,
        level=level,
        method=method,
        missing=missing,
        cuts=cuts,
        signs=signs,
        limits=limits,
        keep_sum=keep_sum,
        model_ref=model_ref,
    )
    if _files.is_remote(os.fspath(out)):
        raise InputError(f"expected a folder that all workers see, found {os.fspath(out)}; copy all.bale from one")
    folder = os.path.abspath(os.fspath(out))
    os.makedirs(folder, exist_ok=True)
    parts = _parts(data, part_bytes)
    looks, asked = _looks(parts, asked)
    plan = _plan(parts, looks, asked, model)
    with _files.written(os.path.join(folder, "plan.json")) as path:
        Path(path).write_text(plan)
    one = dask.delayed(_compress_part, pure=True)
    names = _computed([one(part, plan, folder) for part in parts])
    result = os.path.join(folder, "all.bale")
    with _files.written(result) as path:
        _baler.merge([os.path.join(folder, name) for name in names], path)
    if not keep_parts:
        for name in {*names, *glob.glob(".*.part", root_dir=folder)}:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))
    return result


def open(path: str | os.PathLike[str], *, model: Model | None = None) -> dict[str, Any]:
    """The variables of an archive as dask arrays, each of whose blocks is a chunk of the archive."""
    import dask.array

    file = _archive.open(path, model=model)
    return {name: dask.array.from_array(file[name], chunks=_chunks(file, name), asarray=False) for name in file}


def _chunks(file: Any, name: str) -> tuple[Any, ...]:
    """The extents of the chunks along the first axis, and all of the others."""
    shape = file[name].shape
    rows = tuple(file._opened().chunk_rows(name))
    if not shape or sum(rows) != shape[0]:
        return tuple(shape)
    return (rows, *shape[1:])


def _computed(tasks: list[Any]) -> list[Any]:
    found: tuple[list[Any]] = dask.compute(tasks)
    return found[0]


def _parts(data: Any, part_bytes: int) -> list[Any]:
    """What workers make arrays of: delayed objects, or names of files."""
    if isinstance(data, (str, os.PathLike)):
        data = [data]
    if isinstance(data, (list, tuple)) and data and all(isinstance(one, (str, os.PathLike)) for one in data):
        return [_place(os.fspath(one)) for one in data]
    if hasattr(data, "to_delayed") and hasattr(data, "divisions"):
        return list(np.ravel(data.to_delayed()))
    if hasattr(data, "data_vars") or hasattr(data, "to_dataset"):
        return _parts_of_dataset(data, part_bytes)
    if hasattr(data, "dask") and hasattr(data, "blocks"):
        rows = _rows(data.shape, data.chunks[0] if data.ndim else (), data.dtype.itemsize, part_bytes)
        return [dask.delayed(data[start:stop]) for start, stop in rows]
    raise InputError(
        "expected a dask array or dataframe, an xarray Dataset, or names of files,"
        f" found {type(data).__name__}; baler.compress takes what is in memory"
    )


def _place(name: str) -> str:
    """A name that means the same to a worker in another folder."""
    return name if _files.is_remote(name) else os.path.abspath(name)


def _rows(shape: Sequence[int], chunks: Sequence[int], item: int, part_bytes: int) -> list[tuple[int, int]]:
    """First row and end of each part: chunks as they are, those that are larger than a part cut."""
    if not shape or math.prod(shape) == 0:
        raise InputError(f"expected an array with rows to be cut into parts, found the shape {tuple(shape)}")
    most = max(1, part_bytes // (item * math.prod(shape[1:])))
    found: list[tuple[int, int]] = []
    start = 0
    for n_rows in chunks or (shape[0],):
        for first in range(start, start + n_rows, most):
            end = min(first + most, start + n_rows)
            # Small chunks are taken together.
            if found and end - found[-1][0] <= most:
                found[-1] = (found[-1][0], end)
            else:
                found.append((first, end))
        start += n_rows
    return found


def _parts_of_dataset(data: Any, part_bytes: int) -> list[Any]:
    if not hasattr(data, "data_vars"):
        data = data.to_dataset(name=data.name if isinstance(data.name, str) else "data")
    largest = max(data.data_vars.values(), key=lambda variable: variable.nbytes, default=None)
    if largest is None or not largest.dims:
        raise InputError("expected a Dataset with arrays to be cut into parts, found none")
    dim = largest.dims[0]
    behind = [str(name) for name, variable in data.variables.items() if dim in variable.dims[1:]]
    if behind:
        raise InputError(
            f"expected '{dim}' as the first axis of every variable that has it, found '{behind[0]}' with another;"
            f" write data.transpose('{dim}', ...)"
        )
    row_bytes = sum(v.nbytes // max(v.shape[0], 1) for v in data.variables.values() if dim in v.dims)
    n_rows = data.sizes[dim]
    chunks = data.chunksizes.get(dim, (n_rows,))
    rows = _rows((n_rows,), chunks, max(row_bytes, 1), part_bytes)
    return [dask.delayed(data.isel({dim: slice(start, stop)})) for start, stop in rows]


def _look(part: Any, asked: dict[str, Any]) -> Look:
    data = given(part)
    return _baler.look(data.source, data.complete(asked), 1)


def _looks(parts: list[Any], asked: dict[str, Any]) -> tuple[list[Look], dict[str, Any]]:
    """What all parts look like, and the options with what they show to be missing."""
    task = dask.delayed(_look, pure=True)
    looks: list[Look] = _computed([task(part, asked) for part in parts])
    names = [name for name, *_ in looks[0]]
    for number, one in enumerate(looks):
        if [name for name, *_ in one] != names:
            raise InputError(f"expected the same variables in all parts, found others in part {number}")
    found: list[tuple[str, str]] = []
    for name, *of_parts in zip(names, *looks, strict=True):
        values = {value for of_part in of_parts for value in of_part[4]}
        if len(values) == 1:
            found.append((name, repr(values.pop())))
    known = {name for name, _ in asked["missing"]}
    found = [rule for rule in found if rule[0] not in known]
    if not found:
        return looks, asked
    # Parts in which it stands once have taken it for a value.
    asked = asked | {"missing": found + asked["missing"]}
    return _computed([task(part, asked) for part in parts]), asked


def _plan(parts: list[Any], looks: list[Look], asked: dict[str, Any], model: Model | None) -> str:
    rows: list[int] = []
    ends: list[tuple[str, list[int]]] = []
    for of_parts in zip(*looks, strict=True):
        name, dtype = of_parts[0][0], np.dtype(of_parts[0][1])
        rows.append(sum(of_part[2] for of_part in of_parts))
        bits = [of_part[3] for of_part in of_parts if of_part[3] is not None]
        if bits:
            all_ends = [_ranges.of_bits(one, dtype) for one in bits]
            low, high = min(low for low, _ in all_ends), max(high for _, high in all_ends)
            ends.append((name, _ranges.bits_of((low, high), dtype)))
    chosen = sorted({round(k * (len(parts) - 1) / max(N_SAMPLED - 1, 1)) for k in range(N_SAMPLED)})
    task = dask.delayed(_make_plan, pure=True)
    found: str = _computed([task([parts[k] for k in chosen], asked, rows, ends, model)])[0]
    return found


def _make_plan(
    parts: list[Any],
    asked: dict[str, Any],
    rows: list[int],
    ends: list[tuple[str, list[int]]],
    model: Model | None,
) -> str:
    data = [given(part) for part in parts]
    inner = None if model is None else model._inner
    return _baler.plan([one.source for one in data], data[0].complete(asked), rows, ends, inner, 1)


def _compress_part(part: Any, plan: str, folder: str) -> str:
    """The name of the archive of a part, which is made unless it is there."""
    source = given(part).source
    name = _baler.part_name(plan, _baler.identity(source, 1)) + ".bale"
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        with _files.written(path) as written:
            _baler.compress_part(source, plan, written, 1)
    return name
