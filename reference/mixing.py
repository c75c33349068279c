"""Mixed streams: docs/format.md, section 20. As slow as it is simple: some ten thousand bits a second."""

from binary import SQUASH, STRETCH, Bits, Counter
from fields import MASK64, Reader, check, clamp, unzigzag, wrap64

NONE, PREVIOUS, ABOVE, LARGEST = range(4)
GOLDEN = 0x9E3779B97F4A7C15
LEAST = 6, 24
SURE = 96
N_CONTEXTS, N_LOW, N_HIGH_BYTES = 17, 7, 2
N_INPUTS = 26


def decode(data, n_values, columns):
    """The numbers of a mixed stream."""
    columns = clamp(columns, 1, n_values + 1)
    r = Reader(data)
    if n_values == 0:
        r.end()
        return []
    kind = r.u8()
    check(kind <= 1, "neither numbers nor places in a list")
    if kind == 0:
        return decode_symbols(r.rest(), n_values, columns)
    n_listed = r.varint()
    check(n_listed <= n_values, "more values in a list than numbers")
    values = decode_symbols(r.block(), n_listed, 1)
    places = decode_symbols(r.rest(), n_values, columns)
    check(all(0 <= place < n_listed for place in places), "a place outside the list")
    return [values[place] for place in places]


def decode_symbols(data, n_values, columns):
    r = Reader(data)
    head = r.u8()
    difference, width = head >> 4, head & 15
    check(difference <= 3 and width <= 8, "unknown difference or width")
    start = r.signed()
    coded = r.rest()
    if width == 0:
        return [wrap64(start + (idx if difference == LARGEST else 0)) for idx in range(n_values)]
    check(n_values // (1 << 19) <= len(coded), "more numbers than bits can hold")
    numbers = Numbers(Bits(coded), difference, start, width, n_values, columns)
    for _ in range(n_values):
        numbers.read()
    return numbers.values


def spread(x):
    x = x * GOLDEN & MASK64
    return x ^ x >> 29


def join(*numbers):
    h = 0
    for number in numbers:
        h = spread(h + number + 1 & MASK64)
    return h


def table_bits(n):
    return clamp(n.bit_length(), 10, 20)


class Match:
    """Follows the place behind the last one with the same hash of the last numbers."""

    def __init__(self, least, n_values):
        self.least, self.shift = least, 64 - table_bits(n_values)
        self.places, self.place, self.length = {}, 0, 0

    def candidate(self, values):
        if self.place == 0:
            return 0, 0
        length = self.length
        return values[self.place], min(1 + length if length < 8 else 5 + length.bit_length(), 15)

    def learn(self, values):
        """After the last of `values` was read."""
        n = len(values)
        if self.place > 0:
            self.length = min(self.length + 1, 65535) if values[self.place] == values[-1] else 0
            self.place += 1
        if n < self.least:
            return
        h = 0
        for value in values[-self.least :]:
            h = h * GOLDEN + join(value & MASK64) & MASK64
        slot = join(h) >> self.shift
        place = self.places.get(slot, 0)
        if self.length < SURE and place > 0 and place != self.place:
            same = 0
            while same < min(48, place) and values[place - 1 - same] == values[n - 1 - same]:
                same += 1
            if same >= self.least and same > self.length:
                self.place, self.length = place, same
        self.places[slot] = n


class Numbers:
    """Reads number after number."""

    def __init__(self, bits, difference, start, width, n_values, columns):
        self.bits, self.difference, self.start, self.columns = bits, difference, start, columns
        self.values, self.symbols = [], []
        self.matches = [Match(least, n_values) for least in LEAST]
        self.right = {}
        self.sure = {}
        self.next = 0
        self.predictor = Predictor(bits, width, n_values)

    def v(self, k):
        return self.values[-k] if k <= len(self.values) else 0

    def base(self):
        if self.difference == NONE or len(self.values) < (self.columns if self.difference == ABOVE else 1):
            return self.start
        return [None, self.v(1), self.v(self.columns), self.next][self.difference]

    def symbol_of(self, value):
        d = wrap64(value - self.base())
        return d & MASK64 if self.difference == NONE else zigzag(wrap64(-d) if self.difference == LARGEST else d)

    def value_of(self, symbol):
        d = symbol if self.difference == NONE else unzigzag(symbol)
        return wrap64(self.base() + (-d if self.difference == LARGEST else d))

    def candidates(self):
        c, v = self.columns, self.v
        rules = [2 * v(1) - v(2), v(1) + v(c) - v(c + 1), 2 * v(c) - v(2 * c), self.next, v(c), v(1)]
        column = len(self.values) % c % 64
        found = [match.candidate(self.values) for match in self.matches]
        return found + [(wrap64(value), 1 + self.right.get((i, column), 0)) for i, value in enumerate(rules)]

    def read(self):
        found = self.candidates()
        for i, match in enumerate(self.matches):
            if match.length >= SURE:
                if self.read_sure(found, found[i][0], match.length):
                    return self.learn(found, found[i][0], self.symbol_of(found[i][0]))
                found_now = [(value, 0 if value == found[i][0] else trust) for value, trust in found]
                break
        else:
            found_now = found
        expected = [(self.symbol_of(value), trust) for value, trust in found_now]
        column = len(self.values) % self.columns
        symbol = self.predictor.read(self.hashes(found_now), expected, column)
        self.learn(found, self.value_of(symbol), symbol)

    def read_sure(self, found, value, length):
        c = self.columns
        around = [self.v(k) == value for k in (1, c, max(c, 2) - 1, c + 1, 2 * c)] + [found[1][0] == value]
        counter = self.sure.setdefault((length.bit_length(), *around), Counter(1000))
        bit = self.bits.bit(clamp(counter.p >> 6, 1, 65535))
        counter.update(bit)
        return bit

    def learn(self, found, value, symbol):
        column = len(self.values) % self.columns % 64
        for i, (guess, _) in enumerate(found[2:]):
            old = self.right.get((i, column), 0)
            self.right[i, column] = min(old + 1, 14) if guess == value else old // 4
        after = wrap64(value + 1)
        self.next = max(self.next, after) if self.values else after
        self.values.append(value)
        self.symbols.append(symbol)
        for match in self.matches:
            match.learn(self.values)

    def hashes(self, found):
        c = self.columns
        s1, s2, s3, s4, s5, s6 = (self.symbols[-k] if k <= len(self.symbols) else 0 for k in range(1, 7))
        w, ww, n, nn, nw, ne = (self.v(k) & MASK64 for k in (1, 2, c, 2 * c, c + 1, max(c, 2) - 1))
        column = len(self.values) % c
        first, second = (value & MASK64 for value, _ in found[:2])
        step = w - ww & MASK64 if self.difference == NONE else w
        contexts = [
            (),
            (column,),
            (s1,),
            (n,),
            (w + n - nw & MASK64,),
            (step,),
            (s1, s2),
            (s1, s2, s3),
            (s1, s2, s3, s4, s5, s6),
            (n, nw, ne),
            (n, w, nw, ne, ww, nn),
            (n, nn),
            (column, s1),
            (s2,),
            (s2, s3),
            (first, found[0][1]),
            (second, w),
        ]
        return [join(i, *numbers) for i, numbers in enumerate(contexts)]


def zigzag(value):
    return (value << 1 ^ value >> 63) & MASK64


class Slots:
    """A hash table of 15 counters (p of 12 bits, n) each."""

    def __init__(self, n_slots):
        self.shift = 64 - table_bits(n_slots)
        self.checks, self.counters = {}, {}

    def find(self, hashes, so_far):
        hashes = [spread(h ^ so_far) for h in hashes]
        at = [h >> self.shift for h in hashes]
        checks = [h & 0xFFFF | 1 for h in hashes]
        there = [self.checks.get(slot, 0) for slot in at]
        return [slot if old == own else self.near(slot, own) for slot, own, old in zip(at, checks, there)]

    def near(self, here, own):
        beside = here ^ 1
        for slot in here, beside:
            if self.checks.get(slot, 0) == own:
                return slot
        used = [self.counters[slot][1][1] if slot in self.counters else 0 for slot in (here, beside)]
        slot = here if used[0] <= used[1] else beside
        self.checks[slot] = own
        self.counters[slot] = [(2048, 0)] * 16
        return slot

    def learn(self, slot, leaf, bit):
        p, n = self.counters[slot][leaf]
        p += ((4095 if bit else 0) - p) * (131072 // (2 * n + 3)) + (1 << 15) >> 16
        self.counters[slot][leaf] = p, min(n + 1, 15)


class Predictor:
    """Reads symbols byte by byte."""

    def __init__(self, bits, width, n_values):
        self.bits, self.width = bits, width
        self.slots = Slots(n_values * width * 8)
        self.trust, self.weights, self.last, self.curves = {}, {}, {}, {}

    def read(self, hashes, expected, column):
        symbol = 0
        for byte_idx in range(self.width):
            symbol = symbol << 8 | self.read_byte(hashes, expected, min(column, 15), byte_idx, symbol)
        return symbol

    def read_byte(self, hashes, expected, column, byte_idx, before):
        behind = 8 * (self.width - 1 - byte_idx)
        voices = [(s >> behind & 255 | 256, trust if s >> behind >> 8 == before else 0) for s, trust in expected]
        active = N_CONTEXTS if byte_idx < N_HIGH_BYTES else N_LOW
        node = 1
        for step in range(8):
            if step % 4 == 0:
                so_far = spread((before << 8 | node) + (byte_idx << 60) + 1 & MASK64)
                found, leaf = self.slots.find(hashes[:active], so_far), 1
            says = [
                (trust if byte >> 8 - step == node else 0, byte >> 7 - step & 1) for byte, trust in voices
            ]
            bit = self.read_bit(found, leaf, says, 256 * byte_idx + node, column, behind + 7 - step)
            node, leaf = 2 * node + bit, 2 * leaf + bit
        return node & 255

    def read_bit(self, found, leaf, says, by_node, column, n_left):
        counters = [self.slots.counters[slot][leaf] for slot in found]
        inputs = [clamped(STRETCH[p]) for p, _ in counters] + [0] * (N_CONTEXTS - len(found))
        trusted = []
        for i, (trust, bit) in enumerate(says):
            counter = self.trust.setdefault((i, trust, n_left), Counter(1000)) if trust else None
            logit = clamped(STRETCH[counter.p >> 10]) if trust else 0
            inputs.append(logit if bit else -logit)
            trusted.append(counter)
        inputs.append(256)
        (a, a_bit), (b, b_bit) = says[6], says[7]
        agree = 0 if not a and not b else 2 if a and b and a_bit == b_bit else 1
        by_match = says[0][0], says[1][0], agree
        by_count = (column, *((n > 0) + (n > 2) + (n > 14) for _, n in (counters[i] for i in (0, 3, 6))))
        bit = self.mix(inputs, [by_node, by_match, by_count], n_left)
        for slot in found:
            self.slots.learn(slot, leaf, bit)
        for counter, (trust, said) in zip(trusted, says):
            if trust:
                counter.update(said == bit)
        return bit

    def mix(self, inputs, rows, n_left):
        sets = [self.weights.setdefault((i, row), [9000 << 12] * N_INPUTS) for i, row in enumerate(rows)]
        last = self.last.setdefault(n_left, [65536 // 3] * 3)
        logits = [clamped(wrap32(sum(x * (w >> 16) for x, w in zip(inputs, weights))) >> 12) for weights in sets]
        logit = clamp(sum(x * w for x, w in zip(logits, last)) >> 16, -2800, 2800)
        p = SQUASH[logit]
        point, part = divmod(logit + 2816, 128)
        curves = [
            self.curves.setdefault((i, row), [SQUASH[clamp(128 * k - 2816, -2815, 2815)] for k in range(45)])
            for i, row in ((0, rows[0]), (2, rows[2]))
        ]
        first, second = (curve[point] * (128 - part) + curve[point + 1] * part >> 7 for curve in curves)
        bit = self.bits.bit(clamp(p + first + 2 * second >> 2, 1, 65535))
        for curve in curves:
            near = point + (part >> 6)
            curve[near] += (65535 if bit else 0) - curve[near] >> 6
        for i, (x, weights) in enumerate(zip(logits, sets)):
            last[i] = clamp(last[i] + (x * (65536 * bit - p) >> 15), -(1 << 18), 1 << 18)
            miss = 65536 * bit - SQUASH[x] >> 1
            for k, value in enumerate(inputs):
                weights[k] = wrap32(weights[k] + (value * miss >> 2))
        return bit


def clamped(logit):
    return clamp(logit, -2047, 2047)


def wrap32(x):
    return (x + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
