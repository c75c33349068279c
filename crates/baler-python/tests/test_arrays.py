"""Arrays go in and come back as they were: every dtype, order, byte order and extent; and as the command line does it."""

from __future__ import annotations

import multiprocessing
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import baler

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
OTHERS = ["M8[ns]", "M8[s]", "m8[ms]", "U5", "S7", "V3"]
SHAPES = [(), (0,), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]


def array_of(dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Every byte value, in an array of any dtype."""
    item = np.dtype(dtype)
    n = int(np.prod(shape))
    if item.kind == "U":
        return np.array([f"a{i}ü" for i in range(n)], item).reshape(shape)
    if item.kind == "b":
        truths: npt.NDArray[Any] = np.arange(n) % 3 == 0
        return truths.reshape(shape)
    data = (np.arange(n * item.itemsize) * 37 % 256).astype(np.uint8)
    return data.view(item).reshape(shape)


def same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> None:
    """The same bytes, dtype, extents and order."""
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", DTYPES + OTHERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_dtype_and_shape_comes_back(dtype: str, shape: tuple[int, ...]) -> None:
    array = array_of(dtype, shape)
    back = baler.decompress(baler.compress(array, lossless=True))
    assert isinstance(back, np.ndarray)
    same(array, back)


@pytest.mark.parametrize("dtype", ["i2", "f4", "c16", "M8[us]", "U3"])
def test_order_byte_order_and_strides(dtype: str) -> None:
    array = array_of(dtype, (4, 5, 6))
    for view in [
        np.asfortranarray(array),
        array.astype(array.dtype.newbyteorder(">")),
        np.asfortranarray(array.astype(array.dtype.newbyteorder(">"))),
        array[::2, ::-1, 1::2],
        array.transpose(1, 0, 2),
        np.broadcast_to(array[0], (3, 5, 6)),
    ]:
        back = baler.decompress(baler.compress(view, lossless=True))
        same(view, back)
        assert back.flags.f_contiguous == view.flags.f_contiguous or not (
            view.flags.f_contiguous or view.flags.c_contiguous
        )


def test_records_and_scalars_and_lists() -> None:
    record = np.zeros(5, [("a", "<f4"), ("b", ">i2", (2,)), ("c", [("d", "?")])])
    record["a"] = np.arange(5)
    record["b"] = 7
    back = baler.decompress(baler.compress(record, lossless=True))
    same(record, back)
    both = {"rec": record, "x": np.arange(3)}
    back = baler.decompress(baler.compress(both, lossless=True))
    assert list(back) == ["x", "rec"] or list(back) == ["rec", "x"]
    same(record, back["rec"])
    assert baler.decompress(baler.compress(3.5, lossless=True))[()] == 3.5
    assert baler.decompress(baler.compress([1, 2, 3], lossless=True)).tolist() == [1, 2, 3]


def test_odd_arrays(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "m", "f4", "w+", shape=(4, 5))
    odd: list[Any] = [np.zeros(3, "U0"), np.zeros((2, 0), "S3"), mapped, np.float16(2.5)]
    odd.append(np.array([1.5, 2.5], np.longdouble))
    for array in odd:
        same(np.asarray(array), baler.decompress(baler.compress(array, lossless=True)))
    texts = ["a", "ü", "bcd"]
    same_texts: list[Any] = [texts, np.array(texts, object)]
    if hasattr(np.dtypes, "StringDType"):
        same_texts.append(np.array(texts, "T"))
    for array in same_texts:
        assert baler.decompress(baler.compress(array, lossless=True)).tolist() == texts


def _in_child(queue: Any, file: baler.File) -> None:
    queue.put((float(file["x"][5:7].sum()), baler.compress(np.arange(1000.0), abs=1, threads=2)))


def test_forked_workers_read_and_compress() -> None:
    context = multiprocessing.get_context("fork")
    file = baler.open(baler.compress({"x": np.arange(100.0)}, lossless=True))
    assert file["x"][3] == 3
    queue = context.Queue()
    worker = context.Process(target=_in_child, args=(queue, file))
    worker.start()
    assert queue.get(timeout=60) == (11.0, baler.compress(np.arange(1000.0), abs=1))
    worker.join()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_bounds_hold(dtype: str) -> None:
    x = (np.sin(np.arange(6000) * 0.01).reshape(60, 100) * 10 + 20).astype(dtype)
    exact = x.astype("f8")
    back = baler.decompress(baler.compress(x, abs=0.5)).astype("f8")
    assert np.abs(back - exact).max() <= 0.5
    back = baler.decompress(baler.compress(x, rel=1e-2)).astype("f8")
    assert np.abs(back - exact).max() <= 1e-2 * np.ptp(exact)
    back = baler.decompress(baler.compress(x, pw_rel=1e-2)).astype("f8")
    assert (np.abs(back - exact) <= 1e-2 * np.abs(exact)).all()


def test_sizes_and_levels() -> None:
    rng = np.random.default_rng(1)
    x = np.cumsum(rng.normal(size=(20, 100)), axis=1).astype("f4")
    assert len(baler.compress(x, ratio=5)) <= x.nbytes / 5
    assert len(baler.compress(x, size="1.5 kB")) <= 1500
    fast, best = (len(baler.compress(x, abs=1e-3, level=level)) for level in (1, 9))
    assert best <= fast + 64
    with pytest.raises(baler.ConfigError, match="to 9 .*found 11"):
        baler.compress(x, abs=1e-3, level=11)


def test_fill_values_are_exact() -> None:
    x = np.linspace(0, 1, 1000, dtype="f4")
    x[::7] = np.nan
    x[3] = np.inf
    x[4] = -999
    back = baler.decompress(baler.compress(x, abs=1e-2, missing=-999))
    assert (np.isnan(back) == np.isnan(x)).all()
    assert back[3] == np.inf and back[4] == -999


@pytest.mark.parametrize("dtype", ["f4", "i2", "u8", "M8[s]", "?"])
def test_masked_arrays(dtype: str) -> None:
    data = array_of(dtype, (10, 6))
    array = np.ma.MaskedArray(data, mask=np.arange(60).reshape(10, 6) % 7 == 0)
    back = baler.decompress(baler.compress(array, lossless=True))
    assert isinstance(back, np.ma.MaskedArray)
    assert (back.mask == array.mask).all()
    same(back.compressed(), array.compressed())
    both = baler.decompress(baler.compress({"m": array, "n": np.arange(4)}, lossless=True))
    assert isinstance(both["m"], np.ma.MaskedArray) and not isinstance(both["n"], np.ma.MaskedArray)


def test_out_is_filled() -> None:
    x = np.arange(600, dtype="f4").reshape(20, 30)
    blob = baler.compress(x, lossless=True)
    for out in [
        np.empty_like(x),
        np.empty_like(x, order="F"),
        np.empty_like(x, dtype=">f4"),
        np.empty((40, 30), "f4")[::2],
    ]:
        assert baler.decompress(blob, out=out) is out
        assert (out == x).all()
    for wrong in [np.empty((20, 31), "f4"), np.empty((20, 30), "f8")]:
        with pytest.raises(baler.InputError, match="expected out= of"):
            baler.decompress(blob, out=wrong)
    fixed = np.empty_like(x)
    fixed.flags.writeable = False
    with pytest.raises(baler.InputError, match="read-only"):
        baler.decompress(blob, out=fixed)


def test_bytes_are_those_of_the_command_line(command: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    field = np.cumsum(rng.normal(size=(10, 20, 15)), axis=1).astype("f4")
    table = {"data": rng.normal(size=(200, 3)), "names": np.array(["pt", "eta", "phi"])}
    cases: list[tuple[Any, dict[str, Any], list[str]]] = [
        (field, {"rel": 1e-3}, ["--rel", "1e-3"]),
        (field, {"abs": 0.01, "level": 3}, ["--abs", "0.01", "--fast"]),
        (np.asfortranarray(field), {"lossless": True}, ["--lossless"]),
        (field.astype(">f8"), {"pw_rel": 0.01}, ["--pw-rel", "1%"]),
        (field[0], {"ratio": 4}, ["--ratio", "4"]),
        (array_of("M8[ns]", (50,)), {"rel": 1e-3}, ["--rel", "1e-3"]),
        ({"a": field, "b": field[0] > 0}, {"rel": 1e-3, "exact": "a"}, ["--rel", "1e-3", "--exact", "a"]),
        (table, {"bounds": {"pt": "rel:1e-3", "*": "abs:0.1"}}, ["--bound", "pt=rel:1e-3", "--bound", "*=abs:0.1"]),
    ]
    for idx, (data, options, words) in enumerate(cases):
        source = tmp_path / f"{idx}.{'npz' if isinstance(data, dict) else 'npy'}"
        if isinstance(data, dict):
            np.savez(source, **data)
        else:
            np.save(source, data)
        archive = tmp_path / f"{idx}.bale"
        subprocess.run([command, "compress", source, "-o", archive, "-q", *words], check=True)
        found = baler.compress(data, **options)
        assert found == archive.read_bytes(), words
        saved = tmp_path / f"{idx}_saved.bale"
        baler.save(saved, data, **options)
        assert saved.read_bytes() == found
        assert baler.compress(source, **options) == found


def test_a_table_of_baler_comes_back_as_its_npz() -> None:
    data = np.random.default_rng(0).normal(size=(40, 3)).astype("f4")
    given = {
        "kinds": np.array(["f", "f", "i"]),
        "data": data,
        "extra": np.arange(5),
        "names": np.array(["pt", "eta", "n"]),
    }
    back = baler.decompress(baler.compress(given, lossless=True))
    assert list(back) == list(given)
    for name, value in given.items():
        same(value, back[name])


def test_promises_are_asked_for() -> None:
    x = np.zeros(4)
    with pytest.raises(baler.ConfigError, match="no promise given; choose abs=E"):
        baler.compress(x)
    with pytest.raises(baler.ConfigError, match="found abs and rel"):
        baler.compress(x, abs=1, rel=1)
    with pytest.raises(baler.ConfigError, match="found abs:1.0 and ratio"):
        baler.compress(x, abs=1, ratio=2)
    with pytest.raises(baler.ConfigError, match="finite number >= 0, found -1"):
        baler.compress(x, abs=-1)
    with pytest.raises(baler.InputError, match="dtype object"):
        baler.compress(np.array([{}, []], object), lossless=True)
    with pytest.raises(baler.ConfigError, match="found 'b'; nearest"):
        baler.compress({"a": x, "bb": x}, lossless=True, bounds={"b": baler.abs(1)})


def test_damaged_bytes_are_errors() -> None:
    blob = baler.compress(np.arange(1000.0), lossless=True)
    for at in range(0, len(blob), 7):
        with pytest.raises(baler.BalerError):
            baler.decompress(blob[:at])
        damaged = bytearray(blob)
        damaged[at] ^= 0x10
        try:
            baler.decompress(bytes(damaged))
        except baler.BalerError:
            pass
    with pytest.raises(baler.CorruptError, match="expected an archive"):
        baler.decompress(b"no archive")
    with pytest.raises(FileNotFoundError if False else OSError, match="reading 'none.bale'"):
        baler.decompress("none.bale")


def test_progress_is_told_and_can_stop() -> None:
    x = np.random.default_rng(2).normal(size=30_000).cumsum()
    heard: list[tuple[str, int, int]] = []
    baler.compress(x, rel=1e-3, level=1, progress=lambda *of: heard.append(of))
    assert heard[-1][0] == "compress" and heard[-1][1] == heard[-1][2] == x.nbytes

    class Stop(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stop

    with pytest.raises(Stop):
        baler.compress(x, rel=1e-3, progress=stop)


def test_threads_change_no_byte_and_may_work_at_once() -> None:
    x = np.random.default_rng(2).normal(size=(40, 200)).cumsum(axis=1).astype("f4")
    expected = baler.compress(x, rel=1e-3, threads=1)
    found: list[bytes] = []

    def work() -> None:
        found.append(baler.compress(x, rel=1e-3, threads=2))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [expected] * 3


def test_ctrl_c_comes_through() -> None:
    import signal
    import time

    x = np.random.default_rng(2).normal(size=300_000)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    previous = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            baler.compress(x, rel=1e-3, threads=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert time.monotonic() - start < 5
