"""What predictive streams predict with, and the models of an archive for them: docs/format.md, section 12, "Bytes"."""

from collections import namedtuple

from beside import beside_taps, read_scale, with_first
from fields import Reader, check, clamp, log2, wrap, wrap64
from layout import Layout, error_taps, value_taps

N_GRADIENTS = 5
SHARED_SHIFT, NARROW_SHIFT = 18, 11

# Rows: weights of the taps, one row a class; without the anchor, and then the center's, until `with_anchors`. Beside: those
# of another variable's taps.
Set = namedtuple("Set", "class_from rows scale beside", defaults=[()])
# How symbols are distributed at one level of the fast tier.
Kind = namedtuple("Kind", "width tail")
Kinds = namedtuple("Kinds", "lowest kinds")


def read_set(r, behind, series, one_row, deep, mapped, n_beside=0):
    n_classes = r.u8()
    check(1 <= n_classes <= 8, "bad number of classes")
    class_from = list(r.raw(0 if mapped else n_classes - 1))
    n_taps = len(value_taps(behind, series, one_row, deep))
    rows = [read_weights(r, n_taps + n_beside) for _ in range(n_classes)]
    scale = read_weights(r, len(error_taps(behind, series)) + N_GRADIENTS)
    beside = [with_first(row[n_taps:]) for row in rows] if n_beside else ()
    return Set(class_from, [row[:n_taps] for row in rows], scale, beside)


def read_weights(r, count):
    weights = [r.signed() for _ in range(count)]
    check(all(-(1 << 31) <= weight < 1 << 31 for weight in weights), "a weight is too large")
    return weights


def read_kinds(r):
    lowest, n_kinds = r.u8(), r.u8() + 1
    kinds = []
    for level, byte in enumerate(r.raw(n_kinds), lowest):
        width = level + (byte >> 2) - 32
        check(0 <= width <= 255, "a width is out of range")
        kinds.append(Kind(width, byte & 3))
    return Kinds(lowest, kinds)


def with_anchors(weights, shift):
    """The rows as they are used: the anchor's weight first, the center's dropped."""
    rows = [[wrap((1 << shift) - sum(row), 32), *row[:-1]] for row in weights.rows]
    return weights._replace(rows=rows)


def level(scale):
    """Four a doubling."""
    log = log2(max(scale, 8))
    return 4 * (log - 3) + (max(scale, 8) >> log - 2 & 3)


def read_order(byte):
    """Which axis stands at a, b, y and x."""
    order = [byte >> shift & 3 for shift in (6, 4, 2, 0)]
    check(sorted(order) == [0, 1, 2, 3], "bad order of axes")
    return order


class SharedModel:
    """A predictive model of an archive."""

    def __init__(self, data):
        r = Reader(data)
        flags = r.u8()
        check(flags < 128 and flags >> 2 & 15, "a predictive model with bad flags or without sets")
        self.series, self.one_row, self.deep = bool(flags & 1), bool(flags & 2), bool(flags & 64)
        present = [behind for behind in range(4) if flags >> 2 + behind & 1]
        self.sets = {behind: read_set(r, behind, self.series, self.one_row, self.deep, False) for behind in present}
        check(all(len(found.rows) == 1 for found in self.sets.values()), "a predictive model with classes")
        self.kinds = read_kinds(r)
        r.end()

    def set_for(self, behind):
        if behind in self.sets:
            return self.sets[behind]
        smaller = [found for found in self.sets if found < behind and found & behind == found]
        return self.stand_in(max(smaller or [min(self.sets)]), behind)

    def stand_in(self, found, behind):
        """The set of one `behind` made to serve another: weights go with what they weigh."""
        center, gradients = ["center"], [f"gradient {i}" for i in range(N_GRADIENTS)]

        def move(weights, labels, wanted):
            by_label = dict(zip(labels, weights, strict=True))
            return [by_label.get(label, 0) for label in wanted]

        taps = [value_taps(k, self.series, self.one_row, self.deep)[1:] + center for k in (found, behind)]
        errors = [error_taps(k, self.series) + gradients for k in (found, behind)]
        old = self.sets[found]
        return Set([], [move(old.rows[0], *taps)], move(old.scale, *errors))


class Model:
    """How the numbers of one stream are predicted: its own weights, or those of a model that it shares."""

    def __init__(self, r, extents, shared, is_beside):
        first = r.u8()
        self.shift, self.fast = first & 31, bool(first & 32)
        self.mapped, self.narrow = bool(first & 64), bool(first & 128)
        check(6 <= self.shift <= 20, "bad fraction bits of weights")
        self.read_domain(r)
        self.order = read_order(r.u8())
        self.center = r.signed()
        self.read_filters(r)
        check(not is_beside or not self.fast and self.stride == 1, "another variable beside a fast or centred stream")
        self.beside = read_scale(r) if is_beside else None
        self.inputs = None
        layout = Layout([extents[axis] for axis in self.order])
        self.layout = layout
        if shared:
            self.share(shared, layout)
        else:
            self.read(r, layout)
        self.sets = {behind: with_anchors(found, self.shift) for behind, found in self.sets.items()}
        self.width = 32 if self.narrow else 64
        self.max_error = (1 << 19) - 8 if self.narrow else (1 << 44) - 8

    def read_domain(self, r):
        domain = r.u8()
        check(domain in (0, 1, 10, 23, 52), "an unknown domain")
        self.mantissa_bits, self.top, self.stride = domain if domain > 1 else 0, 0, 1
        if domain == 1:
            self.stride = r.varint()
            check(self.stride in range(3, 256, 2) and not self.fast, "a bad stride, or one in the fast tier")
        if self.mantissa_bits:
            self.top = r.varint()
            check(self.top <= 2047, "an exponent is too large")
        self.less = level(self.stride << 11) - level(1 << 11)

    def read_filters(self, r):
        self.rates, self.coarse = [r.u8()], 0
        if self.rates[0]:
            self.rates += [r.u8(), r.u8()]
            self.coarse = r.u8()
            check(self.coarse <= 20 and not self.fast, "bad unit of errors, or filters in the fast tier")

    def read(self, r, layout):
        kind = (layout.series, layout.one_row, layout.deep, self.mapped)
        n_beside = len(beside_taps(layout.n_a, layout.n_b, layout.n_y, layout.n_x)) if self.beside else 0
        self.sets = {behind: read_set(r, behind, *kind, n_beside) for behind in layout.behinds()}
        self.kinds = None
        if self.fast:
            one_class = all(len(found.rows) == 1 for found in self.sets.values())
            check(self.mapped or one_class, "classes by level in a fast stream")
            self.kinds = read_kinds(r)

    def share(self, shared, layout):
        check(not self.mapped, "classes of blocks with a shared model")
        check((shared.series, shared.one_row) == (layout.series, layout.one_row), "a model of another shape")
        same_stacks = shared.deep == layout.deep or 2 not in layout.behinds() or 2 not in shared.sets
        check(same_stacks, "a model of other stacks")
        check(self.shift == (NARROW_SHIFT if self.narrow else SHARED_SHIFT), "bad fraction bits of shared weights")
        self.sets = {behind: shared.set_for(behind) for behind in layout.behinds()}
        self.kinds = shared.kinds
        if self.narrow:
            for behind, found in self.sets.items():
                rows = [[wrap(weight + 64, 32) >> 7 for weight in row] for row in found.rows]
                self.sets[behind] = found._replace(rows=rows)

    def away(self, value, local):
        """A value minus a prediction in 1/64, in 1/8."""
        return clamp(wrap64(wrap64(8 * value) - (local >> 3)), -self.max_error, self.max_error)

    def value(self, number):
        """The value of a number."""
        if not self.mantissa_bits:
            return number
        m = ~number if number < 0 else number
        exponent = min(m >> self.mantissa_bits, self.top)
        mantissa = m & ((1 << self.mantissa_bits) - 1) | (exponent > 0) << self.mantissa_bits
        shift = max(exponent, 1) - self.top + 40 - self.mantissa_bits
        fixed = mantissa << shift if shift >= 0 else mantissa >> -shift
        return -fixed if number < 0 else fixed

    def base(self, prediction, scale):
        """(number, fraction, what is taken off the level) of a prediction in 1/64."""
        rounded = wrap64(prediction + 32)
        if not self.mantissa_bits:
            return rounded >> 6, rounded & 63 if self.stride == 1 else 32, 0
        size = min(abs(prediction), 1 << 56)
        far = log2(max(1, size + (max(scale, 0) >> 5))) - 6
        less = 4 * (max(far, 41 - self.top) - self.mantissa_bits)
        fraction = 32 if less else rounded & 63
        place = log2(max(size, 1))
        exponent = self.top - 46 + place
        if exponent < 1:
            return 0, fraction, less
        mantissa = (size << self.mantissa_bits >> place) & ((1 << self.mantissa_bits) - 1)
        order = (exponent << self.mantissa_bits) + mantissa
        return ~order if prediction < 0 else order, fraction, less
