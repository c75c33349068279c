"""Texts of the library speak of keywords."""

from __future__ import annotations

import numpy as np
import pytest

import baler
from baler._words import as_keywords


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("--missing none says otherwise", "missing=None says otherwise"),
        ("use --lossless for no error", "use lossless=True for no error"),
        ("give it with --model M.balm", "give it with model='M.balm'"),
        ("--method autoencoder insists on it", "method='autoencoder' insists on it"),
        ("(--rel 1e-3, --abs E, --pw-rel E or --lossless)", "(rel=1e-3, abs=E, pw_rel=E or lossless=True)"),
        ("--bound 'pt,m*=rel:1e-3' keeps", "bounds={'pt,m*': 'rel:1e-3'} keeps"),
    ],
)
def test_options_become_keywords(said: str, shown: str) -> None:
    assert as_keywords(said) == shown


def test_what_is_advised_works() -> None:
    rng = np.random.default_rng(1)
    data = {name: (rng.pareto(1.2, 3000) + 1).astype("f4") for name in ("e", "pt")}
    with pytest.warns(baler.BalerWarning, match="heavy tails.*bounds={'e,pt': 'pw-rel:0.001'}"):
        baler.compress(data, rel=1e-3, level=1)
    blob = baler.compress(data, rel=1e-3, level=1, bounds={"e,pt": "pw-rel:0.001"})
    assert set(baler.open(blob).bounds.values()) == {baler.pw_rel(1e-3)}
