"""The fields that format.md builds everything from, and the error for bytes that break its rules."""

import struct

import blake3
import zstandard

MASK64 = (1 << 64) - 1


class FormatError(Exception):
    """The bytes are no archive or model of version 1."""


def check(condition, message):
    if not condition:
        raise FormatError(message)


class Reader:
    """Reads the fields of format.md, section 1, in order."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def raw(self, n_bytes):
        check(n_bytes <= len(self.data) - self.at, "bytes end too early")
        self.at += n_bytes
        return self.data[self.at - n_bytes : self.at]

    def rest(self):
        return self.raw(len(self.data) - self.at)

    def u8(self):
        return self.raw(1)[0]

    def varint(self):
        value = 0
        for shift in range(0, 64, 7):
            byte = self.u8()
            value |= (byte & 127) << shift
            if byte < 128:
                break
        else:
            raise FormatError("an integer is too long")
        check(value <= MASK64, "an integer has more than 64 bits")
        return value

    def signed(self):
        return unzigzag(self.varint())

    def f64(self):
        return struct.unpack("<d", self.raw(8))[0]

    def block(self):
        return self.raw(self.varint())

    def text(self):
        try:
            return self.block().decode("utf-8")
        except UnicodeDecodeError:
            raise FormatError("text is no UTF-8") from None

    def many(self, read):
        count = self.varint()
        check(count <= len(self.data) - self.at, "more items than bytes")
        return [read() for _ in range(count)]

    def frame(self):
        content = self.block()
        check(self.raw(8) == blake3.blake3(content).digest()[:8], "a checksum does not fit")
        return content

    def end(self):
        check(self.at == len(self.data), "bytes are left over")


def unzstd(packed, n_bytes):
    try:
        content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=n_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise FormatError(f"not a zstd frame: {error}") from None
    check(len(content) == n_bytes, "a zstd frame has another length than stated")
    return content


def unzigzag(z):
    return z >> 1 if z % 2 == 0 else -(z >> 1) - 1


def wrap64(x):
    """An integer as 64-bit two's complement."""
    return (x + (1 << 63) & MASK64) - (1 << 63)


def wrap(x, width):
    """An integer as two's complement of some bits."""
    half = 1 << (width - 1)
    return (x + half) % (2 * half) - half


def clamp(x, low, high):
    return max(low, min(x, high))


def log2(x):
    """Place of the leading one."""
    return x.bit_length() - 1
