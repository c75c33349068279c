"""Hidden integers: docs/format.md, section 18.

    python hidden.py CASES

checks the cases of crates/baler/tests/assets/hidden.txt: a dtype, a shape, the bytes of lattices, numbers and the bits of their
values, one case a line.
"""

import math
import struct
import sys

import numpy as np
from fields import Reader, check, wrap64

WHOLE, DECIMAL = 0, 4
ADD, MUL, DIV, SQRT, TO_F32, TO_F16, TEXT, LOOSE_TEXT, FIXED_TEXT = range(1, 10)
FLOATS = {1: ("<H", "<e", 16), 2: ("<I", "<f", 32), 3: ("<Q", "<d", 64)}


def read_hidden(r, shape, is_float):
    """The axes along which lattices differ, and the lattices."""
    n_axes = r.varint()
    if n_axes == 0:
        return range(0), read_form(r, 1, is_float)
    first = r.varint()
    check(first + n_axes <= len(shape), "lattices along axes that are not there")
    extent = math.prod(shape[first : first + n_axes])
    check(extent <= 1 << 16, "too many lattices")
    n_forms = r.varint()
    check(1 <= n_forms <= 256, "a wrong number of forms")
    forms = [] if n_forms > 1 else [0] * extent
    while len(forms) < extent:
        form, n = r.u8(), r.varint()
        check(form < n_forms and 1 <= n <= extent - len(forms), "a wrong run of forms")
        forms += [form] * n
    lattices = [None] * extent
    for form in range(n_forms):
        members = [idx for idx in range(extent) if forms[idx] == form]
        for idx, lattice in zip(members, read_form(r, len(members), is_float)):
            lattices[idx] = lattice
    return range(first, first + n_axes), lattices


def read_form(r, n, is_float):
    """n lattices of one form: (start, its constants, [(step, its constant)])."""
    start = r.u8()
    check(start <= DECIMAL, "unknown start")
    detail = r.u8() if start != WHOLE else 0
    check(detail <= 62 if start != DECIMAL else 1 <= detail <= 15, "a wrong detail of a start")
    steps = []
    while (step := r.u8()) != 0:
        check(step <= FIXED_TEXT and len(steps) < 8, "unknown step, or too many")
        argument = r.u8() if step in (TEXT, FIXED_TEXT) else None
        check(step != TEXT or 1 <= argument <= 17, "a wrong number of digits")
        check(step != FIXED_TEXT or argument <= 22, "a wrong number of places")
        steps.append((step, argument))
    check(is_float or (start == WHOLE and not steps), "a lattice of floats for integers")
    firsts = [[detail] for _ in range(n)]
    for _ in range({WHOLE: 2, DECIMAL: 1}.get(start, 0)):
        for first, item in zip(firsts, read_integers(r, n)):
            first.append(item)
    check(start != WHOLE or all(first[1] != 0 for first in firsts), "a stride of 0")
    check(start != DECIMAL or all(-(1 << 15) <= first[1] < 1 << 15 for first in firsts), "a decade of more than 16 bits")
    all_steps = [[] for _ in range(n)]
    for step, argument in steps:
        constants = read_constants(r, n) if step in (ADD, MUL, DIV) else [argument] * n
        for own, c in zip(all_steps, constants):
            check(step not in (ADD, MUL, DIV) or math.isfinite(c), "a constant is not finite")
            check(step not in (MUL, DIV) or c != 0, "a constant is 0")
            own.append((step, c))
    return [(start, first, own) for first, own in zip(firsts, all_steps)]


def read_integers(r, n):
    kind = r.u8()
    check(kind in (0, 8), "unknown list of integers")
    return [r.signed()] * n if kind == 8 else differences(r, n)


def differences(r, n):
    items, item = [], 0
    for _ in range(n):
        item = wrap64(item + r.signed())
        items.append(item)
    return items


def read_constants(r, n):
    code = r.u8()
    kind, n_stored = code & ~8, 1 if code & 8 else n
    check(kind <= 2, "unknown list of floats")
    if kind == 0:
        items = [r.f64() for _ in range(n_stored)]
    elif kind == 1:
        items = [struct.unpack("<f", r.raw(4))[0] for _ in range(n_stored)]
    else:
        places = r.u8()
        check(places <= 22, "too many decimals")
        items = [float(m) / float(10**places) for m in differences(r, n_stored)]
    return items * n if code & 8 else items


def hidden_values(axes, lattices, numbers, shape, dtype):
    """Values of numbers in C order."""
    inner = math.prod(shape[axes.stop :]) if len(axes) else max(math.prod(shape), 1)
    values = []
    with np.errstate(all="ignore"):
        for at, number in enumerate(numbers):
            values.append(value(lattices[at // inner % len(lattices)], int(number), np.dtype(dtype)))
    return np.array(values, dtype=dtype)


def value(lattice, k, dtype):
    start, first, steps = lattice
    if start == WHOLE:
        whole = wrap64(wrap64(k * first[1]) + first[2])
        if dtype.kind != "f":
            return of_order(whole, dtype)
        x = np.float64(whole)
    elif start == DECIMAL:
        x = np.float64(decimal(k, *first))
    else:
        x = float_of_order(wrap64((k << first[0]) + ((1 << first[0]) - 1 if k < 0 else 0)), start)
    for step, c in steps:
        x = apply(step, c, x)
    return np.float16(np.float32(x)) if dtype == np.float16 else dtype.type(x)


def of_order(order, dtype):
    bits = 8 * dtype.itemsize
    if dtype == np.uint64:
        order += 1 << 63
    low = order % (1 << bits)
    return dtype.type(low - (1 << bits) if dtype.kind == "i" and low >> (bits - 1) else low)


def float_of_order(order, start):
    unsigned, real, n_bits = FLOATS[start]
    low = order % (1 << n_bits)
    if low >> (n_bits - 1):
        low ^= (1 << (n_bits - 1)) - 1
    return np.float64(struct.unpack(real, struct.pack(unsigned, low))[0])


def decimal(k, digits, low):
    if k == 0:
        return 0.0
    decade, rest = divmod(abs(k) - 1, 9 * 10 ** (digits - 1))
    x = float(f"{10 ** (digits - 1) + rest}e{low + decade}")
    return -x if k < 0 else x


def apply(step, c, x):
    if step == ADD:
        return x + c
    if step == MUL:
        return x * c
    if step == DIV:
        return x / c
    if step == SQRT:
        return np.sqrt(x)
    if step == TO_F32:
        return np.float64(np.float32(x))
    if step == TO_F16:
        return np.float64(np.float16(np.float32(x)))
    if not np.isfinite(x) or x == 0:
        return x
    if step == TEXT:
        return np.float64(f"{float(x):.{c - 1}e}")
    if step == FIXED_TEXT:
        return np.float64(f"{float(x):.{c}f}")
    return loose(float(x))


def loose(x):
    mantissa, _, exponent = repr(abs(x)).partition("e")
    whole, _, behind = mantissa.partition(".")
    m = int(whole + behind)
    e = int(exponent or 0) - len(behind)
    while m % 10 == 0:
        m, e = m // 10, e + 1
    y = np.float64(0)
    for digit in str(m):
        y = y * 10 + int(digit)
    power, n = np.float64(10), abs(e)
    while n:
        if n & 1:
            y = y / power if e < 0 else y * power
        power, n = power * power, n >> 1
    return -y if x < 0 else y


def check_cases(path):
    """Lines of: dtype, extents by commas, bytes in hex, numbers by commas, bits of the values in hex by commas."""
    n_cases = 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            dtype, extents, data, numbers, expected = line.split()
            dtype = np.dtype(dtype)
            shape = [int(extent) for extent in extents.split(",")]
            r = Reader(bytes.fromhex(data))
            axes, lattices = read_hidden(r, shape, dtype.kind == "f")
            r.end()
            found = hidden_values(axes, lattices, [int(k) for k in numbers.split(",")], shape, dtype)
            bits = [f"{int.from_bytes(x.tobytes(), 'little'):x}" for x in found]
            is_nan = [bool(np.isnan(x)) for x in found]
            same = [a == b or nan for a, b, nan in zip(bits, expected.split(","), is_nan)]
            check(all(same), f"other values: {line[:200]} {bits[:8]}")
            n_cases += 1
    print(f"{n_cases} cases of hidden integers agree")


if __name__ == "__main__":
    check_cases(sys.argv[1])
