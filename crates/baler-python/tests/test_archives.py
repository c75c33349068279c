"""Archives that are open: parts, names, promises, pickling, threads, formats, models, reports."""

from __future__ import annotations

import concurrent.futures
import io
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import baler
from baler import _chunks


@pytest.fixture(scope="module")
def field() -> npt.NDArray[np.float32]:
    """A field with waves and noise."""
    rng = np.random.default_rng(5)
    t, y, x = np.ogrid[:50, :15, :20]
    wave = np.sin(0.2 * t) * np.cos(0.3 * x + 0.1 * y)
    return (wave + 0.01 * rng.normal(size=(50, 15, 20))).astype("f4")


@pytest.fixture(scope="module")
def path(field: npt.NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of several arrays."""
    path = tmp_path_factory.mktemp("archive") / "run.bale"
    data = {"Ux": field, "n": np.arange(50), "late": field > 0.5, "when": np.arange(50).astype("M8[s]")}
    told = baler.save(path, data, bounds={"Ux": baler.abs(1e-2)}, lossless=True)
    assert told.ratio > 3 and "Ux" in repr(told) and "<table>" in told._repr_html_()
    return path


KEYS: list[Any] = [
    (),
    5,
    -1,
    slice(10, 20),
    (slice(10, 20), slice(None), slice(0, 16)),
    (slice(None, None, 7), 3),
    (slice(40, 10, -3), slice(None), -2),
    (..., 0),
    (3, ..., slice(2, 5)),
    None,
    (slice(5, 5),),
    (np.array([3, 40, 3]), slice(0, 2)),
    ([1, 2], [3, 4]),
    np.arange(50) % 9 == 0,
    (slice(2, 4), np.arange(15) % 2 == 1),
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_parts_are_those_of_numpy(path: Path, field: npt.NDArray[np.float32], key: Any) -> None:
    with baler.open(path) as f:
        whole = f["Ux"][...]
        assert whole.dtype == np.float32 and np.abs(whole - field).max() <= 1e-2
        np.testing.assert_array_equal(f["Ux"][key], whole[key])


def test_what_is_not_there_is_told(path: Path) -> None:
    f = baler.open(path)
    with pytest.raises(KeyError, match="nearest: Ux"):
        f["ux"]
    for key in (50, (0, 0, 0, 0), 1.5, (..., ...), np.ones(49, bool)):
        with pytest.raises(IndexError):
            f["Ux"][key]
    f.close()
    assert "4 variables" in repr(f)
    with pytest.raises(ValueError, match="found a closed one"):
        f["Ux"][0]


def test_an_archive_tells_what_it_holds(path: Path) -> None:
    f = baler.open(path)
    assert f.variables == ["Ux", "n", "late", "when"] and len(f) == 4 and "n" in f
    assert f.bounds == {"Ux": baler.abs(1e-2), "n": baler.exact, "late": baler.exact, "when": baler.exact}
    assert 0 < f.max_error["Ux"] <= 1e-2 and f.max_error["n"] == 0
    assert f["Ux"].shape == (50, 15, 20) and f["when"].dtype == np.dtype("M8[s]")
    assert f["when"][3] == np.datetime64(3, "s")
    assert f.archive_bytes == path.stat().st_size and f.model is None
    assert np.asarray(f["n"]).sum() == 1225 and len(f["n"]) == 50
    assert list(f.to_numpy()) == f.variables
    assert f"{len(f)} variables" in repr(f) and "<table>" in f._repr_html_()


def test_archives_are_pickled_and_read_by_threads(path: Path) -> None:
    f = baler.open(path)
    again = pickle.loads(pickle.dumps(f))
    np.testing.assert_array_equal(again["Ux"][3], f["Ux"][3])
    from_bytes = pickle.loads(pickle.dumps(baler.open(path.read_bytes())))
    np.testing.assert_array_equal(from_bytes["n"][:], np.arange(50))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda row: f["Ux"][row], range(50)))
    np.testing.assert_array_equal(np.stack(rows), f["Ux"][:])
    from_file = baler.open(io.BytesIO(path.read_bytes()))
    np.testing.assert_array_equal(from_file["Ux"][7], f["Ux"][7])


def test_formats_are_those_of_the_command_line(path: Path, tmp_path: Path, command: str) -> None:
    f = baler.open(path)
    f.write(tmp_path / "a.npz")
    subprocess.run([command, "decompress", path, "-o", tmp_path / "b.npz", "-q"], check=True)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert f.to_bytes("npz") == (tmp_path / "a.npz").read_bytes()
    with pytest.raises(baler.InputError, match="expected a file ending in"):
        f.write(tmp_path / "a.doc")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_verifying(path: Path, field: npt.NDArray[np.float32]) -> None:
    given = {"Ux": field, "n": np.arange(50), "late": field > 0.5, "when": np.arange(50).astype("M8[s]")}
    found = baler.verify(given, path)
    assert found and found.holds and "bound verified on" in str(found)
    assert baler.verify(None, path).holds
    with pytest.raises(baler.BoundError, match=r"bound broken on \d+ of"):
        baler.verify(given | {"Ux": field + 0.5}, path)
    assert not baler.verify(given | {"Ux": field + 0.5}, path, strict=False)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    with pytest.raises(baler.CorruptError):
        baler.verify(None, bytes(damaged))


def test_inspecting(path: Path) -> None:
    told = baler.inspect(path)
    assert told["archive_bytes"] == path.stat().st_size
    assert baler.inspect(path.read_bytes())["variables"] == told["variables"]
    with pytest.raises(baler.CorruptError, match="expected an archive"):
        baler.inspect(b"nothing")


def test_models(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)

    def table(n: int) -> dict[str, npt.NDArray[np.float32]]:
        x = rng.normal(size=n).astype("f4")
        y = rng.normal(size=n).astype("f4")
        return {"x": x, "y": y, "r": np.hypot(x, y)}

    model = baler.train(table(1500), rel=1e-3, seed=3)
    assert model.variables == ["x", "y", "r"] and len(model.hash) == 64
    model.save(tmp_path / "m.balm")
    again = baler.Model.load(tmp_path / "m.balm")
    assert again == model and hash(again) == hash(model) and {model: 1}[again] == 1
    assert pickle.loads(pickle.dumps(model)) == model
    other = table(800)
    blob = baler.compress(other, rel=1e-3, model=model)
    named = baler.compress(other, rel=1e-3, model=tmp_path / "m.balm", model_ref=True)
    assert len(named) <= len(blob)
    if baler.open(blob).info["model_bytes"]:
        with pytest.raises(baler.ConfigError, match="expected the model with BLAKE3 hash"):
            baler.decompress(named)
        assert baler.open(named, model=model).model == model.hash
    back = baler.decompress(named, model=model)
    assert all(np.abs(back[k] - other[k]).max() <= 1e-3 * np.ptp(other[k]) for k in other)
    with pytest.raises(baler.InputError, match="expected a model, found an archive"):
        baler.Model(blob)
    with pytest.raises(baler.InputError, match="expected an archive, found a model"):
        baler.open(bytes(model))
    with pytest.raises(baler.ConfigError, match="found 'epoch'"):
        baler.train(other, rel=1e-3, epoch=3)


def test_reports(field: npt.NDArray[np.float32], tmp_path: Path) -> None:
    blob = baler.compress({"u": field[:8]}, rel=1e-2)
    found = baler.report({"u": field[:8]}, blob)
    assert found.measures["variables"][0]["name"] == "u"
    assert found.figures and all(svg.startswith("<svg") or "<svg" in svg for svg in found.figures.values())
    assert found._repr_html_().startswith("<iframe srcdoc=")
    found.save(tmp_path / "page.html")
    assert "<html" in (tmp_path / "page.html").read_text()
    assert baler.report(field[:8], field[:8] + 0.01).measures["variables"][0]["max_abs_error"] > 0


def test_comparisons(field: npt.NDArray[np.float32]) -> None:
    pytest.importorskip("pandas")
    frame = baler.compare(field[:6], rel=1e-2, codecs=["baler*", "gzip*"])
    assert len(frame) > 1 and frame.bytes.is_monotonic_increasing or (frame.family == "unbounded").any()
    assert frame.attrs["input_bytes"] == field[:6].nbytes


def test_figures_are_drawn_into_given_axes(field: npt.NDArray[np.float32]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    blob = baler.compress({"u": field[:8]}, rel=1e-2)
    found = baler.report({"u": field[:8]}, blob)
    _, ax = plt.subplots()
    assert found.plot("response", ax=ax) is ax and ax.patches
    found.plot("distribution", "u", ax=ax)
    with pytest.raises(ValueError, match="expected response"):
        found.plot("something", ax=ax)


def test_the_command(command: str, tmp_path: Path) -> None:
    def run(*words: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run([command, *map(str, words)], capture_output=True, text=True)

    assert run("--version").stdout.strip() == f"baler {baler.__version__}"
    assert run("compress").returncode == 2
    assert run("inspect", tmp_path / "none.bale").returncode == 2
    np.save(tmp_path / "x.npy", np.arange(10.0))
    np.save(tmp_path / "y.npy", np.arange(10.0) + 1)
    assert run("compress", tmp_path / "x.npy", "--lossless").returncode == 0
    assert run("verify", tmp_path / "x.bale", "--against", tmp_path / "y.npy").returncode == 1


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(baler.ConfigError):
        baler.save(tmp_path / "a.bale", {"x": np.zeros(3)}, lossless=True, bounds={"nothing": "abs:1"})
    assert list(tmp_path.iterdir()) == []
    baler.save(tmp_path / "a.bale", np.zeros(3), lossless=True)
    assert oct((tmp_path / "a.bale").stat().st_mode)[-3:] == "644"
    with pytest.raises(OSError):
        baler.save(tmp_path / "no" / "a.bale", np.zeros(3), lossless=True)


def test_counts_stay_within_their_noise() -> None:
    frames = np.random.default_rng(9).poisson(100, (3, 96, 96)).astype("u2")
    data = baler.compress({"frames": frames}, bounds={"frames": baler.noise(1)})
    back = baler.decompress(data)["frames"]
    assert (np.abs(back - frames.astype("f8")) <= np.sqrt(frames)).all()
    assert back.std() < frames.std() and abs(back.mean() / frames.mean() - 1) < 5e-3
    with_read = baler.noise(2, gain=0.5, read=3)
    data = baler.compress({"frames": frames}, bounds={"frames": with_read})
    assert baler.open(data).bounds == {"frames": with_read}
    assert baler.compress({"frames": frames}, bounds={"frames": "noise:2:0.5:3"}) == data
    assert repr(with_read) == "baler.noise(2.0, gain=0.5, read=3.0)" and "noise:2.0:0.5:3.0" in str(baler.inspect(data))
    assert baler.noise(0) == baler.exact
    with pytest.raises(baler.ConfigError, match="a gain and a read noise"):
        baler.noise(1, gain=-1)
    with pytest.raises(baler.ConfigError, match="for chunks, found noise"):
        _chunks.Coding(with_read)


def test_selections_signs_limits_and_sums_are_kept() -> None:
    rng = np.random.default_rng(8)
    jets = {"pt": rng.exponential(20, 5000).astype("f4"), "eta": rng.normal(0, 2, 5000), "n": rng.poisson(300, 5000)}
    promises: dict[str, Any] = {"cuts": {"pt": [20.1, 30], "abs(eta)": 2.4}, "signs": "eta", "keep_sum": ["pt", "n"]}
    data = baler.compress(jets, rel=1e-2, limits={"pt": (0, 1e4)}, **promises)
    back = baler.decompress(data)
    plain = baler.decompress(baler.compress(jets, rel=1e-2))
    for threshold in (20.1, np.float64(20.1), 30):
        assert ((back["pt"] > threshold) == (jets["pt"] > threshold)).all()
        assert ((back["pt"] >= threshold) == (jets["pt"] >= threshold)).all()
    assert ((plain["pt"] > 20.1) != (jets["pt"] > 20.1)).any()
    assert ((np.abs(back["eta"]) < 2.4) == (np.abs(jets["eta"]) < 2.4)).all()
    assert (np.sign(back["eta"]) == np.sign(jets["eta"])).all()
    assert back["n"].sum() == jets["n"].sum() != plain["n"].sum()
    told = baler.inspect(data)
    assert told["variables"][0]["cuts"] == [20.1, 30] and told["variables"][0]["promised_limits"] == [0, 1e4]
    assert "cuts 20.1, 30; limits 0 to 10000; sum" in str(told)
    moved = jets | {"pt": np.where(jets["pt"] == jets["pt"][jets["pt"] > 20.1].min(), np.float32(20.1), jets["pt"])}
    with pytest.raises(baler.BoundError, match="cuts 20.1, 30"):
        baler.verify(moved, data)
    for wrong in ({"cuts": {"pt": "a"}}, {"cuts": {"pt": [np.nan]}}, {"limits": {"pt": 3}}, {"cuts": {"px": 3}}):
        with pytest.raises(baler.ConfigError):
            baler.compress(jets, rel=1e-2, **wrong)
    with pytest.raises(baler.InputError, match="limits"):
        baler.compress(jets, rel=1e-2, limits={"pt": (0, 1)})
