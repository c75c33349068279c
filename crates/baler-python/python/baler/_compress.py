"""Data to archives."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from . import _baler, _files, _options, _progress
from ._bounds import BoundLike
from ._model import Model
from ._options import Cuts, Limits, Missing
from ._progress import Hearer, Progress
from ._sources import given


def compress(
    obj: Any,
    *,
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    bounds: Mapping[str, BoundLike] | None = None,
    exact: Sequence[str] = (),
    ratio: float | None = None,
    size: int | float | str | None = None,
    latent: int | None = None,
    level: int | None = None,
    method: str | None = None,
    model: Model | str | os.PathLike[str] | None = None,
    model_ref: bool = False,
    missing: Missing = "auto",
    cuts: Cuts | None = None,
    signs: Sequence[str] = (),
    limits: Limits | None = None,
    keep_sum: Sequence[str] = (),
    training: Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> bytes:
    """An array, a dict of arrays, a table, a Dataset, an awkward array or a file as the bytes of an archive.

    Exactly one promise holds for all variables: ``abs`` (an error of at most this), ``rel`` (of at most this times
    each variable's range), ``pw_rel`` (times each value) or ``lossless``; or a size: ``ratio``, ``size`` (bytes, or
    a text such as ``"25MB"``) or ``latent``. ``bounds`` has promises of single variables (names, or patterns with ``*``),
    and is enough alone where it covers all; ``exact`` keeps some bit for bit.

    ``level`` is 1 (fastest) to 9 (smallest). ``model`` is a trained model, which ``model_ref`` only names by its hash
    instead of embedding it. ``missing`` is a fill value that is kept exactly and left out of ranges (a number, ``"auto"`` or
    ``None``; by name in a dict). ``cuts`` has thresholds that no value crosses, such as ``{"pt": [20, 30], "abs(eta)": 2.4}``, so that
    every selection by them keeps exactly its rows; values of ``signs`` keep their signs, and zeros stay the only zeros; no value
    leaves its ``limits``, such as ``{"cc": (0, 1)}``; each chunk of a variable in ``keep_sum`` keeps its sum, but for rounding. ``threads`` never changes a byte. ``progress`` is True for a bar, or a function of
    ``(stage, bytes done, bytes in all)``.

    The finished bytes are decoded and compared before they are returned. They are those that the command line writes for
    the same data (an array saved as .npy, a dict as .npz) and options.
    """
    asked = _options.asked(**_words(locals()))
    data, _ = _run(obj, asked, model, None, threads, progress)
    assert data is not None
    return data


def save(
    path: str | os.PathLike[str],
    obj: Any,
    *,
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    bounds: Mapping[str, BoundLike] | None = None,
    exact: Sequence[str] = (),
    ratio: float | None = None,
    size: int | float | str | None = None,
    latent: int | None = None,
    level: int | None = None,
    method: str | None = None,
    model: Model | str | os.PathLike[str] | None = None,
    model_ref: bool = False,
    missing: Missing = "auto",
    cuts: Cuts | None = None,
    signs: Sequence[str] = (),
    limits: Limits | None = None,
    keep_sum: Sequence[str] = (),
    training: Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> Any:
    """:func:`compress` into a file, which appears whole or not at all; ``path`` may be one of fsspec's (``s3://``).

    Returns what was done: sizes, promises, errors (:class:`baler.Inspection`).
    """
    from ._report import Inspection

    asked = _options.asked(**_words(locals()))
    with _files.written(os.fspath(path)) as part:
        _, told = _run(obj, asked, model, part, threads, progress)
    return Inspection(told)


def _words(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are options of the codec."""
    others = ("obj", "path", "model", "threads", "progress", "Inspection")
    return {name: value for name, value in arguments.items() if name not in others}


def _run(
    obj: Any,
    asked: dict[str, Any],
    model: Model | str | os.PathLike[str] | None,
    path: str | None,
    threads: int | None,
    progress: Progress,
) -> tuple[bytes | None, dict[str, Any]]:
    data = given(obj)
    model = Model.load(model) if isinstance(model, (str, os.PathLike)) else model
    with Hearer(progress) as hearer:
        heard = None if progress in (None, False) else hearer
        inner = None if model is None else model._inner
        n_threads = _options.threads(threads)
        found, text = _baler.compress(data.source, data.complete(asked), inner, path, n_threads, heard)
    told: dict[str, Any] = json.loads(text)
    _progress.tell(data.source.warnings + told.get("warnings", []), stacklevel=4)
    return found, told
