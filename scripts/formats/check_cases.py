"""Files on which earlier versions failed, which are not part of the project: each comes back without loss as the tool that
wrote it reads it. One line a file; exit code 1 if one fails; 0 with a word where the folder is not there.

    python scripts/formats/check_cases.py target/release/baler ../shared/cases
"""

import pathlib
import sys

import h5py
import netCDF4
import numpy as np
import pyarrow.parquet as parquet
import tifffile
import uproot
from astropy.io import fits
from cases import Checks


def of_parquet(path):
    file = parquet.ParquetFile(path)
    try:
        values = file.read()
    except Exception as error:  # What pyarrow cannot read of the source, it cannot read of the copy.
        values = type(error)
    # The first line of the schema tells where it lies in memory.
    return file.schema_arrow.to_string(show_field_metadata=True), str(file.schema).split("\n", 1)[1], values


def of_tiff(path):
    with tifffile.TiffFile(path) as file:
        pixels = file.asarray()
        return pixels.dtype, pixels.shape, pixels.tobytes(), file.byteorder, file.imagej_metadata


def of_hdf5(path):
    found = {}

    def see(name, item):
        values = (str(item.dtype), item.shape, np.asarray(item[...]).tobytes()) if isinstance(item, h5py.Dataset) else str(item)
        found[name] = values, {key: str(value) for key, value in item.attrs.items()}

    with h5py.File(path) as file:
        if sum(item.size for item in file.values() if isinstance(item, h5py.Dataset)) < 1 << 22:
            file.visititems(see)
        else:
            found.update({name: (item.shape, item[:64].tobytes()) for name, item in file.items()})
    return found


def of_netcdf(path):
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        types = {**file.enumtypes, **file.cmptypes, **file.vltypes}
        variables = {
            name: (str(v.datatype), v.dimensions, v.ncattrs(), str(np.asarray(v[:]).tolist())) for name, v in file.variables.items()
        }
        return variables, file.ncattrs(), {name: str(found) for name, found in types.items()}


def of_root(path):
    with uproot.open(path) as file:
        tree = next(file[key] for key in file.keys() if "TTree" in str(file[key]))
        found = {}
        for name in tree.keys():
            try:
                found[name.split("/")[-1]] = str(tree[name].array(library="np").tolist())
            except Exception:  # A branch that only holds others.
                continue
        return found


def of_fits(path):
    with fits.open(path) as file:
        return [(str(unit.header), None if unit.data is None else unit.data.tobytes()) for unit in file]


def of_npz(path):
    with np.load(path) as file:
        return {name: file[name].tobytes() for name in file.files}


READERS = {
    ".parquet": of_parquet,
    ".tif": of_tiff,
    ".h5": of_hdf5,
    ".nc": of_netcdf,
    ".root": of_root,
    ".fits": of_fits,
    ".gz": of_fits,
    ".npz": of_npz,
    ".npy": pathlib.Path.read_bytes,
    ".csv": pathlib.Path.read_bytes,
}


def main():
    folder = pathlib.Path(sys.argv[2])
    if not folder.is_dir():
        print(f"skipped: {folder} is not there")
        return
    checks = Checks(sys.argv[1])

    def check(path):
        back, _ = checks.round_trip(path, "".join(path.suffixes[-2:]), "--lossless")
        read = READERS[path.suffix]
        found, expected = read(back), read(path)
        if path.suffix == ".root":  # Members that say nothing of the data are left out, and said.
            assert found and found.keys() <= expected.keys()
            expected = {name: expected[name] for name in found}
        assert found == expected, f"{str(found)[:300]} instead of {str(expected)[:300]}"

    for path in sorted(folder.iterdir()):
        if path.suffix in READERS:
            checks.case(path.name, lambda: check(path))
    checks.end()


if __name__ == "__main__":
    main()
