"""Makes crates/baler/tests/assets/formats: small files with structures that real tools write and we do not (chunks with every
kind of index, old groups, heaps, filters, tiles, compressed strips, RNTuples, pages of lists). crates/baler/tests/formats.rs reads them, cut and with
every bit turned. Run again only to add a file: python scripts/formats/make_assets.py
"""

from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tifffile
import uproot
from astropy.io import fits

FOLDER = Path(__file__).resolve().parents[2] / "crates/baler/tests/assets/formats"


def ramp(*shape):
    """0, 1, 2, ... modulo 100: what the test expects to find."""
    return (np.arange(np.prod(shape)) % 100).reshape(shape)


def hdf5(name, **options):
    with h5py.File(FOLDER / name, "w", **options) as f:
        d = f.create_dataset("group/packed", data=ramp(5, 7).astype("f4"), chunks=(2, 3), compression=1, shuffle=True, fletcher32=True)
        d.attrs["units"] = "m/s"
        d.attrs["_FillValue"] = np.float32(99)
        d.attrs["words"] = ["a", "bc"]
        d.attrs["points at"] = f["group"].ref
        for i in range(9):
            f["group"].attrs[f"number {i}"] = i
            f[f"many/{i}"] = np.int16(i)
        f.create_dataset("lzf", data=ramp(64), chunks=(16,), compression="lzf")
        f.create_dataset("grows", data=ramp(40).astype(">i4"), chunks=(3,), maxshape=(None,))
        f.create_dataset("grows both", data=ramp(6, 6).astype("u1"), chunks=(4, 4), maxshape=(None, None))
        f.create_dataset("fixed", data=ramp(20).astype("u2"), chunks=(6,))
        f["complex"] = np.array([1 + 2j])
        f["truth"] = np.array([True, False])
        f["text"] = "hello"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    hdf5("old.h5")
    hdf5("latest.h5", libver="latest")
    hdf5("ordered.h5", libver=("v110", "v110"), track_order=True)
    for name, more in {
        "lzw.tif": {"compression": "lzw", "rowsperstrip": 3},
        "tiles.tif": {"compression": "zlib", "predictor": True, "tile": (16, 16), "byteorder": ">"},
        "packbits.tif": {"compression": "packbits", "bigtiff": True},
        "zstd.tif": {"compression": "zstd", "description": "a ramp"},
    }.items():
        tifffile.imwrite(FOLDER / name, ramp(2, 9, 20).astype("u2"), photometric="minisblack", **more)
    columns = [
        fits.Column("X", "E", array=ramp(6).astype("f4")),
        fits.Column("U", "I", bzero=32768, array=ramp(6).astype("u2")),
        fits.Column("GOOD", "L", array=np.array([True, False] * 3)),
        fits.Column("NAME", "4A", array=np.array(["star"] * 6)),
        fits.Column("LIST", "PJ()", array=np.array([np.arange(i % 3) for i in range(6)], dtype=object)),
    ]
    counts = np.arange(8)
    lists = ak.unflatten(ramp(28).astype("f4"), counts)
    flat = {"i": ramp(8).astype("i8"), "u": ramp(8).astype("u2"), "box": ramp(8, 3).astype("f8")}
    with uproot.recreate(FOLDER / "ntuple.root", compression=uproot.ZSTD(1)) as file:
        fields = {**flat, "box": ak.to_regular(ak.Array(flat["box"])), "list": lists, "hit": ak.zip({"e": lists})}
        file.mkrntuple("ntuple", fields)
    with uproot.recreate(FOLDER / "tree.root", compression=uproot.LZ4(1)) as file:
        file.mktree("tree", {**{name: (v.dtype, v.shape[1:]) for name, v in flat.items()}, "list": lists.type})
        file["tree"].extend({**flat, "list": lists})
    table = pa.table({"i": flat["i"], "list": ak.to_list(lists)}, schema=pa.schema({"i": pa.int64(), "list": pa.list_(pa.float32())}))
    pq.write_table(table, FOLDER / "lists.parquet", compression="zstd")
    image = fits.ImageHDU(ramp(3, 4).astype("u2"), name="IMAGE")
    units = [fits.PrimaryHDU(), image, fits.BinTableHDU.from_columns(columns, name="EVENTS")]
    fits.HDUList(units).writeto(FOLDER / "units.fits", overwrite=True)


if __name__ == "__main__":
    main()
