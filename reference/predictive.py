"""Decode predictive streams: plain Python, number by number, written from docs/format.md, section 12. Clear, not fast."""

from collections import namedtuple

from fields import check, wrap64

TOP, BOTTOM = 3, 2  # rows of margin
N_GRADIENTS = 5
MAX_LEVEL = 255

# A neighbor: planes back along a, planes back along b, rows down, values right.
Tap = namedtuple("Tap", "a b y x")
Set = namedtuple("Set", "class_from taps scale")


def wrap(x, width):
    """An integer as two's complement of some bits."""
    half = 1 << (width - 1)
    return (x + half) % (2 * half) - half


def clamp(x, low, high):
    return max(low, min(x, high))


def log2(x):
    """Place of the leading one."""
    return x.bit_length() - 1


# ---- Layout ---------------------------------------------------------------------------------------------------------


class Layout:
    def __init__(self, extents):
        self.extents = extents
        self.n_a, self.n_b, self.n_y, self.n_x = extents
        self.series = self.n_a * self.n_b * self.n_y <= 16 and self.n_x >= 256
        self.side = 32 if self.series else 3
        self.row = self.n_x + 2 * self.side
        self.plane = self.row * (TOP + self.n_y + BOTTOM)
        self.n_planes = self.n_a * self.n_b

    def behind(self, plane):
        return (plane % self.n_b > 0) + 2 * (plane >= self.n_b)

    def offset(self, tap, plane):
        """Flat distance of a neighbor; planes before the first along b are the first."""
        back = min(tap.b, plane % self.n_b) + tap.a * self.n_b
        return -back * self.plane + tap.y * self.row + tap.x

    def start(self, plane, y):
        return plane * self.plane + (TOP + y) * self.row + self.side

    def kinds(self):
        """Values of `behind` that the extents have."""
        return [kind for kind in range(4) if (not kind & 1 or self.n_b > 1) and (not kind & 2 or self.n_a > 1)]

    def taps(self, behind):
        square = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        taps = [Tap(0, 0, 0, -1)]
        if self.series:
            taps += [Tap(0, 0, 0, -back) for back in range(2, 33)]
            if self.n_y > 1:
                taps += [Tap(0, 0, -1, x) for x in range(-8, 9)]
        elif self.n_y == 1:
            taps += [Tap(0, 0, 0, -2), Tap(0, 0, 0, -3)]
        else:
            taps += [Tap(0, 0, 0, -2), Tap(0, 0, 0, -3)]
            taps += [Tap(0, 0, y, x) for y in (-1, -2) for x in range(-2, 3)]
            taps += [Tap(0, 0, -3, 0)]
        if behind & 1:
            taps += [Tap(0, 1, y, x) for y, x in square + [(0, -2), (0, 2), (-2, 0), (2, 0)]]
            taps += [Tap(0, 2, y, x) for y, x in square]
            taps += [Tap(0, 3, 0, 0)]
        if behind & 2:
            taps += [Tap(1, 0, y, x) for y, x in square]
        if behind == 3:
            taps += [Tap(1, 1, y, x) for y, x in [(-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)]]
        return taps

    def error_taps(self, behind):
        near = [(0, -1), (-1, 0), (0, -2), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2)]
        before = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1)]
        taps = [Tap(0, 0, y, x) for y, x in near]
        if self.series:
            taps += [Tap(0, 0, 0, -back) for back in range(3, 11)]
        if behind & 1:
            taps += [Tap(0, 1, y, x) for y, x in before] + [Tap(0, 2, 0, 0)]
        if behind & 2:
            taps += [Tap(1, 0, y, x) for y, x in before]
        return taps

    # Margins of an array (values or errors), as the walk goes.

    def open_plane(self, array, plane):
        behind = self.behind(plane)
        if behind:
            first = self.start(plane - 1 if behind & 1 else plane - self.n_b, 0) - self.side
            first_row = array[first : first + self.row]
            array[plane * self.plane : plane * self.plane + TOP * self.row] = first_row * TOP

    def open_row(self, array, start):
        array[start - self.side : start] = [array[start - self.row]] * self.side

    def close_row(self, array, start):
        end = start + self.n_x
        array[end : end + self.side] = [array[end - 1]] * self.side

    def close_plane(self, array, plane):
        last = self.start(plane, self.n_y - 1) - self.side
        array[last + self.row : last + (1 + BOTTOM) * self.row] = array[last : last + self.row] * BOTTOM


# ---- Model ----------------------------------------------------------------------------------------------------------


class Model:
    def __init__(self, r, layout):
        first = r.u8()
        self.shift, self.mapped, self.narrow = first & 63, bool(first & 64), bool(first & 128)
        check(6 <= self.shift <= 20, "bad fraction bits of weights")
        self.mantissa_bits, self.top = r.u8(), 0
        check(self.mantissa_bits in (0, 10, 23, 52), "bad bits of mantissa")
        if self.mantissa_bits:
            self.top = r.varint()
            check(self.top <= 2047, "an exponent is too large")
        self.center = r.signed()
        self.sets = {kind: self.read_set(r, layout, kind) for kind in layout.kinds()}
        self.width = 32 if self.narrow else 64
        self.max_error = (1 << 19) - 8 if self.narrow else (1 << 44) - 8

    def read_set(self, r, layout, kind):
        n_classes = r.u8()
        check(1 <= n_classes <= 8, "bad number of classes")
        class_from = list(r.raw(0 if self.mapped else n_classes - 1))

        def weights(count):
            read = [r.signed() for _ in range(count)]
            check(all(-(1 << 31) <= weight < 1 << 31 for weight in read), "a weight is too large")
            return read

        rows = []
        for _ in range(n_classes):
            row = weights(len(layout.taps(kind)))  # all but the anchor, and the center
            anchor = wrap((1 << self.shift) - sum(row), 32)
            rows.append([anchor, *row[:-1]])
        return Set(class_from, rows, weights(len(layout.error_taps(kind)) + N_GRADIENTS))

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
            return rounded >> 6, rounded & 63, 0
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


# ---- Binary code ----------------------------------------------------------------------------------------------------


class Bits:
    """The arithmetic decoder."""

    def __init__(self, data):
        self.rest = iter(data)
        self.low, self.high, self.value = 0, (1 << 64) - 1, 0
        for _ in range(8):
            self.value = self.value << 8 | next(self.rest, 0)

    def bit(self, p_one):
        r = self.high - self.low
        cut = self.low + (r >> 16) * p_one + ((r & 0xFFFF) * p_one >> 16)
        bit = self.value <= cut
        if bit:
            self.high = cut
        else:
            self.low = cut + 1
        while self.low >> 56 == self.high >> 56:
            mask = (1 << 56) - 1
            self.low = (self.low & mask) << 8
            self.high = (self.high & mask) << 8 | 255
            self.value = (self.value & mask) << 8 | next(self.rest, 0)
        return int(bit)


class Map:
    """A class for each block of planes, rows and columns."""

    def __init__(self, layout, bits):
        self.columns = 1024 if layout.series else 16
        self.across, self.down = -(-layout.n_x // self.columns), -(-layout.n_y // 8)
        self.classes = []
        p = {}
        for block in range(self.across * self.down * -(-layout.n_planes // 4)):
            left = self.classes[block - 1] if block else 0
            above = self.classes[block - self.across] if block >= self.across else 0
            node = 1
            for _ in range(3):
                key = (left == above, left, node)
                old = p.setdefault(key, 32768)
                bit = bits.bit(clamp(old, 600, 64900))
                p[key] = old + (65535 - old >> 4) if bit else old - (old >> 4)
                node = 2 * node + bit
            self.classes.append(node - 8)

    def class_at(self, plane, y, x):
        return self.classes[(plane // 4 * self.down + y // 8) * self.across + x // self.columns]


# ---- One error ------------------------------------------------------------------------------------------------------

STRETCH_LIMIT = 2815


def make_tables():
    one = 1 << 60
    term = base = one
    for k in range(1, 10):
        term = (term >> 8) // k
        base += -term if k % 2 else term
    power, squash = one, {}
    for x in range(STRETCH_LIMIT + 1):
        squash[-x] = 65536 - (one << 16) // (one + power)
        squash[x] = (one << 16) // (one + power)
        power = power * base >> 60
    x, stretch = -STRETCH_LIMIT, []
    for cell in range(4096):
        while x < STRETCH_LIMIT and squash[x] < 16 * cell + 8:
            x += 1
        stretch.append(x)
    return squash, stretch


SQUASH, STRETCH = make_tables()


class Counter:
    def __init__(self):
        self.p, self.n = 1 << 21, 0

    def update(self, bit):
        target = (1 << 22) - 1 if bit else 0
        self.p += (target - self.p) * (131072 // (2 * self.n + 3)) >> 16
        self.n += self.n < 250


class Counters(dict):
    """Counters by key, made when first asked for."""

    def __missing__(self, key):
        self[key] = counter = Counter()
        return counter


class Errors:
    """Reads errors."""

    def __init__(self, bits):
        self.bits = bits
        self.counters = Counters()
        self.weights = {}

    def read(self, level, fraction, scale, around):
        mirrored = fraction < 32
        t = (level - 32) // 4 if level >= 36 else 0
        r = [self.ratio(-v if mirrored else v, scale) for v in around]
        f, h = min(31, abs(fraction - 32)), level // 2
        contexts = [
            ("scale", 8 * level + f // 4),
            ("errors", 81 * h + 9 * r[0] + r[1]),
            ("before", 81 * h + 9 * r[2] + r[3]),
            ("plane", 4 * (9 * h + r[4]) + f // 8),
            ("above", 81 * h + 9 * r[5] + r[3]),
        ]
        bucket = self.read_bucket(contexts, level)
        fine, node = 0, 1
        for _ in range(t):
            if node < 4:
                bit = self.plain(("fine", clamp(bucket, -3, 3), level & 3, node))
                node = 2 * node + bit
            else:
                bit = self.bits.bit(32768)
            fine = 2 * fine + bit
        error = wrap64((bucket << t) + fine - ((1 << t) >> 1))
        return wrap64(-error) if mirrored else error

    def ratio(self, v, scale):
        unit = max(scale >> 10, 1)
        reached = sum(abs(v) >= times * unit for times in (1, 3, 6, 12))
        return 4 - reached if v < 0 else 4 + reached

    def read_bucket(self, contexts, level):
        if self.decide(contexts, level, 0):
            return 0
        negative = self.decide(contexts, level, 1)
        magnitude = 1
        while magnitude < 14 and self.decide(contexts, level, 1 + magnitude):
            magnitude += 1
        if magnitude == 14:
            magnitude += self.read_escape()
        return wrap64(-magnitude if negative else magnitude)

    def decide(self, contexts, level, node):
        """A bit that five counters and a constant foretell together."""
        counters = [self.counters[context, node] for context in contexts]
        inputs = [STRETCH[counter.p >> 10] for counter in counters] + [256]
        weights = self.weights.setdefault((level // 4, node), [22000] * 6)
        x = sum(value * (weight >> 2) for value, weight in zip(inputs, weights)) >> 14
        p_one = SQUASH[clamp(x, -2800, 2800)]
        bit = self.bits.bit(p_one)
        miss = 65536 * bit - p_one
        for i, value in enumerate(inputs):
            weights[i] = clamp(weights[i] + (value * miss + (1 << 14) >> 15), -(1 << 18), 1 << 18)
        for counter in counters:
            counter.update(bit)
        return bit

    def plain(self, key):
        """A bit with one counter."""
        counter = self.counters[key]
        bit = self.bits.bit(clamp(counter.p >> 6, 64, 65472))
        counter.update(bit)
        return bit

    def read_escape(self):
        n_bits = 0
        while n_bits < 64 and self.plain(("escape", n_bits)):
            n_bits += 1
        value = int(n_bits > 0)
        for _ in range(n_bits - 1):
            value = 2 * value + self.bits.bit(32768)
        return value


# ---- The walk -------------------------------------------------------------------------------------------------------


def decode_predictive(r, extents, masked):
    """The integers of a predictive stream, flat; masked is a flat array of flags, masked ones come back as 0."""
    layout = Layout(extents)
    if len(masked) == 0:
        return []
    n_padded = layout.n_planes * layout.plane
    check(n_padded // 4 <= len(masked) + 16384, "an array that is nearly all margins")
    model = Model(r, layout)
    bits = Bits(r.rest())
    blocks = Map(layout, bits) if model.mapped else None
    coder = Errors(bits)
    values, errors = [0] * n_padded, [0] * n_padded
    q = []
    for plane in range(layout.n_planes):
        near = Neighbors(layout, model, plane, values, errors)
        layout.open_plane(values, plane)
        layout.open_plane(errors, plane)
        for y in range(layout.n_y):
            start = layout.start(plane, y)
            layout.open_row(values, start)
            layout.open_row(errors, start)
            for x in range(layout.n_x):
                block_class = blocks.class_at(plane, y, x) if blocks else None
                q.append(near.number(start + x, bool(masked[len(q)]), block_class, coder))
            layout.close_row(values, start)
            layout.close_row(errors, start)
        layout.close_plane(values, plane)
        layout.close_plane(errors, plane)
    return q


class Neighbors:
    """What one plane's numbers are predicted from."""

    def __init__(self, layout, model, plane, values, errors):
        behind = layout.behind(plane)
        self.model, self.set, self.row = model, model.sets[behind], layout.row
        self.values, self.errors = values, errors
        self.taps = [layout.offset(tap, plane) for tap in layout.taps(behind)]
        self.error_taps = [layout.offset(tap, plane) for tap in layout.error_taps(behind)]
        # Distance of the plane P before; 0 if there is none.
        self.before = layout.offset(Tap(behind == 2, behind & 1, 0, 0), plane)

    def number(self, at, is_masked, block_class, coder):
        """Decodes the number at a place of the arrays, and fills the place."""
        model, values, errors = self.model, self.values, self.errors
        scale = self.scale(at)
        if is_masked:
            values[at] = values[at + (self.before or -1)]
            errors[at] = clamp(scale >> 8, 0, model.max_error)
            return 0
        least = max(scale, 8)
        level = 4 * (log2(least) - 3) + (least >> log2(least) - 2 & 3)
        if block_class is None:
            chosen = sum(limit <= level for limit in self.set.class_from)
        else:
            chosen = min(block_class, len(self.set.taps) - 1)
        total = sum(weight * values[at + tap] for weight, tap in zip(self.set.taps[chosen], self.taps))
        local = wrap(total, model.width) >> (model.shift - 6)
        prediction = wrap64(local + (model.center << 6))
        base, fraction, less = model.base(prediction, scale)
        around = self.around(at, local)
        error = coder.read(clamp(level - less, 0, MAX_LEVEL), fraction, scale, around)
        number = wrap64(base + error)
        value = wrap64(model.value(number) - model.center)
        values[at] = wrap(value, model.width)
        errors[at] = self.away(value, local)
        return number

    def scale(self, at):
        """How large an error is expected, in 1/2048."""
        values, row = self.values, self.row
        n_errors = len(self.error_taps)
        total = sum(weight * abs(self.errors[at + tap]) for weight, tap in zip(self.set.scale, self.error_taps))
        west, north = at - 1, at - row
        pairs = [
            (west, west - row),
            (west, west + self.before),
            (north, north - 1),
            (north, north + 1),
            (north, north + self.before),
        ]
        for weight, (a, b) in zip(self.set.scale[n_errors:], pairs):
            difference = abs(wrap(values[a] - values[b], self.model.width))
            total += weight * 8 * min(difference, self.model.max_error // 8)
        return wrap(total, self.model.width)

    def away(self, value, local):
        """A value minus a prediction, in 1/8."""
        return clamp(wrap64(wrap64(8 * value) - (local >> 3)), -self.model.max_error, self.model.max_error)

    def around(self, at, local):
        values, errors, before = self.values, self.errors, self.before
        west, north, northwest = values[at - 1], values[at - self.row], values[at - self.row - 1]
        return [
            errors[at - 1],
            errors[at - self.row],
            errors[at + (before or -2)],
            self.away(values[at + (before or -1)], local),
            self.away(west + north - northwest, local),
            self.away(north, local),
        ]
