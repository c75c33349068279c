"""Tables of pandas, polars and pyarrow, and anything else with ``__arrow_c_stream__``: as Parquet files in memory, so that
every type of theirs comes back as it was. A pandas table of plain columns needs no pyarrow."""

from __future__ import annotations

import io
import sys
from typing import Any, NamedTuple

import numpy as np

from ._errors import InputError, missing

#: Bytes of a Parquet file in memory, or named arrays; and notes for who reads them.
Parts = tuple[Any, dict[str, Any]]


def is_table(obj: Any) -> bool:
    """True for a table."""
    return hasattr(obj, "__arrow_c_stream__") or _is_pandas(obj)


def _is_pandas(obj: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(obj, (pandas.DataFrame, pandas.Series))


def _pyarrow(what: str) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise missing("pyarrow", what) from None
    return pyarrow


def parts(obj: Any) -> Parts:
    """The table in the form that is compressed."""
    if _is_pandas(obj):
        frame = obj.to_frame() if obj.ndim == 1 else obj
        notes = {"type": "pandas"} | ({"series": True} if obj.ndim == 1 else {})
        if obj.ndim == 1 and obj.name is None:
            frame.columns = ["data"]
            notes["unnamed"] = True
        if _is_plain(frame):
            return {name: frame[name].to_numpy() for name in frame.columns}, notes
        arrow = _pyarrow("a pandas table with an index, text, missing values or categories")
        return _parquet(arrow, arrow.Table.from_pandas(frame)), notes
    if type(obj).__module__.partition(".")[0] == "polars":
        frame = obj if hasattr(obj, "write_parquet") else obj.to_frame()
        out = io.BytesIO()
        frame.write_parquet(out, compression="uncompressed")
        return out.getvalue(), {"type": "polars"}
    arrow = _pyarrow(f"a table of {type(obj).__module__}")
    return _parquet(arrow, arrow.table(obj)), {"type": "arrow"}


def _is_plain(frame: Any) -> bool:
    """True for columns of NumPy's own types, each of another name, in rows that are just counted."""
    pandas = sys.modules["pandas"]
    names = list(frame.columns)
    kinds = all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in frame.dtypes)
    counted = isinstance(frame.index, pandas.RangeIndex) and frame.index.equals(
        pandas.RangeIndex(len(frame))
    )
    texts = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return bool(names) and kinds and counted and frame.index.name is None and texts


def _parquet(arrow: Any, table: Any) -> bytes:
    out = io.BytesIO()
    arrow.parquet.write_table(table, out, compression="none", use_dictionary=False)
    return out.getvalue()


def read_arrow(data: bytes) -> Any:
    """A Parquet file in memory as a table of pyarrow's."""
    arrow = _pyarrow("to_arrow()")
    # Columns of one name are no matter for a file of them.
    return arrow.parquet.ParquetFile(arrow.BufferReader(data)).read()


def read_polars(data: bytes) -> Any:
    """A Parquet file in memory as a table of polars'."""
    try:
        import polars
    except ImportError:
        raise missing("polars", "to_polars()") from None
    return polars.read_parquet(io.BytesIO(data))


class Lists(NamedTuple):
    """Lists of a column: how many items each has, and all items; texts are lists of characters."""

    counts: Any
    items: Any
    kind: str

    def offsets(self) -> Any:
        """Where each list begins, and where the last ends."""
        offsets = np.zeros(len(self.counts) + 1, np.int64)
        np.cumsum(self.counts, out=offsets[1:])
        return offsets


def arrow_of(columns: dict[str, Any]) -> Any:
    """A table of pyarrow's from arrays and lists."""
    arrow = _pyarrow("to_arrow()")
    return arrow.table({name: _arrow_column(arrow, value) for name, value in columns.items()})


def _arrow_column(arrow: Any, value: Any) -> Any:
    if isinstance(value, Lists):
        offsets = value.offsets()
        if value.kind == "number":
            items = _arrow_column(arrow, value.items)
            if len(items) < 2**31:
                return arrow.ListArray.from_arrays(arrow.array(offsets.astype(np.int32)), items)
            return arrow.LargeListArray.from_arrays(arrow.array(offsets), items)
        kind = arrow.LargeStringArray if value.kind == "text" else arrow.LargeBinaryArray
        buffers = [arrow.py_buffer(np.ascontiguousarray(part)) for part in (offsets, value.items)]
        found = kind.from_buffers(len(value.counts), *buffers)
        return found.cast(arrow.string() if value.kind == "text" else arrow.binary())
    if isinstance(value, np.ma.MaskedArray):
        return arrow.array(np.ma.getdata(value), mask=np.ma.getmaskarray(value))
    value = np.asarray(value)
    value = value.astype(value.dtype.newbyteorder("="), copy=False)
    if value.dtype.kind == "S":
        return arrow.array(value.tolist(), arrow.binary())
    if value.ndim <= 1:
        return arrow.array(value)
    if 0 in value.shape[1:]:
        raise InputError(f"expected columns with values in every row, found one of shape {value.shape}")
    inner = arrow.array(value.reshape(-1))
    for extent in reversed(value.shape[1:]):
        inner = arrow.FixedSizeListArray.from_arrays(inner, extent)
    return inner
