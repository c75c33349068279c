"""Autoencoders: latents of data are those of their archive, and come back as it does."""

from __future__ import annotations

import importlib
import importlib.util

import numpy as np
import numpy.typing as npt
import pytest

import baler


@pytest.fixture(scope="module")
def field() -> npt.NDArray[np.float32]:
    """A field of two waves."""
    t, y, x = np.ogrid[:24, :16, :16]
    waves = np.sin(0.4 * t) * np.cos(0.5 * x) + np.cos(0.3 * t) * np.sin(0.4 * y)
    values: npt.NDArray[np.float32] = waves.astype(np.float32)
    return values


def test_latents_of_fields(field: npt.NDArray[np.float32]) -> None:
    model = baler.train(field, latent=6, epochs=3, seed=1)
    assert model.n_latents == [6]
    z = model.encode(field)
    assert z.dtype == np.int16 and z.shape[1] == 6
    values = model.decode(z, shape=field.shape)
    assert values.shape == field.shape and values.dtype == field.dtype
    blob = baler.compress(field, latent=6, model=model)
    archived = baler.decompress(blob)
    assert np.abs(values - archived).max() <= 2**-16 * np.ptp(field)
    np.testing.assert_array_equal(model.decode(z, shape=field.shape, like=blob), archived)
    np.testing.assert_array_equal(values, model.decode(z.tolist(), shape=field.shape))
    with pytest.raises(baler.InputError, match=r"expected whole numbers of shape \(samples, 6\)"):
        model.decode(z[:, :3])
    with pytest.raises(baler.ConfigError, match="tiles of"):
        model.decode(z, shape=(1, 2, 3, 4))


def test_latents_of_tables() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2)).astype("f4")
    rows = np.column_stack([x[:, 0], x[:, 1], x.sum(axis=1)]).astype("f4")
    names = ["a", "b", "c"]
    columns = {"data": rows, "names": np.array(names)}
    model = baler.train(columns, latent=2, epochs=3, seed=1, arch="dense:8")
    z = model.encode(columns)
    np.testing.assert_array_equal(z, model.encode(rows))
    assert z.shape == (600, 2)
    values = model.decode(z)
    blob = baler.compress(columns, latent=2, model=model)
    archived = baler.decompress(blob)["data"]
    assert (np.abs(values - archived).max(axis=0) <= 2**-16 * np.ptp(rows, axis=0)).all()
    np.testing.assert_array_equal(model.decode(z, like=blob), archived)
    if importlib.util.find_spec("pandas"):
        frame = importlib.import_module("pandas").DataFrame(rows, columns=names)
        np.testing.assert_array_equal(z, model.encode(frame))
    predictive = baler.train(columns, rel=1e-2, method="predictive")
    with pytest.raises(baler.InputError, match="train one with latent=K"):
        predictive.encode(columns)


def test_live_streams() -> None:
    rng = np.random.default_rng(3)

    def table(n: int) -> dict[str, npt.NDArray[np.float32]]:
        x, y = rng.normal(size=(2, n)).astype("f4")
        return {"x": x, "y": y, "r": np.hypot(x, y)}

    model = baler.train(table(3000), abs=1e-2)
    for model_ref in (False, True):
        live = baler.Live(model, model_ref=model_ref)
        columns = table(5000)
        records = np.empty(5000, live.dtype)
        for name, column in columns.items():
            records[name] = column
        stream = live.head() + live.encode(records[:4000])
        stream += live.encode({name: column[4000:] for name, column in columns.items()}) + live.finish()
        assert live.n_records == 5000 and len(stream) < records.nbytes
        back = np.concatenate(list(baler.read_live(stream, model=model)))
        assert all(np.abs(back[name] - columns[name]).max() <= 1e-2 for name in columns)
        with pytest.raises(baler.CorruptError):
            list(baler.read_live(stream[:-9], model=model))
    with pytest.raises(baler.ConfigError, match="expected the model with BLAKE3 hash .*, found none"):
        list(baler.read_live(stream))
    with pytest.raises(baler.InputError, match="expected records of"):
        live.encode(np.zeros(3))
    with pytest.raises(baler.InputError, match="expected a column 'y'"):
        live.encode({"x": np.zeros(3)})
