"""TIFF files of random structure, written by tifffile, go through baler and back without loss; tifffile finds the same
pixels, tags and notes, stored as they were, or a warning names what is not kept.

    python scripts/formats/check_random_tiff.py target/release/baler [NUMBER OF FILES] [SEED] [FOLDER WITH FILES OF OTHERS]
"""

import pathlib
import struct
import sys
import warnings

import numpy as np
import tifffile
from cases import Checks, same

# Tags that say where pixels are and not what they are, and those of padding.
PLACES = {273, 279, 324, 325, 288, 289, 330}
DTYPES = "bool u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8 c8 c16".split()


def pixels(rng, dtype, shape, bits=None):
    if dtype == "bool":
        return rng.random(shape) < 0.4
    if dtype[0] == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    if dtype[0] == "f":
        return np.cumsum(rng.normal(size=shape), axis=-1).astype(dtype)
    high = 2 ** (bits or min(8 * np.dtype(dtype).itemsize - 1, 20)) - 1
    return (rng.integers(0, high + 1, shape) // rng.integers(1, 5)).astype(dtype)


def storage(rng, dtype, width):
    """Options of how pixels are stored."""
    more = {}
    if rng.random() < 0.3:
        more["tile"] = tuple(int(16 * rng.integers(1, 4)) for _ in range(2))
    elif rng.random() < 0.5:
        more["rowsperstrip"] = int(rng.integers(1, 20))
    compression = rng.choice(["none", "zlib", "lzw", "packbits", "zstd"])
    if dtype == "bool":
        compression = "none" if width % 8 else compression
    if compression != "none":
        more["compression"] = str(compression)
        predictable = dtype in "u1 u2 u4 i1 i2 i4 f4 f8".split()
        if rng.random() < 0.5 and compression != "packbits" and predictable:
            more["predictor"] = True
    return more


def write(rng, path):
    """Writes a file of random structure; returns what was chosen, and words that a warning must hold."""
    byteorder, bigtiff = str(rng.choice(["<", ">"])), bool(rng.random() < 0.2)
    kind = str(rng.choice(["plain", "plain", "plain", "imagej", "ome", "rgb", "palette", "bits", "several", "appended", "truncated", "subifds"]))
    dtype = str(rng.choice(DTYPES))
    n_axes = int(rng.integers(2, 5))
    small = rng.random() < 0.4
    shape = tuple(int(n) for n in (*rng.integers(1, 5, n_axes - 2), *rng.integers(1, 12 if small else 90, 2)))
    more = storage(rng, dtype, shape[-1])
    if rng.random() < 0.3:
        more["resolution"] = (float(rng.integers(1, 900)), 300.5)
    if rng.random() < 0.3:
        more["description" if rng.random() < 0.5 and kind in ("plain", "rgb") else "software"] = "of ours"
    if rng.random() < 0.3:
        more["extratags"] = [(65000, 12, 3, (1.5, -2.5, 1e300), True), (65001, 2, 0, "a private note" * 9, False)]
    open_file = {"byteorder": byteorder, "bigtiff": bigtiff}
    if kind == "imagej":
        dtype = str(rng.choice(["u1", "u2", "f4"]))
        axes = {2: "YX", 3: str(rng.choice(["ZYX", "TYX", "CYX"])), 4: "TZYX"}[n_axes]
        notes = {"axes": axes, "Info": "x" * int(rng.choice([9, 100_000])), "Labels": [f"label {i}" for i in range(int(np.prod(shape[:-2])))]}
        keep = {k: v for k, v in more.items() if k == "resolution"}
        tifffile.imwrite(path, pixels(rng, dtype, shape), imagej=True, byteorder=byteorder, metadata=notes, **keep)
    elif kind == "ome":
        dtype = str(rng.choice(["u1", "u2", "i2", "f4"]))
        axes = {2: "YX", 3: "ZYX", 4: "TCYX"}[n_axes]
        more.pop("description", None)
        tifffile.imwrite(path, pixels(rng, dtype, shape), ome=True, metadata={"axes": axes, "PhysicalSizeX": 0.5}, **open_file, **more)
    elif kind == "rgb":
        dtype = str(rng.choice(["u1", "u2"]))
        n_samples, planar = int(rng.integers(3, 6)), rng.random() < 0.4
        shape = (*shape[:-2], n_samples, *shape[-2:]) if planar else (*shape, n_samples)
        more["extrasamples"] = ["unassalpha", "unspecified"][: n_samples - 3]
        tifffile.imwrite(
            path, pixels(rng, dtype, shape), photometric="rgb", planarconfig="separate" if planar else "contig", **open_file, **more
        )
    elif kind == "palette":
        more.pop("predictor", None)
        colors = rng.integers(0, 65535, (3, 256), dtype="u2")
        tifffile.imwrite(path, pixels(rng, "u1", shape), photometric="palette", colormap=colors, **open_file, **more)
    elif kind == "bits":
        # The tool packs only whole rows without compression.
        bits = int(rng.choice([1, 2, 4, 12]))
        data = pixels(rng, "u2" if bits > 8 else "u1", (*shape[:-1], shape[-1] * 8), bits)
        write_bits(path, data.reshape(-1, *data.shape[-2:]), bits, byteorder)
    elif kind in ("several", "appended"):
        with tifffile.TiffWriter(path, **open_file) as f:
            for _ in range(int(rng.integers(2, 4))):
                height, width = (int(n) for n in rng.integers(2, 40, 2))
                f.write(pixels(rng, dtype, (int(rng.integers(1, 4)), height, width)), contiguous=False, photometric="minisblack", **more)
    elif kind == "truncated":
        keep = {k: v for k, v in more.items() if k in ("resolution", "software", "extratags")}
        tifffile.imwrite(path, pixels(rng, dtype, shape), photometric="minisblack", metadata={"truncate": True}, **open_file, **keep)
    elif kind == "subifds":
        with tifffile.TiffWriter(path, **open_file) as f:
            f.write(pixels(rng, "u2", (48, 48)), subifds=1, photometric="minisblack", **{k: v for k, v in more.items() if k != "predictor"})
            f.write(pixels(rng, "u2", (24, 24)), subfiletype=1, photometric="minisblack")
        return f"{kind} {shape} {more}", "sub-images"
    else:
        tifffile.imwrite(path, pixels(rng, dtype, shape), photometric="minisblack", **open_file, **more)
    return f"{kind} {dtype} {shape} {byteorder} big={bigtiff} {({k: v for k, v in more.items() if k != 'extratags'})}", ""


def write_bits(path, pages, bits, byteorder):
    """Pages of samples with few bits, each row from a byte on; tifffile writes only those of one bit."""
    masks = 1 << np.arange(bits - 1, -1, -1)
    with tifffile.TiffWriter(path, byteorder=byteorder) as f:
        for page in pages:
            rows = np.packbits((page[..., None] & masks != 0).reshape(page.shape[0], -1), axis=1)
            f.write(rows, photometric="minisblack", metadata=None, contiguous=False, rowsperstrip=page.shape[0])
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as f:
        changes = [(page.tags[256], page.imagewidth * 8 // bits) for page in f.pages] + [(page.tags[258], bits) for page in f.pages]
        for tag, value in changes:
            size = {3: 2, 4: 4}[int(tag.dtype)]
            data[tag.valueoffset : tag.valueoffset + size] = value.to_bytes(size, "little" if byteorder == "<" else "big")
    path.write_bytes(data)


def compare(source, back):
    with tifffile.TiffFile(source) as a, tifffile.TiffFile(back) as b:
        for what in ("byteorder", "is_bigtiff", "is_imagej", "is_ome", "is_shaped", "imagej_metadata", "ome_metadata", "shaped_metadata"):
            x, y = getattr(a, what), getattr(b, what)
            assert x == y or np.array_equal(x, y), f"{what}: {y} instead of {x}"
        assert len(a.pages) == len(b.pages), f"{len(b.pages)} pages instead of {len(a.pages)}"
        for i, (x, y) in enumerate(zip(a.pages, b.pages)):
            x, y = x.aspage(), y.aspage()
            tags = [{t.code: t.value for t in page.tags.values() if t.code not in PLACES} for page in (x, y)]
            # Tags that may be left out where they say what is so without them.
            for number in (258, 277, 278, 284, 317, 339):
                if number not in tags[0]:
                    tags[1].pop(number, None)
            if not x.is_tiled and min(tags[0].get(278, 0), x.imagelength) == tags[1].get(278):
                tags[0][278] = tags[1][278]
            assert tags[0].keys() == tags[1].keys(), f"page {i}: tags {tags[0].keys() ^ tags[1].keys()}"
            for number in tags[0]:
                assert repr(tags[1][number]) == repr(tags[0][number]), f"page {i}, tag {number}: other values"
            assert x.is_final == y.is_final and (x.is_contiguous is None) == (y.is_contiguous is None), f"page {i}: in pieces"
        assert len(a.series) == len(b.series), f"{len(b.series)} series instead of {len(a.series)}"
        for i, (x, y) in enumerate(zip(a.series, b.series)):
            assert (x.axes, x.shape, x.dtype) == (y.axes, y.shape, y.dtype), f"series {i}: {y} instead of {x}"
            same(y.asarray(), x.asarray(), f"series {i}")


def main():
    warnings.simplefilter("ignore")
    checks = Checks(sys.argv[1])
    n_files = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    others = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None
    n_bytes = np.zeros(2, int)

    def trip(source, must_be_said=""):
        back, said = checks.round_trip(source, ".tif", "--lossless")
        assert (must_be_said in said) if must_be_said else said == "", f"said: {said}"
        n_bytes[:] += source.stat().st_size, back.stat().st_size
        compare(source, back)

    for i in range(n_files):
        rng = np.random.default_rng([seed, i])
        source = checks.folder / f"{i}.tif"
        try:
            what, must_be_said = write(rng, source)
        except (ValueError, tifffile.TiffFileError, NotImplementedError, RuntimeError, struct.error) as error:
            print(f"skipped  {i}: tifffile does not write it: {error}")
            continue
        checks.case(f"{i}: {what}", lambda: trip(source, must_be_said))
        source.unlink()
    for path in sorted(others.glob("*.tif*")) if others else []:
        checks.case(path.name, lambda: trip(path))
    print(f"{n_bytes[0]} bytes became {n_bytes[1]}")
    checks.end()



if __name__ == "__main__":
    main()
