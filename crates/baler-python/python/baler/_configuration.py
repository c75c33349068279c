"""A coding as the metadata of a store hold it (docs/zarr/schema.json)."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from typing import Any

from . import _chunks
from ._bounds import Bound
from ._chunks import LEVEL, Coding
from ._errors import ConfigError
from ._model import Model


class SaysItsPlace(ABCMeta):
    """What Zarr says of a codec in the wrong place is the name of its class: so that says the right one."""

    _place: str

    def __repr__(cls) -> str:
        return f"{cls.__module__}.{cls.__qualname__}, which {cls._place}"


#: The words of the promise in a configuration.
_WORDS = {"abs": "abs", "pw-rel": "pw_rel", "lossless": "lossless"}


def of(coding: Coding, rel: float | None = None) -> dict[str, Any]:
    """A coding as metadata hold it."""
    found: dict[str, Any] = {"bound": _WORDS[coding.bound.kind]}
    if coding.bound.kind != "lossless":
        found["error"] = coding.bound.value
    if rel is not None:
        found["rel"] = rel
    found["level"] = coding.level
    if coding.missing != "auto":
        found["missing"] = coding.missing
    if coding.model_hash is not None:
        found["model_hash"] = coding.model_hash
    elif coding.model is not None:
        found["model"] = _chunks.text_of(coding.model)
    return found


def reference(model: Model | None, model_ref: bool) -> str | None:
    """The hash that metadata hold instead of a model."""
    if model_ref and model is None:
        raise ConfigError("expected a model with model_ref, found none; give it with model=")
    return model.hash if model is not None and model_ref else None


def coding_of(found: Mapping[str, Any]) -> tuple[Coding, float | None]:
    """Inverse of :func:`of`."""
    known = {"bound", "error", "rel", "level", "missing", "model", "model_hash"}
    if strange := sorted(set(found) - known):
        raise ConfigError(f"expected a configuration of {', '.join(sorted(known))}, found {strange[0]!r}")
    kinds = {word: kind for kind, word in _WORDS.items()}
    word = found.get("bound")
    if word not in kinds:
        raise ConfigError(f"expected a bound of {', '.join(kinds)} in the configuration, found {word!r}")
    error = found.get("error", 0.0)
    if isinstance(error, bool) or not isinstance(error, (int, float)) or not 0 <= error < float("inf"):
        raise ConfigError(f"expected an error that is a finite number >= 0, found {error!r}")
    bound = Bound("lossless") if error == 0 else Bound(kinds[word], float(error))  # type: ignore[arg-type]
    model = _chunks.model_of(found["model"]) if "model" in found else None
    coding = Coding(bound, found.get("level", LEVEL), found.get("missing", "auto"), model, found.get("model_hash"))
    return coding, found.get("rel")
