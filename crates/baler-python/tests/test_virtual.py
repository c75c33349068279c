"""Archives read as Zarr without being copied: by references of kerchunk, and by VirtualiZarr."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baler
from baler import _baler

pytest.importorskip("numcodecs")
zarr = pytest.importorskip("zarr", minversion="3")

import baler.numcodecs
import baler.zarr


def waves(*shape: int) -> Any:
    """A field with noise."""
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    found = sum(np.sin(0.1 * (k + 1) * axis) for k, axis in enumerate(axes))
    return (found + np.random.default_rng(1).normal(0, 0.01, shape)).astype("f4")


def opened(refs: dict[str, Any]) -> Any:
    """The group of references."""
    fsspec = pytest.importorskip("fsspec")
    fs = fsspec.filesystem("reference", fo=json.loads(json.dumps(refs)), asynchronous=True)
    return zarr.open_group(zarr.storage.FsspecStore(fs, read_only=True), mode="r", zarr_format=2)


def rows_of(refs: dict[str, Any], name: str) -> int:
    """Rows of a chunk."""
    rows: int = json.loads(refs["refs"][f"{name}/.zarray"])["chunks"][0]
    return rows


ARRAYS: dict[str, Any] = {
    "field": waves(60, 40, 50),
    "long": (np.arange(4_700_000) // 9000).astype("u2").reshape(470, 100, 100),
    "scalar": np.float64(7.25),
    "empty": np.zeros((0, 4), "f4"),
    "flat": np.zeros((5, 0), "i4"),
    "big": waves(9, 11).astype(">f4"),
    "fortran": np.asfortranarray(waves(40, 30)),
    "complex": (waves(50, 3) + 1j * waves(50, 3)).astype("c8"),
    "flags": waves(100) > 0,
    "half": waves(64, 64).astype("f2"),
    "counts": (np.arange(1000) ** 2 % 97).astype("u2"),
    "when": np.datetime64("2020-01-01", "s") + np.arange(100) * np.timedelta64(90, "s"),
}


def test_every_array_is_the_one_that_the_archive_gives(tmp_path: Path) -> None:
    path = tmp_path / "all.bale"
    baler.save(path, ARRAYS, bounds={"field": baler.abs(0.01), "half": baler.rel(0.01)}, lossless=True, level=3)
    refs = baler.zarr.references(path)
    group = opened(refs)
    file = baler.open(path)
    assert set(group) == set(ARRAYS)
    assert 470 % rows_of(refs, "long"), "expected several chunks, of which the last is not whole"
    for name, array in ARRAYS.items():
        expected = file[name][...]
        found = group[name][...]
        expected = expected.astype("i8") if expected.dtype.kind == "M" else expected
        assert found.shape == np.shape(array) and np.array_equal(found, expected), name
        assert found.dtype == expected.dtype.newbyteorder("<"), name
    assert np.array_equal(group["long"][130:451, 5], file["long"][130:451, 5])


def test_columns_of_a_table_are_decoded_with_what_they_need(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pt, eta = rng.exponential(50, 9000).astype("f4"), rng.normal(0, 2, 9000).astype("f4")
    columns = {"pt": pt, "eta": eta, "pz": (pt * np.sinh(eta)).astype("f4"), "sum": pt + eta}
    path = tmp_path / "table.bale"
    baler.save(path, columns, rel=1e-3)
    group = opened(baler.zarr.references(path, drop=["sum"]))
    assert set(group) == {"pt", "eta", "pz"}
    for name in group:
        assert np.array_equal(group[name][:], baler.open(path)[name][:])


def test_attributes_places_and_missing_values_are_those_of_xarray(tmp_path: Path) -> None:
    xr = pytest.importorskip("xarray")
    pytest.importorskip("fsspec")
    times = np.datetime64("2020-01-01", "ns") + np.arange(60) * np.timedelta64(6, "h")
    t2m = waves(60, 40, 50)
    t2m[3, 4] = np.nan
    flags = np.arange(60, dtype="i2") % 7
    dataset = xr.Dataset(
        {
            "t2m": (("time", "y", "x"), t2m, {"units": "K", "valid_range": [0.0, 400.0], "_FillValue": np.float32(np.nan)}),
            "flags": ("time", flags, {"_FillValue": np.int16(3)}),
            "seen": ("time", np.where(flags == 2, np.datetime64("NaT"), times)),
        },
        {"time": times, "x": np.arange(50), "lat": (("y", "x"), waves(40, 50))},
        {"title": "waves"},
    )
    baler.save(tmp_path / "x.bale", dataset, bounds={"t2m": baler.abs(0.01)}, lossless=True)
    refs = baler.zarr.references(tmp_path / "x.bale")
    (tmp_path / "x.json").write_text(json.dumps(refs))
    code = "import sys, xarray as xr, fsspec, zarr\n"
    code += "fs = fsspec.filesystem('reference', fo=sys.argv[1], asynchronous=True)\n"
    code += "found = xr.open_zarr(zarr.storage.FsspecStore(fs), consolidated=False, zarr_format=2)\n"
    code += "found.load().to_netcdf(sys.argv[2], engine='h5netcdf')"
    # A process of its own finds the codec by its name.
    command = [sys.executable, "-c", code, "x.json", "back.nc"]
    if subprocess.run([sys.executable, "-c", "import h5netcdf"], capture_output=True).returncode == 0:
        subprocess.run(command, check=True, cwd=tmp_path)
        xr.testing.assert_identical(xr.load_dataset(tmp_path / "back.nc"), xr.load_dataset(tmp_path / "x.bale"))


def test_virtualizarr(tmp_path: Path) -> None:
    virtualizarr = pytest.importorskip("virtualizarr", minversion="2")
    xr = pytest.importorskip("xarray")
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore

    registry = ObjectStoreRegistry({"file://": LocalStore()})
    dataset = xr.Dataset({"t2m": (("time", "y", "x"), waves(64, 40, 50))}, {"time": np.arange(64)}, {"title": "waves"})
    path = tmp_path / "x.bale"
    baler.save(path, dataset, bounds={"t2m": baler.abs(0.01)}, lossless=True)
    options: dict[str, Any] = {"registry": registry, "parser": baler.zarr.BalerParser()}
    with virtualizarr.open_virtual_dataset(path.as_uri(), loadable_variables=["t2m", "time"], **options) as lazy:
        xr.testing.assert_identical(lazy.load(), xr.load_dataset(path))
    virtual = virtualizarr.open_virtual_dataset(path.as_uri(), loadable_variables=[], **options)
    virtual.virtualize.to_kerchunk(str(tmp_path / "x.json"), format="json")
    group = opened(json.loads((tmp_path / "x.json").read_text()))
    assert np.array_equal(group["t2m"][:], baler.open(path)["t2m"][:])


def test_what_zarr_cannot_have_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.bale"
    baler.save(path, {"name": np.array(["a", "bc"]), "x": np.arange(3.0)}, lossless=True)
    with pytest.raises(baler.InputError, match=r"found <U2 in 'name', .* drop=\['name'\]"):
        baler.zarr.references(path)
    assert list(opened(baler.zarr.references(path, drop=["name"]))) == ["x"]
    with pytest.raises(baler.InputError, match="found 'y'; nearest: "):
        baler.zarr.references(path, drop=["y"])


def test_merged_archives_are_virtual_where_their_parts_are_alike(tmp_path: Path, command: str) -> None:
    values = waves(48, 30, 40)

    def merged(*ends: int) -> Path:
        names = []
        for start, end in zip((0, *ends), (*ends, 48)):
            names.append(f"{start}-{end}.npy")
            np.save(tmp_path / names[-1], values[start:end])
        run = [command, "plan", *names, "--rel", "1e-3", "-o", "plan.json", "-f", "-q"]
        subprocess.run(run, cwd=tmp_path, check=True)
        store = f"store{len(names)}{ends[0]}"
        subprocess.run([command, "compress", *names, "--plan", "plan.json", "-d", store, "-q"], cwd=tmp_path, check=True)
        path = tmp_path / f"{store}.bale"
        subprocess.run([command, "merge", store, "--plan", "plan.json", "-o", path, "-q"], cwd=tmp_path, check=True)
        return path

    alike = merged(20, 40)
    refs = baler.zarr.references(alike)
    assert rows_of(refs, "data") == 20
    assert np.array_equal(opened(refs)["data"][:], baler.open(alike)["data"][:])
    with pytest.raises(baler.InputError, match="found some of 10 and of 20 in 'data', as Zarr has none"):
        baler.zarr.references(merged(10, 30))


def test_damaged_bytes_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.bale"
    baler.save(path, {"x": waves(40, 30), "y": waves(50)}, abs=0.01)
    refs = baler.zarr.references(path)["refs"]
    about = json.loads(refs["x/.zarray"])["compressor"]
    codec = baler.numcodecs.ArchiveChunk.from_config({key: value for key, value in about.items() if key != "id"})
    _, offset, size = refs["x/0.0"]
    chunk = path.read_bytes()[offset : offset + size]
    assert len(codec.decode(chunk)) == about["size"]
    head = base64.b64decode(about["head"])
    rng = np.random.default_rng(5)
    for _ in range(200):
        damaged = bytearray(chunk)
        damaged[rng.integers(len(chunk))] ^= 1 << rng.integers(8)
        with pytest.raises(baler.BalerError):
            codec.decode(bytes(damaged))
        damaged = bytearray(head)
        damaged[rng.integers(len(head))] ^= 1 << rng.integers(8)
        with pytest.raises(baler.BalerError):
            _baler.ChunkHead(bytes(damaged))
    for at in range(0, len(head), 5):
        with pytest.raises(baler.BalerError):
            _baler.ChunkHead(head[:at])
    other = refs["y/0"]
    of_y = path.read_bytes()[other[1] : other[1] + other[2]]
    with pytest.raises(baler.BalerError):
        codec.decode(of_y)
    for wrong in ({"variable": 7}, {"size": 3}, {"head": "%"}, {"head": base64.b64encode(path.read_bytes()).decode()}):
        with pytest.raises(baler.BalerError):
            baler.numcodecs.ArchiveChunk(**{**{k: about[k] for k in ("head", "variable", "size")}, **wrong}).decode(chunk)
    with pytest.raises(baler.UnsupportedError, match="as they are"):
        codec.encode(chunk)
    assert os.fspath(path) == refs["x/0.0"][0]
