"""FITS files of units of every kind go through baler without loss and come back the same by astropy: every card of every
header, checksums among them, and all data; or a warning names what does not.

Usage: python scripts/formats/check_random_fits.py target/release/baler [N_FILES] [FIRST_SEED] [FOLDER]
Needs scripts/formats/requirements.txt. Without N_FILES a number that takes some seconds. Files of that kind in FOLDER, or in
../shared/cases, take part.
"""

import pathlib
import sys
import warnings

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyWarning
from cases import Checks

warnings.simplefilter("ignore", VerifyWarning)
IMAGES = "u1 i2 i4 i8 f4 f8 u2 u4 u8 i1".split()
LETTERS = "LXABIJKEDCM"


class Random:
    """Units of one seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, items):
        return items[int(self.rng.integers(len(items)))]

    def numbers(self, dtype, shape):
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return self.rng.normal(size=shape).astype(dtype)
        if dtype.kind == "c":
            return (self.rng.normal(size=shape) + 1j * self.rng.normal(size=shape)).astype(dtype)
        info = np.iinfo(dtype)
        return self.rng.integers(info.min, info.max, shape, dtype, endpoint=True)

    def cards(self, header):
        for i in range(int(self.rng.integers(0, 4))):
            header[f"KEY{i}"] = (self.pick(["it's text", 7, 1.5, True, ""]), self.pick(["a comment", ""]))
        if self.chance(0.3):
            header["HIERARCH a longer keyword"] = 3
            header["HISTORY"] = "made by hand"
            header["LONG"] = "a string that is continued " * 5
        return header

    def name(self):
        return self.pick(["", "EVENTS", "EVENTS", "A/B", "two words"])

    def image(self, primary):
        shape = tuple(int(n) for n in self.rng.integers(1, 7, int(self.rng.integers(1, 5))))
        data = self.numbers(self.pick(IMAGES), shape)
        unit = fits.PrimaryHDU(data) if primary else fits.ImageHDU(data, name=self.name())
        if self.chance(0.2) and data.dtype.kind == "i" and data.dtype.itemsize > 1:
            unit.header["BLANK"] = -99
        return unit

    def empty(self, primary):
        return fits.PrimaryHDU() if primary else fits.ImageHDU(name=self.name())

    def column(self, i, n):
        letter = self.pick(LETTERS)
        repeat = self.pick([1, 1, 3, 6, 0]) if letter != "A" else self.pick([1, 8])
        name = self.pick([f"TIME{i}", f"C{i}", f"C {i}", f"X/{i}", f"c(i{i})"])
        shape = (n, repeat) if repeat != 1 else (n,)
        options = {"unit": "s"} if self.chance(0.2) else {}
        if letter == "A":
            return fits.Column(name, f"{repeat}A", array=np.array([self.pick(["", "star", "x", "a b"])[:repeat] for _ in range(n)], f"S{repeat}"), **options)
        if letter in "LX":
            return fits.Column(name, f"{repeat}{letter}", array=self.rng.random(shape) < 0.5, **options)
        dtype = dict(zip("BIJKEDCM", "u1 i2 i4 i8 f4 f8 c8 c16".split()))[letter]
        if letter in "IJK" and self.chance(0.3):
            return fits.Column(name, f"{repeat}{letter}", bzero=2 ** (8 * np.dtype(dtype).itemsize - 1), array=self.numbers(dtype.replace("i", "u"), shape), **options)
        if letter in "IJ" and self.chance(0.3):
            options["null"] = -1
        if repeat == 6 and self.chance(0.5):
            return fits.Column(name, f"6{letter}", dim="(3,2)", array=self.numbers(dtype, (n, 2, 3)), **options)
        return fits.Column(name, f"{repeat}{letter}", array=self.numbers(dtype, shape), **options)

    def listed(self, i, n):
        letter = self.pick("BIJKEDCMA")
        kind = self.pick("PQ")
        if letter == "A":
            rows = [self.pick(["", "abc", "words and words"]) for _ in range(n)]
        else:
            dtype = dict(zip("BIJKEDCM", "u1 i2 i4 i8 f4 f8 c8 c16".split()))[letter]
            rows = [self.numbers(dtype, int(self.rng.integers(0, 5))) for _ in range(n)]
        array = np.empty(n, object)
        array[:] = rows
        return fits.Column(f"V{i}", f"{kind}{letter}()", array=array)

    def table(self, primary):
        n = int(self.pick([0, 1, 9, 40]))
        makers = [self.listed if n and self.chance(0.25) else self.column for _ in range(int(self.rng.integers(0, 6)))]
        if self.chance(0.2):
            return fits.BinTableHDU.from_columns([fits.Column("NAME", "8A", array=np.array(["star"] * n))], nrows=n, name=self.name())
        return fits.BinTableHDU.from_columns([make(i, n) for i, make in enumerate(makers)], nrows=n, name=self.name())

    def text(self, primary):
        n = int(self.rng.integers(1, 9))
        return fits.TableHDU.from_columns([fits.Column("A", "I5", array=np.arange(n)), fits.Column("B", "A7", array=np.array(["ab"] * n))], name=self.name())

    def packed(self, primary):
        data = self.rng.poisson(40, (30, 40)).astype(self.pick(["i2", "i4", "u1", "f4"]))
        kind = self.pick(["GZIP_1", "GZIP_2", "RICE_1", "PLIO_1" if data.dtype.kind == "i" else "GZIP_1"])
        return fits.CompImageHDU(data, compression_type=kind, name="PACKED")

    def groups(self):
        """Random groups stand at the start of a file."""
        n = int(self.rng.integers(1, 6))
        data = self.numbers(self.pick(["i2", "f4"]), (n, 1, 3, 4))
        parameters = [self.numbers(data.dtype, n) for _ in range(int(self.rng.integers(1, 4)))]
        names = ["UU", "VV", "DATE"][: len(parameters)]
        bitpix = {"f": -32, "i": 16}[data.dtype.kind]
        return fits.GroupsHDU(fits.GroupData(data, bitpix=bitpix, parnames=names, pardata=parameters))


def write(seed, path):
    random = Random(seed)
    first = random.groups() if random.chance(0.15) else random.pick([random.image, random.empty])(True)
    makers = [random.image, random.empty, random.table, random.table, random.text, random.packed]
    units = [first, *(random.pick(makers)(False) for _ in range(int(random.rng.integers(0, 5))))]
    for unit in units:
        random.cards(unit.header)
    fits.HDUList(units).writeto(path, overwrite=True, checksum=random.chance(0.3), output_verify="silentfix")
    if random.chance(0.1):
        with open(path, "ab") as file:
            file.write(b"\0" * 2880)


def same_file(path, back):
    """Packed images as the tables that they are."""
    with fits.open(path, disable_image_compression=True, memmap=False) as a, fits.open(back, disable_image_compression=True, memmap=False, checksum=True) as b:
        assert len(a) == len(b), f"{len(b)} units instead of {len(a)}"
        for i, (x, y) in enumerate(zip(a, b)):
            found, expected = ([card.image.rstrip() for card in unit.header.cards] for unit in (y, x))
            assert found == expected, f"unit {i}: {[card for card in found if card not in expected]} instead of {[card for card in expected if card not in found]}"
            has_lists = isinstance(x, fits.BinTableHDU) and any(isinstance(column.format, fits.column._FormatP) for column in x.columns)
            if not has_lists:
                u, v = (raw(unit, file) for unit, file in ((x, path), (y, back)))
                assert u == v, f"unit {i}: other bytes"
                continue
            for name, u, v in ((column.name, x.data.field(j), y.data.field(j)) for j, column in enumerate(x.columns)):
                assert len(u) == len(v), f"unit {i}: {name} has other rows"
                assert all(np.asarray(p).tobytes() == np.asarray(q).tobytes() for p, q in zip(u, v)), f"unit {i}: {name} has other values"


def raw(unit, path):
    """The bytes of a unit's data in its file."""
    import gzip

    file = gzip.open(path) if str(path).endswith(".gz") else open(path, "rb")
    with file:
        file.seek(unit._data_offset)
        return file.read(unit._data_size)


def trip(checks, path, suffix=".fits"):
    with fits.open(path) as file:
        if not any(unit.size for unit in file):
            return  # A file without data is refused.
    back, said = checks.round_trip(path, suffix, "--lossless")
    # Told is not lost; astropy itself sometimes writes random groups that end in the middle of a block.
    told = ["is a compressed image", "BSCALE", "behind the last unit"]
    said = [line for line in said.splitlines() if not any(words in line for words in told)]
    assert said == [], f"unexpected warning: {said}"
    same_file(path, back)


def main():
    checks = Checks(sys.argv[1])
    n_files = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    cases = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "cases"
    for path in sorted(cases.glob("*.fits*")):
        checks.case(path.name, lambda: trip(checks, path, ".fits.gz" if path.suffix == ".gz" else ".fits"))
    for seed in range(first, first + n_files):
        suffix = ".fits.gz" if seed % 8 == 7 else ".fits"
        path = checks.folder / f"source{suffix}"
        try:
            write(seed, path)
        except (ArithmeticError, BufferError, LookupError, NameError, ValueError) as error:
            print(f"skipped {seed}: astropy does not write it ({str(error)[:80]})")
            continue
        checks.case(f"seed {seed}", lambda: trip(checks, path, suffix))
    checks.end()


if __name__ == "__main__":
    main()
