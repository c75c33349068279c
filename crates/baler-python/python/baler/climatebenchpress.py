"""Baler in ClimateBenchPress, a benchmark of lossy compressors on climate data: importing this module adds two to its registry.

>>> import baler.climatebenchpress                                                  # doctest: +SKIP
>>> from climatebenchpress.compressor.scripts.compress import compress              # doctest: +SKIP
>>> compress(include_compressor=["baler", "baler-best", "sz3", "sperr"])            # doctest: +SKIP

An absolute bound of the benchmark is ``abs``, a relative one, which means a share of each value, is ``pw_rel``: neither is converted, and
both are kept by every value. The benchmark needs Python 3.12 and its package ``climatebenchpress.compressor``.
"""

from __future__ import annotations

from typing import Any

from ._errors import missing as missing_library
from .numcodecs import Baler as Codec

try:
    from climatebenchpress.compressor.compressors.abc import Compressor
except ImportError:
    raise missing_library("climatebenchpress.compressor", "baler.climatebenchpress") from None

__all__ = ["Baler", "BalerBest"]


class Baler(Compressor):  # type: ignore[misc]
    """The level of stores (3)."""

    name = "baler"
    description = "Baler"

    @staticmethod
    def abs_bound_codec(error_bound: float, **about: Any) -> Codec:
        """Every value within ``error_bound``."""
        return Codec(abs=error_bound)

    @staticmethod
    def rel_bound_codec(error_bound: float, **about: Any) -> Codec:
        """Every value within ``error_bound`` times itself."""
        return Codec(pw_rel=error_bound)


class BalerBest(Compressor):  # type: ignore[misc]
    """The smallest level (9)."""

    name = "baler-best"
    description = "Baler (best)"

    @staticmethod
    def abs_bound_codec(error_bound: float, **about: Any) -> Codec:
        """Every value within ``error_bound``."""
        return Codec(abs=error_bound, level=9)

    @staticmethod
    def rel_bound_codec(error_bound: float, **about: Any) -> Codec:
        """Every value within ``error_bound`` times itself."""
        return Codec(pw_rel=error_bound, level=9)
