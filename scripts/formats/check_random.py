"""Files of random structure (names, groups, dtypes, byte orders, attributes, chunks, filters, axes that grow) by h5py,
netCDF4 and zarr go through `baler compress --lossless` and `baler decompress` to the same format; the tool that wrote a
file must find the same in what comes back, or a warning must name what is not. Exit code 1 if one fails.

    python scripts/formats/check_random.py target/release/baler [FILES PER FORMAT] [FIRST SEED] [FORMATS, such as classic,zarr]
"""

import json
import pathlib
import shutil
import sys

import h5py
import netCDF4
import numpy as np
import zarr

from cases import Checks

CHECKS = Checks(sys.argv[1] if len(sys.argv) > 1 else "target/release/baler")
N_FILES = int(sys.argv[2]) if len(sys.argv) > 2 else 6
FIRST = int(sys.argv[3]) if len(sys.argv) > 3 else 0
NUMBERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]
WORDS = ["t", "Ux", "air temperature", "größe", "a.b", "x-1", "Time", "n", "m (raw)", "q"]


def name(rng):
    return str(rng.choice(WORDS)) + str(rng.integers(100))


def shape(rng, most=3):
    return tuple(int(n) for n in rng.integers(1, 9, rng.integers(0, most + 1)))


def values(rng, dtype, of_shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return (rng.normal(size=of_shape) + 1j * rng.normal(size=of_shape)).astype(dtype)
    if dtype.kind == "f":
        made = np.asarray(rng.normal(size=of_shape)).astype(dtype)
        if made.size > 3 and rng.random() < 0.2:
            made.flat[1] = rng.choice([np.nan, np.inf, -0.0, 1e20])
        return made
    if dtype.kind == "b":
        return np.asarray(rng.integers(0, 2, of_shape)).astype(dtype)
    info = np.iinfo(dtype)
    return np.asarray(rng.integers(max(info.min, -1000), min(info.max, 1000), of_shape)).astype(dtype)


def attribute(rng):
    kind = rng.integers(6)
    if kind == 0:
        return "a text with ö"
    if kind == 1:
        return float(rng.normal())
    if kind == 2:
        return values(rng, rng.choice(NUMBERS), (int(rng.integers(1, 5)),))
    if kind == 3:
        return int(rng.integers(-9, 9))
    if kind == 4:
        return np.float32(rng.normal())
    return "K"


def equal(a, b, where):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype, f"{where}: {a.dtype} became {b.dtype}"
    assert a.shape == b.shape, f"{where}: {a.shape} became {b.shape}"
    same = repr(a.tolist()) == repr(b.tolist()) if a.dtype.kind == "O" else a.tobytes() == b.tobytes()
    assert same, f"{where}: {a!r} became {b!r}"


# HDF5


def make_hdf5(rng, path):
    libver = [None, "latest", ("v108", "v108"), ("v110", "v110")][rng.integers(4)]
    with h5py.File(path, "w", libver=libver, track_order=bool(rng.integers(2))) as f:
        groups = [f]
        for _ in range(rng.integers(0, 4)):
            groups.append(groups[rng.integers(len(groups))].require_group("g" + str(rng.integers(9))))
        if rng.random() < 0.3:
            f["named type"] = np.dtype("f4") if rng.random() < 0.5 else h5py.enum_dtype({"A": 0, "B": 5}, basetype="i2")
        for _ in range(rng.integers(1, 7)):
            group, called = groups[rng.integers(len(groups))], name(rng)
            if called in group:
                continue
            made = hdf5_dataset(rng, f, group, called)
            for _ in range(rng.integers(0, 5)):
                made.attrs[name(rng)] = attribute(rng)
        for group in groups:
            for _ in range(rng.integers(0, 3)):
                group.attrs[name(rng)] = attribute(rng)


def hdf5_dataset(rng, f, group, called):
    kind = rng.integers(12)
    if kind == 0:
        return group.create_dataset(called, data=["one", "zwölf", ""][: rng.integers(1, 4)])
    if kind == 1:
        return group.create_dataset(called, data=np.array([b"ab", b"cde"]))
    if kind == 2:
        records = np.zeros(3, [("n", "<i4"), ("x", ">f8"), ("s", "S3")])
        records["n"] = [1, 2, 3]
        return group.create_dataset(called, data=records)
    if kind == 3:
        enumeration = h5py.enum_dtype({"RED": 1, "BLUE": 7}, basetype="u1")
        return group.create_dataset(called, data=np.array([1, 7, 7], "u1"), dtype=enumeration)
    if kind == 4 and "named type" in f:
        return group.create_dataset(called, (4,), dtype=f["named type"])
    if kind == 5:
        return group.create_dataset(called, data=[f.ref, group.ref], dtype=h5py.ref_dtype)
    order = rng.choice(["<", ">"])
    dtype = rng.choice([*NUMBERS, "f2", "c8", "c16", "b1"])
    of_shape = shape(rng)
    options = {}
    if of_shape and rng.random() < 0.6:
        options["chunks"] = tuple(int(rng.integers(1, n + 1)) for n in of_shape)
        options["shuffle"] = bool(rng.integers(2))
        options["fletcher32"] = bool(rng.integers(2))
        options["compression"] = [None, "lzf", int(rng.integers(0, 10))][rng.integers(3)]
        if rng.random() < 0.4:
            options["maxshape"] = tuple([None, n, n + 3][rng.integers(3)] for n in of_shape)
    if rng.random() < 0.3 and dtype[0] in "iuf":
        options["fillvalue"] = values(rng, dtype, ())[()]
    data = values(rng, order + dtype, of_shape)
    if rng.random() < 0.15:
        return group.create_dataset(called, of_shape, dtype=data.dtype, **options)
    return group.create_dataset(called, data=data, **options)


def compare_hdf5(path, back, said):
    with h5py.File(path) as a, h5py.File(back) as b:
        names = ["/"]
        a.visit(names.append)
        for called in names:
            if f"'{called}'" in said:
                continue
            assert called in b, f"{called} is not there"
            x, y = a[called], b[called]
            assert list(x.attrs) == list(y.attrs), f"{called}: attributes {list(x.attrs)} became {list(y.attrs)}"
            for key in set(x.attrs) - {"DIMENSION_LIST", "REFERENCE_LIST"}:
                equal(x.attrs[key], y.attrs[key], f"{called}@{key}")
            if isinstance(x, h5py.Group):
                assert list(x) == list(y), f"{called}: {list(x)} became {list(y)}"
            elif isinstance(x, h5py.Datatype):
                assert x.dtype == y.dtype, f"{called}: {x.dtype} became {y.dtype}"
            else:
                compare_dataset(a, b, x, y)


def compare_dataset(a, b, x, y):
    if h5py.check_ref_dtype(x.dtype):
        assert [a[r].name for r in x[()]] == [b[r].name for r in y[()]], x.name
        return
    equal(x[()], y[()], x.name)
    assert h5py.check_enum_dtype(x.dtype) == h5py.check_enum_dtype(y.dtype), x.name
    assert x.id.get_type().committed() == y.id.get_type().committed(), f"{x.name}: named type"
    if x.dtype.kind in "iufb" and not h5py.check_enum_dtype(x.dtype):
        for key in ["chunks", "compression", "compression_opts", "shuffle", "fletcher32", "maxshape"]:
            assert getattr(x, key) == getattr(y, key), f"{x.name}: {key} {getattr(x, key)} became {getattr(y, key)}"
        equal(x.fillvalue, y.fillvalue, f"{x.name}: fill value")


# NetCDF


def make_netcdf4(rng, path):
    with netCDF4.Dataset(path, "w", format=["NETCDF4", "NETCDF4_CLASSIC"][int(rng.random() < 0.3)]) as f:
        groups = [f]
        if f.data_model == "NETCDF4":
            groups += [f.createGroup(f"group{i}") for i in range(rng.integers(0, 3))]
            if rng.random() < 0.5:
                kinds = f.createEnumType("u1", "cloud_t", {"clear": 0, "stratus": 3})
                f.createDimension("sky", 4)
                f.createVariable("clouds", kinds, ("sky",), fill_value=0)[:] = [0, 3, 3, 0]
        netcdf_content(rng, f, groups, NUMBERS if f.data_model == "NETCDF4" else NUMBERS[:3] + NUMBERS[-2:], True)


def make_classic(rng, path):
    kind = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"][rng.integers(3)]
    numbers = NUMBERS if kind == "NETCDF3_64BIT_DATA" else ["i1", "i2", "i4", "f4", "f8"]
    with netCDF4.Dataset(path, "w", format=kind) as f:
        netcdf_content(rng, f, [f], numbers, False)


def netcdf_content(rng, f, groups, numbers, is_new):
    grows = bool(rng.integers(2))
    for i in range(rng.integers(1, 4)):
        f.createDimension(f"dim{i}", None if i == 0 and grows else int(rng.integers(1, 7)))
    n_records = int(rng.integers(0 if rng.random() < 0.2 else 1, 6))
    f.createDimension("unused", 3)
    dims = list(f.dimensions)
    dims.remove("unused")
    if "sky" in dims:
        dims.remove("sky")
    for _ in range(rng.integers(1, 7)):
        group = groups[rng.integers(len(groups))]
        chosen = [d for d in dims if rng.random() < 0.5]
        called = rng.choice([name(rng).replace("/", ""), *dims])
        if called in group.variables or (called in dims and (group is not f or chosen != [called])):
            continue
        dtype = rng.choice([*numbers, "S1"])
        options = {}
        if is_new and rng.random() < 0.5:
            options.update(zlib=True, complevel=int(rng.integers(1, 10)), shuffle=bool(rng.integers(2)))
            options["fletcher32"] = bool(rng.integers(2))
        if dtype != "S1" and rng.random() < 0.4:
            options["fill_value"] = values(rng, dtype, ())[()]
        v = group.createVariable(called, dtype, chosen, **options)
        v.set_auto_maskandscale(False)
        lengths = tuple(n_records if f.dimensions[d].isunlimited() else len(f.dimensions[d]) for d in chosen)
        if dtype == "S1":
            v[...] = np.asarray(rng.choice(list("abc"), lengths)).astype("S1")
        elif 0 not in lengths:
            v[...] = values(rng, dtype, lengths)
        for _ in range(rng.integers(0, 4)):
            netcdf_attribute(rng, v, numbers)
    for group in groups:
        netcdf_attribute(rng, group, numbers)


def netcdf_attribute(rng, owner, numbers):
    called = name(rng).replace("/", "")
    kind = rng.integers(3)
    if kind == 0:
        owner.setncattr(called, "metres")
    else:
        owner.setncattr(called, values(rng, rng.choice(numbers), (int(rng.integers(1, 4)),)))


def compare_netcdf(path, back, said):
    with netCDF4.Dataset(path) as a, netCDF4.Dataset(back) as b:
        assert a.data_model == b.data_model, f"{a.data_model} became {b.data_model}"
        compare_netcdf_group(a, b)


def compare_netcdf_group(a, b):
    told = lambda g: {d: (len(v), v.isunlimited()) for d, v in g.dimensions.items()}
    assert list(told(a).items()) == list(told(b).items()), f"{a.path}: dimensions {told(a)} became {told(b)}"
    assert list(a.enumtypes) == list(b.enumtypes), a.path
    assert list(a.variables) == list(b.variables), f"{a.path}: {list(a.variables)} became {list(b.variables)}"
    compare_netcdf_attributes(a, b, a.path)
    for called, x in a.variables.items():
        y = b.variables[called]
        x.set_auto_maskandscale(False)
        y.set_auto_maskandscale(False)
        assert x.dimensions == y.dimensions, f"{called}: {x.dimensions} became {y.dimensions}"
        assert x.filters() == y.filters(), f"{called}: {x.filters()} became {y.filters()}"
        assert x.chunking() == y.chunking(), f"{called}: {x.chunking()} became {y.chunking()}"
        assert x.endian() == y.endian(), called
        equal(x[...], y[...], called)
        compare_netcdf_attributes(x, y, called)
    assert list(a.groups) == list(b.groups)
    for called in a.groups:
        compare_netcdf_group(a.groups[called], b.groups[called])


def compare_netcdf_attributes(a, b, where):
    assert a.ncattrs() == b.ncattrs(), f"{where}: {a.ncattrs()} became {b.ncattrs()}"
    for key in a.ncattrs():
        equal(a.getncattr(key), b.getncattr(key), f"{where}@{key}")


def compare_bytes(path, back, said):
    assert path.read_bytes() == back.read_bytes(), "other bytes"


# Zarr


def make_zarr(rng, path):
    is_new = bool(rng.integers(2))
    root = zarr.open_group(path, mode="w", zarr_format=3 if is_new else 2)
    groups = [root]
    for i in range(rng.integers(0, 3)):
        groups.append(groups[rng.integers(len(groups))].create_group(f"g{i}"))
    for group in groups:
        group.attrs.update({name(rng): json_attribute(rng) for _ in range(rng.integers(0, 3))})
    for _ in range(rng.integers(1, 6)):
        group, called = groups[rng.integers(len(groups))], name(rng).replace(" ", "_")
        if called in group:
            continue
        of_shape = shape(rng)
        dtype = str(rng.choice([*NUMBERS, "f2", "b1"]))
        if not is_new:
            dtype = str(rng.choice(["<", ">"])) + dtype
        data = values(rng, dtype, of_shape)
        options = {"chunks": tuple(int(rng.integers(1, n + 1)) for n in of_shape)} if of_shape else {}
        if dtype[-2] in "iuf" and rng.random() < 0.5:
            options["fill_value"] = values(rng, dtype, ())[()]
        options["compressors"] = zarr_codec(rng, is_new)
        if is_new and of_shape and rng.random() < 0.3:
            options["shards"] = tuple(2 * n for n in options["chunks"])
        if is_new and rng.random() < 0.5:
            options["dimension_names"] = [f"axis{i}" for i in range(len(of_shape))]
        if not is_new:
            options["order"] = str(rng.choice(["C", "F"]))
        made = group.create_array(called, shape=of_shape, dtype=data.dtype, **options)
        if rng.random() < 0.85:
            made[...] = data
        made.attrs.update({name(rng): json_attribute(rng) for _ in range(rng.integers(0, 3))})


def zarr_codec(rng, is_new):
    import numcodecs

    kind = rng.integers(5)
    if kind == 0:
        return None
    if kind == 1:
        return "auto"
    if is_new:
        shuffle = str(rng.choice(["shuffle", "noshuffle"]))
        blosc = zarr.codecs.BloscCodec(cname=str(rng.choice(["lz4", "zstd", "zlib"])), clevel=4, shuffle=shuffle)
        return [zarr.codecs.GzipCodec(level=3), zarr.codecs.ZstdCodec(level=7, checksum=True), blosc][kind - 2]
    return [numcodecs.Zlib(4), numcodecs.BZ2(5), numcodecs.Blosc("zstd", 3, numcodecs.Blosc.SHUFFLE)][kind - 2]


def json_attribute(rng):
    return [1, 2.5, "text", [1, 2], ["a", "b"], {"a": {"b": [None, True]}}, float("nan")][rng.integers(7)]


def compare_zarr(path, back, said):
    files = lambda folder: sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    skipped = {".zmetadata", ".zattrs"}
    mine, theirs = ([f for f in files(p) if pathlib.Path(f).name not in skipped] for p in (path, back))
    for file in mine:
        if pathlib.Path(file).name in ("zarr.json", ".zarray", ".zgroup"):
            assert file in theirs, f"{file} is not there"
            a, b = (json.loads((p / file).read_text()) for p in (path, back))
            a.pop("consolidated_metadata", None)
            b.pop("consolidated_metadata", None)
            a.pop("storage_transformers", None)
            b.pop("storage_transformers", None)
            assert repr(sorted(a.items())) == repr(sorted(b.items())), f"{file}: {a} became {b}"
    a, b = (zarr.open_group(p, mode="r", use_consolidated=False) for p in (path, back))
    for called, x in a.members(max_depth=None):
        y = b[called]
        assert repr(dict(x.attrs)) == repr(dict(y.attrs)), f"{called}: {dict(x.attrs)} became {dict(y.attrs)}"
        if isinstance(x, zarr.Array):
            equal(x[...], y[...], called)


FORMATS = {
    "hdf5": (".h5", make_hdf5, compare_hdf5),
    "netcdf4": (".nc", make_netcdf4, compare_netcdf),
    "classic": (".nc", make_classic, compare_bytes),
    "zarr": (".zarr", make_zarr, compare_zarr),
}


def check(kind, seed):
    suffix, make, compare = FORMATS[kind]
    rng = np.random.default_rng([seed, list(FORMATS).index(kind)])
    path, back = CHECKS.folder / f"{kind}{suffix}", CHECKS.folder / f"back{suffix}"
    for old in (path, back):
        shutil.rmtree(old, ignore_errors=True)
        old.unlink(missing_ok=True)
    make(rng, path)
    try:
        back, said = CHECKS.round_trip(path, suffix, "--lossless")
    except AssertionError as error:
        if "found none" in str(error):
            return
        raise
    compare(path, back, said)


for kind in sys.argv[4].split(",") if len(sys.argv) > 4 else FORMATS:
    for seed in range(FIRST, FIRST + N_FILES):
        CHECKS.case(f"{kind} {seed}", lambda: check(kind, seed))
CHECKS.end()
