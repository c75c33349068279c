"""Models: what was learned of some data, for other data like it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _arrays, _baler, _files, _options
from ._bounds import BoundLike
from ._errors import InputError
from ._options import Missing
from ._progress import Hearer, Progress


class Model:
    """A trained model. Two with the same hash are the same; it can be a key, and be pickled."""

    def __init__(self, data: bytes | _baler.Model) -> None:
        self._inner = data if isinstance(data, _baler.Model) else _baler.Model.from_bytes(data)
        #: What the model says of itself, and the curves of its training if it was just trained.
        self.info: dict[str, Any] = json.loads(self._inner.describe())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """The model in a file (.balm)."""
        return cls(_files.read(os.fspath(path)))

    @classmethod
    def named(cls, hash: str) -> Model:
        """The model with this hash (:attr:`hash`) in a folder of the environment's ``BALER_MODEL_PATH``."""
        return cls(_baler.Model.named(hash))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, whole or not at all."""
        with _files.written(os.fspath(path)) as part, open(part, "wb") as file:
            file.write(bytes(self))

    def __bytes__(self) -> bytes:
        return self._inner.to_bytes()

    @property
    def hash(self) -> str:
        """BLAKE3 of the model file, by which archives name it."""
        found: str = self.info["hash"]
        return found

    @property
    def variables(self) -> list[str]:
        """Names of the variables that it knows."""
        found: list[str] = self.info["variables"]
        return found

    @property
    def size_bytes(self) -> int:
        """Bytes of the model file."""
        found: int = self.info["model_bytes"]
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __reduce__(self) -> tuple[type[Model], tuple[bytes]]:
        return Model, (bytes(self),)

    def __repr__(self) -> str:
        return f"<baler.Model {self.info['architecture']}, {self.size_bytes:,} bytes, {self.hash[:8]}>"

    # Latents of autoencoders.

    @property
    def n_latents(self) -> list[int]:
        """Latents of a sample, for each autoencoder in the model."""
        return _baler.n_latents(self._inner)

    def encode(self, x: Any, *, part: int = 0, threads: int | None = None) -> npt.NDArray[np.int16]:
        """The latents of ``x``: (samples, latents), whole numbers, as an archive holds them before they are coded.

        For a table ``x`` is an array (rows, columns), ``{"data": rows, "names": [...]}``, or a table with the columns; a
        field is an array of its rank, of which each tile is a sample.
        """
        return _encode(self, x, part, threads)

    def decode(
        self,
        latents: Any,
        *,
        shape: Sequence[int] | None = None,
        like: bytes | None = None,
        part: int = 0,
        threads: int | None = None,
    ) -> npt.NDArray[Any]:
        """What the decoder makes of latents: (rows, columns) of a table, or a field of ``shape``.

        Inference is in integers: the same values on every machine. They lie on a grid as fine as 2^-19 of the range that
        the model knows. An archive without a bound has a grid of its own data, in steps of 2^-17 of their range: with the
        bytes of one as ``like``, values are bit for bit those that it gives back.
        """
        z = np.ascontiguousarray(latents)
        n_latents = self._part(part)
        if z.ndim != 2 or z.shape[1] != n_latents or z.dtype.kind not in "iu":
            raise InputError(
                f"expected whole numbers of shape (samples, {n_latents}), found {z.dtype} {z.shape}"
            )
        if z.size and (int(z.min()) < -32767 or int(z.max()) > 32767):
            raise InputError("expected latents from -32767 to 32767, found others")
        z = z.astype("<i2")
        asked = None if shape is None else list(shape)
        dtype, extents = _baler.decoded_shape(self._inner, len(z), asked, part)
        out: npt.NDArray[Any] = np.empty(extents, dtype)
        flat, room = _arrays.flat_bytes(z), _arrays.flat_bytes(out)
        _baler.decode_latents(
            self._inner, flat, extents, room, part, like, _options.threads(threads)
        )
        return out

    def _part(self, part: int) -> int:
        found = self.n_latents
        if not 0 <= part < len(found):
            raise InputError(
                f"expected a part of the model that is an autoencoder, found {part} of {len(found)};"
                " train one with latent=K or ratio=R"
            )
        return found[part]


def _encode(model: Model, x: Any, part: int, threads: int | None) -> npt.NDArray[np.int16]:
    from ._sources import given

    n_latents = model._part(part)
    names, _ = _baler.part_variables(model._inner, part)
    if isinstance(x, np.ndarray) and len(names) > 1:
        if x.ndim != 2 or x.shape[1] != len(names):
            raise InputError(f"expected an array (rows, {len(names)}), found {x.shape}")
        x = {"data": x, "names": np.array(names)}
    elif isinstance(x, np.ndarray):
        x = {names[0]: x}
    data = _baler.encode_latents(model._inner, given(x).source, part, _options.threads(threads))
    return np.frombuffer(data, "<i2").reshape(-1, n_latents).astype(np.int16, copy=False)


def train(
    *data: Any,
    abs: float | None = None,
    rel: float | None = None,
    pw_rel: float | None = None,
    lossless: bool = False,
    bounds: Mapping[str, BoundLike] | None = None,
    exact: Sequence[str] = (),
    ratio: float | None = None,
    size: int | float | str | None = None,
    latent: int | None = None,
    method: str | None = None,
    missing: Missing = "auto",
    threads: int | None = None,
    progress: Progress = None,
    **training: Any,
) -> Model:
    """Trains a model on files, arrays or collections with the same variables; the promise is that of :func:`compress`.

    Further options are those of ``baler train``: ``arch``, ``epochs``, ``lr``, ``batch``, ``seed``, ``validation``,
    ``loss``, ``normalization``, ``transform``, ``init``, ``block``, ... The same seed gives the same model everywhere.
    """
    from ._sources import given

    asked = _options.asked(
        abs=abs,
        rel=rel,
        pw_rel=pw_rel,
        lossless=lossless,
        bounds=bounds,
        exact=exact,
        ratio=ratio,
        size=size,
        latent=latent,
        method=method,
        missing=missing,
        training=training,
    )
    if len(data) == 1 and isinstance(data[0], (list, tuple)):
        data = tuple(data[0])
    if not data:
        raise InputError("expected data to learn from, found none")
    sources = [given(one) for one in data]
    with Hearer(progress) as hearer:
        heard = None if progress in (None, False) else hearer
        n_threads = _options.threads(threads)
        inner = _baler.train(
            [source.source for source in sources], sources[0].complete(asked), n_threads, heard
        )
    return Model(inner)
