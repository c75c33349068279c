"""A learned compressor for scientific data that keeps its error bound.

>>> import numpy as np, baler
>>> wave = np.sin(np.arange(10_000) * 0.01).astype("f4")
>>> blob = baler.compress(wave, abs=1e-3)
>>> back = baler.decompress(blob)
>>> bool(np.abs(back - wave).max() <= 1e-3)
True
"""

from ._archive import File, Variable, decompress, open
from ._baler import __version__
from ._bounds import Bound, abs, exact, noise, pw_rel, rel
from ._chunks import decode_array, encode_array
from ._compress import compress, save
from ._errors import (
    BalerError,
    BoundError,
    ConfigError,
    CorruptError,
    InputError,
    LimitError,
    UnsupportedError,
)
from ._live import Live, read_live
from ._model import Model, train
from ._progress import BalerWarning
from ._report import Inspection, Report, Verification, compare, inspect, report, verify
from ._score import Scores, score

#: Bit for bit: another name of :data:`exact`.
lossless = exact

__all__ = [
    "BalerError",
    "BalerWarning",
    "Bound",
    "BoundError",
    "ConfigError",
    "CorruptError",
    "File",
    "InputError",
    "Inspection",
    "LimitError",
    "Live",
    "Model",
    "Report",
    "Scores",
    "UnsupportedError",
    "Variable",
    "Verification",
    "__version__",
    "abs",
    "compare",
    "compress",
    "decode_array",
    "decompress",
    "encode_array",
    "exact",
    "inspect",
    "lossless",
    "noise",
    "open",
    "pw_rel",
    "read_live",
    "rel",
    "report",
    "save",
    "score",
    "train",
    "verify",
]
