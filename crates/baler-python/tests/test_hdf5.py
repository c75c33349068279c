"""The filter of HDF5: what h5py, h5netcdf and netCDF4 write and read with it."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baler

h5py = pytest.importorskip("h5py")
import baler.hdf5  # noqa: E402
from baler.hdf5 import FILTER_ID, Baler  # noqa: E402

RNG = np.random.default_rng(7)


def wave(*shape: int, dtype: str = "f4") -> np.ndarray[Any, Any]:
    """A smooth field with a little noise, of about 100 in size."""
    axes = np.ogrid[tuple(slice(0, extent) for extent in shape)]
    field = sum(np.sin(0.13 * (at + 1) * axis + at) for at, axis in enumerate(axes))
    return (40 * field + RNG.normal(0, 0.02, shape)).astype(dtype)


def back(path: Path, data: Any, **options: Any) -> np.ndarray[Any, Any]:
    """What comes back of an array that is written and read by h5py, and by threads beside it."""
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=data, **options)
        other = file.create_dataset("y", shape=data.shape, dtype=data.dtype, **options)
        baler.hdf5.write(other, data, threads=2)
    with h5py.File(path) as file:
        found = file["x"][...]
        for name in ("x", "y"):
            assert file[name].id.get_create_plist().get_filter(0)[:2] == (FILTER_ID, 0), "mandatory"
            assert baler.hdf5.read(file[name], threads=2).tobytes() == found.tobytes()
            assert file[name][...].tobytes() == found.tobytes()
    array: np.ndarray[Any, Any] = found
    return array


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_every_dtype_in_both_orders(tmp_path: Path, dtype: str, order: str) -> None:
    data = np.abs(wave(70, 45)).astype(order + dtype)
    for bound, limit in [(Baler(abs=1.5), 1.5), (Baler(lossless=True), 0), (Baler(pw_rel=0.02), None)]:
        found = back(tmp_path / "x.h5", data, chunks=(32, 45), **bound)
        assert found.dtype == data.dtype
        error = np.abs(found.astype("f8") - data.astype("f8"))
        assert (error <= (limit if limit is not None else 0.02 * np.abs(data.astype("f8")))).all()
    assert (back(tmp_path / "x.h5", data, chunks=(32, 45), compression=Baler(lossless=True)) == data).all()


@pytest.mark.parametrize("fill", [None, -9999.0, np.nan, 1e20])
@pytest.mark.parametrize("shape, chunks", [((1000,), (256,)), ((33, 41, 20), (16, 41, 7)), ((3, 2, 5, 4, 9), (2, 2, 3, 4, 9))])
def test_chunks_at_edges_and_missing_values(
    tmp_path: Path, shape: tuple[int, ...], chunks: tuple[int, ...], fill: float | None
) -> None:
    data = wave(*shape)
    data.reshape(-1)[5::17] = np.nan if fill is None else fill
    found = back(tmp_path / "x.h5", data, chunks=chunks, fillvalue=fill, **Baler(abs=0.01))
    special = np.isnan(data) | (data == fill)
    assert found[special].tobytes() == data[special].tobytes()
    assert np.abs(found[~special].astype("f8") - data[~special]).max() <= 0.01


def test_what_padding_held_is_exact_when_the_dataset_grows(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        options = {"chunks": (8, 8), "maxshape": (None, None), "fillvalue": -1.25, "dtype": "f4"}
        dataset = file.create_dataset("x", shape=(10, 5), **options, **Baler(abs=0.5))
        dataset[...] = wave(10, 5)
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        file["x"].resize((16, 16))
        assert (file["x"][10:] == -1.25).all() and (file["x"][:, 5:] == -1.25).all()
        assert (baler.hdf5.read(file["x"]) == file["x"][...]).all()


def test_relative_bounds_are_those_of_the_whole(tmp_path: Path) -> None:
    data = wave(64, 64)
    data[3, 4:9] = -9999
    regular = data[data > -9999].astype("f8")
    limit = 1e-3 * (regular.max() - regular.min())
    asked = Baler(rel=1e-3, data=data)
    assert asked.bound == baler.abs(limit)
    found = back(tmp_path / "x.h5", data, chunks=(8, 64), **asked)
    assert np.abs(found.astype("f8") - data).max() <= limit
    assert Baler(rel=1e-3, range=2.0).bound == baler.abs(2e-3)
    assert Baler(abs=0.1 + 0.2).filter_options[3:] == tuple(np.array([0.1 + 0.2]).view("<u4"))


@pytest.mark.parametrize(
    "dtype, options, says",
    [
        ("S5", {}, "found text"),
        ([("a", "f4")], {}, "found compounds"),
        ("c8", {}, "found co"),
        (np.dtype(("f4", (3,))), {}, "found arrays"),
        ("?", {}, "enumerated values"),
        ("f4", {"shuffle": True}, "filter 2 before it"),
        ("f4", {"compression_opts": (1, 2, 3, 0, 0)}, "relative"),
        ("f4", {"compression_opts": (1, 1)}, "5 words"),
        ("f4", {"compression_opts": (1, 1, 3, 0, 0xBFF00000)}, "-1"),
        (np.longdouble, {}, "16 bytes"),
    ],
)
def test_what_the_filter_cannot_serve_is_refused(dtype: Any, options: dict[str, Any], says: str) -> None:
    with h5py.File.in_memory() as file:
        with pytest.raises(ValueError, match=says):
            file.create_dataset("x", shape=(10, 10), chunks=(5, 5), dtype=dtype, **{**Baler(abs=0.1), **options})


def test_booleans_are_kept_without_loss_and_texts_by_hdf5(tmp_path: Path) -> None:
    flags = wave(100, 100) > 0
    assert (back(tmp_path / "x.h5", flags, chunks=(50, 50), **Baler(lossless=True)) == flags).all()
    with h5py.File.in_memory() as file:
        texts = file.create_dataset("t", data=["a", "bc"], chunks=(1,), **Baler(abs=0.1))
        assert list(texts.asstr()) == ["a", "bc"]


def test_words_that_say_nothing_are_refused_at_once() -> None:
    for wrong, says in [
        ({}, "found none"),
        ({"abs": 1, "lossless": True}, "abs and lossless"),
        ({"rel": 1e-3}, "data="),
        ({"abs": -1.0}, "-1"),
        ({"abs": 1.0, "level": 10}, "level"),
    ]:
        with pytest.raises(baler.ConfigError, match=says):
            Baler(**wrong)  # type: ignore[arg-type]
    with h5py.File.in_memory() as file:
        dataset = file.create_dataset("x", shape=(4,), dtype="f4", chunks=(2,), **Baler(abs=1))
        with pytest.raises(baler.InputError, match="shape"):
            baler.hdf5.write(dataset, np.zeros(5))


def test_damaged_chunks_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=wave(40, 40), chunks=(40, 32), **Baler(abs=0.01))
    content = path.read_bytes()
    with h5py.File(path) as file:
        infos: list[Any] = []
        file["x"].id.chunk_iter(infos.append)
    for info in infos:
        for at in range(0, info.size, max(1, info.size // 25)):
            damaged = bytearray(content)
            damaged[info.byte_offset + at] ^= 1 << (at % 8)
            path.write_bytes(damaged)
            with h5py.File(path) as file:
                with pytest.raises(OSError, match="filter"):
                    file["x"][...]
                with pytest.raises(baler.BalerError):
                    baler.hdf5.read(file["x"])


def test_threads_and_forks(tmp_path: Path) -> None:
    data = wave(64, 200)
    failed: list[str] = []

    def work(name: str) -> None:
        try:
            for turn in range(3):
                path = tmp_path / f"{name}{turn}.h5"
                assert np.abs(back(path, data, chunks=(16, 200), **Baler(abs=0.01)) - data).max() <= 0.0101
        except Exception as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    if hasattr(os, "fork"):
        child = os.fork()
        if child == 0:
            work("child")
            os._exit(len(failed))
        assert os.waitpid(child, 0)[1] == 0


def test_other_filters_are_left_to_hdf5(tmp_path: Path) -> None:
    data = wave(64, 20)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, options in [("gzip", {"compression": "gzip"}), ("checked", {"fletcher32": True, **Baler(abs=0.01)}), ("plain", {})]:
            dataset = file.create_dataset(name, shape=data.shape, dtype=data.dtype, **options)
            baler.hdf5.write(dataset, data)
            assert np.abs(baler.hdf5.read(dataset).astype("f8") - data).max() <= 0.01


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray(tmp_path: Path, engine: str) -> None:
    xr = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    if engine == "netcdf4":
        pytest.importorskip("netCDF4")
        baler.hdf5.register()
    path = tmp_path / "x.nc"
    data = wave(6, 50, 40)
    data[2, 3] = np.nan
    dataset = xr.Dataset({"t": (("time", "y", "x"), data)}, {"time": np.arange(6.0)})
    encoding = {"t": {**Baler(abs=0.01), "chunksizes": (2, 50, 40), "_FillValue": np.float32(-999)}}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    with xr.open_dataset(path, engine=engine) as found:
        assert (np.isnan(found.t.values) == np.isnan(data)).all()
        assert np.nanmax(np.abs(found.t.values - data)) <= 0.0101
        assert np.abs(found.t[3, 10:20].values - data[3, 10:20]).max() <= 0.0101


def test_the_plugin_is_found(tmp_path: Path) -> None:
    folder = Path(baler.hdf5.__file__).with_name("plugins")
    if any(folder.glob("libh5baler.*")):
        assert baler.hdf5.plugin_path() == str(folder)
    else:
        with pytest.raises(FileNotFoundError, match="cargo build"):
            baler.hdf5.plugin_path()


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(baler.hdf5) == (0, 4)


def test_several_threads_in_the_filter_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = wave(64, 200)

    def stored(threads: str) -> bytes:
        monkeypatch.setenv("BALER_HDF5_THREADS", threads)
        with h5py.File.in_memory() as file:
            dataset = file.create_dataset("x", data=data, chunks=(64, 200), **Baler(abs=0.01))
            file.flush()
            chunk: bytes = dataset.id.read_direct_chunk((0, 0))[1]
            return chunk

    assert stored("1") == stored("3")
    with pytest.raises(ValueError, match="BALER_HDF5_THREADS, found 'many'"):
        stored("many")


def test_two_hdf5_in_one_process(tmp_path: Path) -> None:
    pytest.importorskip("netCDF4")
    program = """
import netCDF4, h5py, numpy as np, baler.hdf5
x = np.sin(np.arange(6000.0).reshape(60, 100) / 9)
with h5py.File("x.h5", "w") as file:
    file.create_dataset("x", data=x, chunks=(50, 100), **baler.hdf5.Baler(abs=1e-3))
with netCDF4.Dataset("x.h5") as file:
    assert 0 < abs(file["x"][...] - x).max() <= 1e-3
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
