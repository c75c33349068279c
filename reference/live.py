"""Decode a live stream (.bals) to its records: docs/format.md, section 16. Clear, not fast.

    python live.py STREAM.bals OUT [--model M.balm]

OUT is the records, one after the other. Every checksum and the hash of all coded records are checked. Of a stream that was cut,
the records of its whole frames are written, and the exit status is 1.
"""

import math
import struct
import sys
from bisect import bisect_right
from collections import namedtuple

import blake3
import numpy as np
from decode import check_model_hash, command_line, read_model_file, read_variable
from fields import Reader, check, unzigzag, unzstd, wrap64
from tables import Plain, Walk, formula_rows, read_table

MAX_RECORDS = 1 << 24  # bytes a frame
MAX_CONTENT = MAX_RECORDS + (1 << 16)
MAX_CELLS, MAX_SYMBOLS = 256, 256
TOTAL = 1 << 12  # sum of the frequencies of a cell
HEAD_HERE, HEAD_IN_MODEL = 0, 1
END, CODED, STORED = 0, 1, 2

# Of a column: edges[head] a list for each feature; cells[head] a list for each cell; gated, a cell or None.
Coding = namedtuple("Coding", "edges cells gated")
Cell = namedtuple("Cell", "frequencies starts")
LiveTable = namedtuple("LiveTable", "variables table codings")

# ---- Head -----------------------------------------------------------------------------------------------------------


def read_head(content, model_file):
    """The live table of a stream."""
    r = Reader(content)
    kind = r.u8()
    check(kind in (HEAD_HERE, HEAD_IN_MODEL), "unknown head")
    if kind == HEAD_HERE:
        return read_live_table(r)
    check_model_hash(r.raw(32), model_file)
    index = r.varint()
    variables = r.many(lambda: read_variable(r))
    r.end()
    tables = read_model_file(model_file).live_tables
    check(index < len(tables) and tables[index], "the model has no such live table")
    live = read_live_table(Reader(tables[index]))
    check(live.variables == variables, "the head's variables are not the model's")
    return live


def read_live_table(r):
    variables = r.many(lambda: read_variable(r))
    check(len({v.name for v in variables}) == len(variables), "a name stands twice")
    check(all(v.shape == [0] and v.counts is None for v in variables), "a variable of a record has a shape or lists")
    check(1 <= record_size(variables) <= 1 << 16, "records of no bytes or too many")
    table = read_table(r, len(variables))
    heads = [head for column in table.columns for head in column.heads]
    check(all(column.heads for column in table.columns), "a column without heads")
    check(all(len(head.contexts) <= 1 for head in heads), "a head with more than one context")
    codes = [code for head in heads for code, _, _ in features_of(head)]
    check(all(code in (0, 1, 2, 4) for code in codes), "a feature that live tables lack")
    check(all(n_cells(head) <= MAX_CELLS for head in heads), "a head with too many cells")
    check(sum(map(n_cells, heads)) <= 4096, "too many cells")

    edges = [[[read_edges(r, n) for _, _, n in features_of(head)] for head in c.heads] for c in table.columns]
    n_bytes = r.varint()
    check(n_bytes <= 10 * n_frequencies(table, variables), "frequencies longer than they can be")
    packed = Reader(unzstd(r.rest(), n_bytes))
    codings = [
        read_coding(packed, column, variable, edges_of_column)
        for column, variable, edges_of_column in zip(table.columns, variables, edges)
    ]
    packed.end()
    return LiveTable(variables, table, codings)


def record_size(variables):
    return sum(variable.dtype.itemsize for variable in variables)


def features_of(head):
    return [feature for context in head.contexts for feature in context]


def n_cells(head):
    return math.prod(n_buckets for _, _, n_buckets in features_of(head))


def n_frequencies(table, variables):
    pairs = list(zip(table.columns, variables))
    in_heads = sum(n_cells(head) * n_symbols(head, variable) for column, variable in pairs for head in column.heads)
    return in_heads + sum(2 + len(variable.patterns) for column, variable in pairs if column.gate is not None)


def n_symbols(head, variable):
    return len(head.leaves) + 2 + len(variable.patterns)


def read_edges(r, n_buckets):
    edges = [r.f64() for _ in range(n_buckets - 1)]
    check(not any(map(math.isnan, edges)), "an edge is no number")
    check(all(a < b for a, b in zip(edges, edges[1:])), "edges that do not ascend")
    return edges


def read_coding(r, column, variable, edges):
    check(all(n_symbols(head, variable) <= MAX_SYMBOLS for head in column.heads), "too many symbols")
    cells = [[read_cell(r, n_symbols(head, variable)) for _ in range(n_cells(head))] for head in column.heads]
    gated = read_cell(r, 2 + len(variable.patterns)) if column.gate is not None else None
    return Coding(edges, cells, gated)


def read_cell(r, n):
    frequencies = [r.varint() + 1 for _ in range(n - 1)]
    frequencies.insert(0, TOTAL - sum(frequencies))
    check(frequencies[0] >= 1, "frequencies above their sum")
    return Cell(frequencies, [sum(frequencies[:symbol]) for symbol in range(n)])


# ---- Symbols --------------------------------------------------------------------------------------------------------


class Symbols:
    """Symbols by their frequencies, from two states that take turns."""

    def __init__(self, data):
        r = Reader(data)
        self.states = list(struct.unpack("<2I", r.raw(8)))
        check(min(self.states) >= 1 << 16, "a state is too small")
        words = r.rest()
        check(len(words) % 2 == 0, "half a word")
        self.words, self.n_read = struct.unpack(f"<{len(words) // 2}H", words), 0

    def read(self, cell):
        state = self.states.pop(0)
        slot = state % TOTAL
        symbol = bisect_right(cell.starts, slot) - 1
        state = cell.frequencies[symbol] * (state >> 12) + slot - cell.starts[symbol]
        if state < 1 << 16:
            check(self.n_read < len(self.words), "symbols end too early")
            state = state << 16 | self.words[self.n_read]
            self.n_read += 1
        self.states.append(state)
        return symbol

    def end(self):
        check(self.n_read == len(self.words) and self.states == [1 << 16] * 2, "symbols do not end where they should")


def decode_records(data, live, n_rows):
    r = Reader(data)
    plain, symbols = Plain(r.block()), Symbols(r.rest())
    columns, formulas, raw = {}, {}, {}
    for index in live.table.order:
        formula_rows(live.table, index, columns, n_rows, formulas)
        raw[index] = decode_column(live, index, n_rows, columns, formulas, symbols, plain)
        values = np.frombuffer(b"".join(raw[index]), live.variables[index].dtype)
        columns[index] = values.astype(np.float64).tolist()
    plain.end()
    symbols.end()
    return b"".join(raw[index][row] for row in range(n_rows) for index in range(len(live.variables)))


def decode_column(live, index, n_rows, columns, formulas, symbols, plain):
    """The bits of each row's value."""
    column, variable, coding = live.table.columns[index], live.variables[index], live.codings[index]
    patterns = variable.patterns
    cells = [cell_rows(head, edges, columns, formulas, n_rows) for head, edges in zip(column.heads, coding.edges)]
    walk = Walk(live.table, index, variable, columns, formulas)
    values = []
    for row in range(n_rows):
        place = walk.place(row)
        if place[0] == "gated":
            n_classes = 1
            symbol = symbols.read(coding.gated)
        else:
            at = -1 if place[0] == "number" and not place[2] else 0
            n_classes = len(column.heads[at].leaves) + 1
            symbol = symbols.read(coding.cells[at][cells[at][row]])
        if symbol == n_classes:
            values.append(plain.read(8 * variable.dtype.itemsize).to_bytes(variable.dtype.itemsize, "little"))
        elif symbol > n_classes:
            values.append(patterns[symbol - n_classes - 1])
        else:
            number = 0 if place[0] == "gated" else read_number(column.heads[at].leaves, symbol, plain)
            values.append(walk.value(row, number).tobytes())
    return values


def read_number(leaves, symbol, plain):
    if symbol == len(leaves):
        return unzigzag(plain.read(min(plain.read(7), 64)))
    low, width, _ = leaves[symbol]
    return wrap64(low + plain.read(width))


def cell_rows(head, edges_of_features, columns, formulas, n_rows):
    """The cell of each row."""
    cells = [0] * n_rows
    for (code, source, n_buckets), edges in zip(features_of(head), edges_of_features):
        values, lag = (formulas[source], 0) if code == 4 else (columns[source], code)
        buckets = [0] * lag + [0 if math.isnan(x) else bisect_right(edges, x) for x in values]
        cells = [cell * n_buckets + bucket for cell, bucket in zip(cells, buckets)]
    return cells


# ---- Stream ---------------------------------------------------------------------------------------------------------


def whole_frames(data):
    """(content of the whole frames up to the end of the stream, whether the end is there)."""
    check(data[:6] == b"\x89BALS\n", "not a live stream")
    check(data[6:7] == b"\x01", "unknown version")
    r = Reader(data[7:])
    contents = []
    while r.at < len(r.data):
        if frame_is_cut(r.data[r.at :]):
            return contents, False
        contents.append(r.frame())
        check(len(contents[-1]) <= MAX_CONTENT, "a frame is too long")
        if len(contents) > 1 and contents[-1][:1] == bytes([END]):
            r.end()
            return contents, True
    return contents, False


def frame_is_cut(data):
    if len(data) < 10 and all(byte >= 128 for byte in data):
        return True
    r = Reader(data)
    length = r.varint()
    check(length <= MAX_CONTENT, "a frame is too long")
    return len(r.data) - r.at < length + 8


def decode_stream(data, model_file=None):
    """(records, whether the stream is whole); model_file is the bytes of the model that the head names, if any."""
    contents, is_whole = whole_frames(data)
    check(contents, "the stream is cut off in its head")
    live = read_head(contents[0], model_file)
    size = record_size(live.variables)
    records = []
    for content in contents[1:]:
        r = Reader(content)
        kind, first = r.u8(), r.varint()
        check(kind in (END, CODED, STORED), "unknown frame")
        check(first == sum(map(len, records)) // size, "a frame does not continue the records before it")
        if kind == END:
            r.end()
            continue
        n_records = r.varint()
        check(1 <= n_records and n_records * size <= MAX_RECORDS, "a frame of no records or too many")
        if kind == STORED:
            records.append(r.raw(n_records * size))
            r.end()
        else:
            expected = r.raw(8)
            records.append(decode_records(r.rest(), live, n_records))
            check(blake3.blake3(records[-1]).digest()[:8] == expected, "the hash of decoded records does not fit")
    return b"".join(records), is_whole


# ---- Command line ---------------------------------------------------------------------------------------------------


def main():
    data, model_file, output = command_line(__doc__, "the .bals file", "the file to write the records to")
    records, is_whole = decode_stream(data, model_file)
    with open(output, "wb") as file:
        file.write(records)
    if not is_whole:
        sys.exit("the stream was cut: the records of its whole frames are written")


if __name__ == "__main__":
    main()
