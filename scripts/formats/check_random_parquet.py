"""Parquet files of random structure go through baler without loss and come back the same by pyarrow: schema with field
ids, nullability and notes, values and nulls, codec and row groups; or a warning names each column that does not.

Usage: python scripts/formats/check_random_parquet.py target/release/baler [N_FILES] [FIRST_SEED] [FOLDER]
Needs scripts/formats/requirements.txt. Without N_FILES a number that takes some seconds. Files of that kind in FOLDER, or in
../shared/cases, take part.
"""

import datetime
import decimal
import itertools
import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cases import Checks

WORDS = ["x", "time stamp", "a(b)", "a,b", "k=v", "{c}", "semi;colon", "tab\tname", "Ünï", "1", "required", "group x", "list", "element", "a.b", ""]
CODECS = ["none", "snappy", "gzip", "lz4", "zstd"]
DEPTH = 4


class Random:
    """Types, values and files of one seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.field_ids = self.chance(0.3)
        self.next_id = itertools.count(1)

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, items):
        return items[int(self.rng.integers(len(items)))]

    def name(self, taken):
        name = self.pick(WORDS) if self.chance(0.6) else f"c{self.rng.integers(99)}"
        while name in taken and not (len(taken) < 4 and self.chance(0.1)):
            name += self.pick("abc ")
        taken.append(name)
        return name

    def field(self, depth, taken):
        metadata = {"PARQUET:field_id": str(next(self.next_id))} if self.field_ids else None
        if self.chance(0.1):
            metadata = {**(metadata or {}), "note": "of the field; (x)"}
        return self.nullable(pa.field(self.name(taken), self.type(depth), metadata=metadata))

    def nullable(self, field):
        return field.with_nullable(pa.types.is_null(field.type) or self.chance(0.6))

    def type(self, depth):
        if depth < DEPTH and self.chance(0.45):
            kind = self.pick(["struct", "struct", "list", "large_list", "fixed_list", "map"])
            if kind == "struct":
                taken = []
                fields = [self.field(depth + 1, taken) for _ in range(int(self.rng.integers(1, 4)))]
                names = [field.name for field in fields]
                return pa.struct([f.with_name(f"{f.name}{i}") if names.count(f.name) > 1 else f for i, f in enumerate(fields)])
            item = self.nullable(pa.field("element", self.type(depth + 1)))
            if kind == "list":
                return pa.list_(item)
            if kind == "large_list":
                return pa.large_list(item)
            if kind == "fixed_list":
                return pa.list_(item, int(self.rng.integers(1, 4)))
            return pa.map_(self.pick([pa.string(), pa.int32(), pa.binary(), pa.date32()]), item.with_name("value"))
        return self.pick(LEAVES)

    def values(self, type, nullable, n):
        """Python values of a type; some are none where they may be."""
        nulls = self.pick([0.0, 0.2, 1.0]) if nullable and self.chance(0.7) else 0.0
        return [None if self.rng.random() < nulls else self.value(type) for _ in range(n)]

    def value(self, type):
        if pa.types.is_struct(type):
            return {field.name: self.values(field.type, field.nullable, 1)[0] for field in type}
        if pa.types.is_map(type):
            keys = {self.value(type.key_type) for _ in range(int(self.rng.integers(0, 3)))}
            return [(key, self.values(type.item_type, type.item_field.nullable, 1)[0]) for key in keys]
        if pa.types.is_fixed_size_list(type):
            return self.values(type.value_type, type.value_field.nullable, type.list_size)
        if pa.types.is_list(type) or pa.types.is_large_list(type):
            return self.values(type.value_type, type.value_field.nullable, int(self.rng.integers(0, 4)))
        return leaf_value(self.rng, type)


LEAVES = [
    *(getattr(pa, name)() for name in "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 string large_string binary date32 date64".split()),
    pa.binary(5),
    pa.decimal128(7, 2),
    pa.decimal128(15, 3),
    pa.decimal128(38, 10),
    pa.decimal256(60, 20),
    pa.time32("ms"),
    pa.time64("us"),
    pa.time64("ns"),
    pa.timestamp("ms"),
    pa.timestamp("us", tz="Europe/Berlin"),
    pa.timestamp("ns"),
    pa.duration("us"),
    pa.null(),
    pa.dictionary(pa.int8(), pa.string()),
]


def leaf_value(rng, type):
    if pa.types.is_null(type):
        return None
    if pa.types.is_boolean(type):
        return bool(rng.random() < 0.5)
    if pa.types.is_integer(type):
        bits = type.bit_width
        low, high = (0, 2**bits) if pa.types.is_unsigned_integer(type) else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        return int(rng.integers(low, high - 1, dtype="u8" if low == 0 else "i8", endpoint=True)) if rng.random() < 0.5 else int(rng.integers(0, 9))
    if pa.types.is_floating(type):
        value = float(rng.choice([0.0, -0.0, np.inf, np.nan])) if rng.random() < 0.1 else float(rng.normal() * 100)
        return np.float16(value) if pa.types.is_float16(type) else value
    if pa.types.is_dictionary(type):
        return str(rng.choice(["red", "green", "blue, or so"]))
    if pa.types.is_string(type) or pa.types.is_large_string(type):
        return str(rng.choice(["", "a", "some words", "ÄÖ €", "x" * 70, "line\nbreak", "\0"]))
    if pa.types.is_fixed_size_binary(type):
        return rng.bytes(type.byte_width)
    if pa.types.is_binary(type):
        return rng.bytes(int(rng.integers(0, 9)))
    if pa.types.is_decimal(type):
        return decimal.Decimal(int(rng.integers(-(10**6), 10**6))).scaleb(-min(type.scale, 6)).quantize(decimal.Decimal(1).scaleb(-type.scale), context=decimal.Context(prec=70))
    if pa.types.is_date(type):
        return datetime.date(1990, 1, 1) + datetime.timedelta(int(rng.integers(0, 20_000)))
    if pa.types.is_time(type):
        return datetime.time(int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60)), int(rng.integers(1000)) * 1000)
    if pa.types.is_timestamp(type):
        return datetime.datetime(2000, 1, 1) + datetime.timedelta(milliseconds=int(rng.integers(0, 10**12)))
    assert pa.types.is_duration(type), type
    return datetime.timedelta(microseconds=int(rng.integers(0, 10**9)))


def write(seed, path):
    """A file of random structure."""
    random = Random(seed)
    n = int(random.pick([0, 1, 7, 60]))
    taken = []
    fields = [random.field(1, taken) for _ in range(int(random.rng.integers(1, 6)))]
    metadata = {"made by": "hand; (of a kind)", "empty": ""} if random.chance(0.5) else None
    schema = pa.schema(fields, metadata=metadata)
    table = pa.Table.from_arrays([pa.array(random.values(field.type, field.nullable, n), type=field.type) for field in fields], schema=schema)
    pq.write_table(
        table,
        path,
        compression=random.pick(CODECS),
        row_group_size=int(random.pick([5, 1000])),
        use_dictionary=random.chance(0.5),
        data_page_version=random.pick(["1.0", "2.0"]),
        store_schema=random.chance(0.7),
        write_statistics=random.chance(0.7),
        use_deprecated_int96_timestamps=random.chance(0.1),
    )


def described(path):
    """Everything that a footer says of a file, as text, but where things stand and how large they are."""
    metadata = pq.read_metadata(path)
    columns = [metadata.schema.column(i) for i in range(len(metadata.schema))]
    leaves = [(c.path, c.physical_type, str(c.logical_type), c.converted_type, c.length, c.max_definition_level, c.max_repetition_level) for c in columns]
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    packing = [[g.column(i).compression for i in range(g.num_columns)] for g in groups]
    return {
        "schema": str(metadata.schema).split("\n", 1)[1],
        "leaves": leaves,
        "notes": metadata.metadata,
        "rows of groups": [g.num_rows for g in groups],
        "codecs": packing,
        "format": metadata.format_version,
    }


def same_file(path, back):
    a, b = described(path), described(back)
    for key, expected in a.items():
        assert b[key] == expected, f"{key}: {b[key]!r} instead of {expected!r}"
    try:
        expected = pq.ParquetFile(path).read()
    except (OSError, NotImplementedError, pa.ArrowException):
        # What pyarrow itself cannot read is compared by the footer, and by what baler makes of it again.
        return
    found = pq.ParquetFile(back).read()
    found.validate(full=True)
    assert found.schema.equals(expected.schema, check_metadata=True), f"another schema: {found.schema} instead of {expected.schema}"
    for i, name in enumerate(expected.column_names):
        x, y = expected.column(i).combine_chunks(), found.column(i).combine_chunks()
        assert x.is_valid().equals(y.is_valid()), f"{name!r}: other nulls"
        assert x.equals(y) or repr(x.to_pylist()) == repr(y.to_pylist()), f"{name!r}: other values"


def trip(checks, path):
    back, said = checks.round_trip(path, ".parquet", "--lossless")
    assert said == "", f"unexpected warning: {said}"
    same_file(path, back)


def main():
    checks = Checks(sys.argv[1])
    n_files = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    cases = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "cases"
    for path in sorted(cases.glob("*.parquet")):
        checks.case(path.name, lambda: trip(checks, path))
    for seed in range(first, first + n_files):
        path = checks.folder / "source.parquet"
        try:
            write(seed, path)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            print(f"skipped {seed}: pyarrow does not write it ({str(error)[:80]})")
            continue
        checks.case(f"seed {seed}", lambda: trip(checks, path))
    checks.end()


if __name__ == "__main__":
    main()
