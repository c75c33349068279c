"""Promises: how far a value that comes back may be from the one that went in."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, Union

from ._errors import ConfigError

Kind: TypeAlias = Literal["abs", "rel", "pw-rel", "noise", "lossless", "none"]


@dataclass(frozen=True)
class Bound:
    """A promise for one variable, as it is asked for, or as an archive keeps it."""

    kind: Kind
    value: float = 0.0
    #: Of noise: the variance of one count, and the standard deviation of a count of 0.
    gain: float = 1.0
    read: float = 0.0

    def __str__(self) -> str:
        if self.kind == "noise":
            return f"noise:{self.value!r}:{self.gain!r}:{self.read!r}"
        return self.kind if self.kind in ("lossless", "none") else f"{self.kind}:{self.value!r}"

    def __repr__(self) -> str:
        if self.kind == "noise":
            return f"baler.noise({self.value!r}, gain={self.gain!r}, read={self.read!r})"
        words = {"abs": "abs", "rel": "rel", "pw-rel": "pw_rel"}
        return f"baler.{words[self.kind]}({self.value!r})" if self.kind in words else f"baler.{_NAMES[self.kind]}"


_NAMES = {"lossless": "exact", "none": "unbounded"}


def _bound(kind: Kind, value: float) -> Bound:
    if not isinstance(value, numbers.Real) or not math.isfinite(value) or value < 0:
        raise ConfigError(f"expected a bound that is a finite number >= 0, found {value!r}")
    return Bound("lossless") if value == 0 else Bound(kind, float(value))


def abs(value: float) -> Bound:
    """Each value within ``value`` of the original: ``|x' - x| <= value``."""
    return _bound("abs", value)


def rel(value: float) -> Bound:
    """Each value within ``value`` times the range of its variable."""
    return _bound("rel", value)


def pw_rel(value: float) -> Bound:
    """Each value within ``value`` times itself: ``|x' - x| <= value * |x|``."""
    return _bound("pw-rel", value)


def noise(k: float, gain: float = 1.0, read: float = 0.0) -> Bound:
    """Each count within ``k`` standard deviations of its noise: ``|x' - x| <= k * sqrt(gain * max(x, 0) + read**2)``.

    ``gain`` is the variance of one count (1 for events that are counted), ``read`` the standard deviation of a count of 0, in counts.
    """
    for value in (gain, read):
        if not isinstance(value, numbers.Real) or not math.isfinite(value) or value < 0:
            raise ConfigError(f"expected a gain and a read noise that are finite numbers >= 0, found {value!r}")
    bound = _bound("noise", k)
    return bound if bound == exact else Bound("noise", bound.value, float(gain), float(read))


#: Bit for bit.
exact = Bound("lossless")

#: A bound, or a text such as ``"rel:1e-3"`` or ``"lossless"``.
BoundLike: TypeAlias = Union[Bound, str]


def as_text(bound: BoundLike) -> str:
    """The bound as the library reads it."""
    if isinstance(bound, (Bound, str)):
        return str(bound)
    raise ConfigError(
        f"expected a bound such as baler.rel(1e-3), baler.exact or 'abs:0.5', found {bound!r}"
    )


def chosen(
    abs: float | None, rel: float | None, pw_rel: float | None, lossless: bool
) -> Bound | None:
    """The one bound that is given by a keyword, if one is."""
    given: Mapping[str, Bound | None] = {
        "abs": None if abs is None else _bound("abs", abs),
        "rel": None if rel is None else _bound("rel", rel),
        "pw_rel": None if pw_rel is None else _bound("pw-rel", pw_rel),
        "lossless": exact if lossless else None,
    }
    found = {name: bound for name, bound in given.items() if bound is not None}
    if len(found) > 1:
        raise ConfigError(
            f"expected one of abs, rel, pw_rel and lossless, found {' and '.join(found)};"
            " bounds of single variables go into bounds={...}"
        )
    return next(iter(found.values()), None)


def parsed(bound: BoundLike) -> Bound:
    """The bound of a text such as ``"rel:1e-3"``."""
    if isinstance(bound, Bound):
        return bound
    kind, _, value = as_text(bound).partition(":")
    try:
        if kind == "lossless" and not value:
            return exact
        if kind in ("abs", "rel", "pw-rel"):
            return _bound(kind, float(value))  # type: ignore[arg-type]
        if kind == "noise" and value.count(":") < 3:
            return noise(*map(float, value.split(":")))
    except ValueError:
        pass
    raise ConfigError(f"expected a bound such as 'rel:1e-3', 'abs:0.5' or 'lossless', found {bound!r}")


def by_name(bounds: Mapping[str, BoundLike] | None, names: Sequence[str]) -> dict[str, Bound]:
    """The bounds of names for which there is one; of patterns with ``*`` the last that matches wins."""
    found: dict[str, Bound] = {}
    for pattern, bound in (bounds or {}).items():
        expression = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
        matching = [name for name in names if expression.fullmatch(name)]
        if not matching:
            raise ConfigError(f"expected the name of a variable, found {pattern!r}; there are {', '.join(names)}")
        found |= dict.fromkeys(matching, parsed(bound))
    return found
