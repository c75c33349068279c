"""Decode a .bale archive: an independent decoder in plain NumPy, written from docs/format.md. Clear, not fast.

    python decode.py FILE.bale OUT.npz [--model M.balm]

Needs the PyPI packages numpy, pcodec, zstandard and blake3. Every checksum and the hash of all decoded values are checked.
"""

import argparse
import io
import math
import struct
import sys
import zipfile
from collections import namedtuple

import blake3
import numpy as np
import zstandard
from fields import FormatError, Reader, check, unzigzag, wrap64
from pcodec import standalone as pcodec
from predictive import decode_predictive
from tables import TABLE, SharedTable, decode_column, formula_rows, read_table
from weights import SharedModel

# Stands for the table of a group whose model is one of the archive's.
SHARED = "shared"

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()


def unzstd(packed, n_bytes):
    try:
        content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=n_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise FormatError(f"not a zstd frame: {error}") from None
    check(len(content) == n_bytes, "a zstd frame has another length than stated")
    return content


# ---- Plan -----------------------------------------------------------------------------------------------------------

# counts: index of the variable that counts the items of lists, if the rows are such items.
Variable = namedtuple("Variable", "name dtype shape grid patterns counts exact")
# model: an entry of the models, if the method has one; learned: what else an autoencoder needs, if it is one.
Group = namedtuple("Group", "variables rows_per_chunk model learned table", defaults=[None])
Learned = namedtuple("Learned", "residual scalings tile")
Scaling = namedtuple("Scaling", "center half_range log_unit")


def n_rows_of(variable):
    return variable.shape[0] if variable.shape else 1


def read_plan(data):
    r = Reader(data)
    packing = r.u8()
    check(packing in (0, 1), "unknown packing of the plan")
    if packing == 1:
        n_bytes = r.varint()
        check(n_bytes <= 32768 * len(data), "the plan cannot be so long")
        r = Reader(unzstd(r.rest(), n_bytes))
    layout = r.u8()
    check(layout <= 3, "unknown layout")
    table = [r.varint() for _ in range(4)] if layout == 2 else [0]
    variables = r.many(lambda: read_variable(r))
    groups = r.many(lambda: read_group(r, variables))
    r.many(lambda: (r.text(), r.varint(), r.block()))  # attachments: name, position, bytes
    r.end()
    check(table[0] <= len(variables), "too many columns")
    check(len({v.name for v in variables}) == len(variables), "a name stands twice")
    for variable in variables:
        check_lists(variable, variables)
    grouped = sorted(index for group in groups for index in group.variables)
    check(grouped == list(range(len(variables))), "a variable is not in exactly one group")
    return variables, groups


def check_lists(variable, variables):
    check(variable.counts is None or variable.shape, "a single value has no lists")
    depth = 0
    while variable.counts is not None:
        depth += 1
        check(depth <= 16 and variable.counts < len(variables), "lists without an end")
        variable = variables[variable.counts]
        fits = len(variable.shape) == 1 and variable.dtype.kind != "f" and variable.exact
        check(fits, "lists are not counted by exact whole numbers")


def read_variable(r):
    name = r.text()
    code = r.u8()
    check(code < len(DTYPES), "unknown dtype")
    dtype = np.dtype(DTYPES[code])
    flags = r.u8()
    check(flags <= 7, "unknown storage flags")
    counts = None
    if flags & 4:
        counts = r.varint()
        check(r.u8() <= 2, "unknown kind of lists")
    shape = r.many(r.varint)
    check(math.prod(shape) < 1 << 59, "too many values")
    bound = r.u8()
    check(bound <= 4, "unknown bound")
    numbers = [r.f64() for _ in range({1: 1, 2: 2, 3: 1}.get(bound, 0))]
    check(all(math.isfinite(x) and x >= 0 for x in numbers), "a bound is negative or not finite")
    grid = read_grid(r, dtype)
    n_patterns = r.varint()
    check(n_patterns <= 16, "too many patterns")
    patterns = [r.raw(dtype.itemsize) for _ in range(n_patterns)]
    return Variable(name, dtype, shape, grid, patterns, counts, bound == 0)


def read_grid(r, dtype):
    code, is_float = r.u8(), dtype.kind == "f"
    if code == 0:
        return ("order",)
    if code == 1:
        check(dtype == np.float64, "float32 order of another dtype than float64")
        return ("order32",)
    if code == 2:
        step = r.varint()
        check(0 < step < 1 << 62, "bad integer step")
        return ("integer", step)
    if code in (3, 4):
        step = r.f64()
        check(is_float and math.isfinite(step) and step >= 2.0**-1022, "bad step")
        return ("uniform", step, code == 4)
    if code == 5:
        divisor = r.f64()
        check(is_float and math.isfinite(divisor) and divisor >= 1, "bad divisor")
        return ("decimal", divisor)
    check(code in (6, 7), "unknown grid")
    step, low = r.varint(), r.signed()
    check(0 < step < 1 << 52 and abs(low) < 1 << 60, "bad logarithmic grid")
    return ("log", step, low, code == 7)


def read_group(r, variables):
    indices = r.many(r.varint)
    rows_per_chunk = r.varint()
    check(indices and rows_per_chunk > 0, "an empty group")
    check(all(a < b for a, b in zip(indices, indices[1:])) and indices[-1] < len(variables), "bad group")
    method = r.u8()
    check(method in (0, 1, 2, 3, 4), "unknown method")
    if method in (0, 3):
        check(len(indices) == 1, "a classical or predictive group has one variable")
        return Group(indices, rows_per_chunk, r.varint() if method == 3 else None, None)
    if method in (2, 4):
        shapes = [variables[index].shape for index in indices]
        check(all(len(shape) == 1 and shape == shapes[0] for shape in shapes), "columns of different lengths")
        check(rows_per_chunk <= 1 << 20, "too many rows a chunk of a table")
        if method == 4:
            return Group(indices, rows_per_chunk, r.varint(), None, SHARED)
        return Group(indices, rows_per_chunk, None, None, read_table(r, len(indices)))
    model, flags = r.varint(), r.u8()
    check(flags <= 3, "unknown flags")
    scalings = [read_scaling(r) for _ in indices]
    tile = read_tile(r) if flags & 2 else None
    shapes = [variables[index].shape for index in indices]
    if tile:
        fits = len(indices) == 1 and len(tile) == len(shapes[0]) and rows_per_chunk % tile[0] == 0
    else:
        fits = all(len(shape) == 1 and shape == shapes[0] for shape in shapes)
    check(fits, "the variables of a group do not fit each other")
    return Group(indices, rows_per_chunk, model, Learned(flags & 1 == 1, scalings, tile))


def read_scaling(r):
    scaling = Scaling(r.signed(), r.f64(), r.f64())
    check(all(map(math.isfinite, scaling[1:])), "a scale is not finite")
    check(scaling.half_range > 0 and scaling.log_unit >= 0, "a scale is not positive")
    return scaling


def read_tile(r):
    tile = r.many(r.varint)
    check(tile and 1 <= math.prod(tile) <= 1 << 20, "bad tile")
    return tile


# ---- Archive and model files ----------------------------------------------------------------------------------------


def decode_archive(data, model_file=None):
    """{name: array} of the bytes of an archive; model_file is the bytes of the model that it names, if any."""
    check(data[:6] == b"\x89BALE\n", "not an archive")
    check(data[6] == 1, f"unknown version {data[6]}")
    check(data[-4:] == b"ELAB" and len(data) >= 15, "the file is cut off")
    footer_start = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    check(footer_start >= 7, "the file is cut off")
    outer = Reader(data[footer_start:-8])
    footer = Reader(outer.frame())
    outer.end()
    lengths = footer.many(footer.varint)
    check(footer.raw(16) == blake3.blake3(data[:footer_start]).digest()[:16], "the hash of the archive does not fit")
    footer.end()

    r = Reader(data[7:footer_start])
    variables, groups = read_plan(r.frame())
    models = read_models(r.frame(), model_file, groups)
    rows = [[] for _ in variables]
    n_chunks = 0
    for group_index, group in enumerate(groups):
        first = variables[group.variables[0]]
        starts = range(0, n_rows_of(first), group.rows_per_chunk) if math.prod(first.shape) else []
        for first_row in starts:
            at = r.at
            chunk = Reader(r.frame())
            check(n_chunks < len(lengths) and r.at - at == lengths[n_chunks], "the chunk index does not fit")
            n_chunks += 1
            check((chunk.varint(), chunk.varint()) == (group_index, first_row), "a chunk is missing")
            n_rows = min(group.rows_per_chunk, n_rows_of(first) - first_row)
            for index, values in decode_chunk(chunk, group, variables, n_rows, models.get(group_index)):
                rows[index].append(values)
    check(n_chunks == len(lengths), "too many chunks")
    r.end()
    return {
        v.name: np.concatenate([np.zeros(0, v.dtype), *parts]).reshape(v.shape) for v, parts in zip(variables, rows)
    }


def read_models(data, model_file, groups):
    """{index of a group: its decoder or predictive model}."""
    r = Reader(data)

    def read_entry():
        kind = r.u8()
        check(kind in (0, 1), "unknown model entry")
        if kind == 0:
            return r.block()
        digest, part = r.raw(32), r.varint()
        check(model_file is not None, f"the archive needs the model with BLAKE3 hash {digest.hex()}")
        check(blake3.blake3(model_file).digest() == digest, f"not the model with BLAKE3 hash {digest.hex()}")
        parts = read_model_file(model_file)
        check(part < len(parts), "the model has not enough parts")
        return parts[part]

    entries = r.many(read_entry)
    r.end()
    models = {}
    for index, group in enumerate(groups):
        if group.model is not None:
            check(group.model < len(entries), "a model is missing")
            read = read_decoder if group.learned else read_shared_table if group.table else SharedModel
            models[index] = read(entries[group.model])
    return models


def read_shared_table(data):
    return SharedTable(data, read_grid, DTYPES)


def read_model_file(data):
    """The bytes of the decoders, then of the predictive models, then of the tables of a model file. What live streams need
    of the tables is left alone."""
    check(data[:6] == b"\x89BALM\n", "not a model")
    check(data[6:7] == b"\x01", "unknown version")
    outer = Reader(data[7:])
    r = Reader(outer.frame())
    outer.end()
    r.block()  # architecture in words
    [r.varint() for _ in range(3)]  # samples, epochs, seed

    def read_variable_of_model():
        name, dtype, coordinate = r.text(), r.u8(), r.u8()
        center, half_range, log_unit = r.f64(), r.f64(), r.f64()
        check(dtype < len(DTYPES) and coordinate <= 2, f"bad variable '{name}' in the model")
        check(all(map(math.isfinite, (center, half_range, log_unit))), "a scale is not finite")
        check(half_range > 0 and log_unit >= 0, "a scale is not positive")

    def read_part():
        n_variables = len(r.many(read_variable_of_model))
        has_tile = r.u8()
        check(has_tile <= 1, "bad flag")
        tile = read_tile(r) if has_tile else None
        decoder_bytes = r.block()
        decoder = read_decoder(decoder_bytes)
        encoder_bytes = Reader(r.block())
        encoder = read_network(encoder_bytes)
        encoder_bytes.end()
        n_values = math.prod(tile) if tile else n_variables
        check(not tile or n_variables == 1, "tiles of more than one variable")
        check(encoder.n_in == n_values == n_out(decoder.network), "the networks do not fit")
        check(n_out(encoder) == decoder.network.n_in, "the networks do not fit")
        return decoder_bytes

    def read_predictor():
        _, dtype, _ = r.text(), r.u8(), r.u8()  # name, dtype, bits of mantissa
        check(dtype < len(DTYPES), "unknown dtype in the model")
        [r.f64() for _ in range(4)]  # step, least and largest value, bits a value
        model_bytes = r.block()
        SharedModel(model_bytes)
        return model_bytes

    def read_known_table():
        # Name; least and largest value, bits a value with the table and without, share of rows.
        n_columns = len(r.many(lambda: (r.text(), [r.f64() for _ in range(5)])))
        model_bytes = r.block()
        check(len(read_shared_table(model_bytes).grids) == n_columns, "a table's model has other columns")
        return model_bytes

    parts = r.many(read_part) + r.many(read_predictor)
    tables = r.many(read_known_table)
    if r.at < len(r.data):
        [r.block() for _ in tables]  # live tables
    r.end()
    return parts + tables


# ---- Chunks ---------------------------------------------------------------------------------------------------------


def decode_chunk(chunk, group, variables, n_rows, model):
    """[(variable's index, flat values)] of a chunk."""
    if group.table:
        table = group.table if model is None else model.fitted([variables[i] for i in group.variables])
        return decode_table(chunk, group._replace(table=table), variables, n_rows)
    shapes = [[n_rows, *variables[i].shape[1:]] if variables[i].shape else [] for i in group.variables]
    predictions = [None] * len(shapes)
    if group.learned:
        predictions = predict(model, group.learned, chunk.block(), shapes[0])
    residual = group.learned is None or group.learned.residual
    result = []
    for index, shape, predicted in zip(group.variables, shapes, predictions):
        part = Reader(chunk.block())
        shared = None if group.learned else model
        result.append((index, decode_part(part, variables[index], shape, predicted, residual, shared)))
        part.end()
    chunk.end()
    return result


def decode_table(chunk, group, variables, n_rows):
    parts = [Reader(chunk.block()) for _ in group.variables]
    chunk.end()
    columns, formulas, result = {}, {}, {}
    for index in group.table.order:
        variable, part = variables[group.variables[index]], parts[index]
        formula_rows(group.table, index, columns, n_rows, formulas)
        classes, own_bits = read_specials(part.block(), variable, n_rows)
        stream = part.block()
        if stream[:1] == bytes([TABLE]):
            values = decode_column(
                stream, group.table, index, variable, n_rows, classes, columns, formulas, sys.modules[__name__]
            )
        else:
            q = decode_integers(stream, [n_rows], classes != 0, None)
            q = [0 if kind else number for number, kind in zip(q, classes)]
            values = reconstruct(q, variable.grid, variable.dtype)
        finish_part(part, variable, values, classes, own_bits)
        part.end()
        columns[index] = [float(x) for x in (values.view(np.uint8) if values.dtype == np.bool_ else values)]
        result[index] = values
    return [(variable, result[index]) for index, variable in enumerate(group.variables)]


def decode_part(part, variable, shape, predicted, residual, shared):
    n_values = math.prod(shape)
    classes, own_bits = read_specials(part.block(), variable, n_values)
    stream = part.block()
    if residual:
        q = decode_integers(stream, shape, classes != 0, shared)
        if predicted is not None:
            q = [wrap64(a + b) for a, b in zip(q, predicted)]
    else:
        check(not stream, "numbers where the prediction is all there is")
        q = predicted
    q = [0 if kind else number for number, kind in zip(q, classes)]
    return finish_part(part, variable, reconstruct(q, variable.grid, variable.dtype), classes, own_bits)


def finish_part(part, variable, values, classes, own_bits):
    """Special values take their places; the hash is checked."""
    for position in np.flatnonzero(classes):
        kind = classes[position]
        bits = next(own_bits) if kind == 255 else variable.patterns[kind - 1]
        values[position : position + 1] = np.frombuffer(bits, variable.dtype.newbyteorder("<"))
    part.f64()  # the largest error
    data = values.astype(variable.dtype.newbyteorder("<"), copy=False).tobytes()
    check(part.raw(8) == blake3.blake3(data).digest()[:8], "the hash of the decoded values does not fit")
    return values


def read_specials(data, variable, n_values):
    """(class of each value, iterator over the bits of class 255)."""
    if not data:
        return np.zeros(n_values, np.uint8), iter(())
    outer = Reader(data)
    n_bytes = outer.varint()
    check(n_bytes <= 20 * n_values + 16, "the special values cannot be so long")
    r = Reader(unzstd(outer.rest(), n_bytes))
    runs = r.many(lambda: (r.u8(), r.varint()))
    check(sum(length for _, length in runs) == n_values, "the runs of special values do not fit")
    check(all(kind == 255 or kind <= len(variable.patterns) for kind, _ in runs), "unknown class")
    classes = np.repeat([kind for kind, _ in runs], [length for _, length in runs]).astype(np.uint8)
    own_bits = [r.raw(variable.dtype.itemsize) for _ in range(int((classes == 255).sum()))]
    r.end()
    return classes, iter(own_bits)


# ---- Grids ----------------------------------------------------------------------------------------------------------


def reconstruct(q, grid, dtype):
    """The values of the numbers q."""
    kind, *arguments = grid
    n_bits = 8 * dtype.itemsize
    if kind == "order":
        return from_orders(q, dtype)
    if kind == "order32":
        return from_orders(q, np.dtype(np.float32)).astype(np.float64)
    if kind == "integer" and dtype.kind != "f":
        signed = dtype.kind == "i"
        low, high = (-(1 << (n_bits - 1)), (1 << (n_bits - 1)) - 1) if signed else (0, (1 << n_bits) - 1)
        origin = 1 << 63 if dtype == np.uint64 else 0
        exact = [min(max(number * arguments[0] + origin, low), high) for number in q]
        return np.array(exact, np.uint8 if dtype == np.bool_ else dtype).view(dtype)
    if kind == "integer":
        real = [float(wrap64(number * arguments[0])) for number in q]
    elif kind == "uniform":
        step, non_negative = arguments
        real = [float(number) * step for number in q]
        real = [0.0 if non_negative and x < 0 else x for x in real]
    elif kind == "decimal":
        real = [float(number) / arguments[0] for number in q]
    else:
        real = [log_value(number, *arguments) for number in q]
    return cast(np.array(real, np.float64), dtype)


def from_orders(q, dtype):
    """Inverse of the order-preserving integer; the low bits count."""
    n_bits = 8 * dtype.itemsize
    bits = []
    for number in q:
        low = number & ((1 << n_bits) - 1)
        negative = low >> (n_bits - 1)
        if dtype.kind == "f" and negative:
            low ^= (1 << (n_bits - 1)) - 1
        if dtype == np.uint64:
            low ^= 1 << 63
        bits.append(low)
    return np.array(bits, f"u{dtype.itemsize}").view(dtype)


def cast(real, dtype):
    """float64 to the dtype: floats to nearest even, float16 through float32; integers truncate and saturate."""
    with np.errstate(over="ignore"):
        if dtype == np.float16:
            return real.astype(np.float32).astype(np.float16)
        if dtype.kind == "f":
            return real.astype(dtype)
    n_bits = 8 * dtype.itemsize
    low, high = (-(1 << (n_bits - 1)), (1 << (n_bits - 1)) - 1) if dtype.kind == "i" else (0, (1 << n_bits) - 1)
    whole = [high if x == math.inf else low if x == -math.inf else min(max(int(x), low), high) for x in real]
    return np.array(whole, np.uint8 if dtype == np.bool_ else dtype).view(dtype)


def log_value(q, step, low, integral):
    if q == 0:
        return 0.0
    exponent = wrap64(abs(q) - 1 + low) * step
    magnitude = exp2(min(max(exponent, -(1 << 63)), (1 << 63) - 1))
    if integral and magnitude < math.inf:
        magnitude = float(math.floor(magnitude + 0.5))
    return -magnitude if q < 0 else magnitude


def exp2_tables():
    roots, previous = [], 2 << 62
    for _ in range(24):
        previous = math.isqrt(previous << 62)
        roots.append(previous)
    tables = []
    for level in range(3):
        table = []
        for byte in range(256):
            product = 1 << 62
            for bit in range(8):
                if byte >> (7 - bit) & 1:
                    product = product * roots[8 * level + bit] >> 62
            table.append(product)
        tables.append(table)
    stored = b"".join(struct.pack("<Q", entry) for table in tables for entry in table)
    assert blake3.blake3(stored).hexdigest().startswith("7fd6771e8d462a08")
    return tables


EXP2 = exp2_tables()
LN2 = 3196577161300663914


def exp2(exponent):
    """2^(exponent / 2^48), in integers."""
    whole, fraction = exponent >> 48, exponent & ((1 << 48) - 1)
    if whole < -1022:
        return 0.0
    if whole > 1023:
        return math.inf
    mantissa = EXP2[0][fraction >> 40] * EXP2[1][fraction >> 32 & 255] >> 62
    mantissa = mantissa * EXP2[2][fraction >> 24 & 255] >> 62
    linear = (1 << 62) + ((fraction & 0xFFFFFF) * LN2 >> 48)
    mantissa = mantissa * linear >> 62
    return math.ldexp(mantissa >> 10, whole - 52)


# ---- Streams --------------------------------------------------------------------------------------------------------

PREDICTIVE, PREDICTIVE_SHARED = 16, 17


def four_axes(shape):
    kept = [extent for extent in shape if extent != 1]
    leading = math.prod(kept[:-3])
    return [leading] + [1] * (3 - len(kept[-3:])) + kept[-3:]


def decode_integers(stream, shape, masked, shared):
    """The integers of a stream; masked is a flat bool array, masked ones come back as anything. shared is the model of
    the archive that a predictive stream may use, if there is one."""
    if stream[:1] == bytes([PREDICTIVE]):
        return decode_predictive(Reader(stream[1:]), four_axes(shape), masked, None)
    if stream[:1] == bytes([PREDICTIVE_SHARED]):
        check(shared is not None, "a predictive model is missing")
        return decode_predictive(Reader(stream[1:]), four_axes(shape), masked, shared)
    return decode_classical(stream, shape, masked)


def decode_classical(stream, shape, masked):
    n_values = math.prod(shape)
    r = Reader(stream)
    coder, orders = r.u8(), r.u8()
    orders = [orders >> (2 * axis) & 3 for axis in range(4)]
    check(3 not in orders, "unknown difference")
    ranks = None
    if coder & 0x80:
        n_ranks = r.varint()
        check(1 <= n_ranks <= 4096, "bad number of ranks")
        ranks = [r.signed()]
        for _ in range(n_ranks - 1):
            ranks.append(wrap64(ranks[-1] + r.varint()))
    q = np.zeros(n_values, np.int64)
    q[~masked] = decode_symbols(coder & 0x7F, r.rest(), int((~masked).sum()))
    grid = q.reshape(four_axes(shape))
    for axis in (3, 2, 1, 0):
        for _ in range(orders[axis]):
            grid = np.cumsum(grid, axis=axis, dtype=np.int64)  # wraps
    q = grid.reshape(-1).tolist()
    if ranks is None:
        return q
    check(all(hidden or 0 <= rank < len(ranks) for rank, hidden in zip(q, masked)), "a rank is too large")
    return [0 if hidden else ranks[rank] for rank, hidden in zip(q, masked)]


def decode_symbols(coder, data, n_values):
    check(coder <= 3, "unknown coder")
    if coder == 0:
        r = Reader(data)
        value = r.signed() if n_values else 0
        r.end()
        return np.full(n_values, value, np.int64)
    if coder in (1, 2):
        try:
            numbers = pcodec.simple_decompress(data)
        except RuntimeError as error:
            raise FormatError(f"not a pco stream: {error}") from None
        dtype = np.int32 if coder == 1 else np.int64
        check(numbers is not None and numbers.dtype == dtype and len(numbers) == n_values, "bad pco stream")
        return numbers.astype(np.int64)
    check(data and data[0] in (1, 2, 4, 8), "bad width")
    width = data[0]
    planes = np.frombuffer(unzstd(data[1:], n_values * width), np.uint8).reshape(width, n_values)
    z = np.zeros(n_values, np.uint64)
    for byte, plane in enumerate(planes):
        z |= plane.astype(np.uint64) << np.uint64(8 * byte)
    return np.array([unzigzag(int(x)) for x in z], np.int64)


# ---- Entropy coding -------------------------------------------------------------------------------------------------

N_TOKENS = 124
Prior = namedtuple("Prior", "center frequencies starts slots")


def read_prior(r):
    center = r.signed()
    check(-(1 << 31) <= center < 1 << 31, "a center is too large")
    n_used = r.varint()
    check(n_used <= N_TOKENS, "too many frequencies")
    frequencies = [0] + [r.varint() + 1 for _ in range(n_used - 1)]
    frequencies += [1] * (N_TOKENS - len(frequencies))
    frequencies[0] = (1 << 14) - sum(frequencies)
    check(frequencies[0] > 0, "frequencies do not add up")
    starts = [sum(frequencies[:token]) for token in range(N_TOKENS)]
    slots = [token for token, count in enumerate(frequencies) for _ in range(count)]
    return Prior(center, frequencies, starts, slots)


def decode_columns(data, n_rows, priors):
    """n_rows x len(priors) integers, row after row."""
    r = Reader(data)
    coded = Reader(r.block())
    states = list(struct.unpack("<4I", coded.raw(16)))
    check(min(states) >= 1 << 16, "a state is too small")
    words = coded.rest()
    check(len(words) % 2 == 0, "half a word")
    words = list(struct.unpack(f"<{len(words) // 2}H", words))[::-1]
    tokens = []
    for i in range(n_rows * len(priors)):
        prior, x = priors[i % len(priors)], states[i % 4]
        slot = x & 16383
        token = prior.slots[slot]
        x = prior.frequencies[token] * (x >> 14) + slot - prior.starts[token]
        if x < 1 << 16:
            check(words, "a token stream ends too early")
            x = x << 16 | words.pop()
        states[i % 4] = x
        tokens.append(token)
    check(not words and states == [1 << 16] * 4, "a token stream does not end where it should")

    extra = r.rest()
    bits, n_read = int.from_bytes(extra, "little"), 0
    values = []
    for i, token in enumerate(tokens):
        z = token
        if token >= 8:
            n_bits = token // 4 - 1
            z = (4 + token % 4) << n_bits | bits >> n_read & ((1 << n_bits) - 1)
            n_read += n_bits
        value = unzigzag(z) + priors[i % len(priors)].center
        values.append((value + (1 << 31) & 0xFFFFFFFF) - (1 << 31))
    check(len(extra) == (n_read + 7) // 8 and bits >> n_read == 0, "extra bits do not end where they should")
    return values


# ---- Networks -------------------------------------------------------------------------------------------------------

Layer = namedtuple("Layer", "kind skip activation sizes weights bias shift")
Network = namedtuple("Network", "n_in layers")
Decoder = namedtuple("Decoder", "output_bits priors gains network")
MAX_WIDTH = 1 << 24


def read_decoder(data):
    r = Reader(data)
    output_bits = r.u8()
    latents = r.many(lambda: (read_prior(r), r.varint()))
    priors, gains = [prior for prior, _ in latents], [gain for _, gain in latents]
    check(all(1 <= gain <= 32767 for gain in gains), "a gain is out of range")
    network = read_network(r)
    r.end()
    check(output_bits <= 30 and len(priors) == network.n_in, "a decoder does not fit its latents")
    return Decoder(output_bits, priors, np.array(gains, np.int64), network)


def read_network(r):
    n_in = r.varint()
    layers = r.many(lambda: read_layer(r))
    check(n_in > 0 and layers, "a network without inputs or layers")
    previous = n_in
    for index, layer in enumerate(layers):
        check(not layer.skip or (layer.kind == 0 and index > 0), "a layer cannot skip")
        check(layer_in(layer) == previous + (n_in if layer.skip else 0), "layers do not fit each other")
        previous = layer_out(layer)
    return Network(n_in, layers)


def layer_in(layer):
    return layer.sizes[0] if layer.kind == 0 else layer.sizes[0] * math.prod(layer.sizes[2])


def layer_out(layer):
    return layer.sizes[1] if layer.kind == 0 else layer.sizes[1] * math.prod(layer.sizes[3])


def n_out(network):
    return layer_out(network.layers[-1])


def read_layer(r):
    code, activation = r.u8(), r.u8()
    kind, skip = code & 0x7F, code >> 7 == 1
    check(kind <= 2, "unknown layer")
    check(activation <= 15 or activation == 255, "unknown activation")
    if kind == 0:
        sizes = [r.varint(), r.varint()]
        check(all(1 <= n <= MAX_WIDTH for n in sizes), "a layer is too large")
        n_rows, n_cols = sizes[1], sizes[0]
    else:
        channels = [r.varint(), r.varint()]
        axes = [[r.varint() for _ in range(3)] for _ in range(5)]  # in, out, kernel, stride, pad
        check(all(n <= 1 << 16 for n in channels + sum(axes, [])), "a convolution is too large")
        check(all(stride >= 1 for stride in axes[3]), "a stride of 0")
        n_rows, n_cols = channels[1], channels[0] * math.prod(axes[2])
        widths = [channels[0] * math.prod(axes[0]), channels[1] * math.prod(axes[1]), n_cols]
        check(all(1 <= n <= MAX_WIDTH for n in widths), "a convolution is too large")
        sizes = channels + axes
    shape = r.many(r.varint)
    check(math.prod(shape) == n_rows * n_cols <= 1 << 28, "the shape of the weights does not fit")

    def integers(extents):
        return np.array(decode_classical(r.block(), extents, np.zeros(math.prod(extents), bool)), np.int64)

    weights = integers(shape)
    zeros = r.u8()
    check(zeros <= 31, "too many zeros behind the biases")
    n_extents = 1
    while n_extents < len(shape) and math.prod(shape[:n_extents]) < n_rows:
        n_extents += 1
    bias = integers(shape[:n_extents]) << zeros
    check(len(bias) == n_rows, "the shape of the biases does not fit")
    shift = integers([n_rows])
    weights = weights.reshape(n_rows, n_cols)
    check(np.all(np.abs(weights + 0.5) < 1 << 15), "a weight is too large")
    check(np.all((0 <= shift) & (shift <= 30)), "a shift is too large")
    rounding = (1 << shift) >> 1
    largest = np.abs(weights).sum(axis=1) * 32767 + np.abs(bias) + rounding
    check(np.all(np.abs(bias) < 1 << 31) and np.all(largest < 1 << 31), "a sum could overflow")
    return Layer(kind, skip, activation, sizes, weights, bias, shift)


def run_network(network, rows):
    """(n_rows, n_in) integers to (n_rows, n_out) integers."""
    x = rows
    for index, layer in enumerate(network.layers):
        if layer.skip:
            x = np.concatenate([x, rows], axis=1)
        sums = x @ layer.weights.T + layer.bias if layer.kind == 0 else convolve(layer, x)
        shift = np.repeat(layer.shift, sums.shape[1] // len(layer.shift))
        y = (sums + ((1 << shift) >> 1)) >> shift  # arithmetic, rounds down
        if layer.activation == 255:
            y = np.maximum(y, 0)
        elif layer.activation > 0:
            y = np.where(y < 0, y >> layer.activation, y)
        last = index + 1 == len(network.layers)
        x = y if last else np.clip(y, -32767, 32767)
    return x


def convolve(layer, x):
    channels_in, channels_out, extent_in, extent_out, kernel, stride, pad = layer.sizes
    x = x.reshape(len(x), channels_in, *extent_in)
    weights = layer.weights.reshape(channels_out, channels_in, *kernel)
    sums = np.zeros((len(x), channels_out, *extent_out), np.int64) + layer.bias.reshape(1, -1, 1, 1, 1)
    for o in np.ndindex(*extent_out):
        for k in np.ndindex(*kernel):
            read = []
            for axis in range(3):
                if layer.kind == 1:
                    at, remainder = o[axis] * stride[axis] + k[axis] - pad[axis], 0
                else:
                    at, remainder = divmod(o[axis] + pad[axis] - k[axis], stride[axis])
                if remainder == 0 and 0 <= at < extent_in[axis]:
                    read.append(at)
            if len(read) == 3:
                sums[:, :, o[0], o[1], o[2]] += x[:, :, read[0], read[1], read[2]] @ weights[:, :, k[0], k[1], k[2]].T
    return sums.reshape(len(x), -1)


# ---- The autoencoder's predictions ----------------------------------------------------------------------------------


def predict(decoder, learned, latents, shape):
    """The predicted numbers of a chunk, a list for each variable."""
    tile = learned.tile
    n_values = math.prod(tile) if tile else len(learned.scalings)
    check(n_out(decoder.network) == n_values, "the decoder does not fit the variables")
    counts = [-(-extent // side) for extent, side in zip(shape, tile)] if tile else [shape[0]]
    n_samples = math.prod(counts)
    n_latents = len(decoder.priors)
    z = np.array(decode_columns(latents, n_samples, decoder.priors), np.int64).reshape(n_samples, n_latents)
    z = np.clip(z, -32767, 32767) * decoder.gains
    outputs = run_network(decoder.network, np.clip(z, -32767, 32767))
    one = float(1 << decoder.output_bits)
    if not tile:
        return [[unscale(int(y), s, one) for y in outputs[:, i]] for i, s in enumerate(learned.scalings)]
    # (tiles and places in a tile, axis by axis) -> the padded field -> the field
    n_axes = len(shape)
    field = outputs.reshape(*counts, *tile)
    field = field.transpose([axis + half for axis in range(n_axes) for half in (0, n_axes)])
    field = field.reshape([count * side for count, side in zip(counts, tile)])
    field = field[tuple(slice(extent) for extent in shape)]
    return [[unscale(int(y), learned.scalings[0], one) for y in field.reshape(-1)]]


def unscale(output, scaling, one):
    t = float(output) * (scaling.half_range / one)
    distance = t
    if scaling.log_unit != 0:
        bits = struct.unpack("<q", struct.pack("<d", 1.0))[0] + int(min(abs(t), 1000.0) * 2.0**52)
        bent = (struct.unpack("<d", struct.pack("<q", bits))[0] - 1.0) * scaling.log_unit
        distance = math.copysign(bent, t)
    if abs(distance) <= 2.0**50:
        whole = round(distance)  # halves to even
    else:
        limit = 2.0**63
        whole = int(min(max(distance, -limit), limit))
        whole = min(whole, (1 << 63) - 1)
    return wrap64(scaling.center + whole)


# ---- Command line ---------------------------------------------------------------------------------------------------


def write_npz(path, arrays):
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            file.writestr(name + ".npy", content.getvalue())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", help="the .bale file")
    parser.add_argument("output", help="the .npz file to write")
    parser.add_argument("--model", help="the .balm file that the archive names")
    arguments = parser.parse_args()
    with open(arguments.archive, "rb") as file:
        data = file.read()
    model_file = None
    if arguments.model:
        with open(arguments.model, "rb") as file:
            model_file = file.read()
    write_npz(arguments.output, decode_archive(data, model_file))


if __name__ == "__main__":
    main()
