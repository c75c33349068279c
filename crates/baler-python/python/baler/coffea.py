"""Events of coffea from an archive: ``baler.coffea.events("nano.bale").Jet.pt`` decodes that column, when it is looked at."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from . import _archive
from ._errors import missing
from ._model import Model


class Columns(Mapping[str, Any]):
    """The columns of a tree in an archive, each an awkward array that is decoded when it is looked at."""

    def __init__(self, file: _archive.File, tree: str | None = None) -> None:
        self._events = file.to_awkward(lazy=True)
        trees = {name.rpartition("/")[0] for name in file.variables}
        path = tree if tree is not None else min(trees, default="")
        of = file._path if isinstance(file._path, str) else repr(hash(file._path))
        #: What coffea wants to know.
        self.metadata = {
            "uuid": uuid.uuid5(uuid.NAMESPACE_URL, os.path.abspath(of)),
            "num_rows": len(self._events),
            "object_path": f"/{path}",
        }

    @property
    def uuid(self) -> Any:
        """The same archive has the same."""
        return self.metadata["uuid"]

    def __getitem__(self, name: str) -> Any:
        return self._events[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._events.fields)

    def __len__(self) -> int:
        return len(self._events.fields)


def factory(
    path: Any,
    *,
    schemaclass: Any = None,
    model: Model | str | os.PathLike[str] | None = None,
    **options: Any,
) -> Any:
    """A ``NanoEventsFactory`` of an archive; ``options`` are those of its ``from_preloaded``."""
    try:
        from coffea.nanoevents import NanoAODSchema, NanoEventsFactory
    except ImportError:
        raise missing("coffea", "baler.coffea") from None
    file = path if isinstance(path, _archive.File) else _archive.open(path, model=model)
    schema = NanoAODSchema if schemaclass is None else schemaclass
    return NanoEventsFactory.from_preloaded(Columns(file), schemaclass=schema, **options)


def events(path: Any, **options: Any) -> Any:
    """The events of an archive of a NanoAOD file, as coffea's schemas show them."""
    return factory(path, **options).events()
