"""Files of one format go into an archive and come out as another; the tools of the other format find the same values.

Usage: python scripts/formats/check_between.py target/release/baler
Needs scripts/formats/requirements.txt.
"""

import itertools
import sys

import awkward as ak
import h5py
import netCDF4
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tifffile
import uproot
import zarr
from astropy.io import fits
from cases import Checks, same, within

RNG = np.random.default_rng(5)
STACK = np.cumsum(RNG.normal(size=(5, 24, 20)), axis=2).astype("f4")
N = 1500
NUMBERS_OF_FILES = itertools.count()
COLUMNS = {"x": RNG.normal(size=N), "hits": RNG.integers(0, 50, N).astype("i4"), "id": np.arange(N, dtype="u8"), "pt": np.exp(RNG.normal(size=N)).astype("f4")}
LISTS = ak.unflatten(RNG.normal(size=3 * N).astype("f4"), RNG.multinomial(3 * N, np.full(N, 1 / N)))
NUMBERS = ak.unflatten(RNG.integers(-99, 99, N).astype("i2"), RNG.multinomial(N, np.full(N, 1 / N)))


def write_h5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def read_h5(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return found


def read_nc(path):
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        groups = [file, *file.groups.values()]
        return {name: variable[:] for group in groups for name, variable in group.variables.items()}


def write_zarr(path, arrays):
    group = zarr.open_group(path, mode="w")
    for name, values in arrays.items():
        group.create_array(name, data=values)


def read_zarr(path):
    group = zarr.open(path, mode="r")
    if isinstance(group, zarr.Array):
        return {"data": group[:]}
    return {name: item[:] for name, item in group.members(max_depth=None) if isinstance(item, zarr.Array)}


def write_fits_images(path, arrays):
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(values, name=name) for name, values in arrays.items())]).writeto(path)


def read_fits_images(path):
    with fits.open(path) as file:
        return next(np.array(unit.data) for unit in file if unit.data is not None)


def write_fits_table(path, columns):
    fits.BinTableHDU.from_columns(fits.ColDefs(np.rec.fromarrays(list(columns.values()), names=list(columns))), name="EVENTS").writeto(path)


def read_fits(path):
    """Columns of a table, or images: columns are known as such in tables only."""
    with fits.open(path) as file:
        if isinstance(file[1], fits.BinTableHDU):
            return {name: np.array(file[1].data[name]) for name in file[1].columns.names}
        return {unit.header["EXTNAME"]: np.array(unit.data) for unit in file if unit.data is not None}


def write_root(path, columns):
    with uproot.recreate(path) as file:
        file.mktree("t", {name: values.dtype for name, values in columns.items()})
        file["t"].extend(columns)


def read_root(path):
    with uproot.open(path) as file:
        tree = file[file.keys(filter_classname="TTree")[0]]
        return {name: tree[name].array(library="np") for name in tree.keys()}


def write_csv(path, columns):
    lines = (",".join(repr(values[i].item()) for values in columns.values()) for i in range(N))
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")


def read_csv(path):
    words = [line.split(",") for line in path.read_text().splitlines()]
    return {name: np.array([row[i] for row in words[1:]], COLUMNS[name].dtype) for i, name in enumerate(word.rsplit("/", 1)[-1] for word in words[0])}


def read_parquet(path):
    table = pq.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}


def read_npz(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def only(arrays):
    (array,) = arrays.values()
    return array


ONE = {  # one array: (writes, reads)
    ".npy": (lambda path, a: np.save(path, a), np.load),
    ".npz": (lambda path, a: np.savez(path, data=a), lambda path: only(read_npz(path))),
    ".h5": (lambda path, a: write_h5(path, {"data": a}), lambda path: only(read_h5(path))),
    ".nc": (None, lambda path: only(read_nc(path))),
    ".zarr": (lambda path, a: write_zarr(path, {"data": a}), lambda path: only(read_zarr(path))),
    ".tif": (lambda path, a: tifffile.imwrite(path, a, photometric="minisblack", metadata=None, software=""), tifffile.imread),
    ".fits": (lambda path, a: write_fits_images(path, {"data": a}), read_fits_images),
}
TABLE = {
    ".npz": (lambda path, a: np.savez(path, **a), read_npz),
    ".csv": (write_csv, read_csv),
    ".h5": (write_h5, read_h5),
    ".nc": (None, read_nc),
    ".zarr": (write_zarr, read_zarr),
    ".fits": (write_fits_table, read_fits),
    ".root": (write_root, read_root),
    ".parquet": (lambda path, a: pq.write_table(pa.table(a), path), read_parquet),
}


class Between(Checks):
    def to_all(self, source, formats, bound):
        """Compresses once, decompresses into every format; (suffix, what its tool reads)."""
        archive = self.folder / "a.bale"
        self.run("compress", source, "-o", archive, "-f", "-q", *self.method(), *bound)
        for suffix, (_, read) in formats.items():
            back = self.fresh("back", suffix)
            self.run("decompress", archive, "-o", back, "-q")
            yield suffix, read(back)

    def fresh(self, name, suffix):
        return self.folder / f"{name}{next(NUMBERS_OF_FILES)}{suffix}"

    def images(self, suffix):
        source = self.fresh("stack", suffix)
        ONE[suffix][0](source, STACK)
        for target, found in self.to_all(source, ONE, ["--lossless"]):
            same(found, STACK, f"{suffix} to {target}")
        for target, found in self.to_all(source, ONE, ["--rel", "1e-3"]):
            within(found, STACK, 1e-3, f"{suffix} to {target}")

    def tables(self, suffix):
        source = self.fresh("table", suffix)
        # A csv of whole numbers below 2^63 cannot say that they are unsigned.
        of_csv = {"id": "i8", "hits": "i8", "pt": "f8"} if suffix == ".csv" else {}
        columns = {name: values.astype(of_csv.get(name, values.dtype)) for name, values in COLUMNS.items()}
        TABLE[suffix][0](source, columns)
        for target, found in self.to_all(source, TABLE, ["--lossless"]):
            found = {name.rsplit("/", 1)[-1]: values for name, values in found.items()}  # names below the table of FITS
            assert set(found) == set(columns), f"{suffix} to {target}: {set(found)}"
            for name, values in columns.items():
                expected = values.astype(found[name].dtype) if target == ".csv" else values
                same(found[name], expected, f"{suffix} to {target}: {name}")

    def lists_of_root_in_parquet(self):
        source = self.fresh("lists", ".root")
        with uproot.recreate(source) as file:
            file.mktree("Events", {"Jet": ak.zip({"pt": LISTS, "eta": LISTS}).type, "n": "i2"})
            file["Events"].extend({"Jet": ak.zip({"pt": LISTS, "eta": -LISTS}), "n": np.arange(N, dtype="i2")})
        back, _ = self.round_trip(source, ".parquet", "--lossless")
        table = pq.read_table(back)
        assert {"Jet_pt", "Jet_eta", "n"} <= set(table.column_names), table.column_names
        for name, expected in (("Jet_pt", LISTS), ("Jet_eta", -LISTS)):
            assert table[name].to_pylist() == ak.to_list(expected) and table[name].type.value_type == pa.float32(), name
        assert table["n"].to_pylist() == list(range(N))

    def lists_of_parquet_in_root(self):
        """Vectors in ROOT, which go through an archive again."""
        source = self.fresh("lists", ".parquet")
        pq.write_table(pa.table({"x": ak.to_list(LISTS), "i": ak.to_list(NUMBERS)}, schema=pa.schema({"x": pa.list_(pa.float32()), "i": pa.list_(pa.int16())})), source)
        back, _ = self.round_trip(source, ".root", "--lossless")
        kept = back.rename(self.fresh("kept", ".root"))
        again, _ = self.round_trip(kept, ".root", "--lossless")
        for path in (kept, again):
            with uproot.open(path) as file:
                for name, expected, typename in (("x", LISTS, "std::vector<float>"), ("i", NUMBERS, "std::vector<int16_t>")):
                    branch = file["Events"][name]
                    assert branch.typename == typename, branch.typename
                    assert ak.to_list(branch.array()) == ak.to_list(expected), name
        back, _ = self.round_trip(again, ".parquet", "--lossless")
        found, expected = pq.read_table(back), pq.read_table(source)
        assert found.to_pylist() == expected.to_pylist(), "lists are others after ROOT"
        assert [field.type.value_type for field in found.schema] == [field.type.value_type for field in expected.schema]

    def lists_as_arrays(self):
        """Formats without lists get the counts and the items."""
        source = self.fresh("lists", ".parquet")
        pq.write_table(pa.table({"x": pa.array(ak.to_list(LISTS), pa.list_(pa.float32()))}), source)
        formats = {suffix: TABLE[suffix] for suffix in (".npz", ".h5", ".zarr")}
        for suffix, found in self.to_all(source, formats, ["--lossless"]):
            same(found["x"], ak.to_numpy(ak.flatten(LISTS)), suffix)
            same(found["x#counts"].astype("i8"), ak.to_numpy(ak.num(LISTS)), suffix)

    def refusals(self):
        """One line each, with what to do."""
        source = self.fresh("two", ".npz")
        np.savez(source, a=STACK, b=np.arange(7))
        archive = self.folder / "a.bale"
        self.run("compress", source, "-o", archive, "-f", "-q", "--lossless")
        for suffix in (".npy", ".csv", ".root", ".parquet", ".tif"):
            back = self.fresh("back", suffix)
            try:
                self.run("decompress", archive, "-o", back, "-q")
            except AssertionError as error:
                *before, said = str(error).removeprefix("baler decompress ended with ").partition(": ")[2].splitlines()
                assert all(line.startswith("baler: warning: ") for line in before), before
                assert said.startswith("baler: ") and "warning: " not in said and ("write" in said or "--variables" in said), said
                assert not back.exists(), f"{back} was left"
            else:
                raise AssertionError(f"{suffix} holds arrays of two shapes")


def main():
    checks = Between(sys.argv[1])
    for suffix in (suffix for suffix, (write, _) in ONE.items() if write):
        checks.case(f"a stack from {suffix} to all others", lambda: checks.images(suffix))
    for suffix in (suffix for suffix, (write, _) in TABLE.items() if write):
        checks.case(f"columns from {suffix} to all others", lambda: checks.tables(suffix))
    checks.case("lists of ROOT in Parquet", checks.lists_of_root_in_parquet)
    checks.case("lists of Parquet in ROOT, and back", checks.lists_of_parquet_in_root)
    checks.case("lists as arrays", checks.lists_as_arrays)
    checks.case("refusals", checks.refusals)
    checks.end()


if __name__ == "__main__":
    main()
