"""The binary code of predictive streams: docs/format.md, section 12, "Binary code" and "One error"."""

from fields import check, clamp, wrap64

MAX_LEVEL = 255


class Bits:
    """The arithmetic decoder."""

    def __init__(self, data):
        self.rest = iter(data + bytes(8))
        self.low, self.high, self.value = 0, (1 << 64) - 1, 0
        for _ in range(8):
            self.value = self.value << 8 | self.next_byte()

    def next_byte(self):
        byte = next(self.rest, None)
        check(byte is not None, "a binary code is too short")
        return byte

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
            self.value = (self.value & mask) << 8 | self.next_byte()
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


def logistic(limit, n_bits):
    """1 / (1 + e^(-x / 256)) for x from 0 to limit, with some bits behind the point."""
    one = 1 << 60
    term = base = one
    for k in range(1, 10):
        term = (term >> 8) // k
        base += -term if k % 2 else term
    power, table = one, []
    for _ in range(limit + 1):
        table.append((one << n_bits) // (one + power))
        power = power * base >> 60
    return table


def make_tables():
    squash = {}
    for x, p in enumerate(logistic(STRETCH_LIMIT, 16)):
        squash[-x] = 65536 - p
        squash[x] = p
    x, stretch = -STRETCH_LIMIT, []
    for cell in range(4096):
        while x < STRETCH_LIMIT and squash[x] < 16 * cell + 8:
            x += 1
        stretch.append(x)
    return squash, stretch


SQUASH, STRETCH = make_tables()


class Counter:
    """The probability of a 1, out of 2^22; after `limit` bits it keeps its pace."""

    def __init__(self, limit):
        self.p, self.n, self.limit = 1 << 21, 0, limit

    def update(self, bit):
        target = (1 << 22) - 1 if bit else 0
        self.p += (target - self.p) * (131072 // (2 * self.n + 3)) >> 16
        self.n += self.n < self.limit


class Counters(dict):
    """Counters by key, made when first asked for."""

    def __missing__(self, key):
        self[key] = counter = Counter(250)
        return counter


def error_of(bucket, t, fine, mirrored):
    error = wrap64((bucket << t) + fine - ((1 << t) >> 1))
    return wrap64(-error) if mirrored else error


class BinaryErrors:
    """Reads errors as binary decisions."""

    def __init__(self, bits):
        self.bits = bits
        self.counters = Counters()
        self.weights = {}

    def read(self, level, fraction, scale, find_around):
        """The next error; find_around() gives the six values around it, in 1/8."""
        level = min(level, MAX_LEVEL)
        mirrored = fraction < 32
        t = (level - 32) // 4 if level >= 36 else 0
        r = [self.ratio(-v if mirrored else v, scale) for v in find_around()]
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
        return error_of(bucket, t, fine, mirrored)

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
