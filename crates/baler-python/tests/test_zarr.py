"""Arrays of Zarr 3 and of numcodecs whose chunks keep a bound; tests are skipped by name where a library is missing."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baler

SCHEMA = Path(__file__).parents[3] / "docs" / "zarr" / "schema.json"


def field(*shape: int, dtype: str = "f4") -> Any:
    """A smooth field with a little noise."""
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    waves = sum(np.sin(0.1 * (k + 1) * axis) for k, axis in enumerate(axes))
    return (waves + np.random.default_rng(1).normal(0, 0.01, shape)).astype(dtype)


DTYPES = ["?", "i1", "<i2", ">i4", "i8", "u1", "u2", "u4", "u8", "f2", "<f4", ">f4", "f8", "c8", ">c16", "M8[s]", "m8[ms]"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_every_dtype(dtype: str) -> None:
    values = (field(20, 30, dtype="f8") * 50).astype("i8" if dtype[-1] in "]" else dtype).astype(dtype)
    exact = baler.encode_array(values, lossless=True)
    back = baler.decode_array(exact, out=np.empty_like(values))
    assert back.dtype == values.dtype and back.tobytes() == values.tobytes()
    transposed = np.empty_like(values.T)
    baler.decode_array(exact, out=transposed.T)
    np.testing.assert_array_equal(transposed.T, values)
    if values.dtype.kind in "fc":
        back = baler.decode_array(baler.encode_array(values[::2, 1:], abs=0.5), out=np.empty_like(values[::2, 1:]))
        assert np.abs(back.astype("c16") - values[::2, 1:]).max() <= 0.5


def test_arrays_say_what_they_are_and_refuse_others() -> None:
    values = field(8, 9)
    coded = baler.encode_array(values, rel=1e-2, range=10.0)
    back = baler.decode_array(coded)
    assert back.shape == (8, 9) and 0.01 < np.abs(back - values).max() <= 0.1
    with pytest.raises(baler.InputError, match=r"expected an array of float32 \[9, 8\], found one of float32 \[8, 9\]"):
        baler.decode_array(coded, out=np.empty((9, 8), "f4"))
    with pytest.raises(baler.ConfigError, match="one of abs, rel, pw_rel and lossless, found none"):
        baler.encode_array(values)
    with pytest.raises(baler.ConfigError, match="level from 1 to 9, found 11"):
        baler.encode_array(values, abs=1, level=11)
    with pytest.raises(baler.InputError, match="dtype <U1"):
        baler.encode_array(np.array(["a"]), lossless=True)
    for at in range(0, len(coded), 7):
        with pytest.raises(baler.BalerError):
            baler.decode_array(coded[:at])


def test_padding_takes_a_few_bytes() -> None:
    values = field(30, 40)
    for fill in (0.0, -9999.0, np.nan, 1e30):
        padded = np.full((48, 64), fill, "f4")
        padded[:30, :40] = values
        coded = baler.encode_array(padded, rel=1e-3, padding=fill)
        assert len(coded) <= len(baler.encode_array(values, rel=1e-3)) + 12
        back = baler.decode_array(coded)
        assert np.abs(back[:30, :40] - values).max() <= 1e-3 * np.ptp(values)
        np.testing.assert_array_equal(back[30:], padded[30:])
        np.testing.assert_array_equal(back[:, 40:], padded[:, 40:])


def _length(values: Any) -> int:
    return len(baler.encode_array(values, abs=0.01))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_threads_and_forks_do_not_disturb_each_other() -> None:
    values = [field(40, 50) + n for n in range(8)]
    alone = [_length(one) for one in values]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_length, values)) == alone
    with multiprocessing.get_context("fork").Pool(2) as processes:
        assert processes.map(_length, values) == alone


@pytest.mark.parametrize("shards", [None, (32, 32)])
@pytest.mark.parametrize("fill", [0.0, -9999.0, np.nan])
def test_zarr_arrays(shards: Any, fill: float, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec

    values = field(50, 61)
    values[3:9, 5] = np.nan
    array = zarr.create_array(
        tmp_path / "a.zarr",
        shape=values.shape,
        dtype="f4",
        chunks=(16, 16),
        shards=shards,
        serializer=BalerCodec(rel=1e-3, data=values),
        compressors=None,
        fill_value=fill,
    )
    array[:] = values
    array[10:20, 3:5] = values[10:20, 3:5]
    told = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())
    codec = told["codecs"][0] if shards is None else told["codecs"][0]["configuration"]["codecs"][0]
    bound = 1e-3 * float(np.nanmax(values) - np.nanmin(values))
    assert codec["configuration"]["error"] == pytest.approx(bound, rel=1e-6)
    assert codec["configuration"]["rel"] == 1e-3
    back = zarr.open_array(tmp_path / "a.zarr")[:]
    np.testing.assert_array_equal(np.isnan(back), np.isnan(values))
    # Values of chunks that were written twice were decoded once before.
    assert np.nanmax(np.abs(back - values)) <= 2 * codec["configuration"]["error"]
    assert np.nanmax(np.abs(back[20:] - values[20:])) <= codec["configuration"]["error"]


def test_a_process_that_knows_only_the_name_reads(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec

    values = field(40, 40)
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=values, chunks=(16, 16), serializer=BalerCodec(abs=0.01), compressors=None)
    code = f"import zarr; print(abs(zarr.open_array({str(path)!r})[:]).sum(dtype='f8'))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(found.stdout) == pytest.approx(float(np.abs(values).sum(dtype="f8")), rel=1e-2)


def test_the_codec_is_a_value(tmp_path: Path) -> None:
    pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec

    model = baler.train(field(12, 64, 64), rel=1e-3, seed=1, epochs=1)
    codecs = [
        BalerCodec(abs=0.1),
        BalerCodec(pw_rel=1e-3, level=6, missing=-999),
        BalerCodec(lossless=True, missing=None),
        BalerCodec(abs=0.1, model=model),
    ]
    for codec in codecs:
        told = json.loads(json.dumps(codec.to_dict()))
        assert BalerCodec.from_dict(told) == codec == pickle.loads(pickle.dumps(codec))
    assert len({hash(codec) for codec in codecs}) == 4


def test_configurations_are_those_of_the_schema() -> None:
    pytest.importorskip("zarr", minversion="3")
    jsonschema = pytest.importorskip("jsonschema")
    from baler.zarr import BalerCodec

    schema = json.loads(SCHEMA.read_text())
    model = baler.train(field(12, 64, 64), rel=1e-3, seed=1, epochs=1)
    for codec in (
        BalerCodec(rel=0.1, data=field(9, 9)),
        BalerCodec(pw_rel=1e-3, level=6, missing=-999),
        BalerCodec(lossless=True, missing=None),
        BalerCodec(abs=0.1, model=model),
    ):
        jsonschema.validate(codec.to_dict(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "baler", "configuration": {"bound": "abs"}}, schema)


def test_a_model_in_the_configuration_is_shared_by_chunks(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec

    values = field(24, 64, 64)
    model = baler.train(values[:12], abs=0.01, method="predictive")
    chunks = {"chunks": (4, 64, 64), "compressors": None}
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=values, serializer=BalerCodec(abs=0.01, level=6, model=model), **chunks)
    back = zarr.open_array(path)[:]
    assert np.abs(back - values).max() <= 0.01
    chunk = (path / "c" / "0" / "0" / "0").read_bytes()
    with pytest.raises(baler.ConfigError, match="the model whose hash begins with"):
        baler.decode_array(chunk)
    assert np.array_equal(baler.decode_array(chunk, model=model), back[:4])


def test_wrong_uses_are_told(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec

    with pytest.raises(TypeError, match=r"write serializer=BalerCodec\(...\), compressors=None"):
        zarr.create_array(tmp_path / "a", shape=4, dtype="f4", compressors=BalerCodec(abs=1))
    from baler.numcodecs import Baler

    with pytest.raises(TypeError, match=r"is for Zarr 2; in Zarr 3 write serializer=baler.zarr.BalerCodec"):
        zarr.create_array(tmp_path / "a", shape=4, dtype="f4", compressors=Baler(abs=1))
    with pytest.raises(baler.ConfigError, match="rel=0.001 is relative to, found none: a codec sees only chunks"):
        BalerCodec(rel=1e-3)
    with pytest.raises(baler.ConfigError, match="expected one of abs, pw_rel, lossless and rel with data"):
        BalerCodec()
    with pytest.raises(baler.ConfigError, match="found 'colour'"):
        BalerCodec.from_dict({"name": "baler", "configuration": {"bound": "lossless", "colour": 1}})
    with pytest.raises(baler.InputError, match="expected numbers"):
        zarr.create_array(tmp_path / "b", shape=4, dtype="U4", serializer=BalerCodec(lossless=True), compressors=None)


def test_damaged_chunks_are_errors(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec

    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=field(16, 16), chunks=(16, 16), serializer=BalerCodec(abs=0.01), compressors=None)
    chunk = path / "c" / "0" / "0"
    whole = chunk.read_bytes()
    for at in range(len(whole)):
        chunk.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            zarr.open_array(path)[:]
        except baler.BalerError:
            continue
    chunk.write_bytes(whole[:-3])
    with pytest.raises(baler.CorruptError):
        zarr.open_array(path)[:]


def test_the_synchronous_methods_and_the_others_agree() -> None:
    pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec
    from zarr.core.array_spec import ArrayConfig, ArraySpec
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.dtype import parse_dtype

    values = field(20, 20)
    prototype = default_buffer_prototype()
    spec = ArraySpec(
        shape=values.shape,
        dtype=parse_dtype(values.dtype, zarr_format=3),
        fill_value=np.float32(0),
        config=ArrayConfig(order="C", write_empty_chunks=False),
        prototype=prototype,
    )
    codec = BalerCodec(abs=0.01)
    buffer = prototype.nd_buffer.from_numpy_array(values)
    now = codec._encode_sync(buffer, spec)
    later = asyncio.run(codec._encode_single(buffer, spec))
    assert now.to_bytes() == later.to_bytes()
    back = asyncio.run(codec._decode_single(now, spec)).as_numpy_array()
    np.testing.assert_array_equal(back, codec._decode_sync(later, spec).as_numpy_array())
    with pytest.raises(NotImplementedError):
        codec.compute_encoded_size(10, spec)


@pytest.mark.parametrize("uses_dask", [False, True])
def test_datasets_of_xarray_go_into_stores(uses_dask: bool, tmp_path: Path) -> None:
    pytest.importorskip("zarr", minversion="3")
    xr = pytest.importorskip("xarray")
    import baler.zarr

    t2m = field(40, 30, 50) + 280
    rain = np.where(field(40, 30, 50) > 1, field(40, 30, 50), 0).astype("f4")
    rain[:, :4] = np.nan
    ds = xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), t2m),
            "rain": (("time", "lat", "lon"), rain, {}, {"_FillValue": -999.0}),
            "packed": (("time", "lat", "lon"), t2m, {}, {"dtype": "i2", "scale_factor": 0.001, "add_offset": 280.0}),
            "flag": ("time", np.arange(40, dtype="i2") % 3),
            "text": ("time", [f"n{i}" for i in range(40)]),
        },
        {"time": np.arange("2020-01-01", "2020-02-10", dtype="M8[D]").astype("M8[ns]"), "lat": np.linspace(-90, 90, 30)},
    )
    if uses_dask:
        pytest.importorskip("dask")
        ds = ds.chunk({"time": 10})
    path = tmp_path / "era.zarr"
    encoding = baler.zarr.encoding(ds, rel=1e-3, bounds={"pack*": baler.abs(0.05)})
    for name in ("t2m", "rain", "packed"):
        encoding[name] |= {"chunks": (5, 30, 25), "shards": (10, 30, 50)}
    ds.to_zarr(path, encoding=encoding, zarr_format=3, consolidated=False)
    with xr.open_zarr(path, consolidated=False, chunks=None) as back:
        for name in ("t2m", "rain"):
            wanted = ds[name].values
            assert np.nanmax(np.abs(back[name].values - wanted)) <= 1e-3 * float(np.nanmax(wanted) - np.nanmin(wanted))
            np.testing.assert_array_equal(np.isnan(back[name]), np.isnan(wanted))
        assert float(np.abs(back.packed - t2m).max()) <= 0.0506
        for name in ("flag", "time", "lat", "text"):
            np.testing.assert_array_equal(back[name], ds[name])
    changed = ds[["t2m"]].isel(time=slice(10, 20)) + 1
    changed.drop_vars("lat").to_zarr(path, region={"time": slice(10, 20)}, consolidated=False)
    with xr.open_zarr(path, consolidated=False, chunks=None) as back:
        assert float(np.abs(back.t2m[10:20] - (t2m[10:20] + 1)).max()) <= 1e-3 * np.ptp(t2m) + 1e-5


def test_numcodecs(tmp_path: Path) -> None:
    numcodecs = pytest.importorskip("numcodecs")
    from baler.numcodecs import Baler

    for dtype in ("<f4", ">f4", ">i2", "c8"):
        values = (field(25, 35) * 100).astype(dtype)
        for array in (values, np.asfortranarray(values)):
            codec = numcodecs.get_codec(json.loads(json.dumps(Baler(abs=1).get_config())))
            coded = codec.encode(array)
            memory = array.ravel(order="K")
            back = np.ascontiguousarray(codec.decode(coded)).view(np.uint8).view(dtype).ravel()
            assert np.abs(back - memory).max() <= 1
            out = np.empty(memory.shape, dtype)
            assert codec.decode(coded, out) is out
            np.testing.assert_array_equal(out, back)
            with pytest.raises(baler.InputError, match="expected room for"):
                codec.decode(coded, np.empty(3, dtype))
    assert pickle.loads(pickle.dumps(codec)) == codec
    with pytest.raises(baler.InputError, match="give the array, not its bytes"):
        codec.encode(np.array(["a"]))


@pytest.mark.parametrize("order", ["C", "F"])
def test_zarr_2(order: Any, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from baler.numcodecs import Baler

    for dtype in ("<f4", ">f8"):
        values = field(50, 61, dtype=dtype)
        path = tmp_path / dtype[1:]
        array = zarr.create_array(
            path,
            shape=values.shape,
            dtype=dtype,
            chunks=(16, 16),
            order=order,
            fill_value=-1.0,
            zarr_format=2,
            filters=None,
            compressors=Baler(rel=1e-3, data=values, padding=-1.0),
        )
        array[:] = values
        assert np.abs(zarr.open_array(path)[:] - values).max() <= 1e-3 * np.ptp(values)
