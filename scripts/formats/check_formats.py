"""Files written by h5py, netCDF4, xarray, tifffile, astropy and zarr go through `baler compress` and `baler decompress`
to the same format; the tool that wrote a file reads what comes back. Lossless, values, dtypes, shapes, attributes and
dimensions must be the same; with a bound, every value must lie within it. One line a case; exit code 1 if one fails.

    python scripts/formats/check_formats.py target/release/baler
"""

import itertools
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import tifffile
import xarray
import zarr
from astropy.io import fits

BALER = str(Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/baler").resolve())
ABS = 0.01
RNG = np.random.default_rng(6)
FIELD = np.cumsum(RNG.normal(size=(6, 24, 20)), axis=2).astype("f4")
CASES = []
N_COMPRESSED = itertools.count()


def case(function):
    CASES.append(function)
    return function


def run(*args):
    done = subprocess.run([BALER, *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, f"baler {args[0]}: {done.stderr.strip()}"
    return done.stderr


def there_and_back(path, bound=("--lossless",), inner="", out=None):
    """The file that comes back, and what was said."""
    archive = path.with_name(path.name + ".bale")
    back = path.with_name(out or "back_" + path.name)
    # Formats are checked here, not methods: one file in eight with the slow default.
    method = [] if next(N_COMPRESSED) % 8 == 0 else ["--method", "classical"]
    said = run("compress", f"{path}{inner}", "-o", archive, "-f", "-q", *method, *bound)
    said += run("decompress", archive, "-o", back, "-q")
    return back, said


def same(a, b, where=""):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype, f"{where}: dtype {a.dtype} became {b.dtype}"
    assert a.shape == b.shape, f"{where}: shape {a.shape} became {b.shape}"
    if a.dtype.kind == "O":
        assert a.tolist() == b.tolist(), f"{where}: values differ"
    else:
        assert a.tobytes() == b.tobytes(), f"{where}: values differ"


def within(a, b, where=""):
    a, b = np.asarray(a, "f8"), np.asarray(b, "f8")
    assert a.shape == b.shape, f"{where}: shape {a.shape} became {b.shape}"
    error = np.abs(a - b).max()
    assert 0 < error <= ABS, f"{where}: worst error {error}, bound {ABS}"


# HDF5


def write_h5(path, **options):
    with h5py.File(path, "w", **options) as f:
        f.attrs["title"] = "a file"
        d = f.create_dataset("Time/Ux", data=FIELD, chunks=(1, 10, 20), compression="gzip", shuffle=True, fletcher32=True)
        d.attrs["units"] = "m/s"
        d.attrs["matrix"] = np.eye(3, dtype=">f8")
        d.attrs["words"] = ["a", "bcd", "ö"]
        d.attrs["half"] = np.float16(2)
        d.attrs["nothing"] = h5py.Empty("f4")
        d.attrs["truth"] = True
        d.attrs["points at"] = f["Time"].ref
        for i in range(20):
            f["Time"].attrs[f"number {i}"] = i
            f[f"many/{i}"] = np.int16(i)
        f["big"] = np.arange(5, dtype=">f8")
        f["half"] = np.arange(5, dtype="f2")
        f["bool"] = np.array([True, False])
        f["complex"] = np.array([1 + 2j, 3 - 4j])
        f["text"] = "hello"
        f["words"] = np.array([b"ab", b"c"])
        f["records"] = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "i4"), ("x", "f8")])
        f["reference"] = f["big"].ref
        f["scalar"] = np.float32(3)
        f["empty"] = np.zeros((0, 3))
        f["twice"] = f["big"]
        f["soft"] = h5py.SoftLink("/big")
        f.create_dataset("lzf", data=np.arange(1000), chunks=(33,), compression="lzf")
        f.create_dataset("grows", data=np.arange(1000.0), chunks=(10,), maxshape=(None,))
        f.create_dataset("grows 2", data=np.arange(900.0).reshape(30, 30), chunks=(7, 5), maxshape=(40, None), compression=1)
        f.create_dataset("grows both", data=np.arange(900.0).reshape(30, 30), chunks=(7, 5), maxshape=(None, None))
        f.create_dataset("fixed", data=np.arange(9000.0), chunks=(7,))
        f.create_dataset("one", data=np.arange(100.0), chunks=(100,), compression=4)
        f.create_dataset("filled", shape=(10,), dtype="i2", fillvalue=7)
        f.create_dataset("partly", shape=(100,), dtype="u1", fillvalue=9, chunks=(10,))[15:25] = 1


def compare_h5(path, back):
    with h5py.File(path) as a, h5py.File(back) as b:
        names, found = [], []
        a.visit(names.append)
        b.visit(found.append)
        assert set(names) <= set(found), f"missing: {set(names) - set(found)}"
        for name in ["/", *names]:
            x, y = a[name], b[name]
            assert list(x.attrs) == list(y.attrs), f"{name}: attributes {list(y.attrs)} instead of {list(x.attrs)}"
            if isinstance(x, h5py.Group):
                assert list(x) == list(y), f"{name}: {list(y)} instead of {list(x)}"
            for key, value in x.attrs.items():
                other = y.attrs[key]
                if isinstance(value, h5py.Empty):
                    assert value == other, f"{name}@{key}"
                elif isinstance(value, h5py.Reference):
                    assert a[value].name == b[other].name, f"{name}@{key}"
                elif isinstance(value, str):
                    assert value == other, f"{name}@{key}"
                else:
                    same(value, other, f"{name}@{key}")
            if isinstance(x, h5py.Dataset):
                if h5py.check_ref_dtype(x.dtype):
                    assert a[x[()]].name == b[y[()]].name, name
                elif x.dtype.kind == "O":
                    assert x[()] == y[()], name
                else:
                    same(x[()], y[()], name)
        assert b.get("soft", getlink=True).path == "/big"
        assert b["twice"].id.__class__ == a["twice"].id.__class__ and b["twice"] == b["big"]


@case
def hdf5_as_1_8(folder):
    write_h5(folder / "a.h5")
    compare_h5(folder / "a.h5", there_and_back(folder / "a.h5")[0])


@case
def hdf5_latest(folder):
    write_h5(folder / "l.h5", libver="latest")
    compare_h5(folder / "l.h5", there_and_back(folder / "l.h5")[0])


@case
def hdf5_1_10_with_order(folder):
    write_h5(folder / "v.h5", libver=("v110", "v110"), track_order=True)
    compare_h5(folder / "v.h5", there_and_back(folder / "v.h5")[0])


@case
def hdf5_user_block(folder):
    write_h5(folder / "u.h5", userblock_size=1024)
    compare_h5(folder / "u.h5", there_and_back(folder / "u.h5")[0])


@case
def hdf5_inner_path_and_bound(folder):
    write_h5(folder / "b.h5")
    back, _ = there_and_back(folder / "b.h5", ("--abs", ABS), ":/Time/Ux")
    with h5py.File(back) as f:
        within(FIELD, f["Time/Ux"][()])
        assert f["Time/Ux"].attrs["units"] == "m/s" and "big" not in f


@case
def hdf5_to_npz_and_npz_to_hdf5(folder):
    write_h5(folder / "c.h5")
    back, said = there_and_back(folder / "c.h5", out="c.npz")
    assert "title of the file" in said and "more" in said, said
    arrays = np.load(back)
    same(FIELD, arrays["Time/Ux"])
    again, _ = there_and_back(back, out="again.h5")
    with h5py.File(again) as f:
        same(FIELD, f["Time/Ux"][()])
        same(arrays["bool"], f["bool"][()])


# NetCDF-4


def dataset():
    data = FIELD.copy()
    data[2, 3, 4:9] = 1e20
    temperature = xarray.Variable(("time", "lat", "lon"), data, {"units": "K", **{f"note {i}": i for i in range(12)}})
    made = xarray.Dataset(
        {"temperature": temperature, "mask": (("lat", "lon"), np.arange(480, dtype="i2").reshape(24, 20))},
        coords={"time": np.arange(6.0), "lat": np.linspace(-60, 60, 24), "lon": np.linspace(0, 19, 20)},
        attrs={"title": "made", "Conventions": "CF-1.8"},
    )
    made["time"].attrs["units"] = "days since 2000-01-01"
    return made


@case
def netcdf_xarray(folder):
    dataset().to_netcdf(folder / "x.nc", encoding={"temperature": {"_FillValue": 1e20, "zlib": True}})
    back, _ = there_and_back(folder / "x.nc")
    a, b = xarray.open_dataset(folder / "x.nc"), xarray.open_dataset(back)
    assert a.identical(b) and list(a.variables) == list(b.variables)
    assert a["temperature"].isnull().sum() == 5


@case
def netcdf_bound_and_fill_value(folder):
    dataset().to_netcdf(folder / "f.nc", encoding={"temperature": {"_FillValue": 1e20}})
    back, _ = there_and_back(folder / "f.nc", ("--abs", ABS, "--exact", "time,lat,lon"))
    a, b = xarray.open_dataset(folder / "f.nc"), xarray.open_dataset(back)
    assert a.sizes == b.sizes and set(a.coords) == set(b.coords)
    assert (a["temperature"].isnull() == b["temperature"].isnull()).all()
    within(a["temperature"].fillna(0), b["temperature"].fillna(0))


@case
def netcdf_groups_and_scales(folder):
    with netCDF4.Dataset(folder / "g.nc", "w") as f:
        f.createDimension("t", None)
        group = f.createGroup("inside")
        group.createDimension("x", 20)
        v = group.createVariable("packed", "i2", ("t", "x"), fill_value=-999, chunksizes=(4, 20), zlib=True)
        v.scale_factor, v.add_offset = 0.5, 10.0
        v[:] = 10 + 0.5 * np.arange(120).reshape(6, 20)
        f.createVariable("name", "S1", ("t",))[:] = np.array([b"a"] * 6)
    back, _ = there_and_back(folder / "g.nc")
    with netCDF4.Dataset(folder / "g.nc") as a, netCDF4.Dataset(back) as b:
        x, y = a["inside/packed"], b["inside/packed"]
        assert x.dimensions == y.dimensions and x.shape == y.shape and x.__dict__ == y.__dict__
        same(np.ma.filled(x[:]), np.ma.filled(y[:]))
        same(a["name"][:].data, b["name"][:].data)


# TIFF


@case
def tiff_dtypes_and_compressions(folder):
    for dtype in ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]:
        data = (FIELD * 10).astype(dtype)
        for compression, more in [
            (None, {}),
            ("zlib", {"predictor": True}),
            ("lzw", {"rowsperstrip": 7}),
            ("zstd", {"tile": (16, 16)}),
            ("packbits", {}),
        ]:
            for byteorder in "<>":
                path = folder / f"{dtype}_{compression}_{ord(byteorder)}.tif"
                # Predictors of 64-bit integers and of float16 are beyond the tool.
                if dtype in ("u8", "i8", "f2"):
                    more = {k: v for k, v in more.items() if k != "predictor"}
                tifffile.imwrite(path, data, compression=compression, byteorder=byteorder, photometric="minisblack", **more)
        paths = sorted(folder.glob(f"{dtype}_*.tif"))
        for path in paths:
            same(tifffile.imread(path), tifffile.imread(there_and_back(path)[0]), path.name)


@case
def tiff_lzw_of_noise(folder):
    data = RNG.integers(0, 65535, (3, 300, 300), dtype="u2")
    tifffile.imwrite(folder / "n.tif", data, compression="lzw", photometric="minisblack")
    same(data, tifffile.imread(there_and_back(folder / "n.tif")[0]))


@case
def tiff_samples_pages_and_tags(folder):
    rgb = RNG.integers(0, 255, (4, 30, 40, 3), dtype="u1")
    for name, data, more in [
        ("rgb.tif", rgb, {"photometric": "rgb", "description": "four of them"}),
        ("one.tif", rgb[0], {"photometric": "rgb", "tile": (16, 16), "compression": "zlib", "predictor": True}),
        ("planar.tif", np.moveaxis(rgb[0], 2, 0).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
        ("page.tif", FIELD[0], {"resolution": (300, 300), "software": "of ours"}),
        ("big.tif", FIELD, {"bigtiff": True, "metadata": {"axes": "ZYX", "spacing": 3}}),
        ("imagej.tif", FIELD, {"imagej": True, "metadata": {"axes": "ZYX"}}),
    ]:
        path = folder / name
        tifffile.imwrite(path, data, **more)
        back, _ = there_and_back(path)
        same(tifffile.imread(path), tifffile.imread(back), name)
        with tifffile.TiffFile(path) as a, tifffile.TiffFile(back) as b:
            assert a.series[0].axes == b.series[0].axes, name
            assert len(a.pages) == len(b.pages), name
            for tag in ("ImageDescription", "Software", "XResolution", "PhotometricInterpretation"):
                if tag in a.pages[0].tags:
                    assert a.pages[0].tags[tag].value == b.pages[0].tags[tag].value, f"{name}: {tag}"


@case
def tiff_bound(folder):
    tifffile.imwrite(folder / "b.tif", FIELD)
    within(FIELD, tifffile.imread(there_and_back(folder / "b.tif", ("--abs", ABS))[0]))


# FITS


def compare_fits(path, back):
    with fits.open(path) as a, fits.open(back) as b:
        b.verify("exception")
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert [str(c) for c in x.header.cards] == [str(c) for c in y.header.cards], f"cards of {x.name}"
            if isinstance(x, fits.BinTableHDU):
                for name in x.columns.names:
                    if x.columns[name].format.startswith(("P", "Q")):
                        for u, v in zip(x.data[name], y.data[name]):
                            same(u, v, name)
                    else:
                        same(x.data[name], y.data[name], f"{x.name}.{name}")
            elif x.data is not None:
                same(x.data, y.data, x.name)


@case
def fits_images(folder):
    units = [fits.PrimaryHDU()]
    for dtype in ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]:
        unit = fits.ImageHDU((FIELD * 9).astype(dtype), name=f"AS {dtype}")
        unit.header["OBJECT"] = ("it's M31 / Andromeda", "a comment")
        unit.header["HISTORY"] = "made for a check"
        units.append(unit)
    units.append(fits.ImageHDU(FIELD[0], name="AS F4"))
    fits.HDUList(units).writeto(folder / "i.fits", checksum=True)
    compare_fits(folder / "i.fits", there_and_back(folder / "i.fits")[0])
    fits.PrimaryHDU(FIELD).writeto(folder / "p.fits")
    compare_fits(folder / "p.fits", there_and_back(folder / "p.fits")[0])
    within(FIELD, fits.getdata(there_and_back(folder / "p.fits", ("--abs", ABS), out="b.fits")[0]))
    scaled = fits.PrimaryHDU(np.arange(60, dtype="i2").reshape(6, 10))
    scaled.header["BSCALE"], scaled.header["BZERO"], scaled.header["BLANK"] = 0.5, 3.0, -1
    scaled.writeto(folder / "s.fits")
    back, said = there_and_back(folder / "s.fits")
    compare_fits(folder / "s.fits", back)
    assert "BSCALE" in said


@case
def fits_tables(folder):
    n = 500
    columns = [
        fits.Column("TIME", "D", "s", array=np.sort(RNG.normal(size=n))),
        fits.Column("PI", "I", array=RNG.integers(0, 99, n)),
        fits.Column("UNSIGNED", "J", bzero=2**31, array=RNG.integers(0, 2**32, n).astype("u4")),
        fits.Column("GOOD", "L", array=RNG.integers(0, 2, n) > 0),
        fits.Column("NAME", "8A", array=np.array(["star"] * n)),
        fits.Column("XYZ", "3E", array=RNG.normal(size=(n, 3)).astype("f4")),
        fits.Column("GRID", "6J", dim="(3,2)", array=np.arange(6 * n).reshape(n, 2, 3)),
        fits.Column("BITS", "11X", array=RNG.integers(0, 2, (n, 11)) > 0),
        fits.Column("COMPLEX", "C", array=np.exp(1j * np.arange(n)).astype("c8")),
        fits.Column("JAGGED", "PJ()", array=np.array([np.arange(i % 4) for i in range(n)], dtype=object)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    text = fits.TableHDU.from_columns([fits.Column("A", "I5", array=np.arange(5))], name="TEXT")
    fits.HDUList([fits.PrimaryHDU(), table, text]).writeto(folder / "t.fits")
    compare_fits(folder / "t.fits", there_and_back(folder / "t.fits")[0])
    back, _ = there_and_back(folder / "t.fits", inner=":EVENTS/TIME", out="one.fits")
    with fits.open(folder / "t.fits") as a, fits.open(back) as b:
        same(a["EVENTS"].data["TIME"], b["EVENTS"].data["TIME"])
        assert b["EVENTS"].columns["TIME"].unit == "s"


@case
def csv_to_fits(folder):
    (folder / "c.csv").write_text("a,n\n1.5,3\n2.25,4\n")
    back, _ = there_and_back(folder / "c.csv", out="c.fits")
    with fits.open(back) as f:
        f.verify("exception")
        assert f[1].data["a"].tolist() == [1.5, 2.25] and f[1].data["n"].tolist() == [3, 4]


# Zarr


@case
def zarr_codecs(folder):
    from zarr.codecs import BloscCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec

    for name, options in {
        "zstd": {"compressors": ZstdCodec()},
        "gzip": {"compressors": GzipCodec()},
        "none": {"compressors": None},
        "blosc": {"compressors": BloscCodec(cname="lz4", shuffle="shuffle")},
        "transpose": {"filters": [TransposeCodec(order=(2, 0, 1))]},
        "shards": {"shards": (4, 20, 20)},
        "dots": {"chunk_key_encoding": {"name": "v2", "separator": "."}},
        "old": {"zarr_format": 2},
        "old_f": {"zarr_format": 2, "order": "F"},
    }.items():
        for dtype in ["f4", "f8", "i2", "bool", "f2"]:
            path = folder / f"{name}_{dtype}.zarr"
            array = zarr.create_array(path, shape=FIELD.shape, dtype=dtype, chunks=(2, 10, 10), fill_value=1, **options)
            array[:5] = FIELD[:5]
            array.attrs["units"] = "m/s"
            back = zarr.open_array(there_and_back(path)[0], mode="r")
            same(array[:], back[:], path.name)
            assert dict(back.attrs) == {"units": "m/s"} and back.chunks[1:] and back.fill_value == array.fill_value


@case
def zarr_old_with_large_blosc(folder):
    import numcodecs

    data = np.cumsum(RNG.normal(size=400_000)).astype("f8")
    for name in ["lz4", "zstd", "zlib", "lz4hc"]:
        path = folder / f"{name}.zarr"
        codec = numcodecs.Blosc(cname=name, shuffle=1)
        array = zarr.create_array(path, shape=data.shape, dtype="f8", chunks=(150_000,), zarr_format=2, compressors=codec)
        array[:] = data
        same(data, zarr.open_array(there_and_back(path)[0], mode="r")[:], name)


@case
def zarr_groups(folder):
    root = zarr.open_group(folder / "g.zarr", mode="w", attributes={"made": {"by": ["us", 1, None]}})
    root.create_group("empty")
    array = root.create_array("a/b", shape=(4, 5), dtype=">i4", chunks=(3, 3), dimension_names=("y", "x"))
    array[:] = np.arange(20).reshape(4, 5)
    root.create_array("scalar", shape=(), dtype="f8")[()] = 2.5
    back = zarr.open_group(there_and_back(folder / "g.zarr")[0], mode="r")
    same(np.arange(20, dtype="i4").reshape(4, 5), np.asarray(back["a/b"][:], "i4"))
    assert back["a/b"].metadata.dimension_names == ("y", "x") and dict(back.attrs) == dict(root.attrs)
    assert back["scalar"][()] == 2.5 and "empty" in back


@case
def zarr_xarray(folder):
    for version in (2, 3):
        path = folder / f"x{version}.zarr"
        dataset().to_zarr(path, zarr_format=version, encoding={"temperature": {"chunks": (2, 24, 20)}})
        a, b = xarray.open_zarr(path).load(), xarray.open_zarr(there_and_back(path)[0]).load()
        assert a.identical(b), f"version {version}:\n{a}\n{b}"
        back, _ = there_and_back(path, ("--abs", ABS, "--exact", "time,lat,lon"), out=f"bound{version}.zarr")
        within(FIELD[:2], xarray.open_zarr(back)["temperature"][:2])


def main():
    warnings.simplefilter("ignore")
    failed = 0
    for function in CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(Path(folder))
                print(f"ok      {function.__name__}")
            except Exception as error:
                failed += 1
                shown = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
                print(f"FAILED  {function.__name__}: {shown}")
    print(f"{len(CASES) - failed} of {len(CASES)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
