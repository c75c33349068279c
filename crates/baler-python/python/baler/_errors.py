"""What goes wrong, by whose fault it is. Every text says what was expected, what was found and what to do."""

from __future__ import annotations

from ._words import as_keywords


class BalerError(Exception):
    """Any error of this package; the others are kinds of it."""

    #: The variable in which it happened, if one is known.
    variable: str | None = None
    #: The chunk of the archive in which it happened, if one is known.
    chunk: int | None = None
    #: The byte of the archive, the model or the input at which it happened, if one is known.
    offset: int | None = None

    def __init__(self, text: str = "") -> None:
        super().__init__(as_keywords(text))


class InputError(BalerError, ValueError):
    """The data are not what was asked for."""


class ConfigError(BalerError, ValueError):
    """A bound or an option is wrong."""


class CorruptError(BalerError, ValueError):
    """An archive or a model has damaged bytes."""


class UnsupportedError(BalerError, ValueError):
    """The bytes are valid, but need what this version does not have."""


class LimitError(BalerError, MemoryError):
    """A stated limit would be exceeded."""


class BoundError(BalerError, ArithmeticError):
    """A decoded value lies outside its bound."""


def missing(library: str, what: str) -> ImportError:
    """The error of a part of this package that needs a library which is not installed."""
    return ImportError(
        f"expected {library} for {what}, found none; install it: pip install {library}", name=library
    )
