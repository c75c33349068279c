"""How odd each row of a table is."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import _baler, _options
from ._errors import ConfigError, missing as missing_library
from ._model import Model
from ._sources import given


class Scores:
    """An anomaly score for each row, higher for what is odder. ``np.asarray`` gives the scores."""

    def __init__(self, found: tuple[bytes, bytes, list[str], list[tuple[str, float]]], by: str) -> None:
        scores, columns, names, relations = found
        #: One a row, float64.
        self.scores: npt.NDArray[np.float64] = np.frombuffer(scores, np.float64)
        #: What they are: ``code-length`` (bits), ``forest`` or ``latent``.
        self.by = by
        #: Names of the columns that were looked at.
        self.names = names
        #: The index in ``names`` of the column that made each row odd; None where the method tells none.
        self.columns: npt.NDArray[np.uint32] | None = np.frombuffer(columns, np.uint32) if columns else None
        #: By code length: relations that nearly all rows keep, in words, and the share of the rows that break each.
        self.relations = relations

    def __len__(self) -> int:
        return len(self.scores)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.scores, dtype) if copy else np.asarray(self.scores, dtype)

    def __repr__(self) -> str:
        return f"<baler.Scores of {len(self):,} rows by {self.by}>"

    def worst(self, n: int = 20) -> npt.NDArray[np.intp]:
        """Indices of the ``n`` rows with the highest scores, the oddest first."""
        return np.argsort(-self.scores, kind="stable")[:n]

    def threshold(self, pass_rate: float) -> float:
        """The smallest score with which at most this share of the rows pass (``scores >= threshold``); infinite where rows of
        equal scores are more."""
        found = _baler.score_threshold(self.scores.tolist(), pass_rate)
        return float("inf") if found is None else found[0]

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with a row for each row: its score, and the column that made it odd."""
        try:
            import pandas
        except ImportError:
            raise missing_library("pandas", "a DataFrame") from None
        frame = pandas.DataFrame({"score": self.scores})
        if self.columns is not None:
            frame["column"] = np.array(self.names, object)[self.columns]
        return frame


def score(
    obj: Any,
    *,
    by: Literal["code-length", "forest", "latent"] | None = None,
    model: Model | str | os.PathLike[str] | None = None,
    train: Any = None,
    seed: int = 0,
    threads: int | None = None,
) -> Scores:
    """An anomaly score for each row of a table: columns of one length, or an array (rows, columns).

    ``code-length`` (the default) counts the bits that a row takes for who knows the table and names the column that takes
    most, ``forest`` is an isolation forest (scikit-learn's ``score_samples`` is the negative), ``latent`` the squared
    Mahalanobis distance from the rows that agree with each other. With a ``model`` these are the latents that its autoencoder
    makes of the data. With ``train`` (other data of the same columns) what is usual is learned from these.
    """
    if model is not None:
        if by not in (None, "latent"):
            raise ConfigError(f"expected by='latent' with a model, found {by!r}")
        model = model if isinstance(model, Model) else Model.load(model)
        obj = model.encode(obj, threads=threads)
        train = None if train is None else model.encode(train, threads=threads)
        by = "latent"
    method = "code-length" if by is None else by
    data, known = given(obj), None if train is None else given(train)
    other = None if known is None else known.source
    return Scores(_baler.score(data.source, other, method, seed, _options.threads(threads)), method)
