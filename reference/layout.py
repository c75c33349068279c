"""The margins and neighbors of predictive streams: docs/format.md, section 12, "Layout"."""

from collections import namedtuple

TOP, BOTTOM = 3, 2  # rows of margin

SQUARE = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]

# A neighbor: planes back along a, planes back along b (-1: one on), rows down, values right.
Tap = namedtuple("Tap", "a b y x")


def value_taps(behind, series, one_row, deep):
    cross = [(-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)]
    taps = [Tap(0, 0, 0, -1)]
    if series:
        taps += [Tap(0, 0, 0, -back) for back in range(2, 33)]
        if not one_row:
            taps += [Tap(0, 0, -1, x) for x in range(-8, 9)]
    else:
        taps += [Tap(0, 0, 0, -2), Tap(0, 0, 0, -3)]
        if not one_row:
            taps += [Tap(0, 0, y, x) for y in (-1, -2) for x in range(-2, 3)]
            taps += [Tap(0, 0, -3, 0)]
    if behind & 1:
        taps += [Tap(0, 1, y, x) for y, x in SQUARE + [(0, -2), (0, 2), (-2, 0), (2, 0)]]
        taps += [Tap(0, 2, y, x) for y, x in SQUARE]
        taps += [Tap(0, 3, 0, 0)]
    if behind & 2:
        taps += [Tap(1, 0, y, x) for y, x in SQUARE]
        if deep:
            taps += [Tap(1, -1, y, x) for y, x in cross]
    if behind == 3:
        taps += [Tap(1, 1, y, x) for y, x in cross]
    return taps


def error_taps(behind, series):
    near = [(0, -1), (-1, 0), (0, -2), (-1, -1), (-1, 1), (-2, 0), (-1, -2), (-1, 2)]
    before = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1)]
    taps = [Tap(0, 0, y, x) for y, x in near]
    if series:
        taps += [Tap(0, 0, 0, -back) for back in range(3, 11)]
    if behind & 1:
        taps += [Tap(0, 1, y, x) for y, x in before] + [Tap(0, 2, 0, 0)]
    if behind & 2:
        taps += [Tap(1, 0, y, x) for y, x in before]
    return taps


class Planes:
    """The first two extents of an array of planes."""

    def __init__(self, n_a, n_b):
        self.n_a, self.n_b = n_a, n_b
        self.n_planes = n_a * n_b

    def behind(self, plane):
        return (plane % self.n_b > 0) + 2 * (plane >= self.n_b)

    def behinds(self):
        """Values of `behind` that the extents have."""
        return [b for b in range(4) if (not b & 1 or self.n_b > 1) and (not b & 2 or self.n_a > 1)]


class Layout(Planes):
    """Places in the two arrays; of some rows of each plane only, if lane says which."""

    def __init__(self, extents, lane=None):
        n_a, n_b, n_y, self.n_x = extents
        super().__init__(n_a, n_b)
        self.first_row, end_row = lane or (0, n_y)
        self.n_y = end_row - self.first_row
        self.series = self.n_a * self.n_b * n_y <= 16 and self.n_x >= 256
        self.one_row, self.deep = n_y == 1, self.n_b > 1
        self.side = 32 if self.series else 3
        self.row = self.n_x + 2 * self.side
        self.plane = self.row * (TOP + self.n_y + BOTTOM)

    def offset(self, tap, plane):
        """Flat distance of a neighbor; planes before the first along b are the first, the one after the last the last."""
        b = plane % self.n_b
        back = (-int(b + 1 < self.n_b) if tap.b < 0 else min(tap.b, b)) + tap.a * self.n_b
        return -back * self.plane + tap.y * self.row + tap.x

    def start(self, plane, y):
        return plane * self.plane + (TOP + y) * self.row + self.side

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
