"""Paths: of this machine, and those that fsspec knows (``s3://``, ``memory://``)."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from . import _baler
from ._errors import missing


def is_remote(path: str) -> bool:
    """True for what has a protocol."""
    head, mark, _ = path.partition("://")
    return bool(mark) and head.replace("+", "").replace(":", "").replace("-", "").isalnum()


def _fsspec(path: str) -> Any:
    try:
        import fsspec
    except ImportError:
        raise missing("fsspec", path) from None
    return fsspec


def source(path: str) -> _baler.Source:
    """The source in a file; ``FILE:INNER`` picks an array of it."""
    if not is_remote(path):
        return _baler.Source.of_file(path)
    with _fsspec(path).open(path, "rb") as file:
        return _baler.Source.of_bytes(file.read(), path.rpartition(".")[2])


def opened(path: str) -> Any:
    """What the extension reads an archive from: a path, or a file of fsspec's."""
    return _fsspec(path).open(path, "rb").open() if is_remote(path) else path


def read(path: str) -> bytes:
    """All bytes of a file."""
    if is_remote(path):
        with _fsspec(path).open(path, "rb") as file:
            return bytes(file.read())
    with open(path, "rb") as file:
        return file.read()


@contextlib.contextmanager
def written(path: str) -> Iterator[str]:
    """The name of a file that takes what is to become ``path``: that appears whole, or not at all."""
    local = os.path.abspath(path)
    folder = None if is_remote(path) else os.path.dirname(os.path.realpath(local))
    handle, name = tempfile.mkstemp(
        prefix=f".{os.path.basename(local)}.", suffix=".part", dir=folder
    )
    os.close(handle)
    try:
        yield name
        if is_remote(path):
            with _fsspec(path).open(path, "wb") as out, open(name, "rb") as file:
                while piece := file.read(1 << 22):
                    out.write(piece)
        else:
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, 0o666 & ~mask)
            os.replace(name, os.path.realpath(local))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
