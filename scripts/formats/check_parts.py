"""Parts of datasets with coordinates (`--slice` with ranges and single indices, by place and by name) open in xarray with the
values, names of axes, shapes and coordinates that xarray's own `isel` gives; texts of variable length come back in Zarr; names that
a format cannot say are told.

Usage: python scripts/formats/check_parts.py target/release/baler
Needs scripts/formats/requirements.txt.
"""

import shutil
import sys
import warnings

import numpy as np
import tifffile
import uproot
import xarray as xr
from astropy.io import fits
from cases import Checks, same

warnings.simplefilter("ignore")
RNG = np.random.default_rng(7)
SLICES = {
    "3,:,5": {"time": 3, "lon": 5},
    "3": {"time": 3},
    ":,:,5": {"lon": 5},
    "1:4,2,:": {"time": slice(1, 4), "lat": 2},
    "0,0,0": {"time": 0, "lat": 0, "lon": 0},
    "lat=2": {"lat": 2},
    "time=-1,lon=2:5": {"time": -1, "lon": slice(2, 5)},
    "ens=1": {"ens": 1},
    "1:3,:,2:6": {"time": slice(1, 3), "lon": slice(2, 6)},
}


def dataset():
    """A field on three axes, others on some of them, coordinates of one and two axes, axes without coordinates."""
    variables = {
        "t2m": (("time", "lat", "lon"), RNG.normal(size=(6, 5, 8)).astype("f4"), {"units": "K"}),
        "orog": (("lat", "lon"), RNG.normal(size=(5, 8))),
        "members": (("time", "ens"), RNG.normal(size=(6, 4))),
        "time_bnds": (("time", "nv"), RNG.normal(size=(6, 2))),
    }
    coordinates = {
        "time": ("time", np.arange(6) * 6.0, {"units": "hours since 2000-01-01"}),
        "lat": ("lat", np.linspace(-40, 40, 5), {"units": "degrees_north"}),
        "lon": ("lon", np.linspace(0, 350, 8)),
        "area": (("lat", "lon"), RNG.normal(size=(5, 8))),
    }
    return xr.Dataset(variables, coordinates)


def opened(path):
    if path.suffix == ".nc":
        with xr.open_dataset(path, engine="netcdf4", decode_times=False) as file:
            return file.load()
    with xr.open_zarr(path, consolidated=False, decode_times=False) as file:
        return file.load()


class Parts(Checks):
    def source(self, kind):
        path = self.folder / f"source_{kind}{'.nc' if kind[0] == 'n' else '.zarr'}"
        if kind == "nc":
            dataset().to_netcdf(path, engine="netcdf4")
        elif kind == "nc3":
            dataset().to_netcdf(path, format="NETCDF3_64BIT", engine="netcdf4")
        else:
            dataset().to_zarr(path, zarr_format=int(kind[-1]), consolidated=False, mode="w")
        return path

    def slices(self, kind, suffix):
        source, archive = self.source(kind), self.folder / "a.bale"
        whole = opened(source)
        self.run("compress", source, "-o", archive, "-f", "-q", "--lossless", "--method", "classical")
        for words, picked in SLICES.items():
            if suffix == ".nc":  # single indices stay as axes of one
                picked = {axis: [at] if isinstance(at, int) else at for axis, at in picked.items()}
            part = self.folder / f"part{suffix}"
            shutil.rmtree(part, ignore_errors=True)
            self.run("decompress", archive, "-o", part, "-f", "-q", "--slice", words)
            found, expected = opened(part), whole.isel(picked)
            name = f"{kind} to {suffix}, {words}"
            assert set(found.variables) == set(expected.variables), f"{name}: {set(found.variables) ^ set(expected.variables)}"
            assert set(found.coords) == set(expected.coords), f"{name}: coordinates {set(found.coords)}, not {set(expected.coords)}"
            for variable in expected.variables:
                a, b = expected[variable], found[variable]
                assert a.dims == b.dims, f"{name}: axes of {variable} {b.dims}, not {a.dims}"
                same(b.values, a.values, f"{name}: {variable}")

    def texts(self, version):
        words = np.array(["one", "zwölf", "", "a longer text"] * 3, dtype=object)
        path = self.folder / f"texts{version}.zarr"
        names = xr.Dataset({"names": ("x", words), "v": ("x", np.arange(12.0))})
        names.to_zarr(path, zarr_format=version, consolidated=False, encoding={"names": {"chunks": (5,)}})
        back, said = self.round_trip(path, f"{version}.zarr", "--lossless")
        assert "left out" not in said, said
        found = opened(back)
        assert list(found["names"].values) == list(words), found["names"].values
        assert found["names"].dims == ("x",)

    def names_are_told(self):
        source = self.folder / "named.npz"
        for name, suffix, becomes in (("größe", ".fits", "gre"), ("a//b", ".nc", "a/b"), ("a//b", ".zarr", "a/b"), ("flat", ".tif", "data")):
            np.savez(source, **{name: np.arange(12.0).reshape(3, 4)})
            back, said = self.round_trip(source, suffix, "--lossless")
            assert f"the name '{name}' becomes '{becomes}'" in said, f"{name} to {suffix}: {said}"
            if suffix == ".tif":
                assert tifffile.TiffFile(back).pages[0].tags["PageName"].value == name
        table = self.folder / "named.csv"
        table.write_bytes(b" a,b,b\n1,2,3\n4,5,6\n")
        for suffix, is_told in ((".csv", False), (".npz", True)):
            _, said = self.round_trip(table, suffix, "--lossless")
            assert ("the name ' a' becomes 'a'" in said) == is_told, f"{suffix}: {said}"
        path = self.folder / "named.fits"
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.arange(6.0).reshape(2, 3), name="A/B")]).writeto(path)
        for suffix, is_told in ((".fits", False), (".npz", True)):
            _, said = self.round_trip(path, suffix, "--lossless")
            assert ("the name 'A/B' becomes 'A_B'" in said) == is_told, f"{suffix}: {said}"

    def notes_of_a_part(self):
        path, archive, part = self.folder / "stack.tif", self.folder / "a.bale", self.folder / "part.tif"
        stack = RNG.integers(0, 999, (6, 20, 30)).astype("u2")
        tifffile.imwrite(path, stack, imagej=True, resolution=(4.0, 2.0), metadata={"axes": "ZYX", "unit": "um", "spacing": 0.5})
        self.run("compress", path, "-o", archive, "-f", "-q", "--lossless", "--method", "classical")
        said = self.run("decompress", archive, "-o", part, "-f", "--rows", "2:5")
        assert "slices and frames (ImageJ)" in said, said
        with tifffile.TiffFile(part) as file:
            same(file.asarray(), stack[2:5], "pages")
            notes = file.imagej_metadata
        assert (notes["unit"], notes["spacing"], notes["images"]) == ("um", 0.5, 3), notes
        self.run("decompress", archive, "-o", self.folder / "stack.nc", "-f")
        found = opened(self.folder / "stack.nc")["data"]
        assert found.dims == ("z", "y", "x"), found.dims
        assert list(found.attrs["pixel_size"]) == [0.5, 0.25] and found.attrs["pixel_size_unit"] == "um", found.attrs

    def titles(self):
        path, archive, back = self.folder / "titles.nc", self.folder / "a.bale", self.folder / "titles.root"
        xr.Dataset({"pt": ("n", np.arange(9.0), {"long_name": "momentum", "units": "GeV"})}).to_netcdf(path, engine="netcdf4")
        self.run("compress", path, "-o", archive, "-f", "-q", "--lossless", "--method", "classical")
        self.run("decompress", archive, "-o", back, "-f")
        with uproot.open(back) as file:
            tree = file[file.keys(filter_classname="TTree")[0]]
            assert tree["pt"].title == "momentum [GeV]", tree["pt"].title
            same(tree["pt"].array(library="np"), np.arange(9.0), "pt")


def main():
    checks = Parts(sys.argv[1])
    for kind in ("nc", "nc3", "zarr2", "zarr3"):
        for suffix in (".nc", ".zarr"):
            checks.case(f"slices of {kind} to {suffix}", lambda: checks.slices(kind, suffix))
    for version in (2, 3):
        checks.case(f"texts of Zarr version {version}", lambda: checks.texts(version))
    checks.case("names that change are told", checks.names_are_told)
    checks.case("notes of a part", checks.notes_of_a_part)
    checks.case("titles of branches", checks.titles)
    checks.end()


if __name__ == "__main__":
    main()
