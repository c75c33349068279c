"""Archives that are open: variables that are decoded when they are looked at, and everything as what users work with."""

from __future__ import annotations


import json
import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from . import _arrays, _awkward, _baler, _files, _options, _tables, _xarray
from ._bounds import Bound
from ._errors import ConfigError, InputError
from ._index import Picked
from ._model import Model
from ._progress import Hearer, Progress


def open(
    path: str | os.PathLike[str] | bytes | Any,
    *,
    model: Model | str | os.PathLike[str] | None = None,
    threads: int | None = None,
) -> File:
    """Opens an archive: a path (of fsspec too), bytes, or a file object. Nothing is decoded yet.

    ``model`` is the model that the archive names, if it names one. ``threads`` is how many decode (None: those of
    ``BALER_NUM_THREADS``, or all cores).
    """
    return File(path, model=model, threads=threads)


class Variable:
    """One array of an archive. ``v[10:20, :, 3]`` decodes only the chunks that hold it."""

    def __init__(self, file: File, told: dict[str, Any], bound: Bound) -> None:
        self._file, self._told = file, told
        #: The name.
        self.name: str = told["name"]
        #: What was promised.
        self.bound = bound
        n_axes = len(told["shape"]) - told["n_inner"]
        #: Extents.
        self.shape: tuple[int, ...] = tuple(told["shape"][:n_axes])
        #: As NumPy has it.
        self.dtype: np.dtype[Any] = np.dtype(told["descr"])
        about = file._about.get(self.name)
        #: Names of the axes, where the source had any.
        self.dims: tuple[str | None, ...] = tuple(name or None for name in about[0]) if about else ()
        #: ``data``, ``coordinate``, or ``axis`` for what has no values.
        self.role: str = about[1] if about else "data"
        #: Attributes.
        self.attrs: dict[str, Any] = dict(about[2]) if about else {}
        #: The variable that counts the items of each list, if this one holds items of lists.
        self.counts: str | None = told["counts"]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return _arrays.n_values(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all values in memory."""
        return self.size * self.dtype.itemsize

    @property
    def max_error(self) -> float:
        """The largest error of any value, as it was found when the archive was made."""
        return self._file.max_error[self.name]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("expected an array with axes, found a single value")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        picked = Picked(key, self.shape)
        array = self._file._decode({self.name: picked.ranges})[self.name]
        return picked.of(array)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("values are decoded from the archive, which is a copy")
        array: npt.NDArray[Any] = self[...]
        return array if dtype is None else array.astype(dtype, copy=False)

    def __iter__(self) -> Iterator[Any]:
        return iter(self[...])

    def __repr__(self) -> str:
        return f"<baler.Variable {self.name!r} {self.dtype} {self.shape} {self.bound}>"


class File(Mapping[str, Variable]):
    """An archive as a mapping of names to variables. Any number of threads may read it; it is pickled by its path."""

    def __init__(
        self,
        path: str | os.PathLike[str] | bytes | Any,
        *,
        model: Model | str | os.PathLike[str] | None = None,
        threads: int | None = None,
    ) -> None:
        self._path = os.fspath(path) if isinstance(path, (str, os.PathLike)) else path
        self._given = Model.load(model) if isinstance(model, (str, os.PathLike)) else model
        self._n_threads = threads
        self._archive: _baler.Archive | None = None
        self._pid = -1
        self._report: dict[str, Any] | None = None
        told = json.loads(self._opened().schema())
        self._size = self._opened().size_bytes
        #: What Python has noted when the archive was made.
        self.notes: dict[str, Any] = json.loads(told["notes"]) if told["notes"] else {}
        about, attributes = self._opened().metadata()
        self._about = {
            name: (axes, role, {key: _xarray.value_of(value) for key, value in attrs})
            for name, axes, role, attrs in about
        }
        #: Attributes of the whole.
        self.attrs: dict[str, Any] = {key: _xarray.value_of(value) for key, value in attributes}
        self._told: dict[str, Any] = told
        bounds = (Bound(*bound) for bound in told["bounds"])
        self._variables = {
            of["name"]: Variable(self, of, bound) for of, bound in zip(told["variables"], bounds)
        }
        self._records = {of["name"]: of for of in told["records"]}

    # What there is.

    @property
    def variables(self) -> list[str]:
        """Names of all variables."""
        return list(self._variables)

    @property
    def format(self) -> str | None:
        """The format of the file that was compressed, where it had more than arrays."""
        found: str | None = self._told["format"]
        return found

    @property
    def bounds(self) -> dict[str, Bound]:
        """What was promised for each variable."""
        return {name: variable.bound for name, variable in self._variables.items()}

    @property
    def max_error(self) -> dict[str, float]:
        """The largest error of each variable (of ``|x|`` for point-wise relative bounds), as it was found when the
        archive was made: every value was decoded and compared then."""
        return {of["name"]: of["max_error"] for of in self.info["variables"]}

    @property
    def info(self) -> dict[str, Any]:
        """What the archive says of itself, as ``baler inspect --json`` has it."""
        if self._report is None:
            self._report = json.loads(self._opened().report())
        return self._report

    @property
    def model(self) -> str | None:
        """The hash of the model file that the archive needs, if it needs one."""
        hashes = [entry["hash"] for entry in self._told["models"] if "hash" in entry]
        return hashes[0] if hashes else None

    @property
    def nbytes(self) -> int:
        """Bytes of all values in memory."""
        return sum(variable.nbytes for variable in self._variables.values())

    @property
    def archive_bytes(self) -> int:
        """Bytes of the archive."""
        return self._size

    def __getitem__(self, name: str) -> Variable:
        try:
            return self._variables[self._whole_name(name)]
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    def _whole_name(self, name: str) -> str:
        """A name, or the last part of one if only one has it."""
        if name in self._variables:
            return name
        found = [other for other in self._variables if other.rpartition("/")[2] == name]
        return found[0] if len(found) == 1 else name

    def _unknown(self, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, self._variables, 3) or self.variables[:6]
        return f"expected the name of a variable, found {name!r}; nearest: {', '.join(near)}"

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __repr__(self) -> str:
        of = self._path if isinstance(self._path, str) else "bytes"
        names = ", ".join(self.variables[:4]) + (", ..." if len(self) > 4 else "")
        return f"<baler.File {of!r}: {len(self)} variables ({names}), {self.archive_bytes:,} bytes>"

    # Opening and closing.

    def _opened(self) -> _baler.Archive:
        if self._pid == -2:
            raise ValueError("expected an open archive, found a closed one; open it again")
        if self._archive is None or self._pid != os.getpid():
            path = self._path
            source = _files.opened(path) if isinstance(path, str) else path
            self._archive = _baler.Archive(source, None if self._given is None else self._given._inner)
            self._pid = os.getpid()
        return self._archive

    def close(self) -> None:
        """Lets go of the file."""
        self._archive, self._pid = None, -2

    def __enter__(self) -> File:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        path = self._path
        if not isinstance(path, (str, bytes)):
            raise TypeError("expected an archive in a file or in bytes, which are pickled; found another")
        return _unpickled, (path, self._given, self._n_threads)

    # Decoding.

    def _decode(
        self,
        wanted: Mapping[str, list[tuple[int | None, int | None]]],
        progress: Progress = None,
        check: bool = False,
        into: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> dict[str, npt.NDArray[Any]]:
        """Parts of variables as new arrays, or into arrays that are given."""
        archive = self._opened()
        arrays: dict[str, npt.NDArray[Any]] = {}
        requests = []
        total = 0
        for name, ranges in wanted.items():
            told = self._variables[name]._told
            shape = tuple(archive.shape_of(name, ranges)) if ranges else None
            given = None if into is None else into.get(name)
            array = _arrays.empty(told, shape) if given is None else given
            arrays[name] = array
            total += array.nbytes
            item = np.dtype(told["dtype"])
            if array.dtype.byteorder == ">":
                item = item.newbyteorder(">")
            requests.append(_arrays.Place(array, told["n_inner"], item).wanted(name, ranges))
        threads = 1 if total < 1 << 16 else _options.threads(self._n_threads)
        with Hearer(progress) as hearer:
            archive.decode(requests, threads, check, None if progress in (None, False) else hearer)
        return arrays

    @overload
    def read(self, names: str, *, progress: Progress = ...) -> npt.NDArray[Any]: ...
    @overload
    def read(
        self, names: list[str] | None = ..., *, progress: Progress = ...
    ) -> dict[str, npt.NDArray[Any]]: ...
    def read(
        self, names: str | list[str] | None = None, *, progress: Progress = None
    ) -> npt.NDArray[Any] | dict[str, npt.NDArray[Any]]:
        """Whole variables: one array, or several at once, which are then decoded together."""
        asked = [names] if isinstance(names, str) else self.variables if names is None else names
        whole = [self[name].name for name in asked]
        arrays = self._decode({name: [] for name in whole}, progress)
        return arrays[whole[0]] if isinstance(names, str) else arrays

    def to_numpy(self, *, progress: Progress = None) -> dict[str, Any]:
        """Every array, whole and in memory; records and masked arrays as they were."""
        return self._arrays(progress, check=False)

    def _arrays(self, progress: Progress, check: bool) -> dict[str, Any]:
        """All arrays of the source, by name: columns of a table, records, masks."""
        inside = {name for of in self._records.values() for name, _ in of["fields"]}
        arrays = self._decode(
            {name: [] for name in self._variables if name not in inside}, progress, check
        )
        found: dict[str, Any] = dict(arrays)
        for name, of in self._records.items():
            found[name] = self._record(of)
        for name, mask in self.notes.get("masked", {}).items():
            found[name] = np.ma.MaskedArray(found[name], mask=found.pop(mask))
        return found

    def _record(self, of: dict[str, Any]) -> npt.NDArray[Any]:
        """An array of records."""
        import ast

        first = self._variables[of["fields"][0][0]]._told
        shape = tuple(first["shape"][: of["n_axes"]])
        dtype = np.lib.format.descr_to_dtype(ast.literal_eval(of["descr"]))
        array: npt.NDArray[Any] = np.empty(shape, dtype, order="F" if of["fortran"] else "C")
        array.view(np.uint8).fill(0) if array.flags.c_contiguous and array.size and array.ndim else None
        requests: list[tuple[Any, ...]] = []
        for name, offset in of["fields"]:
            told = self._variables[name]._told
            inner = told["shape"][of["n_axes"] :]
            item = np.dtype(told["dtype"])
            steps = [item.itemsize * _arrays.n_values(tuple(inner[axis + 1 :])) for axis in range(len(inner))]
            requests.append(
                (name, [], _arrays.flat_bytes(array), offset, [*array.strides, *steps], told["big_endian"])
            )
        self._opened().decode(requests, _options.threads(self._n_threads))
        return array

    # As what users work with.

    def to_xarray(self) -> Any:
        """An ``xarray.Dataset`` with coordinates and attributes; values are decoded when they are looked at."""
        return _xarray.dataset(self)

    def to_awkward(self, *, lazy: bool = False) -> Any:
        """An ``awkward.Array`` of records, one field a column; with ``lazy``, columns are decoded when they are looked at."""
        column = _once(lambda name: self.read(name))
        if self.notes.get("type") == "awkward":
            return _awkward.restored(self.notes, column, lazy)
        names = self.variables
        short = [name.rpartition("/")[2] for name in names]
        return _awkward.of_columns(
            self._told["variables"], short if len(set(short)) == len(short) else names, column, lazy
        )

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``."""
        if self.format == "parquet":
            return _tables.read_arrow(self.to_bytes("parquet"))
        return _tables.arrow_of(self._columns())

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``, or the Series that was compressed."""
        try:
            import pandas
        except ImportError:
            from ._errors import missing

            raise missing("pandas", "to_pandas()") from None
        if self.format == "parquet":
            frame = self.to_arrow().to_pandas()
        else:
            columns = self._columns()
            if not all(_is_plain(column) for column in columns.values()):
                frame = _tables.arrow_of(columns).to_pandas()
            else:
                frame = pandas.DataFrame(
                    {name: _native(column) for name, column in columns.items()}, copy=False
                )
        if not self.notes.get("series"):
            return frame
        series = frame.iloc[:, 0]
        return series.rename(None) if self.notes.get("unnamed") else series

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``."""
        if self.format == "parquet":
            return _tables.read_polars(self.to_bytes("parquet"))
        try:
            import polars
        except ImportError:
            from ._errors import missing

            raise missing("polars", "to_polars()") from None
        columns = self._columns()
        if not all(_is_plain(column) for column in columns.values()):
            return polars.from_arrow(_tables.arrow_of(columns))
        return polars.from_dict({name: _native(column) for name, column in columns.items()})

    def _columns(self) -> dict[str, Any]:
        """Columns of one length: arrays, masked ones where values are missing, and lists."""
        arrays = self._arrays(None, check=False)
        counting = {of.counts for of in self._variables.values() if of.counts}
        columns: dict[str, Any] = {}
        for name, array in arrays.items():
            variable = self._variables.get(name)
            if variable is None or not variable.counts:
                # What counts the items of lists is told by the lists.
                if name not in counting or self.format not in ("csv", "parquet"):
                    columns[name] = array
                continue
            counts = arrays[variable.counts]
            if self._variables[variable.counts].counts or name in counting:
                raise InputError(
                    f"expected lists of numbers, found lists of lists in '{name}'; to_awkward() has these"
                )
            columns[name] = _listed(variable, counts, array)
        lengths = {
            name: len(of.counts) if isinstance(of, _tables.Lists) else len(of) if of.ndim else 1
            for name, of in columns.items()
        }
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name}: {n}" for name, n in list(lengths.items())[:4])
            raise InputError(f"expected columns of one length, found {shown}; read them one by one")
        return columns

    def write(self, path: str | os.PathLike[str], *, progress: Progress = None) -> None:
        """Writes a file of any format that baler knows, as ``baler decompress -o`` does; the extension names it."""
        name = os.path.basename(os.fspath(path))
        extension = "fits.gz" if name.endswith(".fits.gz") else name.rpartition(".")[2]
        threads = _options.threads(self._n_threads)
        with _files.written(os.fspath(path)) as part, Hearer(progress) as hearer:
            heard = None if progress in (None, False) else hearer
            self._opened().write(extension, part, None, None, threads, heard)

    def to_bytes(self, extension: str, *, progress: Progress = None) -> bytes:
        """The bytes of a file of the format that an extension names (``"parquet"``, ``"npz"``)."""
        threads = _options.threads(self._n_threads)
        with Hearer(progress) as hearer:
            heard = None if progress in (None, False) else hearer
            found = self._opened().write(extension, None, None, None, threads, heard)
        assert found is not None
        return found

    def verify(self, original: Any = None, *, progress: Progress = None) -> Any:
        """See :func:`baler.verify`."""
        from ._report import verify

        return verify(original, self, progress=progress)

    def _repr_html_(self) -> str:
        from ._report import Inspection

        return Inspection(self.info)._repr_html_()


def _unpickled(path: Any, model: Model | None, threads: int | None) -> File:
    return File(path, model=model, threads=threads)


def _is_plain(column: Any) -> bool:
    """True for an array of one axis without missing values."""
    return type(column) is np.ndarray and column.ndim == 1


def _listed(variable: Variable, counts: Any, items: Any) -> Any:
    """A column of lists, or of values some of which are missing."""
    kind = variable._told["kind"] if variable._told["kind"] in ("text", "bytes") else "number"
    if kind != "number" or not variable._told["optional"]:
        return _tables.Lists(counts, items, kind)
    there = np.asarray(counts) != 0
    values = np.zeros(len(there), items.dtype)
    values[there] = items
    return np.ma.MaskedArray(values, mask=~there)


def _native(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return column.astype(column.dtype.newbyteorder("="), copy=False)


def _once(read: Any) -> Any:
    """Each column is decoded once."""
    known: dict[str, Any] = {}

    def column(name: str) -> Any:
        if name not in known:
            known[name] = read(name)
        return known[name]

    return column


def decompress(
    data: bytes | str | os.PathLike[str] | Any,
    out: Any = None,
    *,
    model: Model | str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> Any:
    """What was compressed, as it was: an array, a dict of arrays, a table, a Dataset or an awkward array.

    ``data`` is the bytes of an archive, or a path. ``out`` is an array (or a dict of arrays) of the right dtype and
    extents, which is filled and returned; where it has no gaps, values are decoded straight into it.
    """
    file = data if isinstance(data, File) else File(data, model=model, threads=threads)
    if out is not None:
        return _into(file, out, progress)
    kind = file.notes.get("type")
    if kind == "pandas":
        return file.to_pandas()
    if kind == "polars":
        return file.to_polars()
    if kind == "arrow":
        return file.to_arrow()
    if kind == "xarray":
        return _xarray.restored(file)
    if kind == "awkward":
        return file.to_awkward()
    arrays = file._arrays(progress, check=True)
    if kind == "masked" or file._told["layout"] == "single":
        if len(arrays) == 1:
            return next(iter(arrays.values()))
        return file._record(next(iter(file._records.values())))
    return _members(file, arrays)


def _members(file: File, arrays: dict[str, Any]) -> Any:
    """The arrays of an npz: a table's columns stand in one array beside their names."""
    attachments = [(position, name, data) for name, position, data in file._opened().attachments()]
    table = file._told["table"]
    if len(file._records) == 1 and len(arrays) == 1:
        [(name, of)] = file._records.items()
        if not any(field.startswith(f"{name}.") for field, _ in of["fields"]):
            return arrays[name]  # the records of an npy, which has no name
    placed: list[tuple[int, str, Any]] = []
    if table is not None:
        n_columns, data_position, names_position, width = table
        names = file.variables[:n_columns]
        first = file._variables[names[0]]._told if names else None
        columns = np.array([arrays.pop(name) for name in names]).T
        placed.append(
            (data_position, "data", columns.copy("F" if first and first["fortran"] else "C"))
        )
        placed.append((names_position, "names", np.array(names, f"<U{width}")))
    placed += [(position, name, _npy(data)) for position, name, data in attachments]
    found: dict[str, Any] = {}
    rest = iter(arrays.items())
    for position, name, value in sorted(placed, key=lambda of: of[0]):
        while len(found) < position and (item := next(rest, None)) is not None:
            found[item[0]] = item[1]
        found[name] = value
    found.update(rest)
    return found


def _npy(data: bytes) -> Any:
    import io

    return np.load(io.BytesIO(data), allow_pickle=False)


def _into(file: File, out: Any, progress: Progress) -> Any:
    """Fills the arrays that the caller has."""
    if isinstance(out, Mapping):
        given = {file._whole_name(name): array for name, array in out.items()}
    else:
        if len(file) != 1:
            raise ConfigError(
                f"expected an archive of one array for out=, found {len(file)} variables; give a dict of arrays"
            )
        given = {file.variables[0]: out}
    direct: dict[str, npt.NDArray[Any]] = {}
    for name, array in given.items():
        variable = file[name]
        if not isinstance(array, np.ndarray) or array.shape != variable.shape:
            found = getattr(array, "shape", type(array).__name__)
            raise InputError(f"expected out= of shape {variable.shape} for '{name}', found {found}")
        if array.dtype.newbyteorder("=") != variable.dtype.newbyteorder("="):
            raise InputError(f"expected out= of dtype {variable.dtype} for '{name}', found {array.dtype}")
        if not array.flags.writeable:
            raise InputError(f"expected out= that can be written for '{name}', found a read-only array")
        has_gaps = not (array.flags.c_contiguous or array.flags.f_contiguous)
        direct[name] = np.empty(array.shape, array.dtype) if has_gaps else array
    file._decode({name: [] for name in direct}, progress, True, direct)
    for name, array in direct.items():
        if given[name] is not array:
            given[name][...] = array
    return out


__all__ = ["File", "Variable", "decompress", "open"]
