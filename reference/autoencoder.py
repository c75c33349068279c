"""Autoencoders: their latents, networks and predictions (docs/format.md, sections 8 to 10)."""

import math
import struct
from collections import namedtuple

import numpy as np
from classical import decode_classical
from fields import Reader, check, unzigzag, wrap64

# ---- Entropy coding -------------------------------------------------------------------------------------------------

N_TOKENS = 124
Prior = namedtuple("Prior", "center frequencies starts slots")


def read_prior(r):
    center = r.signed()
    check(-(1 << 31) <= center < 1 << 31, "a center is too large")
    n_used = r.varint()
    check(n_used <= N_TOKENS, "too many frequencies")
    frequencies = [0] + [r.varint() + 1 for _ in range(n_used - 1)]
    frequencies += [1] * (N_TOKENS - len(frequencies))
    frequencies[0] = (1 << 14) - sum(frequencies)
    check(frequencies[0] > 0, "frequencies do not add up")
    starts = [sum(frequencies[:token]) for token in range(N_TOKENS)]
    slots = [token for token, count in enumerate(frequencies) for _ in range(count)]
    return Prior(center, frequencies, starts, slots)


def decode_columns(data, n_rows, priors):
    """n_rows x len(priors) integers, row after row."""
    r = Reader(data)
    coded = Reader(r.block())
    states = list(struct.unpack("<4I", coded.raw(16)))
    check(min(states) >= 1 << 16, "a state is too small")
    words = coded.rest()
    check(len(words) % 2 == 0, "half a word")
    words = list(struct.unpack(f"<{len(words) // 2}H", words))[::-1]
    tokens = []
    for i in range(n_rows * len(priors)):
        prior, x = priors[i % len(priors)], states[i % 4]
        slot = x & 16383
        token = prior.slots[slot]
        x = prior.frequencies[token] * (x >> 14) + slot - prior.starts[token]
        if x < 1 << 16:
            check(words, "a token stream ends too early")
            x = x << 16 | words.pop()
        states[i % 4] = x
        tokens.append(token)
    check(not words and states == [1 << 16] * 4, "a token stream does not end where it should")

    extra = r.rest()
    bits, n_read = int.from_bytes(extra, "little"), 0
    values = []
    for i, token in enumerate(tokens):
        z = token
        if token >= 8:
            n_bits = token // 4 - 1
            z = (4 + token % 4) << n_bits | bits >> n_read & ((1 << n_bits) - 1)
            n_read += n_bits
        value = unzigzag(z) + priors[i % len(priors)].center
        values.append((value + (1 << 31) & 0xFFFFFFFF) - (1 << 31))
    check(len(extra) == (n_read + 7) // 8 and bits >> n_read == 0, "extra bits do not end where they should")
    return values


# ---- Networks -------------------------------------------------------------------------------------------------------

Layer = namedtuple("Layer", "kind skip activation sizes weights bias shift")
Network = namedtuple("Network", "n_in layers")
Decoder = namedtuple("Decoder", "output_bits priors gains network")
MAX_WIDTH = 1 << 24


def read_decoder(data):
    r = Reader(data)
    output_bits = r.u8()
    latents = r.many(lambda: (read_prior(r), r.varint()))
    priors, gains = [prior for prior, _ in latents], [gain for _, gain in latents]
    check(all(1 <= gain <= 32767 for gain in gains), "a gain is out of range")
    network = read_network(r)
    r.end()
    check(output_bits <= 30 and len(priors) == network.n_in, "a decoder does not fit its latents")
    return Decoder(output_bits, priors, np.array(gains, np.int64), network)


def read_network(r):
    n_in = r.varint()
    layers = r.many(lambda: read_layer(r))
    check(n_in > 0 and layers, "a network without inputs or layers")
    previous = n_in
    for index, layer in enumerate(layers):
        check(not layer.skip or (layer.kind == 0 and index > 0), "a layer cannot skip")
        check(layer_in(layer) == previous + (n_in if layer.skip else 0), "layers do not fit each other")
        previous = layer_out(layer)
    return Network(n_in, layers)


def layer_in(layer):
    return layer.sizes[0] if layer.kind == 0 else layer.sizes[0] * math.prod(layer.sizes[2])


def layer_out(layer):
    return layer.sizes[1] if layer.kind == 0 else layer.sizes[1] * math.prod(layer.sizes[3])


def n_out(network):
    return layer_out(network.layers[-1])


def read_layer(r):
    code, activation = r.u8(), r.u8()
    kind, skip = code & 0x7F, code >> 7 == 1
    check(kind <= 2, "unknown layer")
    check(activation <= 15 or activation == 255, "unknown activation")
    if kind == 0:
        sizes = [r.varint(), r.varint()]
        check(all(1 <= n <= MAX_WIDTH for n in sizes), "a layer is too large")
        n_rows, n_cols = sizes[1], sizes[0]
    else:
        channels = [r.varint(), r.varint()]
        axes = [[r.varint() for _ in range(3)] for _ in range(5)]  # in, out, kernel, stride, pad
        check(all(n <= 1 << 16 for n in channels + sum(axes, [])), "a convolution is too large")
        check(all(stride >= 1 for stride in axes[3]), "a stride of 0")
        n_rows, n_cols = channels[1], channels[0] * math.prod(axes[2])
        widths = [channels[0] * math.prod(axes[0]), channels[1] * math.prod(axes[1]), n_cols]
        check(all(1 <= n <= MAX_WIDTH for n in widths), "a convolution is too large")
        sizes = channels + axes
    shape = r.many(r.varint)
    check(shape and math.prod(shape) == n_rows * n_cols <= 1 << 28, "the shape of the weights does not fit")

    def integers(extents):
        return np.array(decode_classical(r.block(), extents, np.zeros(math.prod(extents), bool)), np.int64)

    weights = integers(shape)
    zeros = r.u8()
    check(zeros <= 31, "too many zeros behind the biases")
    n_extents = 1
    while n_extents < len(shape) and math.prod(shape[:n_extents]) < n_rows:
        n_extents += 1
    bias = integers(shape[:n_extents]) << zeros
    check(len(bias) == n_rows, "the shape of the biases does not fit")
    shift = integers([n_rows])
    weights = weights.reshape(n_rows, n_cols)
    check(np.all(np.abs(weights + 0.5) < 1 << 15), "a weight is too large")
    check(np.all((0 <= shift) & (shift <= 30)), "a shift is too large")
    rounding = (1 << shift) >> 1
    largest = np.abs(weights).sum(axis=1) * 32767 + np.abs(bias) + rounding
    check(np.all(np.abs(bias) < 1 << 31) and np.all(largest < 1 << 31), "a sum could overflow")
    return Layer(kind, skip, activation, sizes, weights, bias, shift)


def run_network(network, rows):
    """(n_rows, n_in) integers to (n_rows, n_out) integers."""
    x = rows
    for index, layer in enumerate(network.layers):
        if layer.skip:
            x = np.concatenate([x, rows], axis=1)
        sums = x @ layer.weights.T + layer.bias if layer.kind == 0 else convolve(layer, x)
        shift = np.repeat(layer.shift, sums.shape[1] // len(layer.shift))
        y = (sums + ((1 << shift) >> 1)) >> shift  # arithmetic, rounds down
        if layer.activation == 255:
            y = np.maximum(y, 0)
        elif layer.activation > 0:
            y = np.where(y < 0, y >> layer.activation, y)
        last = index + 1 == len(network.layers)
        x = y if last else np.clip(y, -32767, 32767)
    return x


def convolve(layer, x):
    channels_in, channels_out, extent_in, extent_out, kernel, stride, pad = layer.sizes
    x = x.reshape(len(x), channels_in, *extent_in)
    weights = layer.weights.reshape(channels_out, channels_in, *kernel)
    sums = np.zeros((len(x), channels_out, *extent_out), np.int64) + layer.bias.reshape(1, -1, 1, 1, 1)
    for o in np.ndindex(*extent_out):
        for k in np.ndindex(*kernel):
            read = []
            for axis in range(3):
                if layer.kind == 1:
                    at, remainder = o[axis] * stride[axis] + k[axis] - pad[axis], 0
                else:
                    at, remainder = divmod(o[axis] + pad[axis] - k[axis], stride[axis])
                if remainder == 0 and 0 <= at < extent_in[axis]:
                    read.append(at)
            if len(read) == 3:
                sums[:, :, o[0], o[1], o[2]] += x[:, :, read[0], read[1], read[2]] @ weights[:, :, k[0], k[1], k[2]].T
    return sums.reshape(len(x), -1)


# ---- The autoencoder's predictions ----------------------------------------------------------------------------------


def predict(decoder, learned, latents, shape):
    """The predicted numbers of a chunk, a list for each variable."""
    tile = learned.tile
    n_values = math.prod(tile) if tile else len(learned.scalings)
    check(n_out(decoder.network) == n_values, "the decoder does not fit the variables")
    counts = [-(-extent // side) for extent, side in zip(shape, tile)] if tile else [shape[0]]
    n_samples = math.prod(counts)
    n_latents = len(decoder.priors)
    z = np.array(decode_columns(latents, n_samples, decoder.priors), np.int64).reshape(n_samples, n_latents)
    z = np.clip(z, -32767, 32767) * decoder.gains
    outputs = run_network(decoder.network, np.clip(z, -32767, 32767))
    one = float(1 << decoder.output_bits)
    if not tile:
        return [[unscale(int(y), s, one) for y in outputs[:, i]] for i, s in enumerate(learned.scalings)]
    # (tiles and places in a tile, axis by axis) -> the padded field -> the field
    n_axes = len(shape)
    field = outputs.reshape(*counts, *tile)
    field = field.transpose([axis + half for axis in range(n_axes) for half in (0, n_axes)])
    field = field.reshape([count * side for count, side in zip(counts, tile)])
    field = field[tuple(slice(extent) for extent in shape)]
    return [[unscale(int(y), learned.scalings[0], one) for y in field.reshape(-1)]]


def unscale(output, scaling, one):
    t = float(output) * (scaling.half_range / one)
    distance = t
    if scaling.log_unit != 0:
        bits = struct.unpack("<q", struct.pack("<d", 1.0))[0] + int(min(abs(t), 1000.0) * 2.0**52)
        bent = (struct.unpack("<d", struct.pack("<q", bits))[0] - 1.0) * scaling.log_unit
        distance = math.copysign(bent, t)
    if abs(distance) <= 2.0**50:
        whole = round(distance)  # halves to even
    else:
        limit = 2.0**63
        whole = int(min(max(distance, -limit), limit))
        whole = min(whole, (1 << 63) - 1)
    return wrap64(scaling.center + whole)
