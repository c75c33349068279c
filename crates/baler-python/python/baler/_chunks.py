"""One array to bytes and back, without an archive: what stores of chunks keep (docs/format.md, section 17)."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _baler, _bounds
from ._arrays import AnyArray, flat_bytes
from ._bounds import Bound
from ._errors import ConfigError, InputError
from ._model import Model

#: What a chunk takes a level of, where none is given: quick enough for stores that are written and read all the time.
LEVEL = 3

#: Kinds of dtypes whose values measure nothing that may be a little different.
_EXACT_KINDS = "bmM"


@dataclass(frozen=True)
class Coding:
    """How arrays are coded; all but the promise is what only a writer needs."""

    bound: Bound
    level: int = LEVEL
    #: A number, "auto" (one is looked for) or None.
    missing: float | str | None = "auto"
    model: Model | None = None
    #: The hash of a model that metadata only name.
    model_hash: str | None = None

    def __post_init__(self) -> None:
        if self.bound.kind == "noise":
            raise ConfigError(f"expected a bound of abs, rel, pw_rel or lossless for chunks, found {self.bound}")
        if self.level not in range(1, 10):
            raise ConfigError(f"expected a level from 1 to 9, found {self.level!r}")
        if isinstance(self.missing, str) and self.missing != "auto":
            raise ConfigError(f"expected missing to be a number, 'auto' or None, found {self.missing!r}")

    def encode(self, array: AnyArray, padding: Any = None, value_range: float | None = None) -> bytes:
        """The bytes of an array; ``padding`` is the value that chunks at edges are filled up with."""
        numbers = np.ascontiguousarray(as_numbers(array))
        asked = {
            "bound": str(_bound_of(self.bound, array.dtype)),
            "level": self.level,
            "range": value_range,
            "missing": None if isinstance(self.missing, str) else self.missing,
            "finds_missing": self.missing == "auto",
            "padding": _padding(padding, array.dtype),
        }
        return _baler.encode_array(
            flat_bytes(numbers),
            numbers.dtype.name,
            list(numbers.shape),
            is_big_endian(numbers.dtype),
            asked,
            None if (model := self._found()) is None else model._inner,
        )

    def _found(self) -> Model | None:
        """The model, which is looked up where it is only named."""
        if self.model is None and self.model_hash is not None:
            return Model.named(self.model_hash)
        return self.model

    def decode(self, data: Any, out: AnyArray) -> None:
        """Decodes into an array of the dtype and the shape of the one that was coded."""
        numbers = as_numbers(out)
        if not numbers.flags.c_contiguous:
            whole = np.empty_like(out, order="C")
            self.decode(data, whole)
            out[...] = whole
            return
        _baler.decode_array(
            data,
            flat_bytes(numbers),
            numbers.dtype.name,
            list(numbers.shape),
            is_big_endian(numbers.dtype),
            None if self.model is None else self.model._inner,
        )


def as_numbers(array: AnyArray) -> AnyArray:
    """The array as numbers that are coded: complex ones as an axis more, times and truth values as integers."""
    kind = array.dtype.kind
    if kind in "iuf" and array.itemsize <= 8:
        return array
    order = ">" if is_big_endian(array.dtype) else "<"
    if kind == "b":
        return array.view(np.uint8)
    if kind in "mM":
        return array.view(f"{order}i8")
    if kind == "c" and array.itemsize <= 16:
        contiguous = array if array.flags.c_contiguous else np.ascontiguousarray(array)
        return contiguous[..., np.newaxis].view(f"{order}f{array.itemsize // 2}")
    raise InputError(
        f"expected numbers of at most 64 bits, times or truth values, found dtype {array.dtype}"
    )


def is_big_endian(dtype: np.dtype[Any]) -> bool:
    """True where the first byte of a value is its highest."""
    return dtype.str.startswith(">")


def _bound_of(bound: Bound, dtype: np.dtype[Any]) -> Bound:
    """The bound of the numbers that are coded."""
    if dtype.kind in _EXACT_KINDS:
        return _bounds.exact
    if dtype.kind == "c" and bound.kind in ("abs", "rel"):
        # The modulus of the error is at most E if each part keeps E / sqrt(2).
        return Bound(bound.kind, math.nextafter(bound.value / math.sqrt(2), 0.0))
    return bound


def _padding(padding: Any, dtype: np.dtype[Any]) -> list[int] | None:
    """The bytes of the value, lowest first; none where numbers cannot say it."""
    if padding is None:
        return None
    item = np.array([padding], dtype)
    item = as_numbers(item.astype(dtype.newbyteorder("<"))).reshape(-1)
    parts = {item[at : at + 1].tobytes() for at in range(item.size)}
    return list(parts.pop()) if len(parts) == 1 else None


def encode_array(
    array: Any,
    *,
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    range: float | None = None,
    level: int = LEVEL,
    missing: float | str | None = "auto",
    padding: Any = None,
    model: Model | None = None,
) -> bytes:
    """One array of numbers as bytes without names, attributes or an index: a few bytes beside its numbers, for chunks of
    a larger array. :func:`decode_array` is the inverse.

    Exactly one promise is given. ``rel`` is relative to ``range``, which chunks of a larger array need, or to the array's
    own. ``padding`` is the value with which a chunk at an edge is filled up: it then takes no bytes. The work is done on the
    thread that calls, so that threads which code chunks do not disturb each other.
    """
    bound = _bounds.chosen(abs, rel, pw_rel, lossless)
    if bound is None:
        raise ConfigError("expected one of abs, rel, pw_rel and lossless, found none")
    return Coding(bound, level, missing, model).encode(np.asarray(array), padding, range)


def decode_array(
    data: Any, *, out: AnyArray | None = None, model: Model | None = None
) -> npt.NDArray[Any]:
    """The array in the bytes of :func:`encode_array`, which may be decoded into one that is there (``out``).

    Without it complex numbers come as floats with an axis more, times as int64 and truth values as uint8.
    """
    if out is None:
        name, shape, _ = _baler.array_info(data)
        out = np.empty(shape, name)
    Coding(_bounds.exact, model=model).decode(data, out)
    return out


_models: dict[str, Model] = {}
_models_lock = threading.Lock()


def model_of(text: str) -> Model:
    """The model in a text in base64, of which configurations of many arrays may hold the same."""
    import base64
    import binascii

    with _models_lock:
        if text not in _models:
            try:
                _models[text] = Model(base64.b64decode(text, validate=True))
            except binascii.Error:
                raise ConfigError("expected a model in base64, found another text") from None
        return _models[text]


def text_of(model: Model) -> str:
    """Inverse of :func:`model_of`."""
    import base64

    return base64.b64encode(bytes(model)).decode("ascii")
