"""From numbers to values: docs/format.md, section 7."""

import math
import struct
import sys

import blake3
import numpy as np
from fields import check, wrap64


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
        middle = 0.0 if arguments[0] % 2 else 0.5
        real = [float(wrap64(number * arguments[0])) + middle for number in q]
    elif kind == "uniform":
        step, non_negative = arguments
        real = [float(number) * step for number in q]
        real = [0.0 if non_negative and x < 0 else x for x in real]
    elif kind == "decimal":
        real = [float(number) / arguments[0] for number in q]
    else:
        real = [log_value(number, *arguments) for number in q]
    return cast(np.array(real, np.float64), dtype)


def refined(grid, stride):
    """The grid that has `stride` steps in one."""
    kind, *arguments = grid
    if stride == 1:
        return grid
    if kind == "uniform":
        step = arguments[0] / stride
        check(step >= sys.float_info.min, "a finer grid's step is no normal number")
        return [kind, step, *arguments[1:]]
    fits = kind == "integer" and arguments[0] % 2 == 1 and arguments[0] % stride == 0
    check(fits, "a stride of a grid that has no finer one")
    return [kind, arguments[0] // stride]


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


def orders(values):
    """The order-preserving integers of values, as Python's own."""
    n_bits = 8 * values.dtype.itemsize
    result = []
    for bits in values.view(f"u{values.dtype.itemsize}").tolist():
        if values.dtype == np.uint64:
            bits -= 1 << 63
        elif values.dtype.kind in "if" and bits >> (n_bits - 1):
            bits -= 1 << n_bits
            if values.dtype.kind == "f":
                bits ^= (1 << (n_bits - 1)) - 1
        result.append(bits)
    return result


def limited(values, limits):
    """Values, none of which lies outside the limits, which are orders."""
    low, high = limits
    return from_orders([min(max(order, low), high) for order in orders(values)], values.dtype)


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
