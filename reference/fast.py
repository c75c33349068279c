"""The fast tier of predictive streams: docs/format.md, section 12, "The fast tier" and "Rows"."""

import struct
from bisect import bisect_right
from functools import lru_cache

from binary import error_of, logistic
from fields import Reader, check, clamp

N_SYMBOLS = 32
ESCAPE = N_SYMBOLS - 1
TOTAL_BITS = 15
FULL = 1 << 40  # certainty
STEEPNESS = (23967451, 20154144, 16947547, 14251132)  # 2^24 2^(-j/4) / 0.7
TAIL_WEIGHTS = (0, 2, 6, 16)
LOGISTIC = logistic(7168, 40)


def fine_bits(width):
    return max(0, (width - 36) // 4)


def cumulative(u):
    """The logistic function of u / 256."""
    g = LOGISTIC[min(abs(u), len(LOGISTIC) - 1)]
    return g if u >= 0 else FULL - g


@lru_cache(None)
def row_starts(kind, f):
    """The first slot of each symbol, and the end."""
    t, weight = fine_bits(kind.width), TAIL_WEIGHTS[kind.tail]

    def below(bucket):
        edge = 32 * ((bucket << t) - ((1 << t) >> 1)) - 16 - (2 * f + 1)
        u = edge * 8 * STEEPNESS[kind.width % 4] >> 16 + kind.width // 4
        third = abs(u) // 3 if u >= 0 else -(abs(u) // 3)
        return (64 - weight) * cumulative(u) + weight * cumulative(third) >> 6

    least = below(-15)
    starts = [((below(s - 15) - least) * ((1 << TOTAL_BITS) - N_SYMBOLS) >> 40) + s for s in range(N_SYMBOLS)]
    return [*starts, 1 << TOTAL_BITS]


def lane_ends(n_rows, n_lanes):
    """The rows of each lane: (first, end)."""
    blocks = -(-n_rows // 8)
    cuts = [8 * (lane * blocks // n_lanes) for lane in range(n_lanes)] + [n_rows]
    return list(zip(cuts, cuts[1:]))


class SymbolErrors:
    """Reads errors, each a symbol of a fixed row, by one of some states, and raw bits: all that is left of a reader."""

    def __init__(self, r, n_states, kinds, escape_bits):
        self.raw, self.at = r.block(), 0  # `at` counts bits
        self.states = list(struct.unpack(f"<{n_states}I", r.raw(4 * n_states)))
        check(min(self.states) >= 1 << 16, "a state is too small")
        words = r.rest()
        check(len(words) % 2 == 0, "half a word")
        self.words = iter(struct.unpack(f"<{len(words) // 2}H", words))
        self.kinds, self.escape_bits = kinds, escape_bits

    def error(self, which, level, f, mirrored):
        """The next error of a state; f is the part of the step in which the prediction lies."""
        kind = self.kinds.kinds[clamp(level - self.kinds.lowest, 0, len(self.kinds.kinds) - 1)]
        symbol = self.symbol(which, row_starts(kind, f))
        bucket = symbol - 15 if symbol < ESCAPE else self.escape()
        t = fine_bits(kind.width)
        return error_of(bucket, t, self.bits(t), mirrored)

    def symbol(self, which, starts):
        state = self.states[which]
        slot = state & (1 << TOTAL_BITS) - 1
        symbol = bisect_right(starts, slot) - 1
        state = (starts[symbol + 1] - starts[symbol]) * (state >> TOTAL_BITS) + slot - starts[symbol]
        if state < 1 << 16:
            word = next(self.words, None)
            check(word is not None, "words end too early")
            state = state << 16 | word
        self.states[which] = state
        return symbol

    def escape(self):
        negative = self.bits(1)
        magnitude = self.bits(self.bits(self.escape_bits)) + 16
        return -magnitude if negative else magnitude

    def bits(self, count):
        start, self.at = self.at, self.at + count
        check(self.at <= 8 * len(self.raw), "raw bits end too early")
        bytes_with_them = self.raw[start // 8 : -(-self.at // 8)]
        return int.from_bytes(bytes_with_them, "little") >> start % 8 & (1 << count) - 1

    def end(self):
        check(all(state == 1 << 16 for state in self.states), "a state does not end where it should")
        check(next(self.words, None) is None, "words are left over")
        n_left = 8 * len(self.raw) - self.at
        check(n_left < 8 and self.bits(n_left) == 0, "raw bits do not end where they should")


class FastErrors(SymbolErrors):
    """Reads the errors of a lane by two states that take turns."""

    def __init__(self, data, kinds):
        super().__init__(Reader(data), 2, kinds, escape_bits=6)
        self.turn = 1

    def read(self, level, fraction, scale, find_around):
        """The next error."""
        self.turn ^= 1
        return self.error(self.turn, level, min(31, abs(fraction - 32)) // 4, fraction < 32)
