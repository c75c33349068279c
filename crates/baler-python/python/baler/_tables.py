"""Tables of pandas, polars and pyarrow, and anything else with ``__arrow_c_stream__``: as Parquet files in memory, so that
every type of theirs comes back as it was. A pandas table of plain columns needs no pyarrow."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np

from ._errors import missing

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
    return arrow.parquet.read_table(arrow.BufferReader(data))


def read_polars(data: bytes) -> Any:
    """A Parquet file in memory as a table of polars'."""
    try:
        import polars
    except ImportError:
        raise missing("polars", "to_polars()") from None
    return polars.read_parquet(io.BytesIO(data))


def arrow_of(columns: dict[str, Any]) -> Any:
    """A table of pyarrow's from arrays, and of lists from (counts, items)."""
    arrow = _pyarrow("to_arrow()")

    def column(value: Any) -> Any:
        if isinstance(value, tuple):
            counts, items = value
            offsets = np.zeros(len(counts) + 1, np.int32 if len(items) < 2**31 else np.int64)
            np.cumsum(counts, out=offsets[1:])
            kind = arrow.ListArray if offsets.dtype == np.int32 else arrow.LargeListArray
            return kind.from_arrays(arrow.array(offsets), column(items))
        if isinstance(value, np.ma.MaskedArray):
            return arrow.array(np.ma.getdata(value), mask=np.ma.getmaskarray(value))
        value = np.asarray(value)
        value = value.astype(value.dtype.newbyteorder("="), copy=False)
        if value.dtype.kind == "S":
            return arrow.array(value.tolist(), arrow.binary())
        if value.ndim > 1:
            inner = arrow.array(value.reshape(-1))
            for extent in reversed(value.shape[1:]):
                inner = arrow.FixedSizeListArray.from_arrays(inner, extent)
            return inner
        return arrow.array(value)

    return arrow.table({name: column(value) for name, value in columns.items()})
