"""The parts of check.sh that are Python's: files for other programs, and what they made of them.

Usage: hosts.py write|netcdf4|compare FOLDER
"""

import os
import sys

import numpy as np

STEP, FOLDER = sys.argv[1:]
BOUND = 0.01


def path(name):
    return os.path.join(FOLDER, name)


def field():
    z, y, x = np.ogrid[:20, :50, :70]
    values = (30 * np.sin(0.1 * x + 0.2 * z) * np.cos(0.07 * y)).astype(">f4")
    values[3, 10:20, 5] = np.nan
    return values


def check(found, what):
    values = field()
    nan = np.isnan(values)
    worst = np.abs(found[~nan].astype("f8") - values[~nan]).max()
    if found.dtype != values.dtype or not (np.isnan(found) == nan).all() or not 0 < worst <= BOUND:
        sys.exit(f"{what}: a value is outside: {worst}")


def write():
    import h5py

    import baler.hdf5

    options = {"data": field(), "chunks": (8, 50, 32)}
    for name in ("written.h5", "damaged.h5"):
        with h5py.File(path(name), "w") as file:
            file.create_dataset("x", **options, **baler.hdf5.Baler(abs=BOUND))
            if name == "damaged.h5":
                offset, coded = (8, 0, 32), bytearray(file["x"].id.read_direct_chunk((8, 0, 32))[1])
                coded[len(coded) // 2] ^= 4
                file["x"].id.write_direct_chunk(offset, bytes(coded))
    with h5py.File(path("source.h5"), "w") as file:
        file.create_dataset("x", **options)


def netcdf4():
    # Without baler: the plugin alone is found.
    import netCDF4

    with netCDF4.Dataset(path("written.h5")) as file:
        found = file["x"][...]
    check(np.ma.filled(found, np.nan).astype(">f4"), "netCDF4")
    print("netCDF4 reads it by HDF5_PLUGIN_PATH alone")


def compare():
    import h5py

    with h5py.File(path("plain.h5")) as file:
        assert file["x"].id.get_create_plist().get_nfilters() == 0
        check(file["x"][...], "h5repack out of the filter")
        plain = file["x"][...]

    import baler.hdf5  # noqa: F401

    with h5py.File(path("written.h5")) as file:
        assert file["x"][...].tobytes() == plain.tobytes(), "h5repack reads other values than h5py"
    with h5py.File(path("repacked.h5")) as file:
        number, flags, words, _ = file["x"].id.get_create_plist().get_filter(0)
        assert (number, flags) == (baler.hdf5.FILTER_ID, 0), "the filter is mandatory"
        assert words[:5] == baler.hdf5.Baler(abs=BOUND).filter_options, words
        assert file["x"].id.get_storage_size() < file["x"].nbytes / 4
        check(file["x"][...], "h5repack into the filter")


{"write": write, "netcdf4": netcdf4, "compare": compare}[STEP]()
