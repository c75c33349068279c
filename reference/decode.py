"""Decode a .bale archive: an independent decoder in plain NumPy, written from docs/format.md. Clear, not fast.

    python decode.py FILE.bale OUT.npz [--model M.balm]

Needs the PyPI packages numpy, pcodec, zstandard and blake3. Every checksum and the hash of all decoded values are checked.
"""

import argparse
import io
import itertools
import math
import pathlib
import struct
import zipfile
from collections import namedtuple

import blake3
import numpy as np
import sides
import sums
from autoencoder import n_out, predict, read_decoder, read_network
from beside import values_beside
from classical import decode_classical, four_axes
from fields import Reader, check, unzstd, wrap64
from grids import limited, orders, reconstruct, refined
from interpolation import decode_interpolation
from lockstep import decode_lockstep
from mixing import decode as decode_mixing
from outliers import with_outliers
from predictive import decode_predictive
from recast import MAX_DEPTH, decode_recast
from tables import TABLE, SharedTable, decode_column, formula_rows, read_table
from weights import SharedModel

# Stands for the table of a group whose model is one of the archive's.
SHARED = "shared"

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()


# ---- Plan -----------------------------------------------------------------------------------------------------------

# counts: index of the variable that counts the items of lists, if the rows are such items.
# bound: its code and what limits the error (0 where nothing does); cuts: thresholds that no value crosses.
Variable = namedtuple(
    "Variable", "name dtype shape grid patterns counts exact limits bound cuts keeps_sum", defaults=[None, (0, 0.0), (), False]
)
# model: an entry of the models, if the method has one; learned: what else an autoencoder needs, if it is one.
# reference: position of the field from which the others are predicted as well, if the group has one.
# chunks: {first row: rows} of each of its chunks.
Group = namedtuple("Group", "variables chunks model learned table reference", defaults=[None, None])
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
    while r.at < len(r.data):
        check(r.u8() <= 1, "unknown trial of the planner")
        r.varint(), r.varint()  # bytes with it and without
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
    check(flags <= 31, "unknown storage flags")
    counts = None
    if flags & 4:
        counts = r.varint()
        check(r.u8() <= 2, "unknown kind of lists")
    kind = r.u8() if flags & 8 else 0
    check(kind <= 6, "unknown kind of variable")
    check(kind not in (4, 5) or r.u8() <= 12, "unknown unit of time")
    shape = r.many(r.varint)
    check(len(shape) <= 64 and math.prod(shape) < 1 << 59, "too many axes or values")
    bound, limits, grid, patterns = read_promise(r, dtype)
    check_kind(kind, dtype, shape, counts is not None, bound[0])
    cuts, keeps_sum = read_promises(r) if flags & 16 else ([], False)
    if kind == 3 and bound[0] == 1:  # each part keeps what keeps the modulus
        bound = 1, max(math.nextafter(bound[1] * math.sqrt(0.5), -math.inf), 0.0)
    return Variable(name, dtype, shape, grid, patterns, counts, bound[0] == 0, limits, bound, cuts, keeps_sum)


def read_promises(r):
    """Thresholds, and whether the sum is kept; limits that were asked for are for people."""
    n_cuts = r.varint()
    check(n_cuts <= 256, "too many thresholds")
    cuts = [r.f64() for _ in range(n_cuts)]
    check(all(a < b for a, b in itertools.pairwise(cuts)), "thresholds that do not ascend")
    flags = r.u8()
    check(flags <= 3 and (n_cuts or flags), "promises without any")
    limits = [r.f64() for _ in range(2 * (flags & 1))]
    check(all(math.isfinite(x) for x in cuts + limits) and limits == sorted(limits), "limits out of order")
    return cuts, bool(flags & 2)


def read_promise(r, dtype):
    """The bound (its code and what limits the error), the limits of decoded values, the grid, and the patterns."""
    bound = r.u8()
    has_limits, bound = bound & 8, bound & ~8
    check(bound <= 5 and not (has_limits and bound == 0), "unknown bound")
    numbers = [r.f64() for _ in range({1: 1, 2: 2, 3: 1, 5: 3}.get(bound, 0))]
    check(all(math.isfinite(x) and x >= 0 for x in numbers), "a bound is negative or not finite")
    limits = None
    if has_limits:
        ends = r.raw(2 * dtype.itemsize)
        limits = orders(np.frombuffer(ends, dtype.newbyteorder("<")).astype(dtype))
        check(limits[0] <= limits[1], "limits that are not in order")
    grid = read_grid(r, dtype)
    return (bound, numbers[-1] if numbers else 0.0), limits, grid, read_patterns(r, dtype)


def read_patterns(r, dtype):
    n_patterns = r.varint()
    check(n_patterns <= 16, "too many patterns")
    return [r.raw(dtype.itemsize) for _ in range(n_patterns)]


def check_kind(kind, dtype, shape, has_lists, bound):
    integer = dtype.kind in "iub"
    fits = {
        1: dtype in (np.uint8, np.uint32) and bool(has_lists or shape) and bound == 0,
        2: dtype == np.uint8 and bool(has_lists or shape) and bound == 0,
        3: dtype.kind == "f" and shape[-1:] == [2],
    }
    check(kind == 0 or fits.get(kind, integer), "a kind of variable in another dtype, shape or bound")


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
    cuts = []
    if rows_per_chunk == 0:
        cuts = list(itertools.accumulate(r.many(r.varint)))
        rows_per_chunk = r.varint()
        check(cuts and all(a < b for a, b in zip([0, *cuts], cuts)), "cuts that do not ascend")
    check(indices and rows_per_chunk > 0, "an empty group")
    check(all(a < b for a, b in zip(indices, indices[1:])) and indices[-1] < len(variables), "bad group")
    n_rows = n_rows_of(variables[indices[0]])
    check(not cuts or cuts[-1] < n_rows, "cuts beyond the rows")
    chunks = {}
    for piece, end in zip([0, *cuts], [*cuts, n_rows]) if math.prod(variables[indices[0]].shape) else []:
        chunks |= {row: min(rows_per_chunk, end - row) for row in range(piece, end, rows_per_chunk)}
    method = r.u8()
    check(method in (0, 1, 2, 3, 4, 5), "unknown method")
    if method in (0, 3):
        check(len(indices) == 1, "a classical or predictive group has one variable")
        return Group(indices, chunks, r.varint() if method == 3 else None, None)
    if method == 5:
        reference = r.varint()
        same = all(variables[index].shape == variables[indices[0]].shape for index in indices)
        check(same and 2 <= len(indices) and reference < len(indices), "fields of different shapes, or no reference field")
        return Group(indices, chunks, None, None, reference=reference)
    if method in (2, 4):
        shapes = [variables[index].shape for index in indices]
        check(all(len(shape) == 1 and shape == shapes[0] for shape in shapes), "columns of different lengths")
        check(rows_per_chunk <= 1 << 20, "too many rows a chunk of a table")
        if method == 4:
            return Group(indices, chunks, r.varint(), None, SHARED)
        return Group(indices, chunks, None, None, read_table(r, len(indices)))
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
    return Group(indices, chunks, model, Learned(flags & 1 == 1, scalings, tile))


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

# Bytes of the decoders, then of the predictive models, then of the tables; of each table's live table, if there are any.
ModelFile = namedtuple("ModelFile", "parts live_tables")


def decode_archive(data, model_file=None):
    """{name: array} of the bytes of an archive; model_file is the bytes of the model that it names, if any."""
    variables, arrays, outliers = decode_parts(data, model_file)
    if outliers is not None:
        arrays = with_outliers(variables, arrays, decode_parts(outliers, None))
    return {variable.name: array for variable, array in zip(variables, arrays)}


def decode_parts(data, model_file):
    """The variables, the array of each with the rows that are in chunks, and the bytes of the archive of those in full, or None."""
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
    models, outliers = read_models(r.frame(), model_file, groups)
    rows = [[] for _ in variables]
    n_chunks = 0
    for group_index, group in enumerate(groups):
        for first_row, n_rows in group.chunks.items():
            at = r.at
            chunk = Reader(r.frame())
            check(n_chunks < len(lengths) and r.at - at == lengths[n_chunks], "the chunk index does not fit")
            n_chunks += 1
            check((chunk.varint(), chunk.varint()) == (group_index, first_row), "a chunk is missing")
            for index, values in decode_chunk(chunk, group, variables, n_rows, models.get(group_index)):
                rows[index].append(values)
    check(n_chunks == len(lengths), "too many chunks")
    r.end()
    arrays = [np.concatenate([np.zeros(0, v.dtype), *parts]).reshape(v.shape) for v, parts in zip(variables, rows)]
    return variables, arrays, outliers


def read_models(data, model_file, groups):
    """{index of a group: its decoder or predictive model}, and the archive of the rows in full, or None."""
    r = Reader(data)
    outliers = None

    def read_entry():
        nonlocal outliers
        check(outliers is None, "an entry behind the rows in full")
        kind = r.u8()
        check(kind in (0, 1, 2), "unknown model entry")
        if kind == 2:
            r.text()  # what the scores are
            outliers = r.block()
            return None
        if kind == 0:
            return r.block()
        digest, part = r.raw(32), r.varint()
        check_model_hash(digest, model_file)
        parts = read_model_file(model_file).parts
        check(part < len(parts), "the model has not enough parts")
        return parts[part]

    entries = r.many(read_entry)
    r.end()
    entries = entries[: len(entries) - (outliers is not None)]
    models = {}
    for index, group in enumerate(groups):
        if group.model is not None:
            check(group.model < len(entries), "a model is missing")
            read = read_decoder if group.learned else read_shared_table if group.table else SharedModel
            models[index] = read(entries[group.model])
    return models, outliers


def check_model_hash(digest, model_file):
    check(model_file is not None, f"the model with BLAKE3 hash {digest.hex()} is needed")
    check(blake3.blake3(model_file).digest() == digest, f"not the model with BLAKE3 hash {digest.hex()}")


def read_shared_table(data):
    return SharedTable(data, read_grid, DTYPES)


def read_model_file(data):
    """What a model file holds."""
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
    live_tables = [r.block() for _ in tables] if r.at < len(r.data) else []
    r.end()
    return ModelFile(parts + tables, live_tables)


# ---- Chunks ---------------------------------------------------------------------------------------------------------


def decode_chunk(chunk, group, variables, n_rows, model):
    """[(variable's index, flat values)] of a chunk."""
    if group.table:
        table = group.table if model is None else model.fitted([variables[i] for i in group.variables])
        return decode_table(chunk, group._replace(table=table), variables, n_rows)
    if group.reference is not None:
        return decode_fields(chunk, group, variables, n_rows)
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


def decode_fields(chunk, group, variables, n_rows):
    parts = [Reader(chunk.block()) for _ in group.variables]
    chunk.end()
    shape = [n_rows, *variables[group.variables[0]].shape[1:]] if variables[group.variables[0]].shape else []
    result, beside = {}, None
    for position in sorted(range(len(parts)), key=lambda position: position != group.reference):
        variable, part = variables[group.variables[position]], parts[position]
        result[position] = decode_part(part, variable, shape, None, True, None, beside)
        part.end()
        if position == group.reference:
            beside = values_beside(result[position])
    return [(variable, result[position]) for position, variable in enumerate(group.variables)]


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
            values = decode_column(stream, group.table, index, variable, n_rows, classes, columns, formulas)
        else:
            q, grid, stride = decode_numbers(stream, [n_rows], classes != 0, variable, None)
            check(stride == 1, "a finer grid in a table")
            q = [0 if kind else number for number, kind in zip(q, classes)]
            values = reconstruct(q, grid, variable.dtype)
        values = finish_part(part, variable, values, classes, own_bits, [n_rows])
        part.end()
        columns[index] = [float(x) for x in (values.view(np.uint8) if values.dtype == np.bool_ else values)]
        result[index] = values
    return [(variable, result[index]) for index, variable in enumerate(group.variables)]


def decode_part(part, variable, shape, predicted, residual, shared, beside=None):
    n_values = math.prod(shape)
    classes, own_bits = read_specials(part.block(), variable, n_values)
    stream = part.block()
    if residual:
        q, grid, stride = decode_numbers(stream, shape, classes != 0, variable, shared, beside)
        if predicted is not None:
            check((grid, stride) == (variable.grid, 1), "a finer grid beside predictions")
            q = [wrap64(a + b) for a, b in zip(q, predicted)]
    else:
        check(not stream, "numbers where the prediction is all there is")
        q, grid, stride = predicted, variable.grid, 1
    q = [0 if kind else number for number, kind in zip(q, classes)]
    values = reconstruct(q, refined(grid, stride), variable.dtype)
    return finish_part(part, variable, values, classes, own_bits, shape)


def finish_part(part, variable, values, classes, own_bits, shape):
    """Values are limited, special ones take their places, others move to their sides; the hash is checked."""
    values, data = placed(variable, values, classes, own_bits)
    if variable.cuts and not variable.exact:
        sides.move(part.block(), variable, values, classes, shape)
    if variable.keeps_sum and not variable.exact:
        sums.move(part.block(), variable, values, classes, shape)
    if not variable.exact:
        data = values.astype(variable.dtype.newbyteorder("<"), copy=False).tobytes()
    part.f64()  # the largest error
    check(part.raw(8) == blake3.blake3(data).digest()[:8], "the hash of the decoded values does not fit")
    if part.at < len(part.data):
        flags = part.varint()  # what else was tried
        check(flags >> 8 & 7 <= 6 and flags >> 12 == 0, "unknown trials")
        for _ in range((flags & ~0x700).bit_count()):
            part.varint()
    return values


def placed(variable, values, classes, own_bits):
    """Limited values with the special ones in their places, and their bytes."""
    if variable.limits is not None:
        values = limited(values, variable.limits)
    for position in np.flatnonzero(classes):
        kind = classes[position]
        bits = next(own_bits) if kind == 255 else variable.patterns[kind - 1]
        values[position : position + 1] = np.frombuffer(bits, variable.dtype.newbyteorder("<"))
    return values, values.astype(variable.dtype.newbyteorder("<"), copy=False).tobytes()


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


# ---- Streams --------------------------------------------------------------------------------------------------------

PREDICTIVE, PREDICTIVE_SHARED, PREDICTIVE_BESIDE, MIXING, RECAST, EXACT, LOCKSTEP, INTERPOLATION = range(16, 24)
MANTISSA_BITS = {"f2": 10, "f4": 23, "f8": 52}


def decode_numbers(stream, shape, masked, variable, shared, beside=None):
    """The integers of a stream, their grid, and how many times finer it is."""
    of_orders = MANTISSA_BITS.get(variable.dtype.str[1:])
    if stream[:1] == bytes([EXACT]):
        q, stride = decode_integers(stream[1:], shape, masked, of_orders, None)
        check(stride == 1, "strides of orders")
        return q, ["order"], 1
    float_bits = {"order": of_orders, "order32": 23}.get(variable.grid[0])
    q, stride = decode_integers(stream, shape, masked, float_bits, shared, beside)
    return q, variable.grid, stride


def decode_integers(stream, shape, masked, float_bits, shared, beside=None, depth=0):
    """The integers of a stream, and how many times finer their grid is; masked is a flat bool array, masked ones come
    back as anything. float_bits are the mantissa bits where the integers are orders of floats. shared is the model of the
    archive that a predictive stream may use, if there is one; beside the values of a variable that it may look at."""
    if stream[:1] == bytes([PREDICTIVE]):
        return decode_predictive(Reader(stream[1:]), four_axes(shape), masked, None)
    if stream[:1] == bytes([PREDICTIVE_SHARED]):
        check(shared is not None, "a predictive model is missing")
        return decode_predictive(Reader(stream[1:]), four_axes(shape), masked, shared)
    if stream[:1] == bytes([PREDICTIVE_BESIDE]):
        check(beside is not None, "the other variable is missing")
        return decode_predictive(Reader(stream[1:]), four_axes(shape), masked, None, beside)
    if stream[:1] == bytes([MIXING]):
        return decode_mixing(stream[1:], math.prod(shape), shape[-1] if len(shape) > 1 else 1), 1
    if stream[:1] == bytes([LOCKSTEP]):
        return decode_lockstep(Reader(stream[1:]), four_axes(shape), masked)
    if stream[:1] == bytes([INTERPOLATION]):
        return decode_interpolation(Reader(stream[1:]), four_axes(shape), masked)
    if stream[:1] == bytes([RECAST]):
        check(depth < MAX_DEPTH, "recast too often")

        def inner(stream, shape, masked, float_bits):
            return decode_integers(stream, shape, masked, float_bits, None, None, depth + 1)

        return decode_recast(stream[1:], shape, masked, float_bits, inner)
    return decode_classical(stream, shape, masked), 1


# ---- Command line ---------------------------------------------------------------------------------------------------


def write_npz(path, arrays):
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            file.writestr(name + ".npy", content.getvalue())


def command_line(description, source, output):
    """Bytes of the source, bytes of the model file or None, name of the output."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help=source)
    parser.add_argument("output", help=output)
    parser.add_argument("--model", help="the .balm file that the source names")
    arguments = parser.parse_args()
    data = pathlib.Path(arguments.source).read_bytes()
    model_file = pathlib.Path(arguments.model).read_bytes() if arguments.model else None
    return data, model_file, arguments.output


def main():
    data, model_file, output = command_line(__doc__, "the .bale file", "the .npz file to write")
    write_npz(output, decode_archive(data, model_file))


if __name__ == "__main__":
    main()
