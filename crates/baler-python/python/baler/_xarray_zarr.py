"""The encoding of ``Dataset.to_zarr`` by which every variable keeps its promise in a store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _bounds, _ranges
from ._bounds import Bound, BoundLike
from ._chunks import Coding
from ._errors import ConfigError
from ._model import Model

#: What a variable's encoding says of its values rather than of its chunks.
_KEPT = ("dtype", "scale_factor", "add_offset", "_FillValue", "missing_value", "units", "calendar")
#: A promise for what is unpacked leaves this share of itself to the rounding of unpacking.
_ROUNDING = 1e-3


def encoding(
    dataset: Any,
    promise: Bound | None,
    bounds: Mapping[str, BoundLike],
    level: int,
    model: Model | None,
) -> dict[str, dict[str, Any]]:
    """By variable: the codec, and nothing behind it."""
    from .zarr import BalerCodec

    names = [str(name) for name in dataset.variables]
    rules = _bounds.by_name(bounds, names)
    if promise is None and not rules:
        raise ConfigError("expected one of abs, rel, pw_rel, lossless and bounds, found none")
    found: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        if variable.dtype.kind not in "biufcmM" or variable.dtype.itemsize > 16:
            continue
        measures = name in dataset.data_vars and variable.dtype.kind in "fc"
        asked = rules.get(str(name), promise if measures else _bounds.exact)
        if asked is None:
            raise ConfigError(f"expected a promise for every variable, found none for '{name}'; add rel=... or another")
        fill = _fill(variable)
        asked_rel = asked.value if asked.kind == "rel" else None
        missing = fill if fill is not None and math.isfinite(fill) else "auto"
        bound = asked
        if asked.kind == "rel":
            bound = _ranges.absolute(asked, _ranges.range_of(variable, missing))
        bound = _packed(bound, variable.encoding)
        codec = BalerCodec.of(Coding(bound, level, missing, model), asked_rel)
        # What is given to to_zarr replaces the encoding of a variable.
        kept = {key: variable.encoding[key] for key in _KEPT if key in variable.encoding}
        found[str(name)] = kept | {"serializer": codec, "compressors": None}
    return found


def _fill(variable: Any) -> float | None:
    for told in (variable.encoding, variable.attrs):
        for key in ("_FillValue", "missing_value"):
            value = told.get(key)
            if value is not None and np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf":
                return float(value)
    return None


def _packed(bound: Bound, encoding: Mapping[str, Any]) -> Bound:
    """The promise for what is stored of a variable that is packed."""
    scale = encoding.get("scale_factor")
    if bound.kind == "lossless" or (scale is None and encoding.get("add_offset") is None):
        return bound
    if bound.kind != "abs":
        return _bounds.exact
    return Bound("abs", bound.value / abs(float(1.0 if scale is None else scale)) * (1 - _ROUNDING))
