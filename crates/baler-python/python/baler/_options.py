"""What is asked of the codec, in the one form that the extension takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Union

from . import _bounds
from ._bounds import BoundLike
from ._errors import ConfigError

#: What is missing: a number, "auto" or "none", for all variables or by name.
Missing = Union[float, str, None, Mapping[str, Union[float, str, None]]]


def _size(size: int | float | str | None) -> int | None:
    """Bytes, or a text such as 25MB."""
    if size is None:
        return None
    if isinstance(size, str):
        text = size.strip().lower().replace("_", "").replace(" ", "")
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        units = {"": 1, "b": 1}
        for power, letter in enumerate("kmgt", start=1):
            units |= {letter: 1000**power, f"{letter}b": 1000**power, f"{letter}ib": 1024**power}
        try:
            size = float(digits) * units[text[len(digits) :]]
        except (KeyError, ValueError):
            raise ConfigError(f"expected bytes such as 25MB, 800KiB or 120000, found {size!r}") from None
    if not 1 <= size < 9e18:
        raise ConfigError(f"expected at least one byte, found a size of {size!r}")
    return int(size)


def _missing(missing: Missing) -> list[tuple[str, str]]:
    def word(value: float | str | None) -> str:
        if value is None:
            return "none"
        if isinstance(value, str):
            return value
        return repr(float(value))

    if missing is None or missing == "auto":
        return []
    if isinstance(missing, Mapping):
        return [(name, word(value)) for name, value in missing.items()]
    return [("*", word(missing))]


#: Thresholds of variables by name, or by ``abs(name)`` for both signs.
Cuts = Mapping[str, Union[float, Sequence[float]]]

#: The least and greatest value of variables by name.
Limits = Mapping[str, tuple[float, float]]


def _cuts(cuts: Cuts | None, signs: Sequence[str]) -> list[tuple[str, list[float]]]:
    def numbers(name: str, thresholds: float | Sequence[float]) -> list[float]:
        try:
            all = [thresholds] if isinstance(thresholds, (int, float)) else list(thresholds)
            return [float(threshold) for threshold in all]
        except (TypeError, ValueError):
            raise ConfigError(f"expected thresholds of {name!r} such as [20, 30], found {thresholds!r}") from None

    names = [signs] if isinstance(signs, str) else signs
    return [(name, numbers(name, of)) for name, of in (cuts or {}).items()] + [(name, [0.0]) for name in names]


def _limits(limits: Limits | None) -> list[tuple[str, tuple[float, float]]]:
    found = []
    for name, ends in (limits or {}).items():
        try:
            low, high = ends
            found.append((name, (float(low), float(high))))
        except (TypeError, ValueError):
            raise ConfigError(f"expected limits of {name!r} such as (0, 1), found {ends!r}") from None
    return found


def asked(
    *,
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    bound: BoundLike | None = None,
    bounds: Mapping[str, BoundLike] | None = None,
    exact: Sequence[str] = (),
    ratio: float | None = None,
    size: int | float | str | None = None,
    latent: int | None = None,
    level: int | None = None,
    method: str | None = None,
    missing: Missing = "auto",
    cuts: Cuts | None = None,
    signs: Sequence[str] = (),
    limits: Limits | None = None,
    keep_sum: Sequence[str] = (),
    model_ref: bool = False,
    training: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Exactly one promise for all variables, or bounds for each, or a size."""
    chosen = _bounds.chosen(abs, rel, pw_rel, lossless)
    sizes = {"ratio": ratio, "size": size, "latent": latent}
    given = [name for name, value in sizes.items() if value is not None]
    if chosen is not None and bound is not None:
        raise ConfigError(f"expected one bound for all variables, found {chosen} and {bound}")
    if bound is not None:
        chosen_text: str | None = _bounds.as_text(bound)
    else:
        chosen_text = None if chosen is None else str(chosen)
    if chosen_text is not None and given or len(given) > 1:
        found = ([chosen_text] if chosen_text is not None else []) + given
        raise ConfigError(f"expected a bound or one size, found {' and '.join(found)}; choose one of them")
    rules = [(name, _bounds.as_text(bound)) for name, bound in (bounds or {}).items()]
    rules += [(name, "lossless") for name in ([exact] if isinstance(exact, str) else exact)]
    if chosen_text is None and not given and not rules:
        raise ConfigError(
            "no promise given; choose abs=E (error at most E), rel=E (at most E times the range), pw_rel=E (at most E"
            " times each |x|), lossless=True (bit for bit), or a size: ratio=R, size='25MB' or latent=K; for example rel=1e-3"
        )
    return {
        "bound": chosen_text,
        "rules": rules,
        "missing": _missing(missing),
        "cuts": _cuts(cuts, signs),
        "limits": _limits(limits),
        "keep_sum": [keep_sum] if isinstance(keep_sum, str) else list(keep_sum),
        "method": method,
        "level": level,
        "ratio": ratio,
        "size": _size(size),
        "latent": latent,
        "model_by_reference": model_ref,
        "training": dict(training) if training is not None else None,
    }


def threads(threads: int | None) -> int:
    """How many threads work: those asked for, those of BALER_NUM_THREADS, or all cores (0)."""
    if threads is None:
        text = os.environ.get("BALER_NUM_THREADS", "0")
        try:
            threads = int(text)
        except ValueError:
            raise ConfigError(f"expected a number in BALER_NUM_THREADS, found {text!r}") from None
    if threads < 0:
        raise ConfigError(f"expected threads >= 0 (0: all cores), found {threads}")
    return threads
