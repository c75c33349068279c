"""The extension: arrays as headers and bytes, files, and archives; everything else is told as JSON."""

from collections.abc import Sequence
from typing import Any, Protocol, final

__all__ = [
    "Archive",
    "ChunkHead",
    "LiveDecoder",
    "LiveEncoder",
    "Model",
    "Source",
    "__version__",
    "array_ends",
    "array_info",
    "compare",
    "compress",
    "compress_part",
    "decode_array",
    "decode_latents",
    "decoded_shape",
    "encode_array",
    "encode_latents",
    "hdf5_decode",
    "hdf5_encode",
    "hdf5_filter",
    "hdf5_register",
    "hdf5_words",
    "identity",
    "inspect",
    "look",
    "main",
    "merge",
    "n_latents",
    "part_name",
    "part_variables",
    "plan",
    "report",
    "score",
    "score_threshold",
    "train",
]

__version__: str

class _Hearer(Protocol):
    def stage(self, name: str, total: int, /) -> None: ...
    def advance(self, done: int, /) -> None: ...
    def warn(self, text: str, /) -> None: ...

_Ranges = list[tuple[int | None, int | None]]
_Value = str | list[str] | tuple[str, list[int], bytes]

def main(words: Sequence[str]) -> int: ...
@final
class Source:
    @staticmethod
    def of_array(header: bytes, values: Any) -> Source: ...
    @staticmethod
    def of_arrays(members: Sequence[tuple[str, bytes, Any]]) -> Source: ...
    @staticmethod
    def of_variables(
        members: Sequence[tuple[str, bytes, Any]], columns: bool = False
    ) -> Source: ...
    @staticmethod
    def of_file(name: str) -> Source: ...
    @staticmethod
    def of_bytes(bytes: Any, extension: str) -> Source: ...
    def described(
        self,
        about: Sequence[dict[str, Any]],
        attributes: Sequence[tuple[str, Any]],
        notes: str | None,
    ) -> Source: ...
    def names(self) -> list[str]: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def warnings(self) -> list[str]: ...

def compress(
    source: Source,
    asked: dict[str, Any],
    model: Model | None = None,
    path: str | None = None,
    threads: int = 0,
    hearer: _Hearer | None = None,
) -> tuple[bytes | None, str]: ...
def encode_array(
    values: Any,
    dtype: str,
    shape: Sequence[int],
    big_endian: bool,
    asked: dict[str, Any],
    model: Model | None = None,
) -> bytes: ...
def array_ends(
    values: Any, dtype: str, big_endian: bool, missing: float | None, finds_missing: bool
) -> tuple[list[int] | None, list[float]]: ...
def array_info(data: Any) -> tuple[str, list[int], str]: ...
def decode_array(
    data: Any,
    out: Any,
    dtype: str,
    shape: Sequence[int],
    big_endian: bool,
    model: Model | None = None,
) -> None: ...
def inspect(input: Any) -> str: ...
@final
class Archive:
    def __new__(cls, input: Any, model: Model | None = None) -> Archive: ...
    @property
    def size_bytes(self) -> int: ...
    def schema(self) -> str: ...
    def attachments(self) -> list[tuple[str, int, bytes]]: ...
    def metadata(
        self,
    ) -> tuple[
        list[tuple[str, list[str], str, list[tuple[str, _Value]]]], list[tuple[str, _Value]]
    ]: ...
    def chunk_rows(self, name: str) -> list[int]: ...
    def groups(self) -> list[tuple[list[str], list[int], list[tuple[int, int]], bytes]]: ...
    def shape_of(self, name: str, ranges: _Ranges) -> list[int]: ...
    def decode(
        self,
        wanted: Sequence[tuple[str, _Ranges, Any, int, list[int], bool]],
        threads: int = 0,
        check: bool = False,
        hearer: _Hearer | None = None,
    ) -> None: ...
    def write(
        self,
        extension: str,
        path: str | None = None,
        variables: list[str] | None = None,
        slice: str | None = None,
        threads: int = 0,
        hearer: _Hearer | None = None,
    ) -> bytes | None: ...
    def verify(
        self, against: Source | None = None, threads: int = 0, hearer: _Hearer | None = None
    ) -> str: ...
    def report(self) -> str: ...

@final
class ChunkHead:
    def __new__(cls, head: Any) -> ChunkHead: ...
    def decode(self, chunk: Any, variable: int) -> bytes: ...

@final
class Model:
    @staticmethod
    def from_bytes(bytes: Any) -> Model: ...
    @staticmethod
    def named(hash: str) -> Model: ...
    def to_bytes(self) -> bytes: ...
    def describe(self) -> str: ...

def train(
    sources: Sequence[Source],
    asked: dict[str, Any],
    threads: int = 0,
    hearer: _Hearer | None = None,
) -> Model: ...
def compare(
    source: Source,
    asked: dict[str, Any],
    codecs: list[str],
    threads: int = 0,
    hearer: _Hearer | None = None,
) -> str: ...
def report(
    before: Source,
    archive: Any = None,
    after: Source | None = None,
    title: str = "report",
    derive: list[tuple[str, str]] = ...,
    units: list[tuple[str, str]] = ...,
    model: Model | None = None,
    threads: int = 0,
    hearer: _Hearer | None = None,
) -> tuple[str, str, list[tuple[str, str]]]: ...
def score(
    source: Source,
    known: Source | None = None,
    by: str = "code-length",
    seed: int = 0,
    threads: int = 0,
) -> tuple[bytes, bytes, list[str], list[tuple[str, float]]]: ...
def score_threshold(scores: Sequence[float], rate: float) -> tuple[float, int] | None: ...
def n_latents(model: Model) -> list[int]: ...
def part_variables(model: Model, part: int) -> tuple[list[str], list[int] | None]: ...
def encode_latents(model: Model, source: Source, part: int = 0, threads: int = 0) -> bytes: ...
def decoded_shape(
    model: Model, n_samples: int, shape: list[int] | None = None, part: int = 0
) -> tuple[str, list[int]]: ...
def decode_latents(
    model: Model,
    latents: Any,
    shape: list[int],
    out: Any,
    part: int = 0,
    like: bytes | None = None,
    threads: int = 0,
) -> None: ...
def look(
    source: Source, asked: dict[str, Any], threads: int = 0, hearer: _Hearer | None = None
) -> list[tuple[str, str, int, list[int] | None, list[float]]]: ...
def identity(source: Source, threads: int = 0, hearer: _Hearer | None = None) -> str: ...
def plan(
    sources: Sequence[Source],
    asked: dict[str, Any],
    rows: Sequence[int],
    ends: Sequence[tuple[str, Sequence[int]]],
    model: Model | None = None,
    threads: int = 0,
) -> str: ...
def part_name(plan: str, identity: str) -> str: ...
def compress_part(
    source: Source, plan: str, path: str, threads: int = 0, hearer: _Hearer | None = None
) -> str: ...
def merge(archives: Sequence[str], path: str) -> int: ...
@final
class LiveEncoder:
    def __new__(cls, model: Model, by_reference: bool = False) -> LiveEncoder: ...
    def head(self) -> bytes: ...
    def fields(self) -> list[tuple[str, str]]: ...
    def encode(self, records: Any) -> bytes: ...
    def finish(self) -> bytes: ...
    def counts(self) -> tuple[int, int]: ...

@final
class LiveDecoder:
    def __new__(cls, input: Any, model: Model | None = None) -> LiveDecoder: ...
    def fields(self) -> list[tuple[str, str]]: ...
    def next_frame(self) -> bytes | None: ...
def hdf5_filter() -> tuple[int, int]: ...
def hdf5_register() -> int: ...
def hdf5_words(bound: str, level: int, model: Model | None = None) -> list[int]: ...
def hdf5_encode(words: Sequence[int], bytes: Any) -> bytes: ...
def hdf5_decode(words: Sequence[int], bytes: Any) -> bytes: ...
