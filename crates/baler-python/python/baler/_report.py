"""What became of the data: checked, looked at, compared with what else there is, and shown."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _baler, _files, _options
from ._archive import File
from ._bounds import Bound, BoundLike
from ._errors import BoundError, missing as missing_library
from ._model import Model
from ._options import Missing
from ._progress import Hearer, Progress
from ._sources import bytes_of, given


class Told(Mapping[str, Any]):
    """What the library tells, as ``--json`` of the command line has it: a mapping that shows itself in a notebook."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def __getitem__(self, key: str) -> Any:
        return self._told[key]

    def __iter__(self) -> Any:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        return [], []

    def _line(self) -> str:
        return ""

    def __str__(self) -> str:
        header, rows = self._table()
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in [header, *rows]]
        return "\n".join([*(line.rstrip() for line in lines), self._line()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        header, rows = self._table()

        def cells(row: list[str], tag: str) -> str:
            return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)

        body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
        return (
            f"<table><thead><tr>{cells(header, 'th')}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{html.escape(self._line())}</p>"
        )

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``, one row a variable."""
        return _frame(self["variables"])


def _frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    try:
        import pandas
    except ImportError:
        raise missing_library("pandas", "a DataFrame") from None
    return pandas.DataFrame(list(rows))


def _bound(told: Mapping[str, Any]) -> str:
    return str(Bound(told["kind"], told["value"], told.get("gain", 1.0), told.get("read", 0.0)))


def _promise(of: Mapping[str, Any]) -> str:
    """The bound of a variable, and what is promised beside it."""
    words = [_bound(of["bound"])]
    if cuts := of.get("cuts"):
        words.append("cuts " + ", ".join(f"{cut:g}" for cut in cuts))
    if limits := of.get("promised_limits"):
        words.append("limits {:g} to {:g}".format(*limits))
    if of.get("keeps_sum"):
        words.append("sum")
    return "; ".join(words)


class Inspection(Told):
    """What an archive says of itself: sizes with the model counted, promises and errors of each variable."""

    @property
    def ratio(self) -> float:
        """Bytes of the arrays over bytes of the archive, models included."""
        found: float = self["ratio"]
        return found

    def _table(self) -> tuple[list[str], list[list[str]]]:
        header = ["variable", "dtype", "shape", "bound", "max error", "method", "bytes"]
        rows = [
            [
                of["name"],
                of["dtype"],
                "x".join(map(str, of["shape"])),
                _promise(of),
                f"{of['max_error']:.4g}",
                of["method"],
                f"{of['bytes']:,}",
            ]
            for of in self["variables"]
        ]
        return header, rows

    def _line(self) -> str:
        return (
            f"{self['input_bytes']:,} -> {self['archive_bytes']:,} bytes, {self.ratio:.2f} x;"
            f" {self['model_bytes']:,} of them are models"
        )


class Verification(Told):
    """What verifying found. It is true if no value is outside its promise."""

    @property
    def holds(self) -> bool:
        """True if no value is outside its promise."""
        found: bool = self["holds"]
        return found

    def __bool__(self) -> bool:
        return self.holds

    def _table(self) -> tuple[list[str], list[list[str]]]:
        header = ["variable", "bound", "max error", "values", "outside"]
        rows = [
            [
                of["name"],
                _promise(of),
                f"{of['max_error']:.4g}",
                f"{of['n_values']:,}",
                f"{of['n_violations']:,}",
            ]
            for of in self["variables"]
        ]
        return header, rows

    def _line(self) -> str:
        n, outside = self["n_values"], self["n_violations"]
        return f"bound verified on {n:,} values" if self.holds else f"{outside:,} of {n:,} values are outside"


def verify(
    original: Any,
    archive: Any,
    *,
    model: Model | str | os.PathLike[str] | None = None,
    strict: bool = True,
    threads: int | None = None,
    progress: Progress = None,
) -> Verification:
    """Decodes an archive, checks every checksum, and compares every value with the original in its own dtype.

    Without an original (None) only checksums and hashes are checked. A broken bound raises :class:`baler.BoundError`,
    unless ``strict`` is false.
    """
    file = archive if isinstance(archive, File) else File(archive, model=model)
    against = None if original is None else given(original).source
    with Hearer(progress) as hearer:
        heard = None if progress in (None, False) else hearer
        text = file._opened().verify(against, _options.threads(threads), heard)
    found = Verification(json.loads(text))
    if strict and not found:
        worst = max(found["variables"], key=lambda of: of["n_violations"])
        raise BoundError(
            f"bound broken on {found['n_violations']} of {found['n_values']} values; '{worst['name']}': expected"
            f" {_promise(worst)}, found a worst error of {worst['max_error']!r}; is this the data that was compressed?"
        )
    return found


def inspect(archive: Any) -> Inspection:
    """What an archive (a path, bytes, or one that is open) says of itself; checksums are checked, nothing is decoded."""
    if isinstance(archive, File):
        return Inspection(archive.info)
    data = bytes_of(archive)
    source = _files.opened(os.fspath(archive)) if data is None else data
    return Inspection(json.loads(_baler.inspect(source)))


def compare(
    obj: Any,
    *,
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    bounds: Mapping[str, BoundLike] | None = None,
    exact: Sequence[str] = (),
    missing: Missing = "auto",
    level: int | None = None,
    codecs: Sequence[str] = (),
    threads: int | None = None,
    progress: Progress = None,
) -> Any:
    """Every codec on the data at one promise, models counted, smallest first: a ``pandas.DataFrame``.

    ``codecs`` has names or patterns of those that are run (all without), such as ``["baler *", "gzip*"]``.
    """
    asked = _options.asked(
        abs=abs,
        rel=rel,
        pw_rel=pw_rel,
        lossless=lossless,
        bounds=bounds,
        exact=exact,
        missing=missing,
        level=level,
    )
    data = given(obj)
    with Hearer(progress) as hearer:
        heard = None if progress in (None, False) else hearer
        codecs = [codecs] if isinstance(codecs, str) else list(codecs)
        text = _baler.compare(data.source, data.complete(asked), codecs, _options.threads(threads), heard)
    told = json.loads(text)
    frame = _frame([{key: value for key, value in row.items() if key != "views"} for row in told["rows"]])
    frame.attrs.update(
        bound=told["bound"],
        input_bytes=told["input_bytes"],
        not_run={one["name"]: one["why"] for one in told["missing"]},
    )
    return frame


class Report:
    """Before and after on one page: errors, distributions, pictures, physics."""

    def __init__(
        self,
        page: str,
        measures: dict[str, Any],
        figures: dict[str, str],
        sides: tuple[_Side, _Side],
    ) -> None:
        #: The page, one HTML file that needs nothing else.
        self.html = page
        #: Everything that was measured, as ``baler report --json`` has it.
        self.measures = measures
        #: Pictures as SVG, by name.
        self.figures = figures
        self._sides = sides

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page."""
        with _files.written(os.fspath(path)) as part, open(part, "w", encoding="utf-8") as file:
            file.write(self.html)

    def to_pandas(self) -> Any:
        """The measures of each variable."""
        plain = (str, int, float, bool, type(None))
        rows = [{k: v for k, v in of.items() if isinstance(v, plain)} for of in self.measures["variables"]]
        return _frame(rows)

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its style does not reach the notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.html, quote=True)}" sandbox style="width:100%;height:720px;border:0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<baler.Report of {len(self.measures['variables'])} variables, {len(self.figures)} figures>"

    def plot(self, what: str, variable: str | None = None, *, ax: Any = None, bins: int = 60, **style: Any) -> Any:
        """Draws into axes of matplotlib that you style: ``response`` ((after - before) / before), ``residual``
        (after - before) or ``distribution`` (before and after). Histograms are step lines, as mplhep draws them."""
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise missing_library("matplotlib", "plot()") from None
        before, after = self._sides
        name = after.names()[0] if variable is None else variable
        old, new = (np.asarray(side[name], np.float64).reshape(-1) for side in (before, after))
        ax = plt.gca() if ax is None else ax
        good = np.isfinite(old) & np.isfinite(new)
        old, new = old[good], new[good]
        if what == "response":
            whole = old != 0
            shown = {"": (new[whole] - old[whole]) / old[whole]}
            label = f"({name}' - {name}) / {name}"
        elif what == "residual":
            shown, label = {"": new - old}, f"{name}' - {name}"
        elif what == "distribution":
            shown, label = {"before": old, "after": new}, name
        else:
            raise ValueError(f"expected response, residual or distribution, found {what!r}")
        edges = np.histogram_bin_edges(np.concatenate(list(shown.values())), bins)
        for key, values in shown.items():
            counts, _ = np.histogram(values, edges)
            ax.stairs(counts, edges, label=key or None, **style)
        ax.set_xlabel(label, loc="right")
        ax.set_ylabel("Entries", loc="top")
        if len(shown) > 1:
            ax.legend()
        return ax


def report(
    original: Any,
    after: Any,
    *,
    derive: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    title: str = "baler report",
    model: Model | str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> Report:
    """Before and after on one page, shown in a notebook as it is. ``after`` is an archive (a path, bytes, or one that is
    open), or data that any other tool has brought back.

    ``derive`` has formulas of derived quantities (``{"p": "sqrt(px^2 + py^2)"}``), ``units`` those of variables.
    """
    before = given(original)
    model = Model.load(model) if isinstance(model, (str, os.PathLike)) else model
    data = bytes_of(after)
    if isinstance(after, File):
        data = _files.read(after._path) if isinstance(after._path, str) else bytes_of(after._path)
    elif data is None and isinstance(after, (str, os.PathLike)) and os.fspath(after).endswith(".bale"):
        data = _files.read(os.fspath(after))
    other = given(after).source if data is None else None
    with Hearer(progress) as hearer:
        heard = None if progress in (None, False) else hearer
        page, measures, figures = _baler.report(
            before.source,
            data,
            other,
            title,
            list((derive or {}).items()),
            list((units or {}).items()),
            None if model is None else model._inner,
            _options.threads(threads),
            heard,
        )
    archive = None if data is None else File(data, model=model)
    sides = _Side(original, None), _Side(after, archive)
    return Report(page, json.loads(measures), dict(figures), sides)


class _Side:
    """Arrays of one side by name, decoded when they are drawn."""

    def __init__(self, data: Any, archive: File | None) -> None:
        self._data, self._archive = data, archive

    def names(self) -> list[str]:
        if self._archive is not None:
            return self._archive.variables
        return list(self._data) if isinstance(self._data, Mapping) else ["data"]

    def __getitem__(self, name: str) -> Any:
        if self._archive is not None:
            return self._archive.read(name)
        if isinstance(self._data, Mapping):
            return self._data[name]
        if isinstance(self._data, np.ndarray):
            return self._data
        # Tables, files and all else are read by the library.
        data = given(self._data)
        asked = data.complete(_options.asked(lossless=True, level=1, method="classical"))
        found, _ = _baler.compress(data.source, asked)
        assert found is not None
        self._archive = File(found)
        return self._archive.read(name)
