"""``xarray.open_dataset("run.bale")``: the entry point of this package among xarray's backends."""

from __future__ import annotations

import os
from typing import Any

from xarray.backends import BackendEntrypoint

from . import _archive, _xarray


class BalerBackendEntrypoint(BackendEntrypoint):  # type: ignore[misc]
    """Opens archives of baler; values are decoded when they are looked at."""

    description = "Open archives of baler (.bale)"
    url = "https://github.com/baler-collaboration/baler"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "model")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """True for names that end in .bale."""
        try:
            return str(os.fspath(filename_or_obj)).endswith(".bale")
        except TypeError:
            return False

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: Any = None,
        model: Any = None,
        mask_and_scale: bool = True,
        decode_times: Any = True,
        concat_characters: bool = True,
        decode_coords: Any = True,
        use_cftime: Any = None,
        decode_timedelta: Any = None,
    ) -> Any:
        """A Dataset of all variables that have values, decoded by the CF conventions as other backends do."""
        from xarray import conventions

        file = _archive.open(filename_or_obj, model=model)
        drop = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        found = _xarray.dataset(file, drop)
        found = conventions.decode_cf(
            found,
            concat_characters=concat_characters,
            mask_and_scale=mask_and_scale,
            decode_times=decode_times,
            decode_coords=decode_coords,
            use_cftime=use_cftime,
            decode_timedelta=decode_timedelta,
        )
        found.set_close(file.close)
        return found
