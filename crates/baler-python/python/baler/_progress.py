"""How far the work is: a bar of tqdm, a callable, or nobody."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any, Union

from ._errors import missing
from ._words import as_keywords

#: True, or a function of (stage, bytes done, bytes in all).
Progress = Union[bool, Callable[[str, int, int], object], None]


class BalerWarning(UserWarning):
    """Something about the data that the user should know."""


class Hearer:
    """What the extension tells."""

    def __init__(self, progress: Progress) -> None:
        self._call = progress if callable(progress) else None
        self._bar: Any = None
        self._tqdm: Any = None
        self._stage, self._total = "", 0
        self.warnings: list[str] = []
        if progress is True:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                raise missing("tqdm", "progress=True") from None
            self._tqdm = tqdm

    def stage(self, name: str, total: int) -> None:
        self._stage, self._total = name, total
        if self._tqdm is not None:
            self.close()
            if total > 0:
                self._bar = self._tqdm(
                    total=total, desc=name, unit="B", unit_scale=True, leave=False, file=sys.stderr
                )
        self.advance(0)

    def advance(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        if self._call is not None:
            self._call(self._stage, done, self._total)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Hearer:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None and self._call is not None and self._total > 0:
            self._call(self._stage, self._total, self._total)
        self.close()


def tell(texts: list[str], stacklevel: int = 3) -> None:
    """Warns of each text once."""
    for text in dict.fromkeys(texts):
        warnings.warn(as_keywords(text), BalerWarning, stacklevel=stacklevel)
