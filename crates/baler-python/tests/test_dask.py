"""Archives by several processes on Dask, one of which may die; skipped by name where Dask is not installed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baler


def block(first: int, n_rows: int) -> Any:
    """Rows of a field with fill values, whose range grows from row to row."""
    t, y, x = np.ogrid[first : first + n_rows, :30, :40]
    values = ((1 + t) * np.sin(0.1 * x + 0.05 * t) * np.cos(0.2 * y)).astype("f4")
    values[:, 3, 5] = -9999
    return values


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two processes of one thread."""
    distributed = pytest.importorskip("distributed")
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield client


def array() -> Any:
    """A dask array in blocks of different extents along every axis."""
    da = pytest.importorskip("dask.array")
    whole = da.from_array(block(0, 50), chunks=((7, 13, 20, 10), (20, 10), 40))
    return whole


def bytes_of(path: str) -> bytes:
    return Path(path).read_bytes()


def test_one_process_is_enough(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask")
    import baler.dask

    with dask.config.set(scheduler="synchronous"):
        path = baler.dask.compress(array(), rel=1e-3, out=tmp_path / "store")
        lazy = baler.dask.open(path)["data"]
        found = lazy.compute()
    values = block(0, 50)
    real = values[values != -9999]
    assert found.dtype == values.dtype and np.abs(found - values).max() <= 1e-3 * np.ptp(real)
    np.testing.assert_array_equal(found[:, 3, 5], -9999)
    assert sorted(os.listdir(tmp_path / "store")) == ["all.bale", "plan.json"]
    # The parts of the array are chunks of the archive, and blocks again.
    assert lazy.chunks[0] == (50,) and lazy.chunks[1:] == ((30,), (40,))
    assert baler.verify(values, path).holds
    alone = np.abs(baler.decompress(baler.compress(values, rel=1e-3)) - values).max()
    assert np.abs(found - values).max() == pytest.approx(alone, rel=0.5)


def test_processes_make_the_bytes_that_one_makes(tmp_path: Path, cluster: Any) -> None:
    dask = pytest.importorskip("dask")
    import baler.dask

    options: dict[str, Any] = {"rel": 1e-3, "part_bytes": 5 * 30 * 40 * 4}
    with dask.config.set(scheduler="synchronous"):
        alone = baler.dask.compress(array(), out=tmp_path / "alone", **options)
    together = baler.dask.compress(array(), out=tmp_path / "together", keep_parts=True, **options)
    assert bytes_of(alone) == bytes_of(together)
    parts = sorted(set(os.listdir(tmp_path / "together")) - {"all.bale", "plan.json"})
    assert len(parts) >= 10 and all(len(name) == 37 for name in parts)
    # What is there is not made again.
    before = {name: (tmp_path / "together" / name).stat().st_mtime_ns for name in parts}
    again = baler.dask.compress(array(), out=tmp_path / "together", keep_parts=True, **options)
    assert bytes_of(again) == bytes_of(alone)
    assert before == {name: (tmp_path / "together" / name).stat().st_mtime_ns for name in parts}
    lazy = baler.dask.open(alone)["data"]
    assert len(lazy.chunks[0]) >= 10
    np.testing.assert_array_equal(lazy[11:30:3, 4].compute(), baler.open(alone)["data"][11:30:3, 4])


def test_a_worker_that_is_killed_changes_no_byte(tmp_path: Path, cluster: Any) -> None:
    dask = pytest.importorskip("dask")
    da = pytest.importorskip("dask.array")
    import baler.dask

    def slow(values: Any) -> Any:
        time.sleep(0.15)
        return values

    whole = da.from_array(block(0, 60), chunks=(3, 30, 40)).map_blocks(slow, dtype="f4")
    options: dict[str, Any] = {"rel": 1e-3, "part_bytes": 3 * 30 * 40 * 4}
    with dask.config.set(scheduler="synchronous"):
        alone = baler.dask.compress(whole, out=tmp_path / "alone", **options)
    store = tmp_path / "killed"
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 60
        while len(killed) < 2 and time.monotonic() < deadline:
            n_parts = len(list(store.glob("*.bale")))
            if n_parts >= 3 + 6 * len(killed):
                pid = next(iter(cluster.run(os.getpid).values()))
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.02)

    killer = threading.Thread(target=kill)
    killer.start()
    path = baler.dask.compress(whole, out=store, **options)
    killer.join()
    assert len(killed) == 2
    assert bytes_of(path) == bytes_of(alone)
    assert sorted(os.listdir(store)) == ["all.bale", "plan.json"]


def test_datasets_with_coordinates(tmp_path: Path, cluster: Any) -> None:
    pytest.importorskip("dask.array")
    xr = pytest.importorskip("xarray")
    import baler.dask

    time_axis = np.arange("2020-01-01", "2020-02-20", dtype="M8[D]").astype("M8[ns]")
    ds = xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), block(0, 50), {"units": "K"}),
            "mean": ("time", block(0, 50).mean(axis=(1, 2))),
        },
        {"time": time_axis, "lat": np.linspace(-90, 90, 30), "lon": np.linspace(0, 359, 40), "height": 2.0},
    )
    path = baler.dask.compress(ds.chunk({"time": 6}), rel=1e-3, out=tmp_path / "store", part_bytes=30_000)
    back = baler.open(path).to_xarray()
    for name in ("time", "lat", "lon", "height"):
        np.testing.assert_array_equal(back[name], ds[name])
    assert back.t2m.dims == ("time", "lat", "lon") and back.t2m.attrs == {"units": "K"}
    real = np.ptp(block(0, 50)[block(0, 50) != -9999])
    assert float(np.abs(back.t2m - ds.t2m).max()) <= 1e-3 * real
    with pytest.raises(baler.InputError, match=r"write data.transpose\('time', ...\)"):
        baler.dask.compress(ds.assign(turned=ds.t2m.transpose("lat", "time", "lon")).chunk(), rel=1, out=tmp_path / "no")


def test_files_and_dataframes(tmp_path: Path, cluster: Any) -> None:
    import baler.dask

    files = []
    for number, rows in enumerate((4, 9, 1, 6)):
        first = sum((4, 9, 1, 6)[:number])
        files.append(tmp_path / f"{number}.npz")
        np.savez(files[-1], t=block(first, rows), lat=np.linspace(-90, 90, 30), step=np.arange(first, first + rows))
    path = baler.dask.compress(files, rel=1e-3, out=tmp_path / "store")
    found = baler.decompress(path)
    assert found["t"].shape == (20, 30, 40) and found["lat"].shape == (30,)
    np.testing.assert_array_equal(found["step"], np.arange(20))
    real = np.ptp(block(0, 20)[block(0, 20) != -9999])
    assert np.abs(found["t"] - block(0, 20)).max() <= 1e-3 * real

    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"pt": rng.exponential(50, 4000).astype("f4"), "eta": rng.normal(0, 2, 4000), "n": np.arange(4000)})
    frame["mass"] = frame.pt * np.cosh(frame.eta)
    path = baler.dask.compress(dd.from_pandas(frame, npartitions=4), rel=1e-3, out=tmp_path / "table")
    back = baler.open(path)
    np.testing.assert_array_equal(back["n"][:], frame.n)
    for name in ("pt", "eta", "mass"):
        assert np.abs(back[name][:] - frame[name]).max() <= 1e-3 * np.ptp(frame[name])


def test_what_cannot_be_cut_is_told(tmp_path: Path) -> None:
    da = pytest.importorskip("dask.array")
    import baler.dask

    with pytest.raises(baler.InputError, match="found list; baler.compress takes what is in memory"):
        baler.dask.compress([1, 2], rel=1e-3, out=tmp_path / "a")
    with pytest.raises(baler.InputError, match=r"rows to be cut into parts, found the shape \(\)"):
        baler.dask.compress(da.zeros(()), rel=1e-3, out=tmp_path / "b")
    with pytest.raises(baler.InputError, match="a folder that all workers see, found memory://x"):
        baler.dask.compress(da.zeros(4), rel=1e-3, out="memory://x")
    with pytest.raises(baler.ConfigError):
        baler.dask.compress(da.zeros(4), out=tmp_path / "c")
