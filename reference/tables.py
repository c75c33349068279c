"""Tables: format.md, section 13. Columns from others, and from decisions asked about others."""

import bisect
import math
import struct
from collections import namedtuple

import numpy as np
from binary import SQUASH, STRETCH, Bits, Counter
from fields import Reader, check, clamp, unzigzag, wrap64
from grids import cast, exp2, reconstruct

TABLE = 32

Column = namedtuple("Column", "gate base formula zeros heads")
Head = namedtuple("Head", "leaves contexts")
Table = namedtuple("Table", "order formulas columns")

# ---- Model ----------------------------------------------------------------------------------------------------------

ARITY = [0, 0, 0, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1]


def read_table(r, n_columns):
    order = [r.varint() for _ in range(n_columns)]
    check(sorted(order) == list(range(n_columns)), "an order that is none")
    formulas = r.many(lambda: read_formula(r, n_columns))
    check(len(formulas) <= 4 * n_columns, "too many formulas")
    table = Table(order, formulas, [read_column(r) for _ in range(n_columns)])
    for rank, index in enumerate(order):
        check(set(parents(table, table.columns[index])) <= set(order[:rank]), "a column reads what is not there")
    return table


def read_formula(r, n_columns):
    operations, depth = r.many(lambda: read_operation(r)), 0
    check(1 <= len(operations) <= 64, "a formula of no or too many operations")
    for code, argument in operations:
        check(code > 1 or argument < n_columns, "a formula of an unknown column")
        check(depth >= ARITY[code], "a formula takes what is not there")
        depth += 1 - ARITY[code]
        check(depth <= 8, "a formula keeps too many values")
    check(depth == 1, "a formula leaves no single value")
    return operations


def read_operation(r):
    code = r.u8()
    check(code < len(ARITY), "unknown operation")
    return code, r.varint() if code < 2 else r.f64() if code == 2 else None


def read_column(r):
    gate, base = r.varint(), r.u8()
    check(base <= 3, "unknown base")
    formula, zeros = (r.varint(), r.many(r.varint)) if base >= 2 else (None, [])
    heads = r.many(lambda: Head(read_leaves(r), r.many(lambda: read_context(r))))
    check(len(heads) <= 2 and all(len(head.contexts) <= 6 for head in heads), "too many heads or contexts")
    return Column(gate - 1 if gate else None, base, formula, zeros, heads)


def read_leaves(r):
    n_leaves = r.varint()
    check(n_leaves <= 255, "too many leaves")
    leaves, end = [], None
    for _ in range(n_leaves):
        packed = r.u8()
        low = r.signed() if end is None else end + r.varint()
        end = low + (1 << (packed & 63))
        check(packed & 63 <= 62 and end < 1 << 63, "leaves beyond 64 bits")
        leaves.append((low, packed & 63, packed >> 6))
    return leaves


def read_context(r):
    def read_feature():
        code = r.u8()
        check(code <= 6, "unknown feature")
        source, n_buckets = r.varint() if code < 5 else None, r.u8()
        check(2 <= n_buckets <= 64, "bad number of buckets")
        return code, source, n_buckets

    features = r.many(read_feature)
    check(len(features) <= 4 and sum(f[0] >= 5 for f in features) <= 1, "bad context")
    check(math.prod(f[2] for f in features) <= 4096, "a context has too many cells")
    return features


def formulas_of(column):
    features = [f for head in column.heads for context in head.contexts for f in context]
    return [source for code, source, _ in features if code == 4] + ([column.formula] if column.base >= 2 else [])


def parents(table, column):
    check(all(index < len(table.formulas) for index in formulas_of(column)), "a formula is missing")
    found = [] if column.gate is None else [column.gate]
    found += column.zeros
    found += [operation[1] for i in formulas_of(column) for operation in table.formulas[i] if operation[0] < 2]
    return found + [f[1] for head in column.heads for context in head.contexts for f in context if f[0] < 4]


# ---- A model of the archive, for other grids ------------------------------------------------------------------------

MOST = 1 << 62


class SharedTable:
    """Grids and a model; `fitted` gives the model in numbers of the group's grids."""

    def __init__(self, data, read_grid, dtypes):
        r = Reader(data)

        def read_column_grid():
            code = r.u8()
            check(code < len(dtypes), "unknown dtype in a table's model")
            dtype = np.dtype(dtypes[code])
            return dtype, read_grid(r, dtype)

        self.grids = r.many(read_column_grid)
        self.table = read_table(r, len(self.grids))
        r.end()

    def fitted(self, variables):
        check([dtype for dtype, _ in self.grids] == [v.dtype for v in variables], "a table's model has other columns")
        columns = [
            column._replace(heads=[self.head(column, at, grid, variable.grid) for at in range(len(column.heads))])
            for column, (_, grid), variable in zip(self.table.columns, self.grids, variables)
        ]
        return self.table._replace(columns=columns)

    def head(self, column, at, start, end):
        head = column.heads[at]
        is_log = start[0] == "log" and end[0] == "log"
        units = (start[1], end[1]) if is_log else (unit_of(start), unit_of(end))
        if None in units:
            return head
        ratio = float(units[0]) / float(units[1])
        lows = (start[2], end[2]) if is_log else (0, 0)
        if ratio == 1 and lows[0] == lows[1] or not 2.0**-40 <= ratio <= 2.0**40:
            return head
        relative = column.base == 1 or column.base >= 2 and at + 1 < len(column.heads)

        def scaled(x):
            return clamp(round(float(x) * ratio), -MOST, MOST)

        def carried(number):
            number = clamp(number, -MOST, MOST)
            if not is_log or relative or number == 0:
                return scaled(number)
            size = max(scaled(abs(number) - 1 + lows[0]) - lows[1] + 1, 1)
            return -size if number < 0 else size

        def carried_end(end):
            if is_log and not relative and end == 0:
                return carried(-1) + 1
            return carried(end)

        shift = (math.frexp(ratio * ratio)[1] - 1 + 1) // 2
        return head._replace(leaves=tiled(head.leaves, carried, carried_end, shift))


def unit_of(grid):
    if grid[0] in ("integer", "uniform"):
        return float(grid[1])
    return 1.0 / grid[1] if grid[0] == "decimal" else None


def tiled(leaves, carried, carried_end, shift):
    ends = [low + (1 << width) for low, width, _ in leaves]
    is_zero = [low == 0 and width == 0 for low, width, _ in leaves]
    new_ends = [1 if zero else carried_end(end) for end, zero in zip(ends, is_zero)]
    limits = list(new_ends)
    for i in reversed(range(len(leaves) - 1)):
        if leaves[i + 1][0] == ends[i] and leaves[i + 1][1] > 0 and not is_zero[i]:
            limits[i] = limits[i + 1]
    found, at = [], None
    for (low, width, weight), end, limit in zip(leaves, new_ends, limits):
        low = carried(low)
        for _ in range(2):
            gap = 0 if at is None else low - at
            if 1 <= gap <= 64 and len(found) < 255:
                found.append((at, gap.bit_length() - 1, 0))
                at += 1 << gap.bit_length() - 1
        at = low if at is None else max(at, low)
        while at < end and len(found) < 255:
            widest = min(clamp(width + shift, 0, 62), (limit - at).bit_length() - 1)
            found.append((at, widest, weight))
            at += 1 << widest
    return found


# ---- Formulas -------------------------------------------------------------------------------------------------------

R = 1.5 * 2.0**52
H1, H2, H3, L1, L2 = struct.unpack(
    ">5d", bytes.fromhex("3ff921fb54000000 3e110b4611800000 3c2313198a2e0370 3fe62e42fee00000 3dea39ef35793c76")
)
F = [1.0]
for k in range(1, 21):
    F.append(1.0 / float(math.factorial(k)))


def series(x, first, last, sign):
    total = F[last]
    for k in range(last - 2, first - 1, -2):
        total = F[k] + sign * (total * (x * x))
    return total * x if first == 1 else total


def sin_cos(x):
    if math.isnan(x) or abs(x) > 1e5:
        return math.nan, math.nan
    n = (x / (math.pi / 2) + R) - R
    r = ((x - n * H1) - n * H2) - n * H3
    s, c = series(r, 1, 17, -1.0), series(r, 0, 18, -1.0)
    return [(s, c), (c, -s), (-s, -c), (-c, s)][int(n) % 4]


def sinh_cosh(x):
    if math.isnan(x) or abs(x) > 700:
        return math.nan, math.nan
    if abs(x) < 1:
        return series(x, 1, 19, 1.0), series(x, 0, 20, 1.0)
    n = (abs(x) / math.log(2) + R) - R
    r = (abs(x) - n * L1) - n * L2
    total = F[14]
    for k in range(13, -1, -1):
        total = F[k] + total * r
    up = total * 2.0**n
    down = 1.0 / up
    sinh = (up - down) * 0.5
    return (-sinh if x < 0 else sinh), (up + down) * 0.5


def evaluate(formula, columns, row):
    stack = []
    with np.errstate(all="ignore"):
        for code, argument in formula:
            if code <= 2:
                before = columns[argument][row - 1] if code == 1 and row else math.nan
                stack.append([columns[argument][row] if code == 0 else None, before, argument][code])
                continue
            b = np.float64(stack.pop())
            if ARITY[code] == 2:
                a = np.float64(stack.pop())
                stack.append([a + b, a - b, a * b, a / b][code - 3])
            elif code == 7:
                stack.append(np.float64(0.0) if b < 0 else np.sqrt(b))
            elif code == 12:
                stack.append(b * b)
            else:
                stack.append((sin_cos(float(b)) if code < 10 else sinh_cosh(float(b)))[code % 2])
    return float(stack[0])


# ---- Features -------------------------------------------------------------------------------------------------------


def edges_of(values, n_buckets):
    n, m = len(values), min(len(values), 4096)
    sample = sorted(x for x in (values[i * n // m] for i in range(m)) if math.isfinite(x))
    edges = []
    for b in range(1, n_buckets if sample else 1):
        edge = sample[b * len(sample) // n_buckets]
        last = edges[-1] if edges else sample[0]
        after = bisect.bisect_right(sample, edge)
        if edge > last:
            edges.append(edge)
        elif after < len(sample) and sample[after] > last:
            edges.append(sample[after])
    return edges


def buckets_of(values, n_buckets, lag):
    edges = edges_of(values, n_buckets)
    found = [0 if math.isnan(x) else bisect.bisect_right(edges, x) for x in values]
    return ([0] * lag + found)[: len(values)]


def rises_of(values, n_buckets):
    pairs = zip(values, [-math.inf, *values])
    return [min(n_buckets - 1, 2 if x > before else 0 if x < before else 1) for x, before in pairs]


def feature_rows(feature, columns, formulas):
    """The bucket of each row; None for the column's own classes."""
    code, source, n_buckets = feature
    if code <= 2:
        return buckets_of(columns[source], n_buckets, code)
    if code == 3:
        return rises_of(columns[source], n_buckets)
    return buckets_of(formulas[source], n_buckets, 0) if code == 4 else None


# ---- Decisions ------------------------------------------------------------------------------------------------------


class Plain:
    """Bits as they are, lowest first."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, n_bits):
        check(self.at + n_bits <= 8 * len(self.data), "plain bits end too early")
        bits = [self.data[at // 8] >> at % 8 & 1 for at in range(self.at, self.at + n_bits)]
        self.at += n_bits
        return sum(bit << place for place, bit in enumerate(bits))

    def end(self):
        check((self.at + 7) // 8 == len(self.data), "plain bits are left over")
        check(self.read(8 * len(self.data) - self.at) == 0, "the filling of plain bits is not 0")


class HeadReader:
    def __init__(self, head, columns, formulas):
        self.leaves = head.leaves
        self.n_classes = len(head.leaves) + 1
        self.nodes = []
        self.weights_of_classes = [[1, 4, 16, 64][weight] for _, _, weight in head.leaves] + [1]
        self.split(0, self.n_classes)
        self.contexts = [
            [(feature, feature_rows(feature, columns, formulas)) for feature in context] for context in head.contexts
        ]
        n = len(self.contexts)
        self.weights = [[75000 // (n + 1)] * (n + 1) + [0] for _ in self.nodes]
        self.counters = {}

    def split(self, first, last):
        if last - first == 1:
            return ~first
        weights = self.weights_of_classes
        total = sum(weights[first:last])
        at = min(range(first + 1, last), key=lambda s: (abs(2 * sum(weights[first:s]) - total), s))
        node = len(self.nodes)
        self.nodes.append(None)
        self.nodes[node] = (self.split(first, at), self.split(at, last))
        return node

    def counter(self, *key):
        return self.counters.setdefault(key, Counter(1000))

    def cells(self, row, places):
        for context in self.contexts:
            cell, own = 0, None
            for (code, _, n_buckets), buckets in context:
                if code >= 5:
                    own = n_buckets, places[code - 5] * n_buckets // 256
                else:
                    cell = cell * n_buckets + buckets[row]
            yield cell if own is None else cell * own[0] + own[1]

    def read_class(self, bits, row, places):
        node = 0 if self.nodes else -1
        cells = list(enumerate(self.cells(row, places)))
        while node >= 0:
            counters = [self.counter("cell", k, cell, node) for k, cell in cells] + [self.counter("alone", node)]
            inputs = [STRETCH[c.p >> 10] for c in counters] + [256]
            weights = self.weights[node]
            total = sum(x * (w >> 2) for x, w in zip(inputs, weights))
            p = SQUASH[clamp(total >> 14, -2800, 2800)]
            bit = bits.bit(p)
            miss = 65536 * bit - p
            self.weights[node] = [
                clamp(w + (x * miss + (1 << 14) >> 15), -(1 << 18), 1 << 18) for x, w in zip(inputs, weights)
            ]
            for counter in counters:
                counter.update(bit)
            node = self.nodes[node][bit]
        return ~node

    def read(self, bits, plain, row, places):
        """(number, place)"""
        found = self.read_class(bits, row, places)
        place = 256 * found // self.n_classes
        if found == len(self.leaves):
            return unzigzag(plain.read(min(plain.read(7), 64))), place
        low, width, _ = self.leaves[found]
        n_upper = min(2, width)
        node = 1
        for _ in range(n_upper):
            counter = self.counter("upper", found, node)
            bit = bits.bit(clamp(counter.p >> 6, 64, 65472))
            counter.update(bit)
            node = 2 * node + bit
        n_lower = width - n_upper
        return wrap64(low + ((node - (1 << n_upper)) << n_lower | plain.read(n_lower))), place


# ---- Columns --------------------------------------------------------------------------------------------------------


def nearest_whole(x):
    """To nearest, ties to even; None beyond 2^50."""
    return round(x) if abs(x) <= 2.0**50 else None


def number_of(b, grid, dtype):
    """N(b), or None."""
    if grid[0] == "log" or not math.isfinite(b):
        return None
    if dtype.kind != "f":
        whole = int(cast(np.array([math.floor(b + 0.5)], np.float64), dtype)[0])
        order = whole - (1 << 63) if dtype == np.uint64 else whole
        step = grid[1] if grid[0] == "integer" else 1
        return (order + step // 2) // step
    c = cast(np.array([b], np.float64), dtype)
    if not np.isfinite(c[0]):
        return None
    if grid[0] in ("order", "order32"):
        c = c.astype(np.float32) if grid[0] == "order32" else c
        n_bits = 8 * c.dtype.itemsize
        raw = int(c.view(f"i{c.dtype.itemsize}")[0])
        return raw ^ ((1 << (n_bits - 1)) - 1) if raw < 0 else raw
    x = float(c[0])
    return nearest_whole(x * grid[1] if grid[0] == "decimal" else x / grid[1])


class Walk:
    """How the numbers read become values, row by row."""

    def __init__(self, table, index, variable, columns, formulas):
        self.column, self.variable = table.columns[index], variable
        self.columns, self.before = columns, 0
        self.bases = formulas[self.column.formula] if self.column.base >= 2 else None

    def place(self, row):
        """("gated",), ("number", from, has a base) or ("around", b)."""
        column = self.column
        if column.gate is not None and self.columns[column.gate][row] == 0:
            return ("gated",)
        if column.base < 2:
            return ("number", self.before if column.base == 1 else 0, True)
        b = self.bases[row]
        if any(self.columns[zero][row] != 0 for zero in column.zeros):
            b = math.nan
        if column.base == 3 and math.isfinite(b):
            return ("around", b)
        number = number_of(b, self.variable.grid, self.variable.dtype)
        return ("number", number or 0, number is not None)

    def value(self, row, number):
        """An array of the one value."""
        place, grid, dtype = self.place(row), self.variable.grid, self.variable.dtype
        if place[0] == "gated":
            return cast(np.zeros(1), dtype)
        if place[0] == "number":
            self.before = wrap64(place[1] + number)
            return reconstruct([self.before], grid, dtype)
        b = place[1]
        if grid[0] == "uniform":
            x = b + float(number) * grid[1]
            return cast(np.array([0.0 if grid[2] and x < 0 else x]), dtype)
        if grid[0] == "log":
            size = abs(b) * exp2(clamp(number * grid[1], -(1 << 63), (1 << 63) - 1))
            size = float(math.floor(size + 0.5)) if grid[3] and size < math.inf else size
            return cast(np.array([-size if b < 0 else size]), dtype)
        return reconstruct([number], grid, dtype)


def decode_column(stream, table, index, variable, n_rows, classes, columns, formulas):
    """The values of a column; those of special rows mean nothing."""
    r = Reader(stream)
    check(r.u8() == TABLE, "no stream of a table")
    bits, plain = Bits(r.block()), Plain(r.rest())
    heads = [HeadReader(head, columns, formulas) for head in table.columns[index].heads]
    walk = Walk(table, index, variable, columns, formulas)
    values = np.zeros(n_rows, variable.dtype)
    places = [0, 0]
    for row in range(n_rows):
        place, number, told = walk.place(row), 0, 0
        if not classes[row] and place[0] != "gated" and heads:
            head = heads[-1] if place[0] == "number" and not place[2] else heads[0]
            number, told = head.read(bits, plain, row, places)
        places = [told, places[0]]
        if not classes[row]:
            values[row : row + 1] = walk.value(row, number)
    plain.end()
    return values


def formula_rows(table, index, columns, n_rows, known):
    """Adds the values of all formulas that the column needs."""
    for formula in formulas_of(table.columns[index]):
        if formula not in known:
            known[formula] = [evaluate(table.formulas[formula], columns, row) for row in range(n_rows)]
