"""Parquet files made by pyarrow go through baler and back, and pyarrow finds the same values, or values within the bound.

Usage: python scripts/formats/check_parquet.py target/release/baler
Needs scripts/formats/requirements.txt.
"""

import sys

import cases
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cases import Checks, within

RNG = np.random.default_rng(11)
N = 4000
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()


def column(dtype, n=N):
    return cases.column(RNG, dtype, n)


def with_nulls(values, share=0.1):
    return pa.array(values, mask=RNG.random(len(values)) < share)


def lists(values, nulls=False, item_nulls=False):
    counts = RNG.poisson(2, N)
    counts[-1] = 0
    items = values(int(counts.sum()))
    items = with_nulls(items) if item_nulls else pa.array(items)
    mask = pa.array(RNG.random(N) < 0.1) if nulls else None
    return pa.ListArray.from_arrays(pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32()), items, mask=mask)


def numbers():
    return pa.table({d: column(d) for d in DTYPES})


def missing():
    return pa.table({d: with_nulls(column(d)) for d in DTYPES})


def nested():
    f4, i4 = (lambda n: column("float32", n)), (lambda n: column("int32", n))
    inner = lists(f4)
    deep = pa.ListArray.from_arrays(pa.array([0, *sorted(RNG.integers(0, N, N - 1)), N], pa.int32()), inner)
    structs = pa.StructArray.from_arrays([pa.array(column("float64")), with_nulls(column("int64"))], ["x", "y"], mask=pa.array(RNG.random(N) < 0.1))
    return pa.table(
        {
            "plain": lists(f4),
            "null_lists": lists(i4, nulls=True),
            "null_items": lists(f4, item_nulls=True),
            "null_both": lists(i4, nulls=True, item_nulls=True),
            "deep": deep,
            "struct": structs,
            "flat": column("float32"),
        }
    )


def dates():
    day = np.datetime64("2020-01-01")
    return pa.table(
        {
            "time": pa.array(day + np.arange(N).astype("m8[s]"), pa.timestamp("us", tz="UTC")),
            "date": pa.array(RNG.integers(0, 20_000, N).astype("i4"), pa.int32()).cast(pa.date32()),
            "value": with_nulls(column("float64")),
        }
    )


def compare(back, expected, rel):
    found = pq.read_table(back)
    assert found.schema.equals(expected.schema), f"another schema: {found.schema} instead of {expected.schema}"
    found.validate(full=True)
    for name in expected.column_names:
        a, b = expected[name].combine_chunks(), found[name].combine_chunks()
        if rel is None:
            same_bits(a, b, name)
            continue
        # The same shape and nulls, and the values within the bound.
        while pa.types.is_list(a.type):
            assert a.is_valid().equals(b.is_valid()), f"{name}: other nulls"
            assert pa.compute.list_value_length(a).equals(pa.compute.list_value_length(b)), f"{name}: other lengths"
            a, b = a.flatten(), b.flatten()
        for x, y in zip(a.flatten(), b.flatten()) if pa.types.is_struct(a.type) else [(a, b)]:
            assert x.is_valid().equals(y.is_valid()), f"{name}: other nulls"
            x, y = (np.asarray(whole_numbers(v.drop_null())) for v in (x, y))
            within(y, x, rel, name)


def whole_numbers(values):
    """Dates and times as what is stored."""
    if not pa.types.is_temporal(values.type):
        return values
    return values.view(pa.int32() if values.type.bit_width == 32 else pa.int64())


def same_bits(a, b, name):
    assert a.type == b.type and len(a) == len(b) and a.is_valid().equals(b.is_valid()), f"{name}: another type or other nulls"
    if pa.types.is_list(a.type):
        assert pa.compute.list_value_length(a).equals(pa.compute.list_value_length(b)), f"{name}: other lengths"
        return same_bits(a.flatten(), b.flatten(), name)
    if pa.types.is_struct(a.type):
        return [same_bits(x, y, name) for x, y in zip(a.flatten(), b.flatten())]
    if pa.types.is_floating(a.type):
        x, y = (np.asarray(v.drop_null()) for v in (a, b))
        assert x.tobytes() == y.tobytes(), f"{name}: other values"
    else:
        assert a.equals(b), f"{name}: other values"


def main():
    checks = Checks(sys.argv[1])
    source = checks.folder / "source.parquet"

    def trip(table, *bound, rel=None, **options):
        pq.write_table(table, source, **options)
        back, said = checks.round_trip(source, ".parquet", *bound)
        assert said == "", f"unexpected warning: {said}"
        compare(back, table, rel)

    tables = {"every dtype": numbers(), "every dtype with nulls": missing(), "lists and structs": nested(), "dates and times": dates()}
    for name, table in tables.items():
        for packing in ("none", "snappy", "gzip", "lz4", "zstd"):
            checks.case(f"{name}, {packing}, lossless", lambda: trip(table, "--lossless", compression=packing))
        checks.case(f"{name}, --rel", lambda: trip(table, "--rel", "1e-3", rel=1e-3))
        checks.case(f"{name}, row groups of 700", lambda: trip(table, "--lossless", row_group_size=700))
        checks.case(f"{name}, no statistics, plain, pages of version 2", lambda: trip(table, "--lossless", write_statistics=False, use_dictionary=False, data_page_version="2.0"))
        checks.case(f"{name}, no rows", lambda: trip(table.slice(0, 0), "--lossless"))
    required = pa.schema([pa.field(d, pa.from_numpy_dtype(d), nullable=False) for d in DTYPES])
    checks.case("required columns", lambda: trip(numbers().cast(required), "--lossless"))
    noted = numbers().replace_schema_metadata({"made by": "hand", "pandas": "{}"})
    checks.case("notes of the file", lambda: trip(noted, "--lossless"))

    def with_bound():
        """Under a bound numbers move within it, and all that is no number stays."""
        table = pa.table({"x": column("float64"), "word": ["a", None, "two words", ""] * (N // 4), "raw": [b"\xff\x00"] * N, "tag": pa.array(["u", "v"] * (N // 2)).dictionary_encode()})
        table = table.append_column("price", pa.array(range(N)).cast(pa.decimal128(24, 2)))
        table = table.append_column("when", pa.array(range(N), pa.timestamp("ms")))
        pq.write_table(table, source)
        back, said = checks.round_trip(source, ".parquet", "--abs", "0.01")
        assert "word" not in said, f"unexpected warning: {said}"
        found = pq.read_table(back)
        assert found.drop(["x"]).equals(table.drop(["x"])), "what is no number is another"
        worst = np.max(np.abs(found["x"].to_numpy() - table["x"].to_numpy()))
        assert 0 < worst <= 0.01, f"{worst} under --abs 0.01"

    checks.case("text, bytes, categories, decimals and times under a bound", with_bound)

    def csv():
        (checks.folder / "x.csv").write_text("a,b\n1,2.5\n3,nan\n")
        back, _ = checks.round_trip(checks.folder / "x.csv", ".parquet", "--lossless")
        found = pq.read_table(back)
        assert found["a"].to_pylist() == [1, 3] and found["b"].to_pylist()[0] == 2.5

    checks.case("csv to Parquet", csv)
    checks.end()


if __name__ == "__main__":
    main()
