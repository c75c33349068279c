"""What other libraries hold comes back as it was; each test is skipped by name where its library is not installed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baler


@pytest.fixture
def dataset() -> Any:
    """A Dataset with coordinates, attributes and times."""
    xr = pytest.importorskip("xarray")
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), (280 + rng.normal(size=(6, 20, 30))).astype("f4"), {"units": "K"}),
            "flag": ("time", np.arange(6) % 2 == 0),
            "one": ((), 3.5),
        },
        {
            "time": np.arange("2020-01-01", "2020-01-07", dtype="M8[D]").astype("M8[ns]"),
            "lat": ("lat", np.linspace(-90, 90, 20), {"axis": "Y", "valid_range": np.array([-90.0, 90.0])}),
            "lon": np.linspace(0, 359, 30),
            "height": 2.0,
            "name": ("time", ["a", "bb", "c", "d", "e", "f"]),
        },
        {"title": "ü", "version": 3},
    )


def test_datasets_of_xarray(dataset: Any, tmp_path: Path) -> None:
    xr = pytest.importorskip("xarray")
    path = tmp_path / "era.bale"
    baler.save(path, dataset, bounds={"t2m": baler.abs(0.01)}, lossless=True)
    back = baler.decompress(path)
    xr.testing.assert_identical(back.drop_vars("t2m"), dataset.drop_vars("t2m"))
    assert float(abs(back.t2m - dataset.t2m).max()) <= 0.01 and back.t2m.attrs == {"units": "K"}
    with xr.open_dataset(path) as lazy:
        assert lazy.t2m.dims == ("time", "lat", "lon") and list(lazy.coords) == list(dataset.coords)
        assert "t2m" not in [n for n, v in lazy.variables.items() if v._in_memory]
        part = lazy.t2m.sel(time="2020-01-03").isel(lat=slice(3, 9, 2), lon=[1, 5])
        np.testing.assert_array_equal(part, back.t2m.sel(time="2020-01-03").isel(lat=slice(3, 9, 2), lon=[1, 5]))
    assert baler.open(path).to_xarray().t2m.mean() == back.t2m.mean()


def test_data_arrays_of_xarray(dataset: Any) -> None:
    xr = pytest.importorskip("xarray")
    for array in (dataset.t2m, dataset.t2m.rename(None)):
        xr.testing.assert_identical(baler.decompress(baler.compress(array, lossless=True)), array)


def test_a_dataset_becomes_a_netcdf_file(dataset: Any, tmp_path: Path, command: str) -> None:
    xr = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    baler.save(tmp_path / "a.bale", dataset.drop_vars(["name"]), lossless=True)
    subprocess.run([command, "decompress", tmp_path / "a.bale", "-o", tmp_path / "a.nc", "-q"], check=True)
    with xr.open_dataset(tmp_path / "a.nc") as back:
        np.testing.assert_array_equal(back.t2m, dataset.t2m)
        assert back.t2m.dims == dataset.t2m.dims and back.attrs["title"] == "ü"
        np.testing.assert_array_equal(back.time, dataset.time)


def test_netcdf_files_open_lazily(dataset: Any, tmp_path: Path) -> None:
    xr = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    dataset.drop_vars("name").to_netcdf(tmp_path / "a.nc")
    baler.save(tmp_path / "a.bale", tmp_path / "a.nc", lossless=True)
    with xr.open_dataset(tmp_path / "a.nc") as old, xr.open_dataset(tmp_path / "a.bale") as new:
        xr.testing.assert_equal(old.load(), new.load())
        assert new.t2m.attrs == old.t2m.attrs and new.title == "ü"


def test_tables_of_pandas() -> None:
    pd = pytest.importorskip("pandas")
    plain = pd.DataFrame({"x": np.arange(100.0), "n": np.arange(100, dtype="u1"), "b": np.arange(100) % 2 == 0})
    pd.testing.assert_frame_equal(baler.decompress(baler.compress(plain, lossless=True)), plain)
    series = pd.Series(np.arange(5.0))
    pd.testing.assert_series_equal(baler.decompress(baler.compress(series, lossless=True)), series)
    pytest.importorskip("pyarrow")
    full = pd.DataFrame(
        {
            "pt": np.linspace(1, 100, 50, dtype="f4"),
            "n": pd.array([1, None, 3, 4, None] * 10, dtype="Int32"),
            "ok": pd.array([True, None, False, True, True] * 10, dtype="boolean"),
            "what": pd.Categorical(["a", "b", "a", None, "c"] * 10),
            "text": ["x", "", None, "ü", "zz"] * 10,
            "when": pd.date_range("2020", periods=50, tz="Europe/Berlin"),
            "span": pd.to_timedelta(np.arange(50), unit="s"),
        },
        index=pd.Index(np.arange(50) * 2, name="event"),
    )
    pd.testing.assert_frame_equal(baler.decompress(baler.compress(full, lossless=True)), full)
    lossy = baler.decompress(baler.compress(full, bounds={"pt": baler.pw_rel(1e-3)}, lossless=True))
    assert (abs(lossy.pt - full.pt) <= 1e-3 * full.pt).all() and (lossy.pt != full.pt).any()
    pd.testing.assert_frame_equal(lossy.drop(columns="pt"), full.drop(columns="pt"))


def test_tables_of_polars() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"x": np.arange(50.0), "n": [1, None] * 25, "l": [[1.0], [2.0, 3.0]] * 25, "s": ["a", None] * 25})
    back = baler.decompress(baler.compress(frame, lossless=True))
    assert back.equals(frame) and back.schema == frame.schema
    plain = baler.open(baler.compress({"x": np.arange(5.0), "n": np.arange(5)}, lossless=True))
    assert plain.to_polars()["n"].to_list() == [0, 1, 2, 3, 4]


def test_tables_of_arrow() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"x": np.arange(50.0), "l": [[1, 2], [], None, [3], [4]] * 10, "s": ["a", "bc", None, "", "d"] * 10})
    assert baler.decompress(baler.compress(table, lossless=True)).equals(table)

    class Stream:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return table.__arrow_c_stream__(requested_schema)

    assert baler.decompress(baler.compress(Stream(), lossless=True)).equals(table)
    masked = {"m": np.ma.masked_equal([1, 2, 3], 2)}
    assert baler.open(baler.compress(masked, lossless=True)).to_arrow()["m"].to_pylist() == [1, None, 3]


def test_arrays_of_awkward() -> None:
    ak = pytest.importorskip("awkward")
    events = ak.Array(
        [
            {"run": 1, "jets": [{"pt": 50.5, "hits": [1, 2]}, {"pt": 20.25, "hits": []}], "tag": "a"},
            {"run": 2, "jets": [], "tag": "bb"},
            {"run": 3, "jets": [{"pt": 7.0, "hits": [3]}], "tag": ""},
        ]
        * 20
    )
    blob = baler.compress(events, lossless=True)
    for lazy in (False, True):
        back = baler.open(blob).to_awkward(lazy=lazy)
        assert back.to_list() == events.to_list() and back.type == events.type
    assert "jets.pt" in baler.open(blob).variables
    lossy = baler.decompress(baler.compress(events, bounds={"jets.pt": baler.pw_rel(1e-2)}, lossless=True))
    assert ak.all(abs(lossy.jets.pt - events.jets.pt) <= 1e-2 * events.jets.pt)
    assert ak.all(lossy.jets.hits == events.jets.hits)
    for other in [
        ak.Array([1.5, None, 3.0]),
        ak.Array([[1], None, [], [2, 3]]),
        ak.Array([[[1, 2], []], [], [[3]]])[::-1],
        ak.Array(np.arange(12).reshape(3, 4)),
        ak.Array([(1, 2.0), (3, 4.0)]),
        ak.Array(["one", "two"]),
        ak.Array({"x": [1, 2], "y": [[1.0], []]}),
    ]:
        back = baler.decompress(baler.compress(other, lossless=True))
        assert back.to_list() == other.to_list() and back.type == other.type, other.type
    with pytest.raises(baler.UnsupportedError, match="found a UnionForm"):
        baler.compress(ak.Array([1, "a"]), lossless=True)


def test_lists_of_files(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    ak = pytest.importorskip("awkward")
    import pyarrow.parquet

    lists = [[1.5, 2.0], [], [3.0], [4.0, 5.0, 6.0], []] * 30
    table = pa.table({"pt": pa.array(lists, pa.list_(pa.float32())), "n": pa.array(range(150), pa.int32())})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    baler.save(tmp_path / "a.bale", tmp_path / "a.parquet", lossless=True)
    f = baler.open(tmp_path / "a.bale")
    assert f.to_arrow().equals(table)
    for lazy in (False, True):
        array = f.to_awkward(lazy=lazy)
        assert ak.to_list(array.pt) == lists
        assert ak.to_list(array.n) == list(range(150))


def test_trees_of_root(tmp_path: Path) -> None:
    uproot = pytest.importorskip("uproot")
    ak = pytest.importorskip("awkward")
    pt = ak.Array([[10.5, 3.25], [], [7.0]] * 50)
    with uproot.recreate(tmp_path / "nano.root") as file:
        file.mktree("Events", {"Jet_pt": "var * float32", "run": "uint32"})
        file["Events"].extend({"Jet_pt": ak.values_astype(pt, "float32"), "run": np.arange(150, dtype="u4")})
    baler.save(tmp_path / "nano.bale", tmp_path / "nano.root", bounds={"Jet_pt": baler.pw_rel(1e-3)}, lossless=True)
    f = baler.open(tmp_path / "nano.bale")
    for lazy in (False, True):
        events = f.to_awkward(lazy=lazy)
        assert ak.all(abs(events.Jet_pt - pt) <= 1e-3 * pt) and ak.all(events.run == np.arange(150))
    assert f["run"][3] == 3


def test_paths_of_fsspec(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    x = np.arange(1000.0).reshape(10, 100)
    for url in ("memory://folder/x.bale", f"file://{tmp_path}/x.bale"):
        baler.save(url, x, lossless=True)
        np.testing.assert_array_equal(baler.decompress(url), x)
        with baler.open(url) as f:
            np.testing.assert_array_equal(f["data"][3:5, 7], x[3:5, 7])
        assert baler.inspect(url)["n_values"] == 1000
    with fsspec.open("memory://x.npy", "wb") as file:
        np.save(file, x)
    assert baler.compress("memory://x.npy", lossless=True) == baler.compress(x, lossless=True)


def test_bars_of_tqdm() -> None:
    pytest.importorskip("tqdm")
    baler.compress(np.arange(1e5), lossless=True, progress=True)


def test_tables_of_text_files(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").write_text("name,n,x\n" + "ab,1,1.5\nü,,2.5\n,3,3.5\n" * 20)
    baler.save(tmp_path / "a.bale", tmp_path / "a.csv", lossless=True)
    with baler.open(tmp_path / "a.bale") as f:
        frame = f.to_pandas()
        assert list(frame.columns) == ["name", "n", "x"] and len(frame) == 60
        assert frame.x.sum() == 150.0 and frame.n.isna().sum() == 20 and frame.n.sum() == 80
        assert list(frame.name[:2]) == ["ab", "ü"]
        texts = next(v for v in f.values() if v.counts and v._told["kind"] == "text")
        assert bytes(texts[:2]) == b"ab"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_events_of_coffea(tmp_path: Path) -> None:
    pytest.importorskip("coffea")
    uproot = pytest.importorskip("uproot")
    ak = pytest.importorskip("awkward")
    import baler.coffea

    rng = np.random.default_rng(2)
    counts = rng.integers(0, 5, 400)
    jets = {
        name: ak.unflatten(values.astype("f4"), counts)
        for name, values in {
            "pt": rng.exponential(40, counts.sum()) + 15,
            "eta": rng.normal(0, 1.5, counts.sum()),
            "phi": rng.uniform(-np.pi, np.pi, counts.sum()),
            "mass": rng.exponential(5, counts.sum()),
        }.items()
    }
    with uproot.recreate(tmp_path / "nano.root") as file:
        numbers = {"run": "uint32", "luminosityBlock": "uint32", "event": "uint64"}
        file.mktree("Events", {"Jet": ak.type(ak.zip(jets)).content, **numbers})
        columns = {name: np.arange(400).astype(dtype) for name, dtype in numbers.items()}
        file["Events"].extend({"Jet": ak.zip(jets), **columns})
    bounds = {"*pt": baler.pw_rel(1e-3), "*mass": baler.pw_rel(1e-3), "*eta": baler.abs(1e-4), "*phi": baler.abs(1e-4)}
    baler.save(tmp_path / "nano.bale", tmp_path / "nano.root", bounds=bounds, lossless=True)
    events = baler.coffea.events(tmp_path / "nano.bale")
    assert len(events) == 400 and ak.all(ak.num(events.Jet) == counts)
    assert ak.all(abs(events.Jet.pt - jets["pt"]) <= 1e-3 * jets["pt"])
    two = events[ak.num(events.Jet) >= 2]
    assert np.isfinite(ak.to_numpy((two.Jet[:, 0] + two.Jet[:, 1]).mass)).all()
